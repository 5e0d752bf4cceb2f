import { installKey } from '../keystore/client-keys.js';
import { endRequest } from '../keystore/notes/journal.js';
import { rememberManager } from '../keystore/notes/trust-memory.js';
import { resetCounters } from '../keystore/sender-counter.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Endpoint } from '../model/endpoint.js';
import type { TrustVerdict } from '../net/trust.js';
import type { Journey } from './context.js';
import { bindKey } from './identity.js';

/** Where a key came from, as far as a manager was asked for it. */
export interface Provenance {
  readonly trust?: TrustVerdict | undefined;
  readonly enrollment?: Endpoint | undefined;
  /** The record in whose place it comes, if that was another machine's. */
  readonly copied?: AgentRecord | undefined;
}

/**
 * Puts a key where the agent looks for it, and with it what belongs to a new key: counters that start again, the
 * manager's certificate and this machine remembered, the journal closed.
 *
 * @param before the record that was there, whose counters nobody uses any more
 * @throws EnrollError `FILE_UNWRITABLE`, `FILE_UNREADABLE`
 */
export async function installAgentKey(
  { settings, agent, edge, observe, signal }: Journey,
  record: AgentRecord,
  before: AgentRecord | undefined,
  { trust, enrollment, copied }: Provenance = {},
): Promise<void> {
  const { keystore } = edge;
  const installed = await installKey(record, agent, keystore);
  await endRequest(agent, keystore);
  await resetCounters(agent, [record.id, ...(before === undefined ? [] : [before.id])], keystore);
  if (enrollment !== undefined) await rememberManager(agent, enrollment, trust, keystore);
  if (settings.machineBinding) await bindKey(agent, record, edge, signal, copied);
  observe({ kind: 'installed', keysFile: installed.keysFile });
}
