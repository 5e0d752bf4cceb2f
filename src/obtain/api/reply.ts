import type { Dispatcher } from 'undici';
import { printable } from '../../model/printable.js';
import type { ApiAddress } from './url.js';

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

/** No answer to what is asked here has more than some kilobytes. */
const BODY_LIMIT = 1024 * 1024;

/**
 * Reads an answer with its body, up to a limit.
 *
 * A compressed one is refused, since none was asked for and a few bytes may unfold to gigabytes; so is a redirect,
 * which an API does not give, and behind which another server would receive the credentials.
 *
 * @throws UnusableReply
 */
export async function readReply(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  { origin }: ApiAddress,
  where: string,
): Promise<Reply> {
  const header = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : value?.[0];
  };
  const refuse = (why: string) => {
    // Whoever gives up a body still hears of its end.
    body.on('error', () => {});
    body.destroy();
    return new UnusableReply(`${where} ${why}`);
  };
  if (statusCode >= 300 && statusCode < 400) {
    throw refuse(`redirects to ${target(header('location'), origin)}, which no API does; it was not followed.`);
  }
  const encoding = header('content-encoding') ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw refuse(`sent a compressed answer (${printable(encoding)}), which was not asked for.`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.length;
    if (size > BODY_LIMIT) throw refuse('sent an answer without end.');
    chunks.push(chunk);
  }
  return { status: statusCode, header, body: json(Buffer.concat(chunks)) };
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

// The rest of the URL is left out: it may repeat what was sent.
function target(location: string | undefined, origin: string): string {
  try {
    return printable(new URL(location ?? '', origin).origin);
  } catch {
    return 'somewhere else';
  }
}
