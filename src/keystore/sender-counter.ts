import { dirname, join, resolve } from 'node:path';
import { type KeystoreEdge, nodeEdge } from '../files/file-edge.js';
import { refused, unreadable, unwritable } from '../files/file-error.js';
import { type FileFacts, readSmall } from '../files/files.js';
import {
  type Access,
  createDirectory,
  existing,
  type Owner,
  rehearse,
  removeLeftovers,
  replaceFile,
  resolveTarget,
} from '../files/replace.js';
import type { AgentInstallation } from '../model/host.js';
import {
  type Counter,
  formatCounter,
  isNewer,
  NOTHING_SENT,
  nextCounter,
  parseCounter,
} from '../model/message-counter.js';
import { printable } from '../model/printable.js';
import { directoryAccess } from './client-keys.js';

// The daemons write some twenty bytes.
const COUNTER_LIMIT = 1024;
// A new counter file; the agent's own user writes it from then on.
const COUNTER_MODE = 0o640;
// As the packages install them (Wazuh 4.x: queue root:wazuh, queue/rids wazuh:wazuh).
const QUEUE_MODE = 0o750;
const RIDS_MODE = 0o770;

/**
 * The counter of the last message that this host sent: `queue/rids/sender_counter`. The agent daemon goes on from it,
 * and so must every message sent in its place, or a manager with replay checks rejects the agent afterwards (measured on
 * OSSEC 4.3 and Wazuh 4.14).
 *
 * Reserve before sending and settle afterwards: a run that is killed in between leaves a value that is ahead of what
 * was sent, which every manager accepts, and never one that is behind.
 */
export class SenderCounter {
  readonly #installation: AgentInstallation;
  readonly #edge: KeystoreEdge;
  #last: Counter;
  #reserved: Counter;

  private constructor(installation: AgentInstallation, edge: KeystoreEdge, stored: Counter) {
    this.#installation = installation;
    this.#edge = edge;
    this.#last = stored;
    this.#reserved = stored;
  }

  /**
   * Reads the counter; writes nothing. Without a file, and with one that the daemons would not understand, nothing was
   * sent yet.
   *
   * @throws EnrollError FILE_UNREADABLE
   */
  static async open(installation: AgentInstallation, edge: KeystoreEdge = nodeEdge()): Promise<SenderCounter> {
    return new SenderCounter(installation, edge, (await readCounter(installation, edge)) ?? NOTHING_SENT);
  }

  /** The last counter used, as far as was read or settled. The next message has the one after it. */
  get last(): Counter {
    return this.#last;
  }

