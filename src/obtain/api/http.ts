import type { Socket } from 'node:net';
import type { Client } from 'undici';
import { abortReason, EnrollError, EXIT, systemCode } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { printable } from '../../model/printable.js';
import type { Secret } from '../../model/secret.js';
import { connectError, type Dial } from '../../net/connect.js';
import { deadline } from '../../net/deadline.js';
import { connectTls } from '../../net/tls.js';
import type { SeenCertificate, TrustSettings, TrustVerdict } from '../../net/trust.js';
import { exchange, type Reply, UnusableReply } from './reply.js';
import type { ApiAddress } from './url.js';

/** One call of the API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** From the first slash on, with its query, already escaped. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** True where the call may create an agent: it is never sent twice. */
  readonly creates?: true;
}

/** What came of a request. */
export type Exchange =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** No whole answer came, and the request may have been carried out. */
  | { readonly kind: 'lost'; readonly error: EnrollError }
  /** An answer came that no API gives. */
  | { readonly kind: 'unusable'; readonly error: EnrollError };

/** How to reach an API. */
export interface HttpOptions {
  readonly trust: TrustSettings;
  readonly dial: Dial;
  /** For one request with its answer, the connection included, in milliseconds. */
  readonly timeoutMs: number;
  readonly onCertificate?: (seen: SeenCertificate) => void;
}

/** HTTP to one origin, and to no other: redirects are not followed. */
export interface ApiHttp {
  /** How the server was trusted; absent before the first connection and with plain http. */
  readonly verdict: TrustVerdict | undefined;
  /**
   * @param authorization the value of the header
   * @throws EnrollError where the request was certainly not sent: the codes of `connectTls` and of {@link Dial}; and the
   * reason of `signal`
   */
  request(request: ApiRequest, authorization: Secret | undefined, signal: AbortSignal): Promise<Exchange>;
  /** Ends the connection. A request that comes after it opens another one, trusted or not by the same rules. */
  close(): Promise<void>;
}

/**
 * Opens HTTP to an API: one connection, one request at a time. Its TLS connection is that of `connectTls`, so no byte of
 * a request is sent before the server is trusted: by a CA, a pin or the roots of this host, never by first use.
 */
export async function openHttp(address: ApiAddress, options: HttpOptions): Promise<ApiHttp> {
  const undici = await import('undici');
  const where = formatEndpoint(address.endpoint);
  let verdict: TrustVerdict | undefined;
  let signalOfRequest = new AbortController().signal;
  let client: Client | undefined;
  let open: Socket | undefined;
  /** Whether the request under way may have left this host. */
  let reached = false;

  const reach = async (signal: AbortSignal): Promise<Socket> => {
    if (!address.secure) return options.dial(address.endpoint, signal);
    const tls = { ...options, trust: { ...options.trust, system: true } };
    const connection = await connectTls(address.endpoint, tls, signal).catch((thrown: unknown) => {
      throw unreached(thrown, where);
    });
    verdict = connection.verdict;
    return connection.socket;
  };

  const newClient = () =>
    new undici.Client(address.origin, {
      // The deadline of a request covers its headers and its body.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, callback) => {
        reach(signalOfRequest).then(
          (socket) => {
            reached = true;
            open = socket;
            callback(null, socket);
          },
          (thrown: unknown) => callback(thrown instanceof Error ? thrown : new Error(String(thrown)), null),
        );
      },
    });

  return {
    get verdict() {
      return verdict;
    },
    async request({ method, path, body }, authorization, signal) {
      if (signal.aborted) throw abortReason(signal);
      const limit = deadline(signal, options.timeoutMs, () => {
        const seconds = options.timeoutMs / 1000;
        return reached
          ? new EnrollError('CONNECTION_TIMED_OUT', `${where} did not answer within ${seconds} s.`)
          : new EnrollError('CONNECTION_TIMED_OUT', `No connection to ${where} within ${seconds} s.`);
      });
      signalOfRequest = limit.signal;
      reached = open !== undefined && !open.destroyed;
      const asked = {
        method,
        path: `${address.prefix}${path}`,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': 'agent-enroll',
          ...(authorization === undefined ? {} : { authorization: authorization.reveal() }),
          // Nothing may follow: 3.x (3.13.6) answers 400 with error 607 to a charset.
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      client ??= newClient();
      try {
        const reply = await exchange(client, asked, { where, origin: address.origin }, limit.signal);
        return { kind: 'reply', reply };
      } catch (thrown) {
        if (signal.aborted) throw abortReason(signal);
        const failure = limit.signal.aborted ? abortReason(limit.signal) : thrown;
        if (reached) return broken(failure, address, where);
        throw failure instanceof EnrollError ? failure : connectError(failure, address.endpoint);
      } finally {
        limit.clear();
      }
    },
    async close() {
      const ending = client;
      client = undefined;
      open = undefined;
      await ending?.destroy();
    },
  };
}

/** A server that wants TLS ends a connection that begins without it, with an alert or with nothing. */
const MAY_BE_HTTPS =
  "A manager's API speaks https unless it was told otherwise: give --api-url https://… Else check the network between this host and the manager.";

function broken(thrown: unknown, { secure }: ApiAddress, where: string): Exchange {
  if (thrown instanceof UnusableReply) {
    return { kind: 'unusable', error: new EnrollError('NOT_API', thrown.message, { cause: thrown }) };
  }
  if (thrown instanceof EnrollError) return { kind: 'lost', error: thrown };
  const code = systemCode(thrown);
  const hint = secure ? {} : { hint: MAY_BE_HTTPS };
  // The parser's error holds a part of the answer, which may repeat what was sent: it is no cause to keep.
  const isParserError = thrown instanceof Error && thrown.name === 'HTTPParserError';
  if (isParserError || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { kind: 'unusable', error: new EnrollError('NOT_API', `${where} does not answer in proper HTTP.`, hint) };
  }
  const message = `${where} closed the connection before it had answered${inWords(code)}.`;
  return { kind: 'lost', error: new EnrollError('CONNECTION_FAILED', message, { cause: thrown, ...hint }) };
}

/** The system's code, which people can look up; those of the HTTP library mean nothing to them. */
function inWords(code: string | undefined): string {
  return code === undefined || code.startsWith('UND_') ? '' : ` (${printable(code)})`;
}

function unreached(thrown: unknown, where: string): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  if (thrown.exitCode === EXIT.untrusted) {
    const message = `${thrown.message} The API credentials were not sent.`;
    return new EnrollError(thrown.code, message, { hint: thrown.hint, cause: thrown });
  }
  if (thrown.code === 'TLS_FAILED') {
    return new EnrollError('TLS_FAILED', `${where} does not speak TLS as this host does.`, {
      hint: 'Check --api-url: the API listens on 55000 unless it was told otherwise. An API of 3.x may speak plain http: http://…, which --insecure allows and which shows the credentials to everybody on the way.',
      cause: thrown,
    });
  }
  return thrown;
}
