import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { logWord, meaningOf, parseLog } from '../../src/host/log-lines.js';
import { anyCharacter } from '../any-text.js';

const wazuh = (time: string, level: string, text: string, program = 'wazuh-agentd') =>
  `2026/11/25 09:01:${time} ${program}: ${level}: ${text}`;

describe('the log of an agent', () => {
  it("is read in Wazuh's form and in OSSEC's", () => {
    const lines = parseLog(
      [
        wazuh('02', 'ERROR', "(1216): Unable to connect to '[10.0.0.5]:1514/tcp': 'Connection refused'."),
        "2026/11/25 09:01:03 ossec-agentd(4101): WARN: Waiting for server reply (not started). Tried: '10.0.0.5'.",
        'a line of something else',
      ].join('\r\n'),
    );
    expect(lines.map(({ program, level }) => `${program} ${level}`)).to.deep.equal([
      'wazuh-agentd ERROR',
      'ossec-agentd WARN',
    ]);
    expect(lines[1]?.text).to.match(/^\(4101\): Waiting/);
  });

  for (const [text, what] of [
    ["(1216): Unable to connect to '[a]:1514/tcp': 'Transport endpoint is not connected'.", /port is closed/],
    ['Could not resolve hostname x', /no address/],
    ["(4112): Invalid server address found: 'MANAGER_IP'", /placeholder/],
    ['(1215): No client configured. Exiting.', /names no manager/],
    ["(1226): Error reading XML file 'etc/ossec.conf': XMLERR (line 3).", /not well-formed/],
    ['(1751): File client.keys not found or empty.', /has no key/],
    ["(1103): Could not open file 'etc/client.keys' due to [(13)-(Permission denied)].", /may not read its key/],
    ["(1103): Could not open file 'queue/rids/sender_counter' due to [(13)-(Permission denied)].", /counter belongs/],
    ['Agent version must be lower or equal to manager version (from manager)', /newer than the manager/],
    ['Duplicate agent name: web-01 (from manager)', /authd refuses it/],
    ['Server unavailable. Setting lock.', /lost the manager/],
    ['(1407): Duplicated counter for agent 001.', /used already/],
  ] as const) {
    it(`says in words: ${text}`, () => {
      expect(meaningOf({ time: '', program: 'wazuh-agentd', level: 'ERROR', text })?.what).to.match(what);
    });
  }
  it('says nothing in words of what it does not know', () => {
    expect(meaningOf({ time: '', program: 'wazuh-agentd', level: 'ERROR', text: '(9999): Something new' })).to.equal(
      undefined,
    );
  });

  it('counts only what came after the last connection, each once, the newest last', () => {
    const word = logWord(
      parseLog(
        [
          wazuh('01', 'ERROR', 'an old one'),
          wazuh('02', 'INFO', '(4102): Connected to the server ([a]:1514/tcp).'),
          wazuh('03', 'ERROR', 'one'),
          wazuh('04', 'ERROR', 'of another program', 'wazuh-syscheckd'),
          wazuh('05', 'WARNING', 'two'),
          wazuh('06', 'ERROR', 'one'),
          wazuh('07', 'INFO', 'nothing'),
        ].join('\n'),
      ),
    );
    expect(word.connectedAt).to.equal('2026/11/25 09:01:02');
    expect(word.troubles.map(({ time, text }) => `${time.slice(-2)} ${text}`)).to.deep.equal(['05 two', '06 one']);
  });
  it('notices connections that end again and again without an error (4.14: a key that is not taken)', () => {
    const again = ['Trying to connect to server ([a]:1514/tcp).', 'Closing connection to server ([a]:1514/tcp).'];
    const word = logWord(parseLog([...again, ...again].map((text) => wazuh('01', 'INFO', text)).join('\n')));
    expect(word).to.deep.equal({ troubles: [], refusedConnections: 2 });
  });

  it('is printable and cut, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (text) => {
        for (const line of parseLog(wazuh('01', 'ERROR', text))) {
          expect(line.text).to.not.match(/[\p{C}\p{Zl}\p{Zp}]/u);
          expect(line.text.length).to.be.lessThan(400);
        }
      }),
    );
  });
});