  /**
   * Makes room for `count` further messages; returns the counter of the last of them. It is called again when they
   * are used up.
   *
   * @throws EnrollError FILE_UNWRITABLE: then nothing may be sent
   */
  async reserve(count: number): Promise<Counter> {
    let ahead = this.#reserved;
    for (let i = 0; i < count; i += 1) ahead = nextCounter(ahead);
    await writeCounter(this.#installation, ahead, this.#edge);
    this.#reserved = ahead;
    return ahead;
  }

  /**
   * Writes the counter of the last message that was really sent. It never goes back behind what was read.
   *
   * @throws EnrollError FILE_UNWRITABLE: then what was reserved last stays, which is safe
   */
  async settle(last: Counter): Promise<void> {
    const settled = isNewer(this.#last, last) ? this.#last : last;
    await writeCounter(this.#installation, settled, this.#edge);
    this.#last = settled;
    this.#reserved = settled;
  }
}

/**
 * Starts counting again, as the manager does for a new key: the sender counter goes to 0:0, and the receive counters of
 * these agent ids (`queue/rids/<id>`: the new one, and the old one that nobody uses any more) are removed.
 *
 * @throws EnrollError FILE_UNWRITABLE, FILE_UNREADABLE
 */
export async function resetCounters(
  installation: AgentInstallation,
  ids: readonly string[],
  edge: KeystoreEdge = nodeEdge(),
): Promise<void> {
  const { counterFile } = installation;
  try {
    for (const id of ids) {
      if (!/^\d+$/.test(id)) continue;
      await existing(edge.files.unlink(join(dirname(counterFile), id)));
    }
  } catch (error) {
    throw unwritable(counterFile, error);
  }
  const stored = await readCounter(installation, edge);
  if (stored !== undefined && isNewer(stored, NOTHING_SENT)) await writeCounter(installation, NOTHING_SENT, edge);
}

/**
 * Whether the counters of a handshake could be kept, found out by doing all of it but the replacing; asked before the
 * manager is, as for the key. It leaves nothing behind. For whoever holds the lock of the agent home.
 *
 * @throws EnrollError FILE_UNWRITABLE, FILE_UNREADABLE
 */
export async function checkCounters(installation: AgentInstallation, edge: KeystoreEdge = nodeEdge()): Promise<void> {
  const { counterFile } = installation;
  const made: string[] = [];
  try {
    const { path, access } = await look(installation, edge, made);
    await readCounter(installation, edge);
    await rehearse(path, access, edge);
  } catch (error) {
    throw unwritable(counterFile, error);
  } finally {
    for (const directory of made) await edge.files.removeDirectory(directory).catch(() => undefined);
  }
}

async function readCounter({ counterFile }: AgentInstallation, { files }: KeystoreEdge): Promise<Counter | undefined> {
  let text: string | undefined;
  try {
    const facts = await existing(files.stat(counterFile));
    if (facts === undefined) return undefined;
    if (facts.kind === 'other') throw new Error('it is not a regular file');
    text = await readSmall(counterFile, COUNTER_LIMIT, files);
    if (text === undefined) throw new Error('it is larger than a message counter can be');
  } catch (error) {
    throw unreadable(counterFile, error);
  }
  return parseCounter(text);
}

async function writeCounter(installation: AgentInstallation, counter: Counter, edge: KeystoreEdge): Promise<void> {
  try {
    const { path, access } = await look(installation, edge);
    await removeLeftovers(path, edge);
    await replaceFile(path, formatCounter(counter), access, edge);
  } catch (error) {
    throw unwritable(installation.counterFile, error);
  }
}

/** The real place of the counter, and how its new file may be used. Directories that are made are put in front of `made`. */
async function look(
  installation: AgentInstallation,
  edge: KeystoreEdge,
  made: string[] = [],
): Promise<{ readonly path: string; readonly access: Access }> {
  const { counterFile, platform } = installation;
  const directory = await ensureRids(installation, edge, made);
  const { path, facts } = await resolveTarget(counterFile, edge);
  const owner = counterOwner(installation, edge, directory, facts);
  // Whatever it was, the agent must be able to go on with it.
  const mode = facts === undefined ? COUNTER_MODE : (facts.mode & 0o777) | 0o600;
  return { path, access: { platform, mode, secret: false, ...(owner === undefined ? {} : { owner }) } };
}

/**
 * The owner is kept, and a new file gets the agent's; a file of root's is none that the agent could use (it exits with
 * "permission denied"), so it is given to the agent too. Without an account the owner of the directory is the agent.
 */
function counterOwner(
  { account, counterFile }: AgentInstallation,
  { uid }: KeystoreEdge,
  directory: FileFacts,
  present: FileFacts | undefined,
): Owner | undefined {
  if (uid === undefined) return undefined;
  if (uid !== 0) {
    if (present === undefined || present.uid === uid) return undefined;
    throw refused(counterFile, 'it belongs to another user, and only that user or root can renew it');
  }
  return present === undefined || present.uid === 0 ? (account ?? directory) : present;
}

/**
 * The directory of the counters, made where it is missing, so that the agent that is installed later goes on from it.
 * With a key that lies elsewhere the agent home may be missing too.
 */
async function ensureRids(installation: AgentInstallation, edge: KeystoreEdge, made: string[]): Promise<FileFacts> {
  const { counterFile, platform, account } = installation;
  const home = resolve(installation.home);
  const rids = dirname(counterFile);
  const queue = dirname(rids);
  const present = await existing(edge.files.stat(rids));
  if (present !== undefined) return present;
  const make = async (path: string, access: Omit<Access, 'secret'>) => {
    if ((await existing(edge.files.stat(path))) !== undefined) return;
    await createDirectory(path, access, edge);
    made.unshift(path);
  };
  const above = await existing(edge.files.stat(dirname(home)));
  if (above?.kind !== 'directory') {
    throw refused(
      counterFile,
      `there is no directory ${printable(dirname(home))}`,
      'Name the home of the agent, where its message counters are kept, with --agent-home.',
    );
  }
  await make(home, directoryAccess(installation, above, edge));
  const base = await edge.files.stat(home);
  const give = (owner: Owner) => (edge.uid === 0 ? { owner } : {});
  if (platform === 'unix') {
    const owner = { uid: base.uid, gid: account?.gid ?? base.gid };
    await make(queue, { platform, mode: QUEUE_MODE, ...give(owner) });
  }
  await make(rids, { platform, mode: RIDS_MODE, ...give(account ?? base) });
  return edge.files.stat(rids);
}
