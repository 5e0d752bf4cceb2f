import { dirname, join } from 'node:path';
import { EnrollError, systemCode } from '../errors.js';
import { type Access, accessOf } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { Untouched, unwritable } from '../files/file-error.js';
import type { FileFacts } from '../files/files.js';
import { atPlace, type Place } from '../files/place.js';
import { readFile } from '../files/read.js';
import { rehearse, removeLeftovers, replaceFile } from '../files/replace.js';
import type { AgentInstallation } from '../model/host.js';
import {
  type Counter,
  formatCounter,
  isLast,
  isNewer,
  NOTHING_SENT,
  nextCounter,
  parseCounter,
} from '../model/message-counter.js';
import { printable } from '../model/printable.js';
import { ensureDirectory, withDirectories } from './agent-directories.js';

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
  readonly #edge: FileEdge;
  #last: Counter;
  #reserved: Counter;

  private constructor(installation: AgentInstallation, edge: FileEdge, stored: Counter) {
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
  static async open(installation: AgentInstallation, edge: FileEdge): Promise<SenderCounter> {
    return new SenderCounter(installation, edge, (await readCounter(installation, edge)) ?? NOTHING_SENT);
  }

  /** The last counter used, as far as was read or settled. The next message has the one after it. */
  get last(): Counter {
    return this.#last;
  }

  /**
   * Makes room for up to `count` further messages; returns the counter of the last of them. It is called again when they
   * are used up.
   *
   * @throws EnrollError FILE_UNWRITABLE, FILE_UNREADABLE where no number is left: then nothing may be sent
   */
  async reserve(count: number): Promise<Counter> {
    if (isLast(this.#reserved)) throw usedUp(this.#installation);
    let ahead = this.#reserved;
    for (let i = 0; i < count && !isLast(ahead); i += 1) ahead = nextCounter(ahead);
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

/** What lies in the place of the counter. */
export interface CounterLook {
  /** The last counter used; absent: the file holds none that the daemons would understand. */
  readonly last?: Counter;
  /** Absent where it may not be looked at. */
  readonly facts?: Pick<FileFacts, 'uid' | 'gid' | 'mode'>;
}

/**
 * Looks at the counter, and changes nothing. `undefined`: there is no file.
 * @throws EnrollError FILE_UNREADABLE
 */
export async function lookAtCounter(agent: AgentInstallation, edge: FileEdge): Promise<CounterLook | undefined> {
  const file = await readFile(agent.counterFile, COUNTER_RULES, edge);
  if (file === undefined) return undefined;
  const last = parseCounter(file.bytes.toString('latin1'));
  return { facts: file.facts, ...(last === undefined ? {} : { last }) };
}

function usedUp({ counterFile }: AgentInstallation): EnrollError {
  const text = `${printable(counterFile)} says that this agent has used up its message numbers, so no message can be sent with this key.`;
  return new EnrollError('FILE_UNREADABLE', text, {
    hint: 'No agent sends so many: the file was changed by something else. Remove it, with the agent stopped; if the manager checks the numbers (verify_msg_id), enroll again with --force, which starts at 0.',
  });
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
  edge: FileEdge,
): Promise<void> {
  const { counterFile } = installation;
  for (const id of ids) if (/^\d+$/.test(id)) await remove(join(dirname(counterFile), id), counterFile, edge);
  const stored = await readCounter(installation, edge);
  if (stored !== undefined && isNewer(stored, NOTHING_SENT)) await writeCounter(installation, NOTHING_SENT, edge);
}

async function remove(path: string, counterFile: string, edge: FileEdge): Promise<void> {
  try {
    await atPlace(path, edge, async ({ directory, name, facts }) => {
      if (facts !== undefined) await directory.unlink(name);
    });
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unwritable(counterFile, error);
  }
}

/**
 * Whether the counters of a handshake could be kept, found out by doing all of it but the replacing; asked before the
 * manager is, as for the key. It leaves nothing behind, nor does a run that was killed: with a Wazuh 5, which counts no
 * messages, nobody else comes by here. For whoever holds the lock of the agent home.
 *
 * @throws EnrollError FILE_UNWRITABLE, FILE_UNREADABLE
 */
export async function checkCounters(installation: AgentInstallation, edge: FileEdge): Promise<void> {
  await readCounter(installation, edge);
  await atCounter(installation, 'rehearsed', edge, async (place, access) => {
    await removeLeftovers(place);
    await rehearse(place, access, edge);
  });
}

// The daemons write some twenty bytes. The file is their own: whatever numbers it holds, they are only counted on from.
const COUNTER_RULES = { limit: 1024, owners: 'anyone' } as const;

async function readCounter({ counterFile }: AgentInstallation, edge: FileEdge): Promise<Counter | undefined> {
  const file = await readFile(counterFile, COUNTER_RULES, edge);
  return file === undefined ? undefined : parseCounter(file.bytes.toString('latin1'));
}

async function writeCounter(installation: AgentInstallation, counter: Counter, edge: FileEdge): Promise<void> {
  await atCounter(installation, 'kept', edge, async (place, access) => {
    await removeLeftovers(place);
    await replaceFile(place, formatCounter(counter), access, edge);
  });
}

/** Goes to the counter, the directory made where it is missing, so that the agent that is installed later goes on from it. */
async function atCounter(
  installation: AgentInstallation,
  keep: 'kept' | 'rehearsed',
  edge: FileEdge,
  step: (place: Place, access: Access) => Promise<void>,
): Promise<void> {
  const { counterFile } = installation;
  try {
    await withDirectories(edge, keep, async (made) => {
      await ensureDirectory(dirname(counterFile), 'counter directory', installation, made, edge);
      await atPlace(
        counterFile,
        edge,
        async (place) => await step(place, await counterAccess(place, installation, edge)),
      );
    });
  } catch (error) {
    throw unwritable(counterFile, error);
  }
}

/**
 * A file of the daemon's stays the daemon's; one of root's is none that it could use (it exits with "permission
 * denied"), so it is given to the agent. Without an account the owner of the directory is the agent.
 */
async function counterAccess({ directory, facts }: Place, agent: AgentInstallation, edge: FileEdge): Promise<Access> {
  if (edge.uid !== undefined && edge.uid !== 0 && facts !== undefined && facts.uid !== edge.uid) {
    throw new Untouched('it belongs to another user, and only that user or root can renew it');
  }
  const { platform } = agent;
  if (facts !== undefined && facts.uid !== 0) return accessOf('sender_counter', { platform }, facts, edge);
  return accessOf('sender_counter', agent, await directory.facts(), edge);
}
