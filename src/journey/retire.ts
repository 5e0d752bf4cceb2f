import { EnrollError } from '../errors.js';
import { agentDaemon } from '../host/agent-daemon.js';
import { unseenDaemon } from '../host/unseen-daemon.js';
import { installKey } from '../keystore/client-keys.js';
import { readInstalled } from '../keystore/installed.js';
import { isThereSince } from '../keystore/leftover-files.js';
import { leftoverKey } from '../keystore/leftover-key.js';
import type { KeyBinding, Notes } from '../keystore/notes/notes.js';
import { rehearseSettingAside, setAside } from '../keystore/set-aside.js';
import { type AgentRecord, sameRecord } from '../model/agent-record.js';
import type { Journey, PreparedJourney } from './context.js';
import { deleteAgent } from './delete-agent.js';
import { deletionByHand } from './deletion-by-hand.js';
import { checkBinding } from './machine-binding.js';
import { prepared } from './prepare.js';
import { tellOfUnfinished } from './unfinished-request.js';

/** How a host is retired. */
export interface RetireOptions {
  /** Also where an agent daemon runs, where nobody can be asked to delete the agent, and where the key is a copied one. */
  readonly yes: boolean;
}

/** What was done. */
export interface Retirement {
  /** False: there was no key, and so nothing to retire. */
  readonly changed: boolean;
}

/** The keys of this host. */
interface KeysHere {
  /** The one that the agent uses; where it has none, the one that a killed run had got. */
  readonly record: AgentRecord;
  /** Whether it lies in its place. */
  readonly inPlace: boolean;
  /** One that a killed run had got, and had not put in its place. */
  readonly left?: AgentRecord;
  /** Whether one of them came of the request that has no end, by the notes. */
  readonly ofRequest: boolean;
  /** Whether the first was enrolled on another machine, of which this one is a copy. */
  readonly copied: boolean;
}

/**
 * Takes this host out at its manager: its agent is deleted by the REST API, and then its key is set aside. Only the agent
 * that the manager has with this very key is deleted, and that of another machine never. Killed at any moment, the next run
 * does the rest; once there is no key, there is nothing to retire.
 *
 * @throws EnrollError `API_CREDENTIALS_MISSING`, `KEY_IN_USE` and `KEY_OF_ANOTHER_MACHINE` unless `yes` is said;
 * `KEYS_INVALID`, what keeps the manager from deleting the agent, and what keeps the files from being written: then the
 * key is where it was
 */
export async function retire(journey: Journey, options: RetireOptions): Promise<Retirement> {
  return await prepared(journey, async (ready) => {
    const { agent, edge, notes, observe } = ready;
    const keys = await keysHere(ready);
    if (keys === undefined) {
      tellOfUnfinished(ready);
      observe({ kind: 'retired', agent: 'none', keysFile: agent.keysFile });
      // A run that was killed may have come so far.
      await notes.update((before) => withoutKey(before));
      return { changed: false };
    }
    await requireAgreement(ready, keys, options);
    await rehearseSettingAside(agent, edge.disk);
    // So that it is set aside as every other.
    if (!keys.inPlace) await edge.uninterrupted(() => installKey(keys.record, agent, edge.disk));
    await deleteAgents(ready, keys);
    await edge.uninterrupted(async () => {
      // First: once the key is gone nobody can tell that it came of this request.
      if (keys.ofRequest) await notes.update(({ request: _, ...rest }) => rest);
      const file = await setAside(agent, edge.disk);
      if (file !== undefined) observe({ kind: 'aside', file });
      await notes.update((before) => withoutKey(before, keys));
    });
    return { changed: true };
  });
}

async function keysHere({
  settings,
  agent,
  edge,
  notes,
  observe,
  signal,
}: PreparedJourney): Promise<KeysHere | undefined> {
  const { request } = notes.notes;
  const present = (await readInstalled(agent, edge.disk))?.record;
  const left = request === undefined ? undefined : await leftoverKey(agent, request.name, edge.disk);
  const record = present ?? left;
  if (record === undefined) return undefined;
  observe(present === undefined ? { kind: 'left', record } : { kind: 'present', record, keysFile: agent.keysFile });
  const another = left !== undefined && !sameRecord(left, record);
  const ofRequest =
    left !== undefined || (request !== undefined && (await isThereSince(agent.keysFile, request, edge.disk)));
  const copied = settings.machineBinding && (await checkBinding(notes.notes, record, edge, signal)) === 'other';
  return { record, inPlace: present !== undefined, ofRequest, copied, ...(another ? { left } : {}) };
}

