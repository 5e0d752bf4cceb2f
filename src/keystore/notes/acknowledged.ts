import type { KeystoreEdge } from '../../files/file-edge.js';
import type { AgentRecord } from '../../model/agent-record.js';
import type { AgentInstallation } from '../../model/host.js';
import { readSidecar, updateSidecar } from './sidecar.js';

/** Remembers that a manager has acknowledged this key. */
export async function rememberAcknowledged(
  agent: AgentInstallation,
  record: AgentRecord,
  edge: KeystoreEdge,
): Promise<void> {
  await updateSidecar(agent, (before) => ({ ...before, acknowledged: agentOf(record) }), edge);
}

/** Whether a manager has acknowledged this key before, as far as this program has seen. */
export async function wasAcknowledged(
  agent: AgentInstallation,
  record: AgentRecord,
  edge: KeystoreEdge,
): Promise<boolean> {
  return (await readSidecar(agent.keysFile, edge.files)).acknowledged === agentOf(record);
}

/** A manager gives an id to one key: no hash of the key needs to lie on the disk for this. */
function agentOf({ id, name }: AgentRecord): string {
  return `${id} ${name}`;
}
