import { narrowInstalled } from '../keystore/installed.js';
import { removeLeftoverKeys } from '../keystore/leftover-key.js';
import type { Notes } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import { endpointKey } from '../model/endpoint.js';
import { HTTPS_PORT, HTTPS_PREFIX } from '../model/https-endpoint.js';
import type { Settings } from '../settings/settings.js';
import { type UsedManager, writeConfig } from './configure.js';
import type { PreparedJourney } from './context.js';
import { boundTo } from './machine-binding.js';
import type { ManagerLink } from './manager-link.js';
import { tellOfAnothers } from './unfinished-request.js';

/** A key that lies in its place, and what is known of it. */
export interface Outcome {
  /** Whether this run has put it there. */
  readonly changed: boolean;
  readonly record: AgentRecord;
  /** Absent where no handshake was asked for, or an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink | undefined;
  /** That client.keys was found open to others, in words. */
  readonly tooWide?: string | undefined;
}

/** What a journey that went well ended with; the events told the rest. */
export interface Enrollment {
  /** False: the key that was there works, and nothing was written. */
  readonly changed: boolean;
  readonly record: AgentRecord;
  /** Absent where no handshake was asked for, or an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
}

/**
 * What every journey that ends well ends with: what was found out is remembered, the open request is closed, the key is
 * bound to this machine, its file has the right mode, and ossec.conf points at the manager that answered.
 *
 * @throws EnrollError `FILE_UNREADABLE`, `FILE_UNWRITABLE`, `CONFIG_UNCLEAR`
 */
export async function conclude(
  journey: PreparedJourney,
  { changed, record, link, tooWide }: Outcome,
): Promise<Enrollment> {
  const { settings, agent, edge, notes, observe, signal } = journey;
  if (tooWide !== undefined && !changed) {
    await narrowInstalled(agent, edge.disk);
    observe({ kind: 'warning', text: `${tooWide} It has the right mode now.` });
  }
  // Without a handshake nobody knows whether a key that was there works.
  const ended = settings.handshake || changed;
  if (ended) tellOfAnothers(journey, record);
  const binding = settings.machineBinding ? await boundTo(notes.notes, record, edge, signal) : notes.notes.binding;
  await notes.update((before) => {
    const { request, binding: _, ...rest } = before;
    return {
      ...rest,
      ...(binding === undefined ? {} : { binding }),
      ...(ended || request === undefined ? {} : { request }),
      ...(link === undefined ? {} : remembered(before, record, link)),
    };
  });
  if (link !== undefined) await removeLeftoverKeys(agent, edge.disk);
  await writeConfig(journey, { ...link, enrollment: enrolledAs(settings, record, changed) });
  return { changed, record, ...(link === undefined ? {} : { link }) };
}

/** As what the agent is to enroll when it does so by itself (Wazuh 5). The groups of a key that was kept are not known. */
function enrolledAs({ groups }: Settings, { name }: AgentRecord, changed: boolean): UsedManager['enrollment'] {
  return { name, ...(changed && groups.length > 0 ? { groups } : {}) };
}

/** A manager gives an id to one key: no hash of the key needs to lie on the disk for this. */
function remembered(
  { acknowledged: before, links }: Notes,
  { id, name }: AgentRecord,
  link: ManagerLink,
): Pick<Notes, 'acknowledged' | 'links'> {
  const acknowledged = `${id} ${name}`;
  const others = acknowledged === before ? [...links] : [];
  const where = endpointKey(link.endpoint);
  if (link.protocol === 'https') {
    const { port, prefix } = link.https ?? { port: HTTPS_PORT, prefix: HTTPS_PREFIX };
    return { acknowledged, links: new Map([...others, [where, { protocol: 'https', port, prefix }]]) };
  }
  const { protocol, cipher, family } = link;
  // Not every proof tells the family anew.
  const worked = acknowledged === before ? links.get(where) : undefined;
  const known = family ?? (worked?.protocol === 'https' ? undefined : worked?.family);
  const works = { protocol, cipher, ...(known === undefined ? {} : { family: known }) };
  return { acknowledged, links: new Map([...others, [where, works]]) };
}
