import type { Dispatcher } from 'undici';
import { abortReason } from '../errors.js';
import { printable } from '../model/printable.js';

/** An answer of HTTP, whole. */
export interface HttpReply {
  readonly status: number;
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
}

/** Why an answer cannot be used. `not http`: it is in no proper HTTP. */
export type UnusableBecause = 'redirect' | 'compressed' | 'endless' | 'not http';

/** An answer that nothing gives that is meant to be asked here. Its message is a whole sentence. */
export class UnusableReply extends Error {
  readonly because: UnusableBecause;

  constructor(because: UnusableBecause, message: string) {
    super(message);
    this.because = because;
  }
}

/** Who is asked, and how much is read of the answer. */
export interface Asked {
  /** `host:port`. */
  readonly where: string;
  readonly origin: string;
  /** In bytes of the body. */
  readonly bodyLimit: number;
}

/**
 * Sends a request and reads its answer, up to a limit.
 *
 * A compressed one is refused, since none was asked for and a few bytes may unfold to gigabytes; so is a redirect,
 * behind which another server would receive the credentials.
 *
 * The answer is there in the moment in which its last byte is parsed: an abort that comes then comes too late, so that
 * a key that has arrived is not thrown away.
 *
 * @throws UnusableReply; the reason of `signal`; the error of undici or of the connection
 */
export function exchange(
  client: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { where, origin, bodyLimit }: Asked,
  signal: AbortSignal,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let head: Pick<HttpReply, 'status' | 'header'> | undefined;
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
        const fault = headFault(head, { where, origin });
        if (fault !== undefined) controller.abort(fault);
      },
      onResponseData(controller, chunk) {
        size += chunk.length;
        chunks.push(chunk);
        if (size > bodyLimit) controller.abort(new UnusableReply('endless', `${where} sent an answer without end.`));
      },
      onResponseEnd() {
        settle();
        if (head === undefined) reject(new UnusableReply('not http', `${where} sent an answer without a head.`));
        else resolve({ ...head, body: Buffer.concat(chunks) });
      },
      onResponseError(_controller, error) {
        settle();
        reject(error);
      },
    });
  });
}

function headFault(
  { status, header }: Pick<HttpReply, 'status' | 'header'>,
  { where, origin }: Pick<Asked, 'where' | 'origin'>,
): UnusableReply | undefined {
  if (status >= 300 && status < 400) {
    const to = target(header('location'), origin);
    return new UnusableReply('redirect', `${where} redirects to ${to}, which was not followed.`);
  }
  const encoding = header('content-encoding') ?? 'identity';
  if (encoding.trim().toLowerCase() === 'identity') return undefined;
  const sent = `${where} sent a compressed answer (${printable(encoding)}), which was not asked for.`;
  return new UnusableReply('compressed', sent);
}

// The rest of the URL is left out: it may repeat what was sent.
function target(location: string | undefined, origin: string): string {
  try {
    return printable(new URL(location ?? '', origin).origin);
  } catch {
    return 'somewhere else';
  }
}
