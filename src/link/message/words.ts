import type { ErrorCode } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { LinkError } from '../link-error.js';
import type { Conclusion, Ending, LinkEvidence, Service, Sighting, Stranger } from '../link-evidence.js';
import { addressMismatch } from './address-mismatch.js';
import { refusesMessages } from './conclusion.js';
import type { HandshakeRequest } from './handshake-request.js';
import { hintFor } from './hints.js';

const CODES: Readonly<Record<Conclusion['kind'], ErrorCode>> = {
  remoted: 'LINK_NOT_ACKNOWLEDGED',
  'refused-message': 'LINK_NOT_ACKNOWLEDGED',
  closes: 'LINK_UNANSWERED',
  'silent-udp': 'LINK_UNANSWERED',
  'other-service': 'LINK_OTHER_SERVICE',
  closed: 'LINK_PORT_CLOSED',
  silent: 'LINK_SILENT',
  unresolved: 'LINK_SILENT',
};

/** What the evidence is called where an error is thrown for it. */
export function linkError(request: HandshakeRequest, evidence: LinkEvidence): LinkError {
  const { conclusion } = evidence;
  const sentences = [
    sentence(request, evidence),
    evidence.conclusion.kind === 'unresolved' ? undefined : seenInWords(evidence),
    ...(isOfTheKey(conclusion) ? [addressMismatch(request.record, evidence.localAddress), aesOfOssec(request)] : []),
  ];
  const message = sentences.filter((text) => text !== undefined).join(' ');
  return new LinkError(CODES[conclusion.kind], message, evidence, { hint: hintFor(request, evidence) });
}

/** Where a manager may be there and refuse the key, what the key is made for matters. */
function isOfTheKey({ kind }: Conclusion): boolean {
  return kind === 'remoted' || kind === 'refused-message' || kind === 'silent-udp' || kind === 'silent';
}

function sentence({ endpoint }: HandshakeRequest, { conclusion, waitedMs }: LinkEvidence): string {
  const where = formatEndpoint(endpoint);
  const waited = `within ${seconds(waitedMs)}`;
  switch (conclusion.kind) {
    case 'remoted':
      return `The manager's remoted is there (${where}), but did not acknowledge the key ${waited}.`;
    case 'refused-message':
      return `The manager's remoted is there (${where}) and refuses the messages of this key: it did not acknowledge it ${waited}.`;
    case 'closes':
      return `The agent port (${where}) takes connections and closes them, and nothing acknowledged the key ${waited}: a load balancer or port forwarder does so whose manager is down.`;
    case 'silent-udp':
      return `The manager's host is there (${where}), but nothing acknowledged the key ${waited}: an OSSEC manager is silent like this to a key that it does not know, and so is a firewall.`;
    case 'other-service':
      return conclusion.service === 'authd'
        ? `${where} is the manager's enrollment port (authd), and not its agent port.`
        : `What answers on the agent port (${where}) is no manager: it is ${strangerInWords(conclusion)}.`;
    case 'closed':
      return `The agent port of the manager is closed (${where}).`;
    case 'silent':
      return `Nothing answered on the agent port of the manager (${where}) ${waited}.`;
    case 'unresolved':
      return `The agent port of the manager was not reached: for ${seconds(waitedMs)} the name ${endpoint.host} could not be resolved.`;
  }
}

const SERVICES: Readonly<Record<Service, string>> = {
  http: 'a web server (HTTP)',
  ssh: 'an SSH server',
  tls: 'a service with TLS',
  authd: "the manager's authd",
  text: 'a service that greets in text, as mail and file servers do',
  unknown: 'something that speaks no protocol of an agent',
};

/** What it is, as the end of a sentence. */
export function strangerInWords({ service, said }: Stranger): string {
  return `${SERVICES[service]}${said === undefined ? '' : `, which says "${said}"`}`;
}

/** What was seen, a protocol after the other; `undefined`: nothing was tried. */
export function seenInWords({ tcp, udp }: Pick<LinkEvidence, 'tcp' | 'udp'>): string | undefined {
  const lines = [line('TCP', tcp), line('UDP', udp)].filter((text) => text !== undefined);
  return lines.length === 0 ? undefined : `${lines.join('; ')}.`;
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  refused: 'the port is closed',
  unreachable: 'no connection',
  unresolved: 'the name could not be resolved',
  closed: 'it takes the connection and closes it without an answer',
  silent: 'no answer',
};

function line(name: string, seen: Sighting | undefined): string | undefined {
  if (seen === undefined) return undefined;
  const { last = 'silent', why, endings, pong, answered, stranger } = seen;
  if (answered) return `${name}: it answers in the protocol, but does not acknowledge`;
  if (pong === 'now') return `${name}: it answers #ping, but no message with this key`;
  if (pong === 'then') return `${name}: it answered #ping at first and no longer at the end (${ENDINGS[last]})`;
  if (stranger !== undefined) return `${name}: what it answers is not of the protocol`;
  if (refusesMessages(seen)) return `${name}: a connection stays open until a message with this key has come in`;
  if (name === 'TCP' && last === 'silent' && endings.silent !== undefined) {
    return `${name}: it takes the connection and does not answer`;
  }
  return last === 'unreachable' && why !== undefined
    ? `${name}: no connection (${why.replace(/\.$/, '')})`
    : `${name}: ${ENDINGS[last]}`;
}

function aesOfOssec({ cipher, family }: HandshakeRequest): string | undefined {
  if (cipher !== 'aes' || family !== 'ossec') return undefined;
  return 'AES alone was tried, as --cipher says: OSSEC has it from 4.0.0 on, an older manager answers Blowfish only.';
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
