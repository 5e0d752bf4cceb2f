import { expect } from 'chai';
import { EnrollError } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import type { LinkEvidence } from '../../../src/link/link-evidence.js';
import type { LinkProof } from '../../../src/link/link-proof.js';
import { prove } from '../../../src/link/message/handshake.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { type Counter, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';
import { Secret } from '../../../src/model/secret.js';
import { MemoryManager, type MemoryManagerOptions } from './memory-manager.js';
import { VirtualClock } from './virtual-clock.js';

export const RECORD: AgentRecord = { id: '001', name: 'web-01', ip: 'any', key: new Secret('ab'.repeat(32)) };
export const ACK = '#!-agent ack ';

/** The answer of a manager that knows the key. */
export const acknowledge = ({ text }: { text: string }) => (text.startsWith('#!-agent startup') ? ACK : undefined);

export type Given = Partial<HandshakeRequest> & { readonly signal?: AbortSignal };

/** Makes a manager that may look at the clock of its test. */
export type ManagerMaker = (clock: VirtualClock) => Omit<MemoryManagerOptions, 'record' | 'clock'>;

/**
 * A handshake with a manager in memory, by a clock of its own: waits of a minute take a moment.
 * @param asked beside what every handshake here has: any protocol and cipher, a wait of 5 s
 */
export async function run(made: Omit<MemoryManagerOptions, 'record' | 'clock'> | ManagerMaker, asked: Given = {}) {
  const clock = new VirtualClock();
  const manager = new MemoryManager({ ...(typeof made === 'function' ? made(clock) : made), record: RECORD, clock });
  const { signal = new AbortController().signal, ...rest } = asked;
  let last: Counter = NOTHING_SENT;
  const edge = {
    open: manager.open,
    counters: {
      next: async () => {
        last = nextCounter(last);
        return last;
      },
    },
    random: { digits: () => '00042', iv: () => new Uint8Array(16) },
    now: clock.now,
    pause: clock.pause,
  };
  const request = {
    record: RECORD,
    endpoint: { host: '192.0.2.1', port: 1514 },
    protocol: 'auto',
    cipher: 'auto',
    waitMs: 5000,
    timeoutMs: 10_000,
    ...rest,
  } as const;
  const outcome = await clock.run(
    prove(request, edge, signal).catch((thrown: unknown): EnrollError => {
      if (thrown instanceof EnrollError) return thrown;
      throw thrown;
    }),
  );
  expect(manager.openTransports, 'transports left open').to.equal(0);
  return { outcome, manager, heard: manager.heard, endedMs: clock.now() };
}

/** What must be a proof. */
export function proof(outcome: LinkProof | EnrollError): LinkProof {
  if (outcome instanceof EnrollError) throw outcome;
  return outcome;
}

export function code(outcome: LinkProof | EnrollError): string {
  return outcome instanceof EnrollError ? outcome.code : 'proved';
}

/** What a handshake that was not acknowledged must tell. */
export function evidenceOf(outcome: LinkProof | EnrollError): LinkEvidence {
  if (outcome instanceof LinkError) return outcome.evidence;
  throw new Error(`no evidence: ${code(outcome)}`);
}
