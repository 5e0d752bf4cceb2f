import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ProveEdge, ProveRequest } from '../../../src/link/https/prove-request.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { Secret } from '../../../src/model/secret.js';
import { type Dial, directDial } from '../../../src/net/connect.js';
import { pause } from '../../../src/net/deadline.js';
import { certificates } from '../../net/certificates.js';
import { type ManagerServer, remoted } from '../../wazuh5-manager.js';

export const RECORD: AgentRecord = { id: '003', name: 'web-01', ip: 'any', key: new Secret('ab'.repeat(32)) };

/** The answer to a startup. */
export const GREETED = remoted(200, { agent: { groups: ['default'] }, cluster: { name: 'wazuh' }, limits: {} });

/** The answer to a type that no manager knows. */
export const UNKNOWN_TYPE = remoted(400, { error: 'unknown_message_type' });

/** A key that was issued a moment ago. */
export function fresh({ manager }: Pick<ManagerServer, 'manager'>, changes: Partial<ProveRequest> = {}): ProveRequest {
  return {
    record: RECORD,
    manager,
    trust: { ca: certificates().ca.certificate, insecure: false },
    fresh: true,
    waitMs: 2000,
    timeoutMs: 1000,
    ...changes,
  };
}

/** A key that was there already. */
export function known(server: Pick<ManagerServer, 'manager'>, changes: Partial<ProveRequest> = {}): ProveRequest {
  return fresh(server, { fresh: false, ...changes });
}

/** The time for all, `waitMs`, ends in the middle of the first pause that is not for all of it. */
export function endingInPause(waitMs: number): Pick<ProveEdge, 'pause'> {
  let end: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    pause: async (ms, signal) => {
      if (ms === waitMs) return await ended;
      end();
      if (!signal.aborted) await once(signal, 'abort');
    },
  };
}

/** More than any test has a reason for: so often a loop waits that has no end. */
const WITHOUT_END = 20;

/** Pauses that take no time, all but those of `held` milliseconds: these end by `end`, or with their signal. */
export function heldPauses(...held: readonly number[]) {
  const asked: number[] = [];
  const left = new Set<number>();
  const ends = new Map(held.map((ms) => [ms, new AbortController()]));
  const pause = async (ms: number, signal: AbortSignal) => {
    asked.push(ms);
    if (asked.length > WITHOUT_END) throw new Error('It waits without end.');
    const end = ends.get(ms)?.signal;
    if (end === undefined || end.aborted || signal.aborted) return;
    left.add(ms);
    const over = AbortSignal.any([end, signal]);
    if (!over.aborted) await once(over, 'abort');
    left.delete(ms);
  };
  return {
    pause,
    /** All that were asked for, in milliseconds. */
    asked,
    /** Those that nobody has ended. */
    left,
    end: (ms: number) => ends.get(ms)?.abort(),
  };
}

/** A dial whose connections are all closed in the end, or it is waited for in vain. */
export function watchedDial() {
  const made: Socket[] = [];
  const dial: Dial = async (...to) => {
    const socket = await directDial(1000)(...to);
    made.push(socket);
    return socket;
  };
  return {
    dial,
    async closed() {
      for (const socket of made) if (!socket.closed) await once(socket, 'close');
      return made.length;
    },
  };
}

export function edge(changes: Partial<ProveEdge> = {}): ProveEdge {
  let tokens = 0;
  return {
    dial: directDial(1000),
    proxied: false,
    jti: () => Buffer.alloc(16, ++tokens),
    clock: () => Date.now(),
    now: () => performance.now(),
    pause,
    ...changes,
  };
}
