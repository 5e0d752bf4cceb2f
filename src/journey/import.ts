import { EnrollError } from '../errors.js';
import { type ExportedChoice, readExportedKey } from '../keystore/exported-key.js';
import { type PresentFile, readInstalled } from '../keystore/installed.js';
import { type AgentRecord, sameRecord } from '../model/agent-record.js';
import { conclude, type Enrollment, type Outcome } from './conclude.js';
import type { Journey, PreparedJourney } from './context.js';
import { install } from './install.js';
import { prepared, rehearseKey } from './prepare.js';
import { prove } from './prove.js';
import { tellOfAnothers } from './unfinished-request.js';

/** How a key is imported. */
export interface ImportOptions extends ExportedChoice {
  /**
   * Asks whether the key that is there may be replaced. `present` is absent where the file has an entry that is no valid
   * one. Not called where there is nothing to replace.
   */
  readonly mayReplace: (present: AgentRecord | undefined, imported: AgentRecord) => Promise<boolean>;
}

/**
 * Installs a key that was exported by hand, and proves the link.
 *
 * @param text base64 as manage_agents and the API show it, a line of client.keys, or a manager's client.keys
 * @throws EnrollError `IMPORT_INVALID`, `KEY_PRESENT` where the present key may not be replaced, and what an enrollment
 * ends with after the key was issued. The old key is still there whole, unless the new one was installed
 */
export async function importKey(journey: Journey, text: string, options: ImportOptions): Promise<Enrollment> {
  const record = readExportedKey(text, options);
  return await prepared(journey, async (ready) => {
    const place = await putInPlace(ready, record, options);
    const link = await prove(ready, { key: { record }, changed: place.changed });
    return await conclude(ready, { record, link, ...place });
  });
}

/** Installs the record unless it is there. */
async function putInPlace(
  journey: PreparedJourney,
  record: AgentRecord,
  { mayReplace }: ImportOptions,
): Promise<Pick<Outcome, 'changed' | 'tooWide'>> {
  const { agent, observe } = journey;
  const { keysFile } = agent;
  const file = await presentFile(journey);
  const { record: present, tooWide } = file ?? {};
  if (present !== undefined) observe({ kind: 'present', record: present, keysFile });
  observe({ kind: 'imported', record, keysFile });
  if (present !== undefined && sameRecord(present, record)) return { changed: false, tooWide };
  await rehearseKey(journey);
  if (file !== undefined && !(await mayReplace(present, record))) throw refuseToReplace(keysFile, present);
  tellOfAnothers(journey, record);
  await install(journey, { key: { record } }, { record: present });
  return { changed: true };
}

/** Without a record where the file has an entry that is no valid one. `undefined`: there is nothing to replace. */
async function presentFile({ agent, edge }: PreparedJourney): Promise<Partial<PresentFile> | undefined> {
  try {
    return await readInstalled(agent, edge.disk);
  } catch (thrown) {
    if (thrown instanceof EnrollError && thrown.code === 'KEYS_INVALID') return {};
    throw thrown;
  }
}

function refuseToReplace(keysFile: string, present: AgentRecord | undefined): EnrollError {
  const whose = present === undefined ? 'an entry that is not valid' : `the key of agent ${present.id} ${present.name}`;
  return new EnrollError('KEY_PRESENT', `${keysFile} has ${whose}, and it was not agreed to replace it.`);
}
