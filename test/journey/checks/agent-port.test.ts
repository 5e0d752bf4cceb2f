import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MEANINGS } from '../../../src/errors.js';
import { agentPort, remoted } from '../../../src/journey/checks/agent-port.js';
import type { Conclusion } from '../../../src/link/link-evidence.js';
import { byDaemon, errorOf, failed, looked, none, proved } from './check-scene.js';

const SEEN = 'TCP: it takes the connection and does not answer.';
const STRANGER: Conclusion = { kind: 'other-service', protocol: 'tcp', service: 'ssh', said: 'SSH-2.0' };

describe('the check of the agent port', () => {
  it('is content with a manager that answered, or an agent that is connected', () => {
    expect(agentPort(proved, undefined)).to.deep.equal({
      id: 'agent-port',
      ok: true,
      detail: 'siem.example:1514 answers over TCP.',
    });
    expect(agentPort(byDaemon, undefined)).to.deep.equal({
      id: 'agent-port',
      ok: true,
      detail: 'The agent daemon is connected to it.',
    });
  });
  it('says why nothing was looked at', () => {
    expect(agentPort(none, undefined)).to.deep.equal({
      id: 'agent-port',
      ok: null,
      detail: 'Not looked at: no manager is named.',
    });
  });

  describe('of a link that failed', () => {
    it('ends the run where it is the port', () => {
      const look = failed('LINK_PORT_CLOSED', { kind: 'closed' });
      expect(agentPort(look, 'agent-port')).to.deep.equal({
        id: 'agent-port',
        ok: false,
        detail: 'It failed.',
        hint: 'Look.',
        error: look.error,
      });
    });
    for (const [over, detail, hint] of [
      [
        'tcp',
        'It failed. Over TCP the manager acknowledges this key, and UDP alone is set.',
        'Set <protocol>tcp</protocol> in ossec.conf (and leave --protocol and WAZUH_PROTOCOL out), or let the manager take the other one: <remote><protocol> there.',
      ],
      [
        'udp',
        'It failed. Over UDP the manager acknowledges this key, and TCP alone is set.',
        'Set <protocol>udp</protocol> in ossec.conf (and leave --protocol and WAZUH_PROTOCOL out), or let the manager take the other one: <remote><protocol> there.',
      ],
    ] as const) {
      it(`names ${over} where that one leads to the manager`, () => {
        const look = { ...failed('LINK_PORT_CLOSED', { kind: 'closed' }), over };
        const { error, ...shown } = agentPort(look, 'agent-port');
        expect(shown).to.deep.equal({ id: 'agent-port', ok: false, detail, hint });
        expect(error).to.include({ code: 'LINK_PORT_CLOSED', cause: look.error });
      });
    }
    for (const [what, look, ok, detail] of [
      ['no message could be sent', failed('ANOTHER_RUN'), null, 'Not looked at: no message could be sent.'],
      [
        'the name has no address',
        failed('LINK_SILENT', { kind: 'unresolved' }),
        null,
        "Not looked at: the manager's name has no address.",
      ],
      [
        'nobody says anything over UDP',
        failed('LINK_UNANSWERED', { kind: 'silent-udp' }),
        null,
        `${SEEN} An OSSEC manager is silent like this to a key that it does not know, and so is a firewall.`,
      ],
      ['remoted is there', failed('LINK_NOT_ACKNOWLEDGED', { kind: 'remoted', by: 'pong' }), true, SEEN],
      [
        'nothing was tried',
        {
          ...failed('LINK_NOT_ACKNOWLEDGED'),
          evidence: { conclusion: { kind: 'refused-message' }, messages: 0, waitedMs: 0 },
        },
        true,
        'Nothing was seen.',
      ],
    ] as const) {
      it(`says what was seen where ${what}: ${detail}`, () => {
        expect(agentPort(look, 'key')).to.deep.equal({ id: 'agent-port', ok, detail });
      });
    }
  });

  describe('of a look without a key', () => {
    for (const [conclusion, detail, hint] of [
      [
        { kind: 'closed' },
        `The agent port of the manager is closed (siem.example:1514). ${SEEN}`,
        MEANINGS.LINK_PORT_CLOSED.hint,
      ],
      [{ kind: 'silent' }, `Nothing answers on the agent port (siem.example:1514). ${SEEN}`, MEANINGS.LINK_SILENT.hint],
      [
        STRANGER,
        'What answers on the agent port (siem.example:1514) is no manager: it is an SSH server, which says "SSH-2.0".',
        MEANINGS.LINK_OTHER_SERVICE.hint,
      ],
    ] as const) {
      it(`finds it wrong: ${detail}`, () => {
        expect(agentPort(looked(conclusion), undefined)).to.deep.equal({ id: 'agent-port', ok: false, detail, hint });
      });
    }
    for (const [conclusion, ok, detail] of [
      [{ kind: 'unresolved' }, null, "Not looked at: the manager's name has no address."],
      [
        { kind: 'silent-udp' },
        null,
        `siem.example:1514: ${SEEN} An OSSEC manager takes UDP alone, and answers nobody without a key.`,
      ],
      [{ kind: 'closes' }, null, `siem.example:1514 takes connections. ${SEEN}`],
      [{ kind: 'remoted', by: 'pong' }, true, 'siem.example:1514 answers.'],
      [{ kind: 'refused-message' }, true, 'siem.example:1514 answers.'],
    ] as const) {
      it(`says of ${conclusion.kind}: ${detail}`, () => {
        expect(agentPort(looked(conclusion), undefined)).to.deep.equal({ id: 'agent-port', ok, detail });
      });
    }
    it('says no more than that where nothing was tried', () => {
      const look = { kind: 'looked', at: { host: 'm', port: 1514 }, why: '' } as const;
      const evidence = { conclusion: { kind: 'closes' }, messages: 0, waitedMs: 0 } as const;
      expect(agentPort({ ...look, evidence }, undefined).detail).to.equal('m:1514 takes connections. ');
    });
  });
});

