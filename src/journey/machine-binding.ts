import { abortReason, EnrollError } from '../errors.js';
import { bindingOf, compareBinding, type MachineVerdict, machineSuffix, saltedHash } from '../host/binding.js';
import { type MachineFacts, machineFacts } from '../host/machine.js';
import { shortenName } from '../host/name.js';
import { isNamePattern } from '../host/name-pattern.js';
import type { KeyBinding, Notes } from '../keystore/notes/notes.js';
import { type AgentRecord, keyHash, LONGEST_NAME } from '../model/agent-record.js';
import type { AgentInstallation, Host, HostName } from '../model/host.js';
import type { PreparedJourney } from './context.js';
import type { JourneyEdge } from './journey-edge.js';

/** Of the names of other machines, so many are kept. */
const MOST_NAMES = 16;

/**
 * Whether a key was enrolled on this machine, as the notes say. `unknown`: they say nothing, speak of another key, or
 * nothing that they hold is known here.
 *
 * @throws EnrollError the signal's reason
 */
export async function checkBinding(
  { binding }: Notes,
  record: AgentRecord,
  edge: JourneyEdge,
  signal: AbortSignal,
): Promise<MachineVerdict> {
  if (binding === undefined || !isAbout(binding, record)) return 'unknown';
  return compareBinding(binding, await factsOf(edge, signal));
}

/** To prove the link with the key of another machine would disturb that machine. */
export function keyOfAnotherMachine({ keysFile }: AgentInstallation, { id, name }: AgentRecord): EnrollError {
  return new EnrollError(
    'KEY_OF_ANOTHER_MACHINE',
    `The key in ${keysFile} (agent ${id} ${name}) was enrolled on another machine, so no message is sent with it.`,
  );
}

/**
 * The note that a key belongs to this machine. What an earlier note of the same key knows beyond what can be read now is
 * kept; where nothing is known of this machine, nothing is noted (`undefined`).
 *
 * @param copiedFrom the record that was found here and belongs to another machine
 * @throws EnrollError the signal's reason
 */
export async function boundTo(
  { binding: before }: Notes,
  record: AgentRecord,
  edge: JourneyEdge,
  signal: AbortSignal,
  copiedFrom?: AgentRecord,
): Promise<KeyBinding | undefined> {
  const facts = await factsOf(edge, signal);
  const same = before !== undefined && isAbout(before, record) && compareBinding(before, facts) !== 'other';
  if (Object.keys(facts).length === 0 && !same) return undefined;
  const salt = same ? before.salt : newSalt(edge);
  const { hashes } = bindingOf(facts, salt);
  const names = [...(before?.othersNames ?? []), ...(copiedFrom === undefined ? [] : [copiedFrom.name])];
  return {
    agentId: record.id,
    key: noteOfKey(record, salt),
    salt,
    hashes: same ? new Map([...before.hashes, ...hashes]) : hashes,
    othersNames: [...new Set(names)].slice(-MOST_NAMES),
    other: same ? before.other : {},
  };
}

/**
 * Notes that a key which has just come into its place belongs to this machine, unless that is not wanted.
 *
 * @param copiedFrom the record that was found here and belongs to another machine
 * @throws EnrollError `FILE_UNWRITABLE`, and the signal's reason
 */
export async function bind(
  { settings, edge, notes, signal }: PreparedJourney,
  record: AgentRecord,
  copiedFrom?: AgentRecord,
): Promise<void> {
  if (!settings.machineBinding) return;
  const binding = await boundTo(notes.notes, record, edge, signal, copiedFrom);
  await notes.update(({ binding: _, ...rest }) => ({ ...rest, ...(binding === undefined ? {} : { binding }) }));
}

/**
 * The host under a name of its own, for an enrollment. Where it still has the name of the machine that it is a copy of,
 * and the settings do not name it outright, its name is made of that one and eight digits that stay the same on this machine: a
 * manager may replace an agent by another of its name (Wazuh 3 even a connected one), and the original is to go on.
 *
 * @param copied the record that was found here and belongs to another machine
 * @throws EnrollError the signal's reason
 */
export async function asItself(
  { settings, edge, notes, observe, signal }: PreparedJourney,
  host: Host,
  copied?: AgentRecord,
): Promise<Host> {
  if (!settings.machineBinding) return host;
  const { binding } = notes.notes;
  const taken = [...(binding?.othersNames ?? []), ...(copied === undefined ? [] : [copied.name])];
  const named = settings.name !== undefined && !isNamePattern(settings.name);
  const renamed = !named && taken.includes(host.name.name);
  const name = renamed ? await distinctName(host.name, edge, signal) : host.name;
  if (copied !== undefined) {
    const why = renamed ? ', since the host has the name of that machine still' : '';
    const text = `The key that is there (agent ${copied.id} ${copied.name}) was enrolled on another machine, of which this one is a copy. It is not used: this host enrolls as itself, as ${name.name}${why}.`;
    observe({ kind: 'warning', text });
  }
  return { ...host, name };
}

async function distinctName({ name }: HostName, edge: JourneyEdge, signal: AbortSignal): Promise<HostName> {
  const suffix = machineSuffix(await factsOf(edge, signal));
  const longer = `${name}-${suffix}`;
  return { name: longer.length > LONGEST_NAME ? shortenName(longer, longer) : longer, changedFrom: name };
}

async function factsOf({ system }: JourneyEdge, signal: AbortSignal): Promise<MachineFacts> {
  const facts = await machineFacts(system, signal);
  if (signal.aborted) throw abortReason(signal);
  return facts;
}

function isAbout(binding: KeyBinding, record: AgentRecord): boolean {
  return binding.agentId === record.id && binding.key === noteOfKey(record, binding.salt);
}

function noteOfKey(record: AgentRecord, salt: string): string {
  return saltedHash('key', keyHash(record), salt);
}

function newSalt({ disk }: JourneyEdge): string {
  return Array.from({ length: 4 }, () => disk.token()).join('');
}
