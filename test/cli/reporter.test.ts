import { Writable } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createReporter } from '../../src/cli/create-reporter.js';
import type { Output } from '../../src/cli/output.js';
import { PlainReporter } from '../../src/cli/plain-reporter.js';
import { EnrollError } from '../../src/errors.js';
import { emptyReport, withError } from '../../src/journey/report.js';

const ENDLESS = new AbortController().signal;

/** The reporter for a terminal of so many columns. */
function reporterFor(columns: number, more: Partial<Output> = {}) {
  const stream = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  const printing = { interactive: true, color: false, json: false, quiet: false, verbose: false };
  return createReporter({ out: stream(), err: stream(), columns, ...printing, ...more }, ENDLESS);
}

describe('the reporter', () => {
  it('is one with a spinner on a terminal', async () => {
    expect(await reporterFor(80)).not.to.be.instanceOf(PlainReporter);
  });
  it('is a plain one on a terminal without a width, where clearing lines would never end', async () => {
    expect(await reporterFor(0)).to.be.instanceOf(PlainReporter);
  });
  it('is a plain one where complete lines are asked for, and where a spinner has no space', async () => {
    expect(await reporterFor(80, { plain: true })).to.be.instanceOf(PlainReporter);
    expect(await reporterFor(19)).to.be.instanceOf(PlainReporter);
  });
});

/** What steers a terminal: C0, C1, DEL, line ends and direction marks. */
const STEERING = [
  '\u001b[2J',
  '\u0007',
  '\u009b2J',
  '\u0085',
  '\u007f',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u061c',
  '\u2028',
  '\r',
  '\n',
];
const hostile = `a${STEERING.join('b')}c`;
const ESCAPE = '\u001b';
const OWN = new RegExp(`${ESCAPE}\\[(?:[0-9]*[GKA]|[?]25[hl]|1m|22m)`, 'g');
const steers = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('what comes from outside', () => {
  for (const [what, printing] of [
    ['lines', {}],
    ['a terminal', { interactive: true }],
    ['JSON', { json: true }],
    ['JSON with its lines', { json: true, verbose: true }],
    ['a quiet run', { quiet: true }],
  ] as const) {
    it(`steers no terminal in ${what}`, async () => {
      let shown = '';
      const stream = new Writable({
        write: (chunk, _encoding, done) => {
          shown += String(chunk);
          done();
        },
      });
      const plain = { interactive: false, color: false, json: false, quiet: false, verbose: false, columns: 80 };
      const reporter = await createReporter({ out: stream, err: stream, ...plain, ...printing }, ENDLESS);
      const error = new EnrollError('REQUEST_REFUSED', hostile, { hint: hostile, cause: new Error(hostile) });
      reporter.event({ kind: 'warning', text: hostile });
      reporter.event({ kind: 'retrying', error, waitMs: 1 });
      reporter.event({ kind: 'configured', file: hostile, changed: true });
      const report = { ...emptyReport('enroll'), warnings: [hostile], agent: { id: '001', name: hostile, ip: 'any' } };
      reporter.finish({ ...report, ok: true, changed: true });
      reporter.fail(error, withError(report, error));
      for (const line of shown.split('\n')) {
        // The spinner's own are those of a terminal.
        expect(line.replaceAll(OWN, '')).to.not.match(steers);
        if (line.startsWith('{')) expect(JSON.parse(line).warnings).to.deep.equal([hostile]);
      }
      expect(shown).to.not.include('\u001b[2J');
    });
  }
});
