import type { Socket } from 'node:net';
import type { Client } from 'undici';
import { abortReason, EnrollError, systemCode } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { printable } from '../model/printable.js';
import { connectError } from './connect.js';
import { deadline } from './deadline.js';
import { exchange, type HttpReply, type UnusableBecause, UnusableReply } from './http-exchange.js';

/** The one origin that is asked, and how. */
export interface HttpOptions {
  /** `https://manager:55000`. */
  readonly origin: string;
  /** Where that is. */
  readonly endpoint: Endpoint;
  /** Opens the connection, TLS and trust included: no byte of a request is sent before it is there. */
  readonly reach: (signal: AbortSignal) => Promise<Socket>;
  /** For one request with its answer, the connection included, in milliseconds. */
  readonly timeoutMs: number;
  /** How many bytes of a body are read. */
  readonly bodyLimit: number;
}

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the first slash on, with its query, already escaped. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came of a request that may have left this host. */
export type HttpOutcome =
  | { readonly kind: 'reply'; readonly reply: HttpReply }
  /** No whole answer came, and the request may have been carried out. */
  | { readonly kind: 'lost'; readonly error: EnrollError }
  /** An answer came that cannot be used; the message is a sentence. */
  | {
      readonly kind: 'unusable';
      readonly because: UnusableBecause;
      readonly message: string;
      readonly cause?: unknown;
    };

/** HTTP to one origin, and to no other: redirects are not followed. */
export interface Http {
  /** Whether the last request may have left this host: also where it ended with the reason of its signal. */
  readonly mayHaveLeft: boolean;
  /**
   * @throws EnrollError where the request was certainly not sent: what {@link HttpOptions.reach} throws,
   * `CONNECTION_TIMED_OUT`, and the reason of `signal`
   */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome>;
  /** Ends the connection. A request that comes after it opens another one. */
  close(): Promise<void>;
}

/** How many connections are opened for one request, at most: undici has no limit of its own. */
const CONNECTIONS = 2;

/** Opens HTTP to an origin: one connection, one request at a time. */
export async function openHttp({ origin, endpoint, reach, timeoutMs, bodyLimit }: HttpOptions): Promise<Http> {
  const where = formatEndpoint(endpoint);
  const undici = await import('undici');
  let signalOfRequest = new AbortController().signal;
  let client: Client | undefined;
  let open: Socket | undefined;
  /** Whether the request under way may have left this host. */
  let reached = false;
  /** Connections that were opened for it. */
  let opened = 0;

  const newClient = () =>
    new undici.Client(origin, {
      // The deadline of a request covers its headers and its body.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, callback) => {
        // Another one for the same request: nothing was sent over the one before, which was broken off too early.
        reached = false;
        opened += 1;
        if (opened > CONNECTIONS) {
          const message = `${where} breaks connections off before a request is sent.`;
          callback(new EnrollError('CONNECTION_FAILED', message), null);
          return;
        }
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
    get mayHaveLeft() {
      return reached;
    },
    async request(request, signal) {
      if (signal.aborted) throw abortReason(signal);
      const limit = deadline(signal, timeoutMs, () => {
        const seconds = timeoutMs / 1000;
        return reached
          ? new EnrollError('CONNECTION_TIMED_OUT', `${where} did not answer within ${seconds} s.`)
          : new EnrollError('CONNECTION_TIMED_OUT', `No connection to ${where} within ${seconds} s.`);
      });
      signalOfRequest = limit.signal;
      reached = open !== undefined && !open.destroyed;
      opened = 0;
      client ??= newClient();
      try {
        const reply = await exchange(client, request, { where, origin, bodyLimit }, limit.signal);
        return { kind: 'reply', reply };
      } catch (thrown) {
        if (signal.aborted) throw abortReason(signal);
        const failure = limit.signal.aborted ? abortReason(limit.signal) : thrown;
        if (reached) return broken(failure, where);
        throw failure instanceof EnrollError ? failure : connectError(failure, endpoint);
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

function broken(thrown: unknown, where: string): HttpOutcome {
  if (thrown instanceof UnusableReply) {
    return { kind: 'unusable', because: thrown.because, message: thrown.message, cause: thrown };
  }
  if (thrown instanceof EnrollError) return { kind: 'lost', error: thrown };
  const code = systemCode(thrown);
  // The parser's error holds a part of the answer, which may repeat what was sent: it is no cause to keep.
  const isParserError = thrown instanceof Error && thrown.name === 'HTTPParserError';
  if (isParserError || code === 'UND_ERR_HEADERS_OVERFLOW') {
    const message = `${where} does not answer in proper HTTP.`;
    return { kind: 'unusable', because: 'not http', message };
  }
  const message = `${where} closed the connection before it had answered${inWords(code)}.`;
  return { kind: 'lost', error: new EnrollError('CONNECTION_FAILED', message, { cause: thrown }) };
}

/** The system's code, which people can look up; those of the HTTP library mean nothing to them. */
function inWords(code: string | undefined): string {
  return code === undefined || code.startsWith('UND_') ? '' : ` (${printable(code)})`;
}
