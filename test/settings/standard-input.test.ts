import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { readStream, type StreamRules } from '../../src/settings/standard-input.js';
import { failure } from '../net/expect-error.js';

const LIMIT = 64;
const never = new AbortController().signal;
const line: StreamRules = { limit: LIMIT, until: 'line', signal: never };
const end: StreamRules = { limit: LIMIT, until: 'end', signal: never };
const wide = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');

/** A stream that is never ended by itself. */
function open(...chunks: readonly (string | Uint8Array)[]): PassThrough {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  return stream;
}

async function text(input: PassThrough, rules: StreamRules): Promise<string> {
  return (await readStream(input, rules)).toString('latin1');
}

describe('standard input', () => {
  it('is read to the first line and no further, with nobody waited for', async () => {
    expect(await text(open('sec', 'ret', '\r\n'), line)).to.equal('secret\r\n');
    expect(await text(open('secret\nmore'), line)).to.equal('secret\nmore');
    expect(await text(open('\n'), line)).to.equal('\n');
  });

  it('is read to its end where there is no line end', async () => {
    const input = open('secret');
    const read = text(input, line);
    input.end();
    expect(await read).to.equal('secret');
  });

  it('has its line end in UTF-16 where both bytes of it are', async () => {
    for (const bytes of [wide('s\u0a00\u0a0ae\n'), wide('s\u0a00\u0a0ae\n').swap16()]) {
      const input = open(bytes.subarray(0, -1));
      const read = readStream(input, line);
      // One byte short of the line's end.
      await new Promise(setImmediate);
      input.write(bytes.subarray(-1));
      expect(await read).to.deep.equal(bytes);
    }
  });

  it('is read to its end where all of it is wanted', async () => {
    const input = open('one\n', 'two\n');
    const read = text(input, end);
    input.end('three');
    expect(await read).to.equal('one\ntwo\nthree');
  });

  it('is read no further than the limit', async () => {
    for (const rules of [line, end]) expect(await text(open('x'.repeat(LIMIT + 1)), rules)).to.have.lengthOf(LIMIT);
  });

  it('is not waited for once the run is over, and lets go of the program', async () => {
    for (const rules of [line, end]) {
      const stop = new AbortController();
      const input = open('half a li');
      const reading = failure('INTERRUPTED', () => readStream(input, { ...rules, signal: stop.signal }));
      stop.abort(new EnrollError('INTERRUPTED', 'Interrupted.'));
      await reading;
      expect(input.destroyed).to.equal(true);
      await failure('INTERRUPTED', () => readStream(open(), { ...rules, signal: stop.signal }));
    }
    const read = open('secret\n');
    await readStream(read, line);
    expect(read.destroyed).to.equal(true);
  });

  it('that cannot be read is told as such', async () => {
    const input = open('half');
    const reading = failure('FILE_UNREADABLE', () => readStream(input, line));
    input.destroy(Object.assign(new Error('made up'), { code: 'EISDIR' }));
    expect((await reading).message).to.equal('standard input cannot be read: it is a directory (EISDIR).');
  });
});
