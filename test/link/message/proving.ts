import { createServer } from 'node:net';
import { EnrollError } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import type { LinkProof } from '../../../src/link/link-proof.js';
import { prove } from '../../../src/link/message/handshake.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { opener } from '../../../src/link/message/open.js';
import { type Counter, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';
import { directDial } from '../../../src/net/connect.js';
import { type Lookup, systemLookup } from '../../../src/net/lookup.js';
import { RECORD } from './handshake-run.js';

const TIMEOUT_MS = 3000;

/** A handshake over real sockets, on loopback. */
export async function proveOn(
  port: number,
  asked: Partial<HandshakeRequest> & { readonly lookup?: Lookup } = {},
): Promise<LinkProof | LinkError> {
  const { lookup = systemLookup, ...rest } = asked;
  const endpoint = { host: '127.0.0.1', port };
  let last: Counter = NOTHING_SENT;
  const request: HandshakeRequest = {
    record: RECORD,
    endpoint,
    protocol: 'auto',
    cipher: 'auto',
    waitMs: 6000,
    timeoutMs: TIMEOUT_MS,
    ...rest,
  };
  try {
    return await prove(
      request,
      {
        open: opener(request.endpoint, { dial: directDial(TIMEOUT_MS, lookup), timeoutMs: TIMEOUT_MS, lookup }),
        counters: {
          next: async () => {
            last = nextCounter(last);
            return last;
          },
        },
        random: { digits: () => '00042', iv: () => new Uint8Array(16) },
        now: () => performance.now(),
      },
      new AbortController().signal,
    );
  } catch (thrown) {
    if (thrown instanceof LinkError) return thrown;
    throw thrown instanceof EnrollError ? new Error(`${thrown.code}: ${thrown.message}`) : thrown;
  }
}

/** What a handshake came to, in one word. */
export function verdict(outcome: LinkProof | LinkError): string {
  if (!(outcome instanceof LinkError)) return 'proved';
  const { conclusion } = outcome.evidence;
  return conclusion.kind === 'other-service' ? conclusion.service : conclusion.kind;
}

/** A port that nothing listens on: the system chose it a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}
