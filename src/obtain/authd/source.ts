import type { TLSSocket } from 'node:tls';
import { abortReason, EnrollError } from '../../errors.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import type { Secret } from '../../model/secret.js';
import type { Dial } from '../../net/connect.js';
import { deadline } from '../../net/deadline.js';
import { connectTls, type TlsConnection } from '../../net/tls.js';
import { alertError } from '../../net/tls-error.js';
import type { ClientCertificate, TrustSettings, TrustVerdict } from '../../net/trust.js';
import type { AgentKey, KeyRequest, KeySource, Telling } from '../key-source.js';
import { isRefusal, type ReplyContext, readReply, replyState } from './reply.js';
import { formatRequest } from './request.js';

/** Where authd is and how to come to it. */
export interface AuthdOptions extends Telling {
  readonly endpoint: Endpoint;
  /** Its bytes go out as they stand. */
  readonly password?: Secret<Uint8Array>;
  readonly trust: TrustSettings;
  readonly clientCertificate?: ClientCertificate;
  readonly dial: Dial;
  /** For the connection with its handshake, and again for the exchange that follows, in milliseconds. */
  readonly timeoutMs: number;
}

/** No reply of authd's has more than some hundred bytes. */
const REPLY_LIMIT = 65_536;

/** After a whole key, how long the end of the connection is awaited: what follows the key must not be overlooked. */
const LINGER_MS = 500;

/** A cluster's worker gives up on its master after so long, and then says so (4.x): that answer is worth waiting for. */
const WORKER_MS = 10_000;
const WORKER_GRACE_MS = 2000;

/**
 * Asks a manager's authd for a key: one request, one reply, over TLS (OSSEC 2.8 to 4.x, Wazuh 3.x to 5.x).
 *
 * From the moment on where the request is written the manager may have registered the agent, so a connection that is
 * lost from then on is `ANSWER_LOST`. An abort ends with its own reason at any time, unless the whole key is there.
 */
export function authdSource(options: AuthdOptions): KeySource {
  return {
    method: 'authd',
    async obtain(request, signal) {
      const line = formatRequest(request, options.password);
      const connection = await connectTls(options.endpoint, options, signal);
      const { socket, verdict } = connection;
      try {
        const onSent = () => tellOfExposure(options, verdict);
        const reply = await exchange(socket, line, { ...options, onSent }, signal);
        return agentKey(options, request, verdict, readReply(reply, request, contextOf(options, connection)));
      } finally {
        socket.destroy();
      }
    },
  };
}

function contextOf(
  { password, clientCertificate }: AuthdOptions,
  { tlsVersion, confirmed }: TlsConnection,
): ReplyContext {
  return {
    tlsVersion,
    confirmed,
    clientCertificateSent: clientCertificate !== undefined,
    ...(password === undefined ? {} : { password }),
  };
}

/** A password that was sent is known to whoever answered, whatever the answer is. */
function tellOfExposure({ password, onWarning }: AuthdOptions, { by, fingerprint }: TrustVerdict): void {
  if (password === undefined || (by !== 'first use' && by !== 'nothing')) return;
  onWarning?.(
    `The enrollment password was sent to a manager whose certificate nothing vouched for (${by === 'nothing' ? 'not checked' : 'first use'}). Use --ca or --pin ${fingerprint}.`,
  );
}

function agentKey(
  { endpoint }: AuthdOptions,
  request: KeyRequest,
  trust: TrustVerdict,
  { record, family, warnings }: ReturnType<typeof readReply>,
): AgentKey {
  const told = [...warnings];
  // ossec-authd reads no further than the name.
  const groups = family === 'ossec' ? [] : request.groups;
  if (groups.length < request.groups.length) {
    told.push('An OSSEC manager has no groups: the groups asked for were not assigned.');
  }
  return {
    method: 'authd',
    record,
    groups,
    endpoint,
    trust,
    warnings: told,
    ...(family === undefined ? {} : { family }),
  };
}

/**
 * Writes the request and reads the reply to its end.
 *
 * One write is one TLS record: authd 4.14 hangs for ever on a request in two records, older ones and OSSEC refuse it.
 * The end is a close_notify (Wazuh) or a bare FIN (OSSEC); a whole key does not wait long for either, a whole refusal
 * not at all (ossec-authd sleeps 1 s before it closes after one).
 */
function exchange(
  socket: TLSSocket,
  line: Uint8Array,
  options: AuthdOptions & { readonly onSent: () => void },
  signal: AbortSignal,
): Promise<Buffer> {
  const where = formatEndpoint(options.endpoint);
  const lost = (what: string, cause?: unknown) =>
    new EnrollError('ANSWER_LOST', `${what} after the request was sent to ${where}.`, { cause });
  const waitMs = options.timeoutMs < WORKER_MS ? options.timeoutMs : options.timeoutMs + WORKER_GRACE_MS;
  const limit = deadline(signal, waitMs, () => lost(`No answer came within ${inWords(waitMs, options.timeoutMs)}`));
  let linger: NodeJS.Timeout | undefined;
  const answer = new Promise<Buffer>((resolve, reject) => {
    let reply = Buffer.alloc(0);
    const done = () => resolve(reply);
    // A refusal that did not come to its end is still a refusal, and a whole key a key: the reader judges those.
    const isTelling = () => replyState(reply) !== 'open' || isRefusal(reply);
    // A whole key is a key, whoever wants the run to stop: the manager has the agent by now.
    const isEnough = () => (signal.aborted ? replyState(reply) === 'complete' : isTelling());
    limit.signal.addEventListener('abort', () => (isEnough() ? done() : reject(abortReason(limit.signal))));
    socket.on('data', (chunk: Buffer) => {
      reply = Buffer.concat([reply, chunk]);
      const state = replyState(reply);
      if (reply.length > REPLY_LIMIT) reject(new EnrollError('REPLY_INVALID', `${where} sent an answer without end.`));
      else if (state === 'decided') done();
      else if (state === 'complete') linger ??= setTimeout(done, LINGER_MS);
    });
    socket.once('end', done);
    socket.once('error', (thrown: Error) => {
      if (isTelling()) return done();
      const alert = alertError({ thrown, where, clientCertificateGiven: options.clientCertificate !== undefined });
      return reject(alert ?? lost('The connection broke', thrown));
    });
    socket.once('close', () => (isTelling() ? done() : reject(lost('The connection was closed'))));
    if (signal.aborted) return reject(abortReason(signal));
    if (!socket.writable) return reject(closedEarly(where, options));
    socket.write(line);
    options.onSent();
    return undefined;
  });
  return answer.finally(() => {
    limit.clear();
    clearTimeout(linger);
  });
}

/** How long was waited, and why that is not what was asked for where it is not. */
function inWords(waitMs: number, timeoutMs: number): string {
  const waited = `${waitMs / 1000} s`;
  const more = (waitMs - timeoutMs) / 1000;
  return more === 0
    ? waited
    : `${waited} (--timeout, and ${more} s in which a cluster's worker gives up on its master)`;
}

// wazuh-authd with ssl_verify_host compares the certificate's name with this host's address after the handshake.
function closedEarly(where: string, { clientCertificate }: AuthdOptions): EnrollError {
  const closed = `${where} closed the connection after the handshake, before the request was sent.`;
  if (clientCertificate === undefined) return new EnrollError('CONNECTION_FAILED', closed);
  return new EnrollError('CLIENT_CERTIFICATE_REFUSED', `${closed} It probably did not accept the client certificate.`, {
    hint: 'The manager may compare the client certificate with the address that this host has there (ssl_verify_host): it must name that address.',
  });
}
