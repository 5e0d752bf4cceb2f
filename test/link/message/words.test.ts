import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MEANINGS } from '../../../src/errors.js';
import type { Conclusion, LinkEvidence, Sighting } from '../../../src/link/link-evidence.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { linkError, seenInWords, strangerInWords } from '../../../src/link/message/words.js';
import { RECORD } from './handshake-run.js';

const REQUEST: HandshakeRequest = {
  record: { ...RECORD, ip: '10.0.0.5' },
  endpoint: { host: 'siem.example', port: 1514 },
  protocol: 'auto',
  cipher: 'auto',
  waitMs: 12_000,
  timeoutMs: 10_000,
};
const saw = (sighting: Partial<Sighting>): Sighting => ({
  endings: sighting.last === undefined ? {} : { [sighting.last]: 1 },
  answered: false,
  refusals: 0,
  ...sighting,
});
const about = (conclusion: Conclusion, seen: Partial<LinkEvidence> = {}, asked: Partial<HandshakeRequest> = {}) =>
  linkError({ ...REQUEST, ...asked }, { conclusion, messages: 3, waitedMs: 12_340, ...seen });

describe('the words for a handshake that was not acknowledged', () => {
  const WHERE = 'siem.example:1514';
  const cases: readonly (readonly [Conclusion, string, string])[] = [
    [
      { kind: 'remoted', by: 'pong' },
      'LINK_NOT_ACKNOWLEDGED',
      `The manager's remoted is there (${WHERE}), but did not acknowledge the key within 12.3 s.`,
    ],
    [
      { kind: 'refused-message' },
      'LINK_NOT_ACKNOWLEDGED',
      `The manager's remoted is there (${WHERE}) and refuses the messages of this key: it did not acknowledge it within 12.3 s.`,
    ],
    [
      { kind: 'closes' },
      'LINK_UNANSWERED',
      `The agent port (${WHERE}) takes connections and closes them, and nothing acknowledged the key within 12.3 s: a load balancer or port forwarder does so whose manager is down.`,
    ],
    [
      { kind: 'silent-udp' },
      'LINK_UNANSWERED',
      `The manager's host is there (${WHERE}), but nothing acknowledged the key within 12.3 s: an OSSEC manager is silent like this to a key that it does not know, and so is a firewall.`,
    ],
    [
      { kind: 'other-service', protocol: 'tcp', service: 'authd' },
      'LINK_OTHER_SERVICE',
      `${WHERE} is the manager's enrollment port (authd), and not its agent port.`,
    ],
    [
      { kind: 'other-service', protocol: 'tcp', service: 'http', said: 'HTTP/1.1 400 Bad Request' },
      'LINK_OTHER_SERVICE',
      `What answers on the agent port (${WHERE}) is no manager: it is a web server (HTTP), which says "HTTP/1.1 400 Bad Request".`,
    ],
    [{ kind: 'closed' }, 'LINK_PORT_CLOSED', `The agent port of the manager is closed (${WHERE}).`],
    [{ kind: 'silent' }, 'LINK_SILENT', `Nothing answered on the agent port of the manager (${WHERE}) within 12.3 s.`],
    [
      { kind: 'unresolved' },
      'LINK_SILENT',
      'The agent port of the manager was not reached: for 12.3 s the name siem.example could not be resolved.',
    ],
  ];
  for (const [conclusion, code, sentence] of cases) {
    it(`say what it comes to: ${conclusion.kind}`, () => {
      expect(about(conclusion).message).to.equal(sentence);
      expect(about(conclusion).code).to.equal(code);
    });
  }

  it('say what was seen, but for a name that has no address', () => {
    const seen = { tcp: saw({ last: 'refused' }), udp: saw({ last: 'silent' }) };
    expect(about({ kind: 'closed' }, seen).message).to.equal(
      `The agent port of the manager is closed (${WHERE}). TCP: the port is closed; UDP: no answer.`,
    );
    expect(about({ kind: 'unresolved' }, seen).message).to.not.include('TCP');
  });

  it('name both addresses where a manager may refuse the key for that', () => {
    const words = 'The record is for 10.0.0.5, and this host speaks to the manager from 192.0.2.7.';
    for (const [conclusion] of cases) {
      const { kind } = conclusion;
      const { message } = about(conclusion, { localAddress: '192.0.2.7' });
      const mayRefuse = ['remoted', 'refused-message', 'silent-udp', 'silent'].includes(kind);
      expect(message.includes(words), kind).to.equal(mayRefuse);
    }
  });

  it('tell that OSSEC has AES from 4.0.0 on, where AES alone was tried of one', () => {
    const told = (asked: Partial<HandshakeRequest>) =>
      about({ kind: 'silent-udp' }, {}, asked).message.includes(
        'AES alone was tried, as --cipher says: OSSEC has it from 4.0.0 on, an older manager answers Blowfish only.',
      );
    expect(told({ cipher: 'aes', family: 'ossec' })).to.equal(true);
    for (const asked of [{ cipher: 'aes', family: 'wazuh-4' }, { cipher: 'aes' }, { family: 'ossec' }] as const) {
      expect(told(asked), JSON.stringify(asked)).to.equal(false);
    }
  });

  it('say of each protocol what it did', () => {
    for (const [tcp, words] of [
      [saw({ last: 'refused' }), 'the port is closed'],
      [saw({ last: 'unreachable' }), 'no connection'],
      [saw({ last: 'unreachable', why: 'No route to 192.0.2.1.' }), 'no connection (No route to 192.0.2.1)'],
      [saw({ last: 'refused', why: 'The port is closed.' }), 'the port is closed'],
      [saw({ last: 'unresolved' }), 'the name could not be resolved'],
      [saw({ last: 'closed' }), 'it takes the connection and closes it without an answer'],
      [
        saw({ last: 'closed', endings: { silent: 1, closed: 1 } }),
        'it takes the connection and closes it without an answer',
      ],
      [saw({ last: 'silent' }), 'it takes the connection and does not answer'],
      [saw({}), 'no answer'],
      [saw({ last: 'closed', answered: true, pong: 'now' }), 'it answers in the protocol, but does not acknowledge'],
      [saw({ last: 'closed', pong: 'now' }), 'it answers #ping, but no message with this key'],
      [
        saw({ last: 'refused', pong: 'then' }),
        'it answered #ping at first and no longer at the end (the port is closed)',
      ],
      [saw({ last: 'closed', stranger: { service: 'ssh' } }), 'what it answers is not of the protocol'],
      [saw({ last: 'closed', refusals: 3 }), 'a connection stays open until a message with this key has come in'],
    ] as const) {
      expect(seenInWords({ tcp })).to.equal(`TCP: ${words}.`);
    }
    expect(seenInWords({ udp: saw({ last: 'silent' }) })).to.equal('UDP: no answer.');
    expect(seenInWords({})).to.equal(undefined);
  });

  it('name a stranger, and what it says', () => {
    expect(strangerInWords({ service: 'ssh', said: 'SSH-2.0-x' })).to.equal('an SSH server, which says "SSH-2.0-x"');
    expect(strangerInWords({ service: 'tls' })).to.equal('a service with TLS');
    expect(strangerInWords({ service: 'text' })).to.equal('a service that greets in text, as mail and file servers do');
    expect(strangerInWords({ service: 'unknown' })).to.equal('something that speaks no protocol of an agent');
    expect(strangerInWords({ service: 'authd' })).to.equal("the manager's authd");
  });
});

