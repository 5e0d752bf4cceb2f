import type { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { abortReason, EnrollError } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { certificateFacts } from './certificate.js';
import type { Dial } from './connect.js';
import { deadline } from './deadline.js';
import { clientContext } from './tls-client.js';
import { handshakeError } from './tls-error.js';
import {
  type ClientCertificate,
  decideTrust,
  type PresentedCertificate,
  type SeenCertificate,
  type TrustSettings,
  type TrustVerdict,
} from './trust.js';

/** The versions that are spoken: ossec-authd 4.3 has 1.2 alone, wazuh-authd 4.14 both, remoted of Wazuh 5 1.3 alone. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** How to connect. */
export interface TlsOptions {
  readonly trust: TrustSettings;
  readonly clientCertificate?: ClientCertificate | undefined;
  /** The oldest version that is spoken; absent: 1.2. */
  readonly minVersion?: TlsVersion;
  readonly dial: Dial;
  /** For the connection and the handshake together, in milliseconds. */
  readonly timeoutMs: number;
  /** Told of each certificate as soon as it is judged, whatever comes of the connection. */
  readonly onCertificate?: (seen: SeenCertificate) => void;
}

/** A connection to a server that is trusted; nothing but handshakes has been sent on it. */
export interface TlsConnection {
  readonly socket: TLSSocket;
  readonly verdict: TrustVerdict;
  readonly tlsVersion: TlsVersion;
  /**
   * Whether the server has certainly accepted this client's certificate or its absence: it asked for none, or has
   * finished its side of the handshake. Under TLS 1.3 a client is done before the server has looked.
   */
  readonly confirmed: boolean;
}

/**
 * How long, under TLS 1.3, the server's word that it finished (a session ticket, an alert or a close) is awaited before the
 * caller may send, so that what breaks until then is no answer that was lost. Servers on OpenSSL send tickets at once: that
 * costs a round trip, which is little where a server is near, and where it is far is only worth it if the server asked for
 * a client certificate, which it may still refuse.
 */
const CONFIRMATION_MS = 30;
const CONFIRMATION_OF_CERTIFICATE_MS = 200;
/** A server is far where both the connection and the handshake took longer than this: its word cannot come in time. */
const FAR_MS = 2 * CONFIRMATION_MS;

/**
 * Connects with TLS 1.2 or 1.3 and decides about trust before the caller can send a byte. An untrusted server gets a
 * closed connection and no application data.
 *
 * @throws EnrollError `SETTING_INVALID` before anything is contacted; the codes of {@link Dial}; `TLS_FAILED`,
 * `CONNECTION_TIMED_OUT`, `CONNECTION_FAILED`, `CLIENT_CERTIFICATE_REQUIRED`, `CLIENT_CERTIFICATE_REFUSED`; the codes of
 * {@link decideTrust}; the reason of `signal`
 */
export async function connectTls(endpoint: Endpoint, options: TlsOptions, signal: AbortSignal): Promise<TlsConnection> {
  const context = clientContext(options.trust, options.clientCertificate, options.minVersion);
  const where = formatEndpoint(endpoint);
  let connected = false;
  const limit = deadline(signal, options.timeoutMs, () => {
    const seconds = options.timeoutMs / 1000;
    return connected
      ? new EnrollError('CONNECTION_TIMED_OUT', `${where} did not finish the TLS handshake within ${seconds} s.`)
      : new EnrollError('CONNECTION_TIMED_OUT', `No connection to ${where} within ${seconds} s.`);
  });
  try {
    const began = performance.now();
    const raw = await options.dial(endpoint, limit.signal);
    connected = true;
    const dialled = performance.now();
    const given = options.clientCertificate !== undefined;
    const { socket, ticket } = await handshake(raw, context, endpoint, given, limit.signal);
    const isFar = Math.min(dialled - began, performance.now() - dialled) > FAR_MS;
    try {
      const verdict = judge(presentedBy(socket), endpoint, options);
      const tlsVersion = versionOf(socket);
      const wanted = wantedCertificate(socket);
      // Under TLS 1.2 it has said so already, and what asks for no certificate refuses none.
      const isAwaited = tlsVersion === 'TLSv1.3' && (wanted || !isFar);
      const said = !isAwaited || (await confirmation(socket, ticket, where, given, limit.signal));
      const accepted = said || !wanted;
      return {
        socket,
        verdict,
        tlsVersion,
        // Far away or busy, it may say so only while the request is under way.
        get confirmed() {
          return accepted || ticket.seen;
        },
      };
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  } finally {
    limit.clear();
  }
}

function judge(
  presented: PresentedCertificate,
  { host }: Endpoint,
  { trust, onCertificate }: TlsOptions,
): TrustVerdict {
  try {
    const verdict = decideTrust(trust, host, presented);
    onCertificate?.(verdict);
    return verdict;
  } catch (thrown) {
    const { fingerprint, subject } = certificateFacts(presented.certificate);
    onCertificate?.({ by: 'refused', fingerprint, subject });
    throw thrown;
  }
}

/** Whether a session ticket has come: under TLS 1.3 a server sends one when it has finished its handshake. */
interface Ticket {
  seen: boolean;
}

interface Handshaken {
  readonly socket: TLSSocket;
  readonly ticket: Ticket;
}

function handshake(
  raw: Socket,
  secureContext: SecureContext,
  endpoint: Endpoint,
  clientCertificateGiven: boolean,
  signal: AbortSignal,
): Promise<Handshaken> {
  return new Promise((resolve, reject) => {
    // A socket that is given up may still report its end; after this function its owner listens as well.
    raw.on('error', () => {});
    if (signal.aborted) {
      raw.destroy();
      reject(abortReason(signal));
      return;
    }
    const socket = connect({
      socket: raw,
      secureContext,
      // The decision is made in decideTrust, before anything is written: Node's own would not tell the causes apart.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      // RFC 6066 §3: a server name is a host name, never an address.
      ...(isIP(endpoint.host.replace(/%.*$/, '')) === 0 ? { servername: endpoint.host.replace(/\.$/, '') } : {}),
    });
    socket.on('error', () => {});
    const ticket: Ticket = { seen: false };
    socket.once('session', () => {
      ticket.seen = true;
    });
    const fail = (thrown: unknown) => {
      settle();
      const { bytesRead } = raw;
      socket.destroy();
      raw.destroy();
      const where = formatEndpoint(endpoint);
      reject(
        signal.aborted ? abortReason(signal) : handshakeError({ thrown, where, clientCertificateGiven, bytesRead }),
      );
    };
    const onAbort = () => fail(undefined);
    const onClose = () => fail(undefined);
    const onSecure = () => {
      settle();
      // A server must not be able to show another certificate once it is trusted.
      socket.disableRenegotiation();
      resolve({ socket, ticket });
    };
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', fail);
      socket.removeListener('close', onClose);
      socket.removeListener('secureConnect', onSecure);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', fail);
    socket.once('close', onClose);
    socket.once('secureConnect', onSecure);
  });
}

function presentedBy(socket: TLSSocket): PresentedCertificate {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    throw new EnrollError('TLS_FAILED', 'The server showed no certificate.');
  }
  const above: X509Certificate[] = [];
  let next = certificate.issuerCertificate;
  // Node repeats a self-signed certificate as its own issuer.
  while (next !== undefined && above.length < 8 && next.fingerprint256 !== above.at(-1)?.fingerprint256) {
    above.push(next);
    next = next.issuerCertificate;
  }
  return { certificate, above, ...chainFault(socket) };
}

// Node's types say Error; it is the code of OpenSSL's verification as a string, or null.
function chainFault(socket: TLSSocket): { chainFault?: string } {
  const fault: unknown = socket.authorizationError;
  if (socket.authorized) return {};
  return { chainFault: typeof fault === 'string' ? fault : fault instanceof Error ? fault.message : 'UNSPECIFIED' };
}

function versionOf(socket: TLSSocket): TlsVersion {
  const version = socket.getProtocol();
  if (version === 'TLSv1.2' || version === 'TLSv1.3') return version;
  throw new EnrollError('TLS_FAILED', `The server agreed on ${version ?? 'no version of TLS'}.`);
}

/** Whether the server asked for a client's certificate: it says then what it could be signed with, and else never does. */
function wantedCertificate(socket: TLSSocket): boolean {
  return socket.getSharedSigalgs().length > 0;
}

// authd with a client CA (Wazuh 4.14, TLS 1.3) lets the handshake succeed here and then closes, with or without an
// alert. Seen before a request is sent, that cannot be an answer to a wrong password.
function confirmation(
  socket: TLSSocket,
  ticket: Ticket,
  where: string,
  clientCertificateGiven: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', onEnd);
      socket.removeListener('session', onTicket);
    };
    // Not in the same turn: the event comes out of OpenSSL's read, and what is written there is never sent (Node 20).
    // A close that follows is none of the handshake's: the server was content with it.
    const onTicket = () => {
      settle();
      setImmediate(resolve, true);
    };
    // What came in time is looked at first, also where this process was too busy to do so.
    const onTime = () =>
      setImmediate(() => {
        settle();
        resolve(false);
      });
    const fail = (thrown: unknown) => {
      settle();
      reject(thrown);
    };
    const onAbort = () => fail(abortReason(signal));
    const onError = (thrown: Error) =>
      fail(handshakeError({ thrown, where, clientCertificateGiven, bytesRead: socket.bytesRead }));
    const onEnd = () => fail(closedAtOnce(where, clientCertificateGiven));
    const waitMs = wantedCertificate(socket) ? CONFIRMATION_OF_CERTIFICATE_MS : CONFIRMATION_MS;
    const timer = setTimeout(onTime, waitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('end', onEnd);
    socket.once('close', onEnd);
    socket.once('session', onTicket);
    if (ticket.seen) onTicket();
    else if (socket.destroyed) onEnd();
  });
}

function closedAtOnce(where: string, clientCertificateGiven: boolean): EnrollError {
  const closed = `${where} closed the connection right after the handshake, before anything was sent`;
  return clientCertificateGiven
    ? new EnrollError('CLIENT_CERTIFICATE_REFUSED', `${closed}. It probably does not accept the client certificate.`)
    : new EnrollError('CLIENT_CERTIFICATE_REQUIRED', `${closed}. It probably wants a client certificate.`);
}
