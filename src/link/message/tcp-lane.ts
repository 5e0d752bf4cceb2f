import { EnrollError, type ErrorCode } from '../../errors.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import { deadline, pause } from '../../net/deadline.js';
import type { LinkProof } from '../link-proof.js';
import { attemptOver, isFinal } from './attempt.js';
import type { Cipher } from './cipher.js';
import { PING } from './control.js';
import { type Race, ROUND_MS } from './race.js';
import type { Transport } from './transport.js';

/** Tries TCP, one connection a message, until the manager acknowledges one. `undefined`: the race is over. */
export async function tcpLane(race: Race): Promise<LinkProof | undefined> {
  const { over } = race;
  let pinged: Promise<void> | undefined;
  try {
    for (let round = 0; !over.aborted; round++) {
      const nextRound = pause(ROUND_MS, over);
      for (const cipher of race.candidates('tcp', round)) {
        const attempt = tryOnce(race, cipher);
        race.tcpAttempted = attempt.catch(() => undefined);
        const proof = await attempt;
        if (proof !== undefined) return proof;
        if (over.aborted) return undefined;
        if (race.tcp === 'open') pinged ??= ping(race);
      }
      await nextRound;
    }
    return undefined;
  } finally {
    await pinged;
  }
}

/** One connection, one startup. `undefined`: no answer to it, as long as the manager does not know the key. */
async function tryOnce(race: Race, cipher: Cipher): Promise<LinkProof | undefined> {
  const { evidence, conversation, request } = race;
  const transport = await open(race);
  if (transport === undefined) return undefined;
  const attempt = deadline(race.parted, request.timeoutMs, attemptOver);
  try {
    // A startup after the shutdown of the other lane would leave the agent `pending`.
    if (race.over.aborted) return undefined;
    await race.sendStartup(transport, cipher);
    for (;;) {
      const reply = await conversation.receive(transport, attempt.signal);
      if (reply.kind === 'acknowledged') return await race.won(transport, reply.cipher);
      if (reply.kind === 'closed') {
        evidence.note('tcp', 'closed');
        return undefined;
      }
      race.heed('tcp', reply);
    }
  } catch (thrown) {
    if (isFinal(thrown)) throw thrown;
    // A reset says no more than a close: the next round tries again.
    if (!isTimeout(thrown)) evidence.note('tcp', 'closed');
    return undefined;
  } finally {
    attempt.clear();
    transport.close();
  }
}

async function open(race: Race): Promise<Transport | undefined> {
  const { evidence, request } = race;
  evidence.note('tcp', 'tried');
  try {
    const transport = await race.edge.open('tcp', race.over);
    race.tcp = 'open';
    evidence.note('tcp', 'opened');
    return transport;
  } catch (thrown) {
    if (race.over.aborted) return undefined;
    if (!(thrown instanceof EnrollError) || thrown.code === 'HOST_UNRESOLVED') throw thrown;
    if (race.tcp !== 'open' && isProxyFault(thrown)) throw notReached(thrown, request.endpoint);
    if (race.tcp !== 'open') race.tcp = 'refused';
    evidence.note('tcp', thrown.code === 'CONNECTION_REFUSED' ? 'refused' : 'timedOut');
    return undefined;
  }
}

/** Asks on a connection of its own whether a remoted is there: what it says of the key is nothing. */
async function ping(race: Race): Promise<void> {
  const attempt = deadline(race.over, race.request.timeoutMs, attemptOver);
  try {
    const transport = await race.edge.open('tcp', attempt.signal);
    try {
      await transport.send(PING);
      const reply = await race.conversation.receive(transport, attempt.signal);
      if (reply.kind === 'pong') race.evidence.note('tcp', 'pong');
    } finally {
      transport.close();
    }
  } catch {
    // No pong is no news: OSSEC and Wazuh before 4.0 have none.
  } finally {
    attempt.clear();
  }
}

const PROXY_FAULTS: readonly ErrorCode[] = [
  'PROXY_UNREACHABLE',
  'PROXY_REFUSED',
  'PROXY_CREDENTIALS_REFUSED',
  'NOT_PROXY',
  'CERTIFICATE_UNTRUSTED',
];

/** Whether the proxy, and not the manager, stands in the way: no waiting for the key changes that. */
function isProxyFault({ code }: EnrollError): boolean {
  return PROXY_FAULTS.includes(code);
}

function notReached(cause: EnrollError, endpoint: Endpoint): EnrollError {
  const sentence = `The agent port of the manager (${formatEndpoint(endpoint)}) was not reached. ${cause.message}`;
  return new EnrollError('LINK_SILENT', sentence, { cause, hint: cause.hint });
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof EnrollError && thrown.code === 'CONNECTION_TIMED_OUT';
}