/** @throws EnrollError for what nobody may do by mistake; with `yes` it is told */
async function requireAgreement(
  journey: PreparedJourney,
  { record, copied }: KeysHere,
  { yes }: RetireOptions,
): Promise<void> {
  const { settings, agent, edge, observe, signal } = journey;
  const whose = `agent ${record.id} ${record.name}`;
  if (copied && !yes) {
    throw new EnrollError(
      'KEY_OF_ANOTHER_MACHINE',
      `The key in ${agent.keysFile} (${whose}) was enrolled on another machine, of which this one is a copy. Its agent is that machine's, and is not deleted.`,
      {
        hint: 'To set the copied key aside on this host alone, say --yes. If it is the same machine all the same, say so with --no-machine-binding.',
      },
    );
  }
  if (settings.api === undefined && !copied && !yes) {
    throw new EnrollError(
      'API_CREDENTIALS_MISSING',
      `There are no API credentials, so no manager can be asked to delete ${whose}. Nothing was changed.`,
      {
        hint: `Give --api-user and --api-password-file. Or set the key aside on this host alone with --yes, and delete the agent on the manager: ${await deletionByHand(journey, record)}.`,
      },
    );
  }
  const daemon = await agentDaemon(agent, edge.system, signal);
  const unseen = daemon === undefined ? await unseenDaemon(agent, edge.system) : undefined;
  if (daemon === undefined && unseen === undefined) return;
  if (!yes) {
    const text =
      daemon === undefined
        ? `Whether an agent daemon runs on this host with the key of ${whose} cannot be found out: ${unseen}.`
        : `The agent daemon (${daemon.name}) runs on this host with the key of ${whose}.`;
    throw new EnrollError('KEY_IN_USE', `${text} Nothing was changed.`);
  }
  const text =
    daemon === undefined
      ? `Whether an agent daemon still runs cannot be found out: ${unseen}.`
      : `The agent daemon (${daemon.name}) still runs, with the key in its memory.`;
  const advice = 'Stop it: one that may enroll by itself becomes another agent.';
  observe({ kind: 'warning', text: `${text} ${advice}` });
}

async function deleteAgents(journey: PreparedJourney, { record, left, copied }: KeysHere): Promise<void> {
  const { settings, observe } = journey;
  for (const each of [record, ...(left === undefined ? [] : [left])]) {
    const whose = `agent ${each.id} ${each.name}`;
    if (copied && each === record) {
      const text = `The key of ${whose} was enrolled on another machine, of which this one is a copy: that agent was left alone.`;
      observe({ kind: 'warning', text });
      observe({ kind: 'retired', agent: 'not asked', record: each });
    } else if (settings.api === undefined) {
      const text = `The manager still has ${whose}, as nobody was asked to delete it. Do so there: ${await deletionByHand(journey, each)}.`;
      observe({ kind: 'warning', text });
      observe({ kind: 'retired', agent: 'not asked', record: each });
    } else {
      const deletion = await deleteAgent(journey, settings.api, each);
      if (deletion.kind === 'another') {
        const text = `The manager has given the id ${each.id} to another key (agent ${deletion.name}), and this host's is known there no more. That agent was left alone.`;
        observe({ kind: 'warning', text });
      }
      observe({ kind: 'retired', agent: deletion.kind, record: each });
    }
  }
}

/** What is remembered once the key is gone: whom this host trusts, and the names that other machines go by. */
function withoutKey(
  { acknowledged: _, links: __, asked: ___, daemon: ____, binding, ...rest }: Notes,
  keys?: KeysHere,
): Notes {
  return { ...rest, links: new Map(), ...withNames(binding, keys) };
}

/** A copy of a machine must not take its name, the next time that it enrolls. */
function withNames(binding: KeyBinding | undefined, keys: KeysHere | undefined): Pick<Notes, 'binding'> {
  if (binding === undefined) return {};
  const others = [...binding.othersNames, ...(keys?.copied === true ? [keys.record.name] : [])];
  return others.length === 0 ? {} : { binding: { ...binding, othersNames: [...new Set(others)] } };
}
