import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type ExportedChoice, isAroundExportedKey, readExportedKey } from '../../src/keystore/exported-key.js';
import { formatRecord } from '../../src/model/agent-record.js';
import { anyRecord } from '../model/any-record.js';

const KEY = 'a'.repeat(64);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const read = (text: string, choice?: ExportedChoice) => formatRecord(readExportedKey(text, choice));

function refusal(text: string, choice?: ExportedChoice): string {
  try {
    readExportedKey(text, choice);
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    expect(thrown.code).to.equal('IMPORT_INVALID');
    expect(thrown.exitCode).to.equal(2);
    for (const key of [KEY, KEY.replaceAll('a', 'b')]) expect(thrown.message).not.to.contain(key);
    return thrown.message;
  }
  throw new Error('It should have been refused.');
}

/** All values of a key anywhere in a JSON value. */
function valuesOf(json: unknown, name: string): unknown[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) => [...(key === name ? [value] : []), ...valuesOf(value, name)]);
}

describe('an exported key', () => {
  let lines: string[];
  let answers: unknown[];
  before(async () => {
    const vectors = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
    lines = [
      ...valuesOf(await vectors('ossec'), 'client_keys_line'),
      ...valuesOf(await vectors('wazuh4'), 'client_keys_line'),
    ].map(String);
    answers = valuesOf(await vectors('rest-api'), 'key-success').concat(
      valuesOf(await vectors('rest-api'), 'add-success'),
    );
  });

  it('is read from every manager in the recordings', () => {
    expect(lines.length).to.be.above(8);
    for (const line of lines) {
      const [id] = line.split(' ');
      expect(read(line)).to.equal(line);
      expect(read(`${line}\r\n`)).to.equal(line);
      expect(read(base64(line))).to.equal(line);
      expect(
        read(
          `\nAgent key information for '${id}' is: \n${base64(line)}\n\n** Press ENTER to return to the main menu.\n`,
        ),
      ).to.equal(line);
    }
  });

  it("is read from the API's answers", () => {
    expect(answers.length).to.equal(6);
    for (const answer of answers) {
      const body = valuesOf(answer, 'body').at(-1);
      expect(read(JSON.stringify(body))).to.match(/^\d{3} web0[12] any [0-9a-f]{64}$/);
      expect(read(JSON.stringify(body, undefined, 2))).to.equal(read(JSON.stringify(body)));
    }
  });

  it('is read back from its base64, folded or not, with or without padding', () => {
    fc.assert(
      fc.property(anyRecord, fc.integer({ min: 20, max: 100 }), (record, width) => {
        const line = formatRecord(record);
        const text = base64(line);
        expect(read(text)).to.equal(line);
        expect(read(text.replace(/=+$/, ''))).to.equal(line);
        expect(read(text.replace(new RegExp(`.{${width}}`, 'g'), '$&\n'))).to.equal(line);
        expect(read(line, { id: record.id, name: record.name })).to.equal(line);
      }),
    );
  });

  it('is read whatever an editor or a mail has put around it', () => {
    const line = `001 web-01 any ${KEY}`;
    const title = "Agent key information for '001' is:";
    for (const text of [
      `\uFEFF${line}`,
      `\uFEFF${base64(line)}`,
      `  ${base64(line)}  `,
      `  ${title}  \n  ${base64(line)}\n  ** Press ENTER to return to the main menu.  \n`,
      `${base64(line).slice(0, 40)}\n  ${base64(line).slice(40)}`,
      `\n ${JSON.stringify({ data: base64(line) })}`,
      base64(`${line}\n`),
      base64(`${line}\r\n \r\n`),
    ]) {
      expect(read(text), text).to.equal(line);
    }
    const other = `002 web-02 any ${KEY}`;
    expect(refusal(`  ${base64(line)}\n  ${base64(other)}`)).to.contain('the keys of 2 agents');
  });

  it('is told from what manage_agents prints around it, and from an empty line', () => {
    for (const around of [
      '',
      '  ',
      "Agent key information for '001' is:",
      " Agent key information for '001' is: ",
      ' ** Press ENTER to return to the main menu. ',
    ]) {
      expect(isAroundExportedKey(around), around).to.equal(true);
    }
    for (const key of [KEY, `Agent key information for '001' is: ${KEY}`, `** ${KEY}`]) {
      expect(isAroundExportedKey(key), key).to.equal(false);
    }
  });

  it('is the only one that was not removed', () => {
    const removed = `001 !web-01 any ${KEY}`;
    expect(read(`${removed}\n002 web-02 any ${KEY}`)).to.equal(`002 web-02 any ${KEY}`);
    expect(read(`003 web-03 any ${KEY}\n${removed}`)).to.equal(`003 web-03 any ${KEY}`);
  });

  const FILE = `# agents
001 web-01 any ${KEY}
002 !web-02 any ${KEY}
003 web-02 10.0.0.0/8 ${KEY}
 004 web-04 any ${KEY}
005 web 05 any ${KEY}
`;

  it("is chosen from a manager's client.keys by id or name", () => {
    expect(read(FILE, { id: '3' })).to.equal(`003 web-02 10.0.0.0/8 ${KEY}`);
    expect(read(FILE, { id: '003' })).to.equal(read(FILE, { name: 'web-02' }));
    expect(read(FILE, { name: 'web-01' })).to.equal(`001 web-01 any ${KEY}`);
  });

  it('is refused with the reason where the choice does not fit', () => {
    expect(refusal(FILE)).to.contain('the keys of 3 agents');
    expect(refusal(FILE, { id: '2' })).to.contain('the id 2 was removed');
    expect(refusal(FILE, { id: '9' })).to.contain('None of the 4 agents in it has the id 9');
    expect(refusal(FILE, { id: '4' })).to.contain('None of');
    expect(refusal(FILE, { name: 'web-99' })).to.equal('None of the 4 agents in it has the name web-99.');
    expect(refusal(`001 web-01 any ${KEY}\n002 web-01 any ${KEY}`, { name: 'web-01' })).to.equal(
      '2 agents in it have the name web-01. Give both --id and --name.',
    );
    for (const mark of ['!', '#']) {
      expect(refusal(`001 ${mark}web-01 any ${KEY}`, { name: 'web-01' })).to.equal(
        'The agent with the name web-01 was removed on the manager: its key is no longer valid.',
      );
    }
    expect(refusal(base64('rubbish'), { name: 'web-01' })).to.equal('None of the 1 agents in it has the name web-01.');
    expect(refusal(FILE, { id: '1', name: 'web-02' })).to.contain('id 1 and the name web-02');
    expect(refusal(FILE, { id: '5' })).to.contain('four fields');
    expect(refusal(base64(`001 web-01 any ${KEY}`), { id: '002' })).to.contain(
      'is that of agent 001 web-01, not of one with the id 002',
    );
    expect(refusal(`Agent key information for '002' is:\n${base64(`001 web-01 any ${KEY}`)}`)).to.contain(
      'that of agent 002, but it is that of 001',
    );
  });

  it('is none in an empty text, whichever is asked for, and not that of another title, however it is indented', () => {
    expect(refusal('\n', { id: '1' })).to.equal('There is no key in it: it is empty.');
    expect(refusal(`  Agent key information for '002' is:\n${base64(`001 web-01 any ${KEY}`)}`)).to.equal(
      'The text says that the key is that of agent 002, but it is that of 001 web-01.',
    );
  });

  it('is not guessed where a text has several: which is meant has to be said', () => {
    expect(() => readExportedKey(FILE))
      .to.throw(EnrollError)
      .with.property('hint', 'Say which is meant with --id or --name.');
  });

  it('is refused with the reason where it is none', () => {
    const line = `001 web-01 any ${KEY}`;
    const other = `002 web-02 any ${KEY.replaceAll('a', 'b')}`;
    const wrong: [string, string][] = [
      ['', 'it is empty'],
      ['\n# nothing\n', 'it is empty'],
      [base64('\n\n'), 'it is empty'],
      [`${base64(line).slice(0, 8)}\uFEFF${base64(line).slice(8)}`, 'nor valid base64'],
      [`!${base64(line)}`, 'nor valid base64'],
      [`${base64(line)}!`, 'nor valid base64'],
      [base64(`${line}?>?>`).replaceAll('+', '-').replaceAll('/', '_'), 'nor valid base64'],
      ['hello, world', 'nor valid base64'],
      [`${base64(line)}=`, 'nor valid base64'],
      [base64(line).slice(1), 'nor valid base64'],
      [base64('hello'), 'entry in it is not valid'],
      [base64(line).slice(0, -4), 'its key is not 64'],
      [`${base64(line)}\nrubbish!`, 'nor valid base64'],
      [`${base64(line)}\n${base64(other)}`, 'the keys of 2 agents'],
      [base64(`${line}\n${other}`), 'the keys of 2 agents'],
      [`${line}\n${other}`, 'the keys of 2 agents'],
      [`001 !web-01 any ${KEY}`, 'removed on the manager'],
      [base64(`001 #web-01 any ${KEY}`), 'removed on the manager'],
      [`001 web-01 nowhere ${KEY}`, 'its address is neither'],
      [`000 web-01 any ${KEY}`, 'its id is not'],
      [`001 web-01 any ${KEY.slice(1)}`, 'its key is not 64'],
      [`001  web-01 any ${KEY}`, 'four fields'],
      ['{"error":0', 'begins as JSON'],
      ['{"error":1701,"message":"no"}', "no answer of the manager's API"],
      [JSON.stringify({ data: { affected_items: [{ key: 1 }, { key: 2 }] } }), 'the keys of 2 agents'],
    ];
    for (const [text, reason] of wrong) expect(refusal(text), text).to.contain(reason);
  });

  it('is a record or refused, whatever the text', () => {
    const piece = fc.constantFrom(
      '001 web any ',
      KEY,
      '\n',
      base64(`001 web any ${KEY}`),
      '{',
      '}',
      ' ',
      '=',
      '#',
      "Agent key information for '001' is:",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 8 }), (pieces) => {
        try {
          readExportedKey(pieces.join(''));
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(EnrollError);
        }
      }),
    );
  });
});
