import type { Protocol } from '../link/message/transport.js';
import type { DuplicateRules } from './agent-table.js';
import type { TlsVersions } from './authd.js';
import type { SandboxFamily } from './authd-protocol.js';

/** What a stock manager of a family is like. */
export interface FamilyDefaults {
  readonly version: string;
  readonly firstId: number;
  readonly duplicates: DuplicateRules;
  readonly verifyMsgId: boolean;
  readonly protocols: readonly Protocol[];
  readonly tls: TlsVersions;
}

const HOUR_MS = 3_600_000;

/** Stock configurations of Wazuh 4.14.7, Wazuh 3.13.6 and OSSEC 4.3. */
export const FAMILY_DEFAULTS: Readonly<Record<SandboxFamily, FamilyDefaults>> = {
  'wazuh-4': {
    version: 'v4.14.7',
    firstId: 1,
    duplicates: {
      kind: 'replace',
      evenConnected: false,
      disconnectedForMs: HOUR_MS,
      registeredForMs: HOUR_MS,
      evenSameKey: false,
    },
    verifyMsgId: false,
    protocols: ['tcp', 'udp'],
    tls: { min: 'TLSv1.2', max: 'TLSv1.3' },
  },
  'wazuh-3': {
    version: 'v3.13.6',
    firstId: 1,
    duplicates: { kind: 'replace', evenConnected: true, disconnectedForMs: 0, registeredForMs: 0, evenSameKey: true },
    verifyMsgId: false,
    protocols: ['tcp', 'udp'],
    tls: { min: 'TLSv1.2', max: 'TLSv1.3' },
  },
  ossec: {
    version: 'v4.3.0',
    firstId: 1024,
    duplicates: { kind: 'rename' },
    verifyMsgId: true,
    protocols: ['udp'],
    tls: { min: 'TLSv1.2', max: 'TLSv1.2' },
  },
};
