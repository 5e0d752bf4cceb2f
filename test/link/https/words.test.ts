import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type ErrorCode, MEANINGS } from '../../../src/errors.js';
import { type Attempt, Sightings } from '../../../src/link/https/sightings.js';
import { linkError } from '../../../src/link/https/words.js';
import { fresh, RECORD } from './setting.js';

const WHERE = 'siem.example:1517';
const REQUEST = fresh(
  { manager: { host: 'siem.example', port: 1517, prefix: 'wazuh-manager' } },
  { record: { ...RECORD, ip: '10.0.0.5' } },
);

function about(attempt: Attempt | undefined, localAddress?: string) {
  const sightings = new Sightings();
  if (attempt !== undefined) sightings.note(attempt);
  const facts = { messages: 1, waitedMs: 12_340, ...(localAddress === undefined ? {} : { localAddress }) };
  return linkError(REQUEST, attempt, sightings.evidence(facts));
}
const CHECK = 'Check that remoted runs on the manager, the port in its address, and the firewalls between.';
const unanswered = (ending: Extract<Attempt, { kind: 'unanswered' }>['ending'], why = '') =>
  ({ kind: 'unanswered', ending, why }) as const;

describe('the words for a Wazuh 5 that did not acknowledge the key', () => {
  const cases: readonly (readonly [Attempt | undefined, ErrorCode, string, string?])[] = [
    [
      { kind: 'unknown agent', said: '' },
      'LINK_NOT_ACKNOWLEDGED',
      `The manager's remoted is there (${WHERE}), but does not know agent 003: it did not acknowledge the key within 12.3 s.`,
      "Look for agent 003 in the manager's client.keys: it may have been removed, or this is another manager. A worker of a cluster needs about 10 s to learn a new key: --wait gives it longer.",
    ],
    [
      { kind: 'invalid signature', said: '' },
      'LINK_REFUSED',
      `The manager (${WHERE}) knows agent 003 and does not accept this key from this host within 12.3 s.`,
      'Either agent 003 has another key there by now, or it is registered with an address (10.0.0.5) that is not the one which the manager sees: behind a NAT register it with --ip any. --force enrolls again.',
    ],
    [
      { kind: 'stale', said: '' },
      'LINK_REFUSED',
      `The manager's clock (${WHERE}) and this host's are too far apart, so it accepts nothing that is signed here.`,
      MEANINGS.CLOCK_REFUSED.hint,
    ],
    [
      { kind: 'refused', said: '', which: 'HTTP 403' },
      'LINK_REFUSED',
      `The manager (${WHERE}) refuses this agent (HTTP 403).`,
    ],
    [
      { kind: 'accepted, not ready', missing: 'its database' },
      'LINK_NOT_READY',
      `The manager (${WHERE}) accepted the key, but its database is not available there, and it did not take the agent within 12.3 s.`,
    ],
    [
      { kind: 'not ready', which: 'HTTP 503' },
      'LINK_NOT_READY',
      `The manager (${WHERE}) is there and took no request of an agent within 12.3 s (HTTP 503).`,
      'Nothing here tells whether the key is good. Run agent-enroll check once the manager is ready; if it stays like this, look into its log (ossec.log).',
    ],
    [
      { kind: 'version refused', said: '' },
      'VERSION_REFUSED',
      `The manager (${WHERE}) accepted the key and refuses the version of the agent.`,
      'Upgrade the manager: it is older than the agents that it is to take.',
    ],
    [
      { kind: 'pre-release', said: '' },
      'LINK_REFUSED',
      `The manager (${WHERE}) is a pre-release of Wazuh 5 that signs with AES-CMAC, which nothing else speaks.`,
      MEANINGS.MANAGER_UNSUPPORTED.hint,
    ],
    [{ kind: 'not understood', said: '' }, 'INTERNAL', `The manager (${WHERE}) did not understand the request.`],
    [
      { kind: 'stranger', noRoute: true, which: 'HTTP 404' },
      'LINK_OTHER_SERVICE',
      `${WHERE} has nothing at /wazuh-manager/control: it has another prefix, or it is older than Wazuh 5.`,
      "Check the prefix and the port in the manager's address.",
    ],
    [
      { kind: 'stranger', noRoute: false, which: 'HTTP 200' },
      'LINK_OTHER_SERVICE',
      `What answers at ${WHERE} is not the remoted of a Wazuh 5 (HTTP 200).`,
      MEANINGS.NOT_MANAGER.hint,
    ],
    [unanswered('refused'), 'LINK_PORT_CLOSED', `The agent port of the manager is closed (${WHERE}).`, CHECK],
    [
      unanswered('closed'),
      'LINK_SILENT',
      `The agent port (${WHERE}) takes requests and closes the connection without an answer, and nothing acknowledged the key within 12.3 s.`,
      'Check that the manager behind it runs, and what a balancer, forwarder or firewall says of it. Nothing here tells whether the key is good.',
    ],
    [
      unanswered('unresolved'),
      'LINK_SILENT',
      'The manager was not reached: the name siem.example could not be resolved within 12.3 s.',
      MEANINGS.HOST_UNRESOLVED.hint,
    ],
    [unanswered('silent'), 'LINK_SILENT', `Nothing answered at the manager (${WHERE}) within 12.3 s.`, CHECK],
    [
      unanswered('unreachable', 'There is no route.'),
      'LINK_SILENT',
      `Nothing answered at the manager (${WHERE}) within 12.3 s. There is no route.`,
      CHECK,
    ],
    [undefined, 'LINK_SILENT', `Nothing answered at the manager (${WHERE}) within 12.3 s.`, CHECK],
  ];
  for (const [attempt, code, message, hint = MEANINGS[code].hint] of cases) {
    it(`say what it comes to, and what to do: ${message.replace(WHERE, 'manager').slice(0, 70)}`, () => {
      const error = about(attempt);
      expect(error.message).to.equal(message);
      expect(error.hint).to.equal(hint);
      expect(error.code).to.equal(code);
      expect(error.managerSaid).to.equal(undefined);
    });
  }

  it("repeat the manager's own, made printable", () => {
    for (const kind of [
      'unknown agent',
      'invalid signature',
      'stale',
      'version refused',
      'pre-release',
      'not understood',
    ] as const) {
      const error = about({ kind, said: 'No\u001b[2J!' });
      expect(error.message.endsWith(' It said: "No?[2J!".'), error.message).to.equal(true);
      expect(error.managerSaid).to.equal('No?[2J!');
    }
    expect(about({ kind: 'refused', said: 'No!', which: 'HTTP 403' }).managerSaid).to.equal('No!');
  });

  it('name both addresses where a manager may refuse the key for that', () => {
    const mismatch = ' The record is for 10.0.0.5, and this host speaks to the manager from 192.0.2.7.';
    for (const [attempt] of cases) {
      const told = about(attempt, '192.0.2.7').message.endsWith(mismatch);
      expect(told, attempt?.kind).to.equal(attempt?.kind === 'unknown agent' || attempt?.kind === 'invalid signature');
    }
  });
});
