import type { KeystoreEdge } from '../../files/file-edge.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import type { AgentInstallation } from '../../model/host.js';
import type { TrustVerdict } from '../../net/trust.js';
import { readSidecar, updateSidecar } from './sidecar.js';

/** The public key that this manager showed at the first enrollment, as 64 hex digits. */
export async function knownFingerprint(
  agent: AgentInstallation,
  endpoint: Endpoint,
  edge: KeystoreEdge,
): Promise<string | undefined> {
  const sidecar = await readSidecar(agent.keysFile, edge.files);
  return sidecar.managers.get(formatEndpoint(endpoint))?.fingerprint.replace(/^sha256:/, '');
}

/** Remembers a manager that was trusted by first use, or whose pin replaces what was stored. */
export async function rememberManager(
  agent: AgentInstallation,
  endpoint: Endpoint,
  trust: TrustVerdict | undefined,
  edge: KeystoreEdge,
): Promise<void> {
  if (trust === undefined || trust.by === 'nothing' || trust.by === 'system') return;
  const name = formatEndpoint(endpoint);
  await updateSidecar(
    agent,
    (before) => {
      if (before.managers.get(name)?.fingerprint === trust.fingerprint) return before;
      const seen = { fingerprint: trust.fingerprint, firstSeen: new Date(edge.now()).toISOString(), other: {} };
      return { ...before, managers: new Map([...before.managers, [name, seen]]) };
    },
    edge,
  );
}