describe('the check of remoted', () => {
  for (const [what, look, ok, detail] of [
    ['a manager that answered', proved, true, 'It has acknowledged a message.'],
    ['an agent that is connected', byDaemon, true, 'The agent daemon is connected to it.'],
    ['no look', none, null, 'Not looked at: no manager is named.'],
    ['a #pong', looked({ kind: 'remoted', by: 'pong' }), true, 'It answers #ping.'],
    [
      'an answer',
      failed('LINK_NOT_ACKNOWLEDGED', { kind: 'remoted', by: 'answer' }),
      true,
      'It answers encrypted with this key.',
    ],
    [
      'a refusal in words',
      failed('LINK_REFUSED', { kind: 'remoted', by: 'words' }),
      true,
      'It refuses this agent in words.',
    ],
    [
      'a message that is refused',
      failed('LINK_NOT_ACKNOWLEDGED', { kind: 'refused-message' }),
      true,
      'It is there: it closes a connection for a message with this key, and leaves an idle one open.',
    ],
    [
      'silence over UDP',
      failed('LINK_UNANSWERED', { kind: 'silent-udp' }),
      null,
      'Not told: an OSSEC manager says nothing to an agent that it does not know.',
    ],
    [
      'connections that are closed',
      failed('LINK_UNANSWERED', { kind: 'closes' }),
      null,
      'Not told: connections are taken and closed.',
    ],
    ['a closed port', looked({ kind: 'closed' }), null, 'Not looked at: nothing was reached.'],
    [
      'what is no evidence',
      { kind: 'failed', error: errorOf('ANOTHER_RUN') },
      null,
      'Not looked at: nothing was reached.',
    ],
  ] as const) {
    it(`says of ${what}: ${detail}`, () => {
      expect(remoted(look)).to.deep.equal({ id: 'remoted', ok, detail });
    });
  }
});
