import type { KeystoreEdge } from '../../files/file-edge.js';
import { unreadable, unwritable } from '../../files/file-error.js';
import { readSmall } from '../../files/files.js';
import { ownFile } from '../../files/own-files.js';
import { existing, removeLeftovers, replaceFile } from '../../files/replace.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import type { AgentInstallation } from '../../model/host.js';

/** A request to a manager that was begun; it holds no secret. */
export interface BegunRequest {
  readonly name: string;
  /** `host:port` of the enrollment service. */
  readonly manager: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

const JOURNAL_LIMIT = 4096;

/**
 * The request of an earlier run that did not come to an end: the manager may have registered an agent whose key nobody
 * has. A journal that cannot be understood still tells that there was one.
 *
 * @throws EnrollError `FILE_UNREADABLE`
 */
export async function unfinishedRequest(
  agent: AgentInstallation,
  edge: KeystoreEdge,
): Promise<BegunRequest | undefined> {
  const path = ownFile(agent, 'journal');
  try {
    if ((await existing(edge.files.stat(path))) === undefined) return undefined;
    return parseJournal((await readSmall(path, JOURNAL_LIMIT, edge.files)) ?? '');
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

/** Notes, before anything is sent, that a request begins. @throws EnrollError `FILE_UNWRITABLE` */
export async function beginRequest(
  agent: AgentInstallation,
  name: string,
  manager: Endpoint,
  edge: KeystoreEdge,
): Promise<void> {
  const startedAt = new Date(edge.now()).toISOString();
  await restoreRequest(agent, { name, manager: formatEndpoint(manager), startedAt }, edge);
}

/**
 * Notes a request that an earlier run began, as it was: another one has ended since, and told nothing about it.
 * @throws EnrollError `FILE_UNWRITABLE`
 */
export async function restoreRequest(
  agent: AgentInstallation,
  request: BegunRequest,
  edge: KeystoreEdge,
): Promise<void> {
  const path = ownFile(agent, 'journal');
  const owner = edge.uid === 0 ? { owner: { uid: 0, gid: 0 } } : {};
  try {
    await removeLeftovers(path, edge);
    await replaceFile(
      path,
      `${JSON.stringify(request)}\n`,
      { platform: agent.platform, mode: 0o600, secret: true, ...owner },
      edge,
    );
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
}

/** Notes that the request came to an end that is known: the key is on the disk, or the manager has refused. */
export async function endRequest(agent: AgentInstallation, edge: KeystoreEdge): Promise<void> {
  const path = ownFile(agent, 'journal');
  try {
    await existing(edge.files.unlink(path));
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
}

function parseJournal(text: string): BegunRequest {
  const unknown = { name: 'unknown', manager: 'a manager', startedAt: 'unknown' };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return unknown;
    const read = (field: keyof BegunRequest) => {
      const found: unknown = Reflect.get(value, field);
      return typeof found === 'string' ? found : unknown[field];
    };
    return { name: read('name'), manager: read('manager'), startedAt: read('startedAt') };
  } catch {
    return unknown;
  }
}
