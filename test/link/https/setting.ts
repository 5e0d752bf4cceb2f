import { once } from 'node:events';
import type { ProveEdge, ProveRequest } from '../../../src/link/https/prove-request.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { Secret } from '../../../src/model/secret.js';
import { directDial } from '../../../src/net/connect.js';
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
