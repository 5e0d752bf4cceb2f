import { attemptDeadline } from './attempt.js';
import { PING } from './control.js';
import type { Race } from './race.js';
import type { Protocol, Transport } from './transport.js';

/** How long an answer to `#ping` may take on a connection that stands, in milliseconds. */
const PONG_WAIT_MS = 2000;
/** After how long it is said again, over UDP, where it may be lost. */
const AGAIN_MS = 400;

/**
 * Asks, on a connection of its own, whether a remoted is there. It uses no key and leaves no line in the log of a manager
 * that knows it (Wazuh 4.0 and later).
 */
export async function ping(race: Race, protocol: Protocol, signal: AbortSignal): Promise<boolean> {
  let transport: Transport | undefined;
  const attempt = attemptDeadline(signal, race.request.timeoutMs, race.pause);
  try {
    transport = await race.edge.open(protocol, attempt.signal);
    const answer = attemptDeadline(attempt.signal, PONG_WAIT_MS, race.pause);
    try {
      return await isAnswered(race, transport, answer.signal);
    } finally {
      answer.clear();
    }
  } catch {
    // No pong is no news: OSSEC and Wazuh before 4.0 have none.
    return false;
  } finally {
    attempt.clear();
    transport?.close();
  }
}

async function isAnswered(race: Race, transport: Transport, signal: AbortSignal): Promise<boolean> {
  await transport.send(PING);
  const again = new AbortController();
  const repeated = transport.protocol === 'udp' ? repeat(race, transport, again.signal) : undefined;
  try {
    for (;;) {
      const reply = await race.conversation.receive(transport, signal);
      if (reply.kind === 'pong') return true;
      if (reply.kind === 'closed') return false;
    }
  } finally {
    again.abort();
    await repeated;
  }
}

async function repeat(race: Race, transport: Transport, signal: AbortSignal): Promise<void> {
  for (let left = 2; left > 0; left -= 1) {
    await race.pause(AGAIN_MS, signal);
    if (signal.aborted) return;
    await transport.send(PING).catch(() => {});
  }
}
