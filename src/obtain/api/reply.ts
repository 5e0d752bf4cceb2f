import type { Dispatcher } from 'undici';
import { abortReason } from '../../errors.js';
import { parseJson } from '../../model/json.js';
import { printable } from '../../model/printable.js';
import { decodeText } from '../../model/text-encoding.js';

/** An answer of HTTP, whole. */
export interface Reply {
  readonly status: number;
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  /** The body as JSON; `undefined` where it is none. */
  readonly body: unknown;
}

/** An answer that no API gives. Its message is a whole sentence. */
export class UnusableReply extends Error {}

/** Who is asked, for messages. */
export interface Asked {
  /** `host:port`. */
  readonly where: string;
  readonly origin: string;
}

/** No answer to what is asked here has more than some kilobytes. */
const BODY_LIMIT = 1024 * 1024;

/**
 * Sends a request and reads its answer, up to a limit.
 *
 * A compressed one is refused, since none was asked for and a few bytes may unfold to gigabytes; so is a redirect,
 * which an API does not give, and behind which another server would receive the credentials.
 *
 * The answer is there in the moment in which its last byte is parsed: an abort that comes then comes too late, so that
 * a key that has arrived is not thrown away.
 *
 * @throws UnusableReply; the reason of `signal`; the error of undici or of the connection
 */
export function exchange(
  client: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { where, origin }: Asked,
  signal: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let head: Pick<Reply, 'status' | 'header'> | undefined;
    let stop = (_reason: Error): void => {};
    const onAbort = () => stop(abortReason(signal));
    const settle = () => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    client.dispatch(request, {
      onRequestStart(controller) {
        stop = (reason) => controller.abort(reason);
        if (signal.aborted) onAbort();
      },
      onResponseStart(controller, status, headers) {
        const header = (name: string) => {
          const value = headers[name];
          return typeof value === 'string' ? value : value?.[0];
        };
        head = { status, header };
        const fault = headFault(head, origin);
        if (fault !== undefined) controller.abort(new UnusableReply(`${where} ${fault}`));
      },
      onResponseData(controller, chunk) {
        size += chunk.length;
        chunks.push(chunk);
        if (size > BODY_LIMIT) controller.abort(new UnusableReply(`${where} sent an answer without end.`));
      },
      onResponseEnd() {
        settle();
        if (head === undefined) reject(new UnusableReply(`${where} sent an answer without a head.`));
        else resolve({ ...head, body: json(Buffer.concat(chunks)) });
      },
      onResponseError(_controller, error) {
        settle();
        reject(error);
      },
    });
  });
}

function headFault({ status, header }: Pick<Reply, 'status' | 'header'>, origin: string): string | undefined {
  if (status >= 300 && status < 400) {
    return `redirects to ${target(header('location'), origin)}, which no API does; it was not followed.`;
  }
  const encoding = header('content-encoding') ?? 'identity';
  if (encoding.trim().toLowerCase() === 'identity') return undefined;
  return `sent a compressed answer (${printable(encoding)}), which was not asked for.`;
}

function json(bytes: Uint8Array): unknown {
  const decoded = decodeText(bytes);
  return decoded.ok ? parseJson(decoded.text) : undefined;
}

// The rest of the URL is left out: it may repeat what was sent.
function target(location: string | undefined, origin: string): string {
  try {
    return printable(new URL(location ?? '', origin).origin);
  } catch {
    return 'somewhere else';
  }
}