describe('the hint for a handshake that was not acknowledged', () => {
  const hint = (conclusion: Conclusion, seen: Partial<LinkEvidence> = {}, asked: Partial<HandshakeRequest> = {}) =>
    about(conclusion, seen, asked).hint;
  const LOG = "Look into the manager's log (ossec.log) for agent 001 and for this host's address:";

  it("is where to look in the manager's log, where a remoted is there", () => {
    for (const conclusion of [{ kind: 'remoted', by: 'pong' }, { kind: 'refused-message' }] as const) {
      const text = hint(conclusion);
      expect(text.startsWith(`${LOG} "(1408): Invalid ID"`), text).to.equal(true);
      expect(text).to.include('"(1404): Authentication error"').and.include('remove queue/rids/001 on the manager');
      expect(text).to.include('--wait gives it longer');
    }
  });

  it('is to look at UDP first, and then there, where UDP is silent', () => {
    const text = hint({ kind: 'silent-udp' });
    expect(text.startsWith('Check that UDP gets through to port 1514:'), text).to.equal(true);
    expect(text).to.include(LOG).and.include('touch etc/client.keys there.');
    expect(text.endsWith('there.'), text).to.equal(true);
    const aes = hint({ kind: 'silent-udp' }, {}, { cipher: 'aes' });
    expect(aes).to.equal(`${text} OSSEC before 4.0.0 has no AES: leave --cipher out.`);
  });

  it('is to look at what stands in between, where connections are closed', () => {
    expect(hint({ kind: 'closes' })).to.equal(
      'Check that the manager behind it runs, and what the balancer, forwarder or firewall says of it. Nothing here tells whether the key is good.',
    );
  });

  it('is the right port, where something else answers', () => {
    const authd = { kind: 'other-service', protocol: 'tcp', service: 'authd' } as const;
    expect(hint(authd)).to.equal(
      'Give the agent port with --port: remoted listens on 1514 unless it was told otherwise. The enrollment port is --enrollment-port.',
    );
    const ssh = { ...authd, service: 'ssh' } as const;
    expect(hint(ssh)).to.equal(
      "Find out what runs on port 1514 there, and check the manager's address: this is the agent port of most managers.",
    );
    expect(hint(ssh, {}, { endpoint: { host: 'siem.example', port: 22 } })).to.equal(
      "Check the manager's address and the agent port (--port): remoted listens on 1514 unless it was told otherwise.",
    );
  });

  it('is that of the port, the name and the silence, where nothing is there', () => {
    expect(hint({ kind: 'closed' })).to.equal(MEANINGS.LINK_PORT_CLOSED.hint);
    expect(hint({ kind: 'unresolved' })).to.equal(MEANINGS.HOST_UNRESOLVED.hint);
    expect(hint({ kind: 'silent' })).to.equal(MEANINGS.LINK_SILENT.hint);
  });

  it('tells that something takes connections and does not speak, where that is so, and UDP is not silent too', () => {
    const taken = `Something takes connections there and does not speak. ${MEANINGS.LINK_SILENT.hint}`;
    const silent = saw({ last: 'silent' });
    const lost = saw({ last: 'unreachable' });
    expect(hint({ kind: 'silent' }, { tcp: silent })).to.equal(taken);
    expect(hint({ kind: 'silent' }, { tcp: silent, udp: lost })).to.equal(taken);
    expect(hint({ kind: 'silent' }, { tcp: silent, udp: silent })).to.equal(MEANINGS.LINK_SILENT.hint);
    expect(hint({ kind: 'silent' }, { tcp: lost, udp: silent })).to.equal(MEANINGS.LINK_SILENT.hint);
    expect(hint({ kind: 'silent' }, { tcp: lost, udp: lost })).to.equal(MEANINGS.LINK_SILENT.hint);
  });
});
