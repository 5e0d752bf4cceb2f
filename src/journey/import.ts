import { EnrollError } from '../errors.js';
import { refuseManagerHome } from '../host/agent-home.js';
import { type ExportedChoice, readExportedKey } from '../keystore/exported-key.js';
import { readInstalled } from '../keystore/installed.js';
import { type AgentRecord, sameRecord } from '../model/agent-record.js';
import { proveInstalled } from './conclude.js';
import type { Journey } from './context.js';
import { bindKey } from './identity.js';
import { installAgentKey } from './install.js';
import { withAgentFiles } from './prepare.js';
import type { ManagerLink } from './prove.js';

/** How a key is imported. */
export interface ImportOptions extends ExportedChoice {
  /**
   * Asks whether the key that is there may be replaced. `present` is absent where the file has an entry that is no valid
   * one. Not called where there is nothing to replace.
   */
  readonly mayReplace: (present: AgentRecord | undefined, imported: AgentRecord) => Promise<boolean>;
}

/** What an import that went well ended with. */
export interface Import {
  /** False: this key was there already, and nothing was written. */
  readonly changed: boolean;
  readonly record: AgentRecord;
  /** Absent where no handshake was asked for, or an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
}

/**
 * Installs a key that was exported by hand, and proves the link.
 *
 * @param text base64 as manage_agents and the API show it, a line of client.keys, or a manager's client.keys
 * @throws EnrollError `IMPORT_INVALID`, `KEY_PRESENT` where the present key may not be replaced, and what an enrollment
 * ends with after the key was issued. The old key is still there whole, unless the new one was installed
 */
export async function importKey(journey: Journey, text: string, options: ImportOptions): Promise<Import> {
  await refuseManagerHome(journey.agent, journey.edge.system);
  const record = readExportedKey(text, options);
  return await withAgentFiles(journey, async () => {
    const changed = await putInPlace(journey, record, options);
    const link = await proveInstalled(journey, record, { changed });
    return { changed, record, ...(link === undefined ? {} : { link }) };
  });
}

/** Installs the record unless it is there. Returns whether it did. */
async function putInPlace(journey: Journey, record: AgentRecord, { mayReplace }: ImportOptions): Promise<boolean> {
  const { settings, agent, edge, observe, signal } = journey;
  const { keysFile } = agent;
  const present = await presentRecord(journey);
  if (present !== undefined && present !== 'broken') observe({ kind: 'present', record: present, keysFile });
  observe({ kind: 'imported', record, keysFile });
  if (present !== undefined && present !== 'broken' && sameRecord(present, record)) {
    if (settings.machineBinding) await bindKey(agent, record, edge, signal);
    return false;
  }
  if (present !== undefined && !(await mayReplace(present === 'broken' ? undefined : present, record))) {
    throw refuseToReplace(keysFile, present);
  }
  await installAgentKey(journey, record, present === 'broken' ? undefined : present);
  return true;
}

async function presentRecord({ agent, edge }: Journey): Promise<AgentRecord | 'broken' | undefined> {
  try {
    return await readInstalled(agent.keysFile, edge.keystore.files);
  } catch (thrown) {
    if (thrown instanceof EnrollError && thrown.code === 'KEYS_INVALID') return 'broken';
    throw thrown;
  }
}

function refuseToReplace(keysFile: string, present: AgentRecord | 'broken'): EnrollError {
  const whose = present === 'broken' ? 'an entry that is not valid' : `the key of agent ${present.id} ${present.name}`;
  return new EnrollError('KEY_PRESENT', `${keysFile} has ${whose}, and it was not agreed to replace it.`);
}
