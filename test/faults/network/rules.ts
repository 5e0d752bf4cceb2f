import type { ErrorCode, ExitCode } from '../../../src/errors.js';
import { type Cell, isLink, isUdp } from './cells.js';

/*
 * What a run comes to when a connection breaks. The table of docs/faults.md is made from this one, and network.test.ts
 * lets each cell break and looks whether it is true.
 */

/** What a run through a fault ends with. */
export interface Outcome {
  readonly exit: ExitCode;
  /** One of them, where it depends on who is first. */
  readonly codes: readonly ErrorCode[];
  /** What is said, or a part of it; of some, the first that fits its code. */
  readonly says: string;
  /** Agents of this host at the manager after it: one without a key on the host is what exit 8 is about. */
  readonly agents: 0 | 1;
}

/** Cells that end alike. A part that is left out does not matter, or was decided by a rule before this one. */
export interface Rule {
  readonly when: { readonly [Part in keyof Cell]?: readonly Cell[Part][] };
  /** In words, for the table. */
  readonly what: string;
  readonly outcome: Outcome;
}

const fails = (exit: ExitCode, codes: ErrorCode | readonly ErrorCode[], says: string, agents: 0 | 1): Outcome => ({
  exit,
  codes: typeof codes === 'string' ? [codes] : codes,
  says,
  agents,
});
const ENROLLED: Outcome = { exit: 0, codes: [], says: '', agents: 1 };

const LINKS = ['HTTPS link', 'TCP link', 'UDP link, Wazuh', 'UDP link, OSSEC'] as const;
const UDP = ['UDP link, Wazuh', 'UDP link, OSSEC'] as const;
const BEFORE = ['before accept', 'in TLS'] as const;
const ENDED = ['reset', 'close', 'half-close', 'truncation'] as const;
const SILENT = ['stall', 'slow'] as const;

