import { EnrollError, EXIT } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { jsonIn } from '../../model/json.js';
import type { Secret } from '../../model/secret.js';
import type { Dial } from '../../net/connect.js';
import { type HttpOutcome, openHttp } from '../../net/http.js';
import { connectTls } from '../../net/tls.js';
import type { SeenCertificate, TrustSettings, TrustVerdict } from '../../net/trust.js';
import type { ApiAddress } from './url.js';

/** One call of the API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the first slash on, with its query, already escaped. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** What the call does to an agent, where it does: it is never sent twice unseen, as its answer may have been lost. */
  readonly once?: 'creates' | 'deletes';
}

/** A call that may be sent again where its answer was lost: whoever makes it hears of an answer, or of an error. */
export interface RepeatableRequest extends ApiRequest {
  readonly once?: never;
}

/** An answer of HTTP, whole. */
export interface Reply {
  readonly status: number;
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  /** The body as JSON; `undefined` where it is none. */
  readonly body: unknown;
}

/** What came of a request. */
export type Exchange =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** No whole answer came, and the request may have been carried out. */
  | { readonly kind: 'lost'; readonly error: EnrollError }
  /** An answer came that no API gives. */
  | { readonly kind: 'unusable'; readonly error: EnrollError };

/** How to reach an API. */
export interface ApiHttpOptions {
  readonly trust: TrustSettings;
  readonly dial: Dial;
  /** For one request with its answer, the connection included, in milliseconds. */
  readonly timeoutMs: number;
  readonly onCertificate?: (seen: SeenCertificate) => void;
}

/** HTTP to one API. */
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

/** No answer to what is asked here has more than some kilobytes. */
const BODY_LIMIT = 1024 * 1024;

/**
 * Opens HTTP to an API: one connection, one request at a time. Its TLS connection is that of `connectTls`, so no byte of
 * a request is sent before the server is trusted: by a CA, a pin or the roots of this host, never by first use.
 */
export async function openApi(address: ApiAddress, options: ApiHttpOptions): Promise<ApiHttp> {
  const where = formatEndpoint(address.endpoint);
  let verdict: TrustVerdict | undefined;
  const http = await openHttp({
    origin: address.origin,
    endpoint: address.endpoint,
    timeoutMs: options.timeoutMs,
    bodyLimit: BODY_LIMIT,
    async reach(signal) {
      if (!address.secure) return options.dial(address.endpoint, signal);
      const tls = { ...options, trust: { ...options.trust, system: true } };
      const connection = await connectTls(address.endpoint, tls, signal).catch((thrown: unknown) => {
        throw unreached(thrown, where);
      });
      verdict = connection.verdict;
      return connection.socket;
    },
  });

  return {
    get verdict() {
      return verdict;
    },
    async request({ method, path, body }, authorization, signal) {
      const headers = {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'agent-enroll',
        ...(authorization === undefined ? {} : { authorization: authorization.reveal() }),
        // Nothing may follow: 3.x (3.13.6) answers 400 with error 607 to a charset.
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      return told(await http.request({ method, path: `${address.prefix}${path}`, headers, ...text }, signal), address);
    },
    close: () => http.close(),
  };
}

/** A server that wants TLS ends a connection that begins without it, with an alert or with nothing. */
const MAY_BE_HTTPS =
  "A manager's API speaks https unless it was told otherwise: give --api-url https://… Else check the network between this host and the manager.";

function told(outcome: HttpOutcome, { secure }: ApiAddress): Exchange {
  switch (outcome.kind) {
    case 'reply': {
      const { status, header, body } = outcome.reply;
      return { kind: 'reply', reply: { status, header, body: jsonIn(body) } };
    }
    case 'lost': {
      const { error } = outcome;
      if (secure || error.code !== 'CONNECTION_FAILED') return outcome;
      return {
        kind: 'lost',
        error: new EnrollError(error.code, error.message, { hint: MAY_BE_HTTPS, cause: error.cause }),
      };
    }
    case 'unusable': {
      const { because, message, cause } = outcome;
      const hint = !secure && because === 'not http' ? { hint: MAY_BE_HTTPS } : {};
      return { kind: 'unusable', error: new EnrollError('NOT_API', message, { ...hint, cause }) };
    }
  }
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
