import { EnrollError, type ErrorCode, type ErrorDetails, MEANINGS } from '../../errors.js';
import { printable } from '../../model/printable.js';
import type { Secret } from '../../model/secret.js';
import type { TlsVersion } from '../../net/tls.js';
import type { KeyRequest } from '../key-source.js';
import { quote } from '../quote.js';

/** What is known about an exchange, to tell apart what looks alike in the reply. */
export interface ReplyContext {
  /** The password that was sent. It is hidden wherever a reply repeats it. */
  readonly password?: Secret<Uint8Array>;
  readonly clientCertificateSent: boolean;
  readonly tlsVersion: TlsVersion;
  /** Whether the server certainly finished its side of the handshake before it closed. */
  readonly confirmed: boolean;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

type Explain = (request: KeyRequest, context: ReplyContext, detail: string) => Refusal;

/**
 * The texts of every authd seen: Wazuh 3.13, 4.0 to 4.14, their cluster workers, OSSEC 2.8 to 4.3. The first that
 * fits counts; the group is the detail that the manager adds.
 */
const REFUSALS: readonly (readonly [RegExp, Explain])[] = [
  [
    /^Invalid password/i,
    (_request, { password }) => ({
      code: 'PASSWORD_REFUSED',
      message:
        password === undefined
          ? 'The manager wants an enrollment password, and none was given.'
          : 'The manager did not accept the enrollment password.',
    }),
  ],
  [
    /^Invalid request for new agent/i,
    (_request, { password }) =>
      password === undefined
        ? { code: 'REQUEST_REFUSED', message: 'The manager did not understand the request.' }
        : {
            code: 'PASSWORD_NOT_WANTED',
            message: 'The manager did not understand the request: it probably wants no enrollment password.',
          },
  ],
  [
    /^Invalid agent name/i,
    ({ name }) => ({
      code: 'NAME_REFUSED',
      message: `The manager did not accept ${name} as the name of an agent.`,
      hint: "Choose another name with --name. A manager refuses its own host name too, and an OSSEC manager a name of which it has 255 numbered duplicates. 2 to 128 letters, digits, '.', '_' and '-' are allowed.",
    }),
  ],
  [
    /^Agent version must be lower/i,
    () => ({ code: 'VERSION_REFUSED', message: 'The agent is newer than the manager allows.' }),
  ],
  [
    // OSSEC names the agent that has this host's address, by its id, where Wazuh would name the address.
    /^Invalid IP address: *(\d+)$/i,
    (_request, _context, id) => ({
      code: 'IP_DUPLICATE',
      message: `The agent with id ${id} is already registered on the manager with the address of this host.`,
      hint: `Remove agent ${id} on the manager (manage_agents -r ${id}) if it is an old record of this host. An OSSEC manager that was started with -i takes one agent an address.`,
    }),
  ],
  [
    /^Duplicated? IP(?: address)?(?:: *(.*))?$/i,
    (_request, _context, ip) => ({
      code: 'IP_DUPLICATE',
      message: `The manager has another agent with the address ${ip || 'asked for'}.`,
    }),
  ],
  [/^Invalid IP/i, () => ({ code: 'IP_REFUSED', message: 'The manager did not accept the address for this agent.' })],
  [
    /^Duplicated? (?:agent )?name/i,
    ({ name, present }) => ({
      code: 'NAME_DUPLICATE',
      message: `The manager already has an agent called ${name}.`,
      ...(present === undefined
        ? {}
        : {
            hint: 'A Wazuh manager (4.2 and later) answers like this too when the key that is installed here is still good: try it with agent-enroll check. Otherwise remove the old agent on the manager, or choose another name with --name.',
          }),
    }),
  ],
  [
    /^Invalid group name/i,
    () => ({ code: 'GROUP_REFUSED', message: 'The manager did not accept the name of a group.' }),
  ],
  [
    /^Invalid group(?:\(s\) name\(s\)|: *(.*))$/i,
    ({ groups }, _context, group) => ({
      code: 'GROUP_UNKNOWN',
      message: group
        ? `The manager has no group called ${group}.`
        : `The manager does not have every group that was asked for (${printable(groups.join(', '))}).`,
    }),
  ],
  [/^Maximum multigroup reached/i, () => ({ code: 'GROUP_LIMIT', message: 'The manager takes no more groups.' })],
  [
    /^Internal manager error/i,
    () => ({ code: 'MANAGER_FAULT', message: 'The manager failed while it added the agent.' }),
  ],
  [
    /^Cannot comm?unicate with master/i,
    () => ({ code: 'CLUSTER_UNREACHABLE', message: 'This cluster worker could not reach its master.' }),
  ],
  [
    /^Invalid message format/i,
    () => ({
      code: 'REQUEST_REFUSED',
      message: "This cluster worker did not understand its master's answer.",
      hint: 'Look for the agent on the master before you enroll again, there if possible, and check that all nodes run one version.',
    }),
  ],
];

/**
 * The ends of a refusal: 4.13 and later, 4.0 to 4.12 (run together), 3.x and OSSEC (a second line). Every repetition is
 * bounded and only the end of a reply is looked at: the text is the other side's.
 */
const ENDING = /(?:\. Unable to add agent|\s{0,2}ERROR: Unable to add agent\.?)\s{0,2}$/;
const ENDING_LIMIT = 40;

/** Whether a reply that starts with `ERROR: ` has come in full, in one of the shapes seen. */
export function isWholeRefusal(reply: Buffer): boolean {
  return ENDING.test(reply.toString('latin1', Math.max(0, reply.length - ENDING_LIMIT)));
}

function withoutEnding(text: string): string {
  const end = text.slice(-ENDING_LIMIT);
  return text.slice(0, text.length - end.length) + end.replace(ENDING, '');
}

/** The error for a reply that starts with `ERROR: `; a text that nobody has seen before is shown whole. */
export function refusal(text: string, request: KeyRequest, context: ReplyContext): EnrollError {
  const said = withoutEnding(text).slice('ERROR: '.length).trim();
  const managerSaid = quoteReply(said, request, context);
  for (const [pattern, explain] of REFUSALS) {
    const match = pattern.exec(said);
    if (match === null) continue;
    const { code, message, hint } = explain(request, context, quoteReply(match[1] ?? '', request, context));
    const details: ErrorDetails = { managerSaid, ...(hint === undefined ? {} : { hint }) };
    const sentence = `${message} It said: "${managerSaid}".`;
    return new EnrollError(code, sentence, details);
  }
  return new EnrollError('REQUEST_REFUSED', `The manager refused the request. It said: "${managerSaid}".`, {
    managerSaid,
  });
}

/** A part of a reply, fit to be shown, should the other side repeat the password or the present key in it. */
export function quoteReply(text: string, { present }: KeyRequest, { password }: ReplyContext): string {
  return quote(
    text,
    [password, present?.key].filter((secret) => secret !== undefined),
  );
}

/**
 * The error for a connection that was closed in order, without one byte of reply. ossec-authd does so for a wrong,
 * missing or unwanted password; wazuh-authd, which names a wrong password, for a client certificate that is missing
 * (under TLS 1.3, before it has finished the handshake). One that had finished it may have read the request, and then
 * have died; it closes alike where ssl_verify_host finds another name than this host's address.
 */
export function closedSilently(context: ReplyContext): EnrollError {
  const closed = 'The manager closed the connection without an answer.';
  const certificate = context.clientCertificateSent
    ? 'The manager may compare the client certificate with the address that this host has there (ssl_verify_host): it must name that address.'
    : 'The manager may want a client certificate: --cert and --key.';
  if (context.tlsVersion === 'TLSv1.3' && context.confirmed) {
    return new EnrollError('ANSWER_LOST', `${closed} It had the request by then, or could have had it.`, {
      hint: `${MEANINGS.ANSWER_LOST.hint} The manager's log (ossec.log) has the reason: its authd may have ended. ${certificate}`,
    });
  }
  if (context.tlsVersion === 'TLSv1.3') {
    const probably = context.clientCertificateSent
      ? 'It probably did not accept the client certificate for this host.'
      : 'It probably wants a client certificate.';
    return new EnrollError('CLOSED_SILENTLY', `${closed} ${probably}`, {
      hint: `${certificate} The manager's log (ossec.log) has the reason.`,
    });
  }
  if (context.password === undefined) {
    return new EnrollError('CLOSED_SILENTLY', `${closed} It probably wants an enrollment password.`, {
      hint: `An OSSEC manager answers like this when it wants a password and gets none: give it with --password-file. ${certificate}`,
    });
  }
  return new EnrollError('CLOSED_SILENTLY', `${closed} It probably did not accept the enrollment password.`, {
    hint: `An OSSEC manager answers like this to a wrong password, and to any password if it wants none. It drops the last character of the first line of its etc/authd.pass: a file that was written without a line end has a password one character shorter, and of a line of two bytes none is left. ${certificate}`,
  });
}
