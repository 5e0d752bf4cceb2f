import type { IncomingMessage } from 'node:http';

/** The body of a request, up to so many bytes; `ended`: the client went away over it. */
export async function readBody(incoming: IncomingMessage, limit: number): Promise<string | 'too long' | 'ended'> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    // The socket is still needed, for the answer.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      if (!(chunk instanceof Uint8Array)) continue;
      length += chunk.length;
      if (length > limit) return 'too long';
      chunks.push(chunk);
    }
  } catch {
    return 'ended';
  }
  return Buffer.concat(chunks).toString('utf8');
}
