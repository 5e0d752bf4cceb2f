import { expect } from 'chai';
import { decodeMessage } from '../../src/link/message/codec.js';
import { deriveKey } from '../../src/link/message/key.js';
import { type AgentRecord, parseRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { AgentStore } from '../../src/sandbox/agent-table.js';
import type { SandboxFamily } from '../../src/sandbox/authd-protocol.js';
import { Counters } from '../../src/sandbox/counters.js';
import type { LogLine } from '../../src/sandbox/log-lines.js';
import { type Peer, RemotedCore } from '../../src/sandbox/remoted-core.js';
import type { RemotedRules } from '../../src/sandbox/remoted-protocol.js';
import { EventLog } from './event-log.js';

const VERSIONS = { 'wazuh-4': 'v4.14.7', 'wazuh-3': 'v3.13.6', ossec: 'v4.3.0' } as const;

/** The record of a line of client.keys. */
export function recordOf(line: string): AgentRecord {
  const parsed = parseRecord(line);
  if (!parsed.ok) throw new Error(`${line}: ${parsed.fault}`);
  return parsed.record;
}

/** A remoted without sockets. */
export interface Manager {
  readonly core: RemotedCore;
  readonly log: EventLog;
  readonly store: AgentStore;
  /** What it wrote to the manager's log. */
  readonly logged: readonly LogLine[];
  /** Gives it one message, waits for as many answers, and reads them. */
  exchange(bytes: Uint8Array, record: AgentRecord, answers: number): Promise<readonly string[]>;
}

const running: RemotedCore[] = [];

/** Stops all that {@link managerWith} started. */
export function stopManagers(): void {
  for (const core of running.splice(0)) core.stop();
}

/** A remoted without sockets that has these agents. Their ids must go up by one. */
export async function managerWith(
  family: SandboxFamily,
  records: readonly AgentRecord[],
  rules: Partial<RemotedRules> = {},
): Promise<Manager> {
  const keys = records.map(({ key }) => new Secret(key.reveal()));
  const store = new AgentStore({
    firstId: Number(records[0]?.id),
    duplicates: { kind: 'refuse' },
    clock: () => new Date(),
    newKey: () => keys.shift() ?? new Secret(''),
  });
  for (const { name, ip } of records) store.register({ name, ip, groups: [] });
  expect(store.list().map(({ id }) => id)).to.deep.equal(records.map(({ id }) => id));
  const log = new EventLog();
  const logged: LogLine[] = [];
  const core = new RemotedCore({
    rules: { family, verifyMsgId: family === 'ossec', version: VERSIONS[family], allowHigherVersions: false, ...rules },
    keyReloadMs: 1,
    wholeSeconds: false,
    store,
    counters: new Counters(),
    onEmptyKeys: () => {},
    log: (lines) => logged.push(...lines),
    emit: log.onEvent,
  });
  running.push(core);
  const sent: Uint8Array[] = [];
  const peer: Peer = {
    protocol: 'udp',
    from: { host: '127.0.0.1', port: 40000 },
    send: (bytes) => sent.push(bytes),
    close: () => {},
    inUse: () => false,
    claim: () => {},
  };
  if (family !== 'ossec') await log.until(({ type }) => type === 'keys loaded');
  return {
    core,
    log,
    store,
    logged,
    exchange: async (bytes, record, answers) => {
      sent.length = 0;
      core.receive(bytes, peer);
      const end = Date.now() + 2_000;
      while (sent.length < answers && Date.now() < end) await new Promise((resolve) => setImmediate(resolve));
      return sent.map((answer) => {
        const decoded = decodeMessage(answer, deriveKey(record));
        if (!decoded.ok) throw new Error(decoded.fault);
        return `${decoded.cipher} ${decoded.counter.global}:${decoded.counter.local} ${decoded.text}`;
      });
    },
  };
}