/** The rules, in order: the first that fits decides. */
export const RULES: readonly Rule[] = [
  {
    when: { fault: ['delayed by 2 s'] },
    what: 'Late is not lost.',
    outcome: ENROLLED,
  },
  {
    when: { phase: ['in request'], fault: ['duplication'] },
    what: 'Who hears a request twice registers one agent.',
    outcome: ENROLLED,
  },

  // Nothing was asked for yet.
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: ['before accept'], fault: ['refused'] },
    what: 'Nothing is installed.',
    outcome: fails(3, 'CONNECTION_REFUSED', 'refused the connection', 0),
  },
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: ['before accept'], fault: ['black hole'] },
    what: 'Nothing is installed.',
    outcome: fails(3, 'CONNECTION_TIMED_OUT', 'No connection to', 0),
  },
  {
    when: { channel: ['authd'], phase: ['before accept'], fault: ['garbage'] },
    what: 'What listens there is somebody else: that does not pass by itself.',
    outcome: fails(3, 'TLS_FAILED', 'does not speak TLS', 0),
  },
  {
    when: { channel: ['authd'], phase: ['in TLS'], fault: ['duplication'] },
    what: 'A handshake that is wrong does not get better.',
    outcome: fails(3, 'TLS_FAILED', 'TLS handshake with', 0),
  },
  {
    when: { channel: ['API', 'HTTPS'], phase: [...BEFORE], fault: ['duplication'] },
    what: 'A handshake that is wrong does not get better.',
    outcome: fails(3, 'TLS_FAILED', 'does not speak TLS', 0),
  },
  {
    when: { channel: ['API', 'HTTPS'], phase: ['before accept'], fault: ['garbage'] },
    what: 'What listens there is somebody else: that does not pass by itself.',
    outcome: fails(3, 'TLS_FAILED', 'does not speak TLS', 0),
  },
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: [...BEFORE], times: ['once'] },
    what: 'The host tries again.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['authd'], phase: [...BEFORE], fault: [...SILENT, 'garbage'] },
    what: 'A byte a second is no answer: the time of an attempt is over all of it.',
    outcome: fails(3, 'CONNECTION_TIMED_OUT', 'did not finish the TLS handshake within', 0),
  },
  {
    when: { channel: ['API', 'HTTPS'], phase: [...BEFORE], fault: [...SILENT, 'garbage'] },
    what: 'A byte a second is no answer: the time of an attempt is over all of it.',
    outcome: fails(3, 'CONNECTION_TIMED_OUT', 'No connection to', 0),
  },
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: ['before accept'], fault: ['reset'] },
    what: 'Nothing is installed.',
    outcome: fails(3, 'CONNECTION_FAILED', 'ECONNRESET', 0),
  },
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: [...BEFORE], fault: [...ENDED] },
    what: 'Nothing is installed.',
    outcome: fails(3, 'CONNECTION_FAILED', 'closed the connection during the TLS handshake', 0),
  },
  {
    when: { channel: ['authd', 'API'], phase: ['before request'], fault: ['close', 'half-close'] },
    what: 'So authd and servers before an API refuse a host without a client certificate.',
    outcome: fails(5, 'CLIENT_CERTIFICATE_REQUIRED', 'It probably wants a client certificate', 0),
  },
  {
    when: { channel: ['authd'], phase: ['before request'], fault: ['garbage'] },
    what: 'It is not authd.',
    outcome: fails(3, 'NOT_AUTHD', 'What answered is not authd', 0),
  },
  {
    when: { channel: ['authd', 'HTTPS'], phase: ['before request'], fault: ['stall'] },
    what: 'The request was sent, and whether anybody heard it cannot be known.',
    outcome: fails(8, 'ANSWER_LOST', 'answer', 0),
  },
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: ['before request'], times: ['once'] },
    what: 'The host tries again.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['API'], phase: ['before request'], fault: ['stall'] },
    what: 'Nobody was asked for an agent yet.',
    outcome: fails(3, 'CONNECTION_TIMED_OUT', 'did not answer within', 0),
  },
  {
    when: { channel: ['authd', 'API', 'HTTPS'], phase: ['before request'], fault: ['reset'] },
    what: 'Nothing is installed.',
    outcome: fails(3, 'CONNECTION_FAILED', 'closed the connection during the TLS handshake', 0),
  },
  {
    when: { channel: ['HTTPS'], phase: ['before request'], fault: ['close', 'half-close'] },
    what: 'A Wazuh 5 that wants a client certificate says so; this one is restarting, or there is a balancer before it.',
    outcome: fails(3, 'CONNECTION_FAILED', 'right after the handshake', 0),
  },
  {
    when: { channel: ['API', 'HTTPS'], phase: ['before request'], fault: ['garbage'] },
    what: 'Two connections are tried for a request, and no more.',
    outcome: fails(3, 'CONNECTION_FAILED', 'breaks connections off before a request is sent', 0),
  },

  // The manager may have heard the request.
  {
    when: { channel: ['authd'], phase: ['in request'], fault: ['garbage'] },
    what: 'The manager says that it did not understand.',
    outcome: fails(5, 'REQUEST_REFUSED', 'did not understand the request', 0),
  },
  {
    when: { channel: ['API'], phase: ['in request'], fault: ['garbage', 'truncation'] },
    what: 'The manager says that it did not understand.',
    outcome: fails(5, 'REQUEST_REFUSED', 'The API refused the request (HTTP 400)', 0),
  },
  {
    when: { channel: ['authd'], phase: ['in request'], fault: [...SILENT] },
    what: 'The manager has heard a part: nothing is asked again, and the next run enrolls.',
    outcome: fails(8, 'ANSWER_LOST', 'No answer came within', 0),
  },
  {
    when: { channel: ['authd'], phase: ['in request'], fault: ['reset'] },
    what: 'The manager has heard a part: nothing is asked again, and the next run enrolls.',
    outcome: fails(8, 'ANSWER_LOST', 'The connection broke after the request was sent', 0),
  },
  {
    when: { channel: ['authd'], phase: ['in request'] },
    what: 'The manager has heard a part: nothing is asked again, and the next run enrolls.',
    outcome: fails(8, 'ANSWER_LOST', 'closed the connection without an answer', 0),
  },
  {
    when: { channel: ['API', 'HTTPS'], phase: ['in request'], fault: [...SILENT] },
    what: 'The manager has heard a part: nothing is asked again, and the next run enrolls.',
    outcome: fails(8, 'ANSWER_LOST', 'did not answer within', 0),
  },
  {
    when: { channel: ['API', 'HTTPS'], phase: ['in request'] },
    what: 'The manager has heard a part: nothing is asked again, and the next run enrolls.',
    outcome: fails(8, 'ANSWER_LOST', 'closed the connection before it had answered', 0),
  },

  // The manager has carried it out.
  {
    when: { channel: ['API'], phase: ['after request', 'in reply', 'after reply'] },
    what: 'The agent is looked up, and its key is read: whatever becomes of the answer.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['authd'], phase: ['after request'], fault: ['garbage'] },
    what: 'What answers in TLS with something else is not authd.',
    outcome: fails(3, 'NOT_AUTHD', 'What answered is not authd', 1),
  },
  {
    when: { channel: ['authd', 'HTTPS'], phase: ['after request', 'in reply'], fault: [...SILENT] },
    what: 'The agent exists without its key. The next run says so, and what to do.',
    outcome: fails(8, 'ANSWER_LOST', 'answer', 1),
  },
  {
    when: { channel: ['authd'], phase: ['after request'], fault: ['reset'] },
    what: 'The agent exists without its key. The next run says so, and what to do.',
    outcome: fails(8, 'ANSWER_LOST', 'The connection broke after the request was sent', 1),
  },
  {
    when: { channel: ['authd'], phase: ['after request'] },
    what: 'The agent exists without its key. The next run says so, and what to do.',
    outcome: fails(8, 'ANSWER_LOST', 'closed the connection without an answer', 1),
  },
  {
    when: { channel: ['authd'], phase: ['in reply'], fault: [...ENDED] },
    what: 'Half a key is none. The next run says that the agent exists, and what to do.',
    outcome: fails(8, 'ANSWER_LOST', 'cut off, so the key did not arrive in full', 1),
  },
  {
    when: { channel: ['authd'], phase: ['in reply'], fault: ['garbage'] },
    what: 'Nothing of a broken reply is installed.',
    outcome: fails(8, 'REPLY_INVALID', 'a key that cannot be used', 1),
  },
  {
    when: {
      channel: ['authd'],
      phase: ['in reply', 'after reply'],
      fault: ['garbage', 'duplication', 'answered twice'],
    },
    what: 'A reply is one record, and nothing behind it.',
    outcome: fails(8, 'REPLY_INVALID', 'follows the', 1),
  },
  {
    when: { channel: ['HTTPS'], phase: ['in reply'], fault: ['garbage'] },
    what: 'The reply does not come to its end.',
    outcome: fails(8, 'ANSWER_LOST', 'did not answer within', 1),
  },
  {
    when: { channel: ['HTTPS'], phase: ['after request'], fault: ['garbage'] },
    what: 'The agent exists without its key. The next run says so, and what to do.',
    outcome: fails(8, 'REPLY_INVALID', 'does not answer in proper HTTP', 1),
  },
  {
    when: { channel: ['HTTPS'], phase: ['in reply'], fault: ['duplication'] },
    what: 'Nothing of a broken reply is installed.',
    outcome: fails(8, 'REPLY_INVALID', 'is not a key for', 1),
  },
  {
    when: { channel: ['HTTPS'], phase: ['after request', 'in reply'] },
    what: 'The agent exists without its key. The next run says so, and what to do.',
    outcome: fails(8, 'ANSWER_LOST', 'closed the connection before it had answered', 1),
  },
  {
    when: { channel: ['authd', 'HTTPS'], phase: ['after reply'] },
    what: 'A key that is whole is a key.',
    outcome: ENROLLED,
  },

  // The key is on the disk.
  {
    when: { channel: [...LINKS], phase: ['after reply'] },
    what: 'The manager has answered.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['HTTPS link'], phase: ['in TLS'], fault: ['duplication'] },
    what: 'The key stays; what does not speak TLS is no Wazuh 5.',
    outcome: fails(7, 'LINK_OTHER_SERVICE', 'is no Wazuh 5', 1),
  },
  {
    when: { channel: ['HTTPS link'], phase: ['before accept'], fault: ['garbage'] },
    what: 'The key stays; what does not speak TLS is no Wazuh 5.',
    outcome: fails(7, 'LINK_OTHER_SERVICE', 'is no Wazuh 5', 1),
  },
  {
    when: { channel: ['HTTPS link'], phase: ['after request', 'in reply'], fault: ['garbage'] },
    what: 'The key stays; what speaks no HTTP is no Wazuh 5.',
    outcome: fails(7, 'LINK_OTHER_SERVICE', 'is not the remoted of a Wazuh 5', 1),
  },
  {
    when: { channel: [...LINKS], times: ['once'] },
    what: 'The host goes on asking as long as it waits.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['HTTPS link'], phase: ['before request'], fault: ['garbage'] },
    what: 'The key stays.',
    outcome: fails(7, ['LINK_SILENT', 'LINK_OTHER_SERVICE'], 'at', 1),
  },
  {
    when: { channel: ['HTTPS link'], phase: ['in reply'], fault: ['duplication'] },
    what: 'What was said is read as far as its length goes.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['HTTPS link'], phase: [...BEFORE, 'before request'] },
    what: 'The key stays.',
    outcome: fails(7, 'LINK_SILENT', 'Nothing answered at the manager', 1),
  },
  {
    when: { channel: ['HTTPS link'], fault: [...SILENT] },
    what: 'The key stays.',
    outcome: fails(7, 'LINK_SILENT', 'Nothing answered at the manager', 1),
  },
  {
    when: { channel: ['HTTPS link'] },
    what: 'The key stays.',
    outcome: fails(7, 'LINK_SILENT', 'closes the connection without an answer', 1),
  },
  {
    when: { channel: [...UDP], fault: ['duplication', 'reordering', 'loss of 30 %', 'loss of 60 %'] },
    what: 'Messages are sent until one gets through.',
    outcome: ENROLLED,
  },
  {
    when: { channel: ['TCP link', ...UDP], fault: ['refused'] },
    what: 'The key stays.',
    outcome: fails(7, 'LINK_PORT_CLOSED', 'is closed', 1),
  },
  {
    when: { channel: ['TCP link'], phase: ['in reply'], fault: [...SILENT] },
    what: 'The key stays.',
    outcome: fails(7, ['LINK_SILENT', 'LINK_UNANSWERED'], 'agent port', 1),
  },
  {
    when: { channel: ['TCP link', ...UDP], fault: ['black hole', ...SILENT] },
    what: 'The key stays.',
    outcome: fails(7, 'LINK_SILENT', 'Nothing answered', 1),
  },
  {
    when: { channel: [...UDP], phase: ['in request'], fault: ['garbage', 'truncation'] },
    what: 'The key stays: a manager is silent to what it cannot read.',
    outcome: fails(7, 'LINK_SILENT', 'Nothing answered', 1),
  },
  {
    when: { channel: [...UDP] },
    what: 'The key stays; what answers is not the protocol.',
    outcome: fails(7, 'LINK_OTHER_SERVICE', 'is no manager', 1),
  },
  {
    when: { channel: ['TCP link'], phase: ['in request', 'after request'], fault: [...ENDED] },
    what: 'The key stays: a balancer whose manager is down closes connections, unless it is certain that it is for the message.',
    outcome: fails(7, ['LINK_NOT_ACKNOWLEDGED', 'LINK_UNANSWERED'], 'acknowledge', 1),
  },
  {
    when: { channel: ['TCP link'], phase: ['in request'], fault: ['garbage'] },
    what: 'The key stays, as above.',
    outcome: fails(7, ['LINK_NOT_ACKNOWLEDGED', 'LINK_UNANSWERED'], 'acknowledge', 1),
  },
  {
    when: { channel: ['TCP link'], phase: ['in reply'], fault: ['garbage'] },
    what: 'The key stays: the message does not come to its end.',
    outcome: fails(7, 'LINK_SILENT', 'Nothing answered', 1),
  },
  {
    when: { channel: ['TCP link'], fault: ['garbage', 'duplication'] },
    what: 'The key stays; what answers is not the protocol.',
    outcome: fails(7, 'LINK_OTHER_SERVICE', 'is no manager', 1),
  },
  {
    when: { channel: ['TCP link'] },
    what: 'The key stays: so does a balancer whose manager is down.',
    outcome: fails(7, 'LINK_UNANSWERED', 'takes connections and closes them', 1),
  },
];

/** The rule that decides a cell; `undefined`: the table has a hole. */
export function ruleFor(cell: Cell): Rule | undefined {
  return RULES.find(
    ({ when }) =>
      fits(when.channel, cell.channel) &&
      fits(when.phase, cell.phase) &&
      fits(when.fault, cell.fault) &&
      fits(when.times, cell.times),
  );
}

function fits<T>(allowed: readonly T[] | undefined, value: T): boolean {
  return allowed === undefined || allowed.includes(value);
}

/** Whether what lies on the host's own side of it can be seen by the proxy. */
export function isCounted({ channel, fault }: Cell): boolean {
  return !isUdp(channel) && fault !== 'refused' && fault !== 'black hole';
}

/** Longer than a run may take in milliseconds, whatever breaks: its own waits, and as much again for a busy machine. */
export function limitMs(cell: Cell): number {
  return isLink(cell.channel) || cell.times === 'always' ? 40_000 : 70_000;
}
