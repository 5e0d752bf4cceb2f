import { EnrollError, EXIT } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { type HttpsEndpoint, pathAt } from '../model/https-endpoint.js';
import type { Secret } from '../model/secret.js';
import type { Dial } from './connect.js';
import { type HttpOutcome, openHttp } from './http.js';
import { connectTls } from './tls.js';
import { alertError } from './tls-error.js';
import type { ClientCertificate, SeenCertificate, TrustSettings, TrustVerdict } from './trust.js';

/** How to reach the remoted of a Wazuh 5. */
export interface ManagerHttpOptions {
  readonly trust: TrustSettings;
  readonly clientCertificate?: ClientCertificate | undefined;
  readonly dial: Dial;
  /** For one request with its answer, the connection included, in milliseconds. */
  readonly timeoutMs: number;
  /** Told of each certificate as soon as it is judged, whatever comes of the connection. */
  readonly onCertificate?: (seen: SeenCertificate) => void;
}

/** One request below the manager's prefix. */
export type ManagerRequest = ManagerGet | ManagerPost;

/** What anybody may ask for. */
export interface ManagerGet {
  readonly method: 'GET';
  /** What stands behind the prefix: `cacerts`; empty: the prefix itself. */
  readonly what: string;
}

/** What changes something, or asks for an answer of one's own. */
export interface ManagerPost {
  readonly method: 'POST';
  readonly what: string;
  /** A signed token; absent: the request is not signed. */
  readonly token?: Secret;
  readonly body: Readonly<Record<string, unknown>>;
}

/** HTTP to one remoted, in TLS 1.3. */
export interface ManagerHttp {
  /** How the server was trusted; absent before the first connection. */
  readonly verdict: TrustVerdict | undefined;
  /** Whether the last request may have left this host. */
  readonly mayHaveLeft: boolean;
  /** From which address this host speaks; through a proxy that is the address towards the proxy. */
  readonly localAddress: string | undefined;
  /**
   * @throws EnrollError where the request was certainly not sent, or not read: the codes of `connectTls` and of
   * {@link Dial}; `CONNECTION_TIMED_OUT`; and the reason of `signal`
   */
  request(request: ManagerRequest, signal: AbortSignal): Promise<HttpOutcome>;
  /** Ends the connection. A request that comes after it opens another one, trusted or not by the same rules. */
  close(): Promise<void>;
}

/** No answer of remoted's has more; a bundle of CAs is the largest. */
const BODY_LIMIT = 64 * 1024;

/** The version of what is spoken, which goes with every POST. */
const PROTOCOL_VERSION = '1';

/**
 * Opens HTTP to a remoted: HTTP/1.1 in TLS 1.3, one connection, one request at a time. No byte of a request is sent
 * before the server is trusted. There is never an `Expect: 100-continue`, which remoted does not answer (5.0, August).
 */
export async function openManager(manager: HttpsEndpoint, options: ManagerHttpOptions): Promise<ManagerHttp> {
  const where = formatEndpoint(manager);
  const hostHeader = formatEndpoint(withoutZone(manager));
  let verdict: TrustVerdict | undefined;
  let localAddress: string | undefined;
  const http = await openHttp({
    origin: originOf(manager),
    endpoint: manager,
    timeoutMs: options.timeoutMs,
    bodyLimit: BODY_LIMIT,
    async reach(signal) {
      const connection = await connectTls(manager, { ...options, minVersion: 'TLSv1.3' }, signal).catch(
        (thrown: unknown) => {
          throw unreached(thrown, where);
        },
      );
      verdict = connection.verdict;
      localAddress = connection.socket.localAddress;
      return connection.socket;
    },
  });

  return {
    get verdict() {
      return verdict;
    },
    get mayHaveLeft() {
      return http.mayHaveLeft;
    },
    get localAddress() {
      return localAddress;
    },
    async request(request, signal) {
      const common = { host: hostHeader, accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'agent-enroll' };
      const path = pathAt(manager, request.what);
      if (request.method === 'GET') return http.request({ method: 'GET', path, headers: common }, signal);
      const { token, body } = request;
      const headers = {
        ...common,
        'protocol-version': PROTOCOL_VERSION,
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
      };
      const outcome = await http.request({ method: 'POST', path, headers, body: JSON.stringify(body) }, signal);
      if (outcome.kind !== 'lost') return outcome;
      // Under TLS 1.3 a missing client certificate is told with the first read: the request was not looked at.
      const clientCertificateGiven = options.clientCertificate !== undefined;
      const alert = alertError({ thrown: outcome.error.cause, where, clientCertificateGiven });
      if (alert !== undefined) throw alert;
      return outcome;
    },
    close: () => http.close(),
  };
}

/** Only undici reads it, and it takes no zone of an address; nor `256.1.1.1`, which is the name of a host. */
function originOf(manager: HttpsEndpoint): string {
  const origin = `https://${formatEndpoint(withoutZone(manager))}`;
  return URL.canParse(origin) ? origin : 'https://manager.invalid';
}

/** The zone of an address is this host's own affair. */
function withoutZone({ host, port }: HttpsEndpoint): Endpoint {
  return { host: host.replace(/%.*$/, ''), port };
}

function unreached(thrown: unknown, where: string): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  if (thrown.exitCode === EXIT.untrusted) {
    const message = `${thrown.message} No credential was sent.`;
    return new EnrollError(thrown.code, message, { hint: thrown.hint, cause: thrown });
  }
  // authd refuses a client certificate by closing without a word; remoted says so in an alert, which is the cause then.
  if (ofClientCertificate(thrown) && thrown.cause === undefined) {
    const closed = `${where} closed the connection right after the handshake, before anything was sent.`;
    return new EnrollError('CONNECTION_FAILED', closed, { cause: thrown });
  }
  if (thrown.code === 'TLS_FAILED') {
    return new EnrollError('TLS_FAILED', `${where} does not speak TLS 1.3, which a Wazuh 5 does.`, {
      hint: 'Check the address and the port: the remoted of a Wazuh 5 listens on 1517 unless it was told otherwise. Something between this host and the manager may break TLS up.',
      cause: thrown,
    });
  }
  return thrown;
}

function ofClientCertificate({ code }: EnrollError): boolean {
  return code === 'CLIENT_CERTIFICATE_REQUIRED' || code === 'CLIENT_CERTIFICATE_REFUSED';
}
