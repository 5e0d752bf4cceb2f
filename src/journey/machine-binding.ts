import { abortReason, EnrollError } from '../errors.js';
import { bindingOf, compareBinding, type MachineVerdict, machineSuffix, saltedHash } from '../host/binding.js';
import { type MachineFacts, machineFacts } from '../host/machine.js';
import { shortenName } from '../host/name.js';
import { isNamePattern } from '../host/name-pattern.js';
import { type KeyBinding, readSidecar, updateSidecar } from '../keystore/notes/sidecar.js';
import { type AgentRecord, keyHash, LONGEST_NAME } from '../model/agent-record.js';
import type { AgentInstallation, Host, HostName } from '../model/host.js';
import type { Journey } from './context.js';
import type { JourneyEdge } from './journey-edge.js';

/** Of the names of other machines, so many are kept. */
const MOST_NAMES = 16;

/**
 * Whether a key was enrolled on this machine, as the note beside it says. `unknown`: there is no note, it is about
 * another key, or nothing that it holds is known here.
 *
 * @throws EnrollError `FILE_UNREADABLE`, and the signal's reason
 */
export async function checkBinding(
  agent: AgentInstallation,
  record: AgentRecord,
  edge: JourneyEdge,
  signal: AbortSignal,
): Promise<MachineVerdict> {
  const { binding } = await readSidecar(agent.keysFile, edge.keystore.files);
  if (binding === undefined || !isAbout(binding, record)) return 'unknown';
  const facts = await factsOf(edge, signal);
  return compareBinding(binding, facts);
}

/** @throws EnrollError `KEY_OF_ANOTHER_MACHINE`: to prove the link with it would disturb the machine that it belongs to */
export async function requireSameMachine(
  agent: AgentInstallation,
  record: AgentRecord,
  edge: JourneyEdge,
  signal: AbortSignal,
): Promise<void> {
  if ((await checkBinding(agent, record, edge, signal)) !== 'other') return;
  throw new EnrollError(
    'KEY_OF_ANOTHER_MACHINE',
    `The key in ${agent.keysFile} (agent ${record.id} ${record.name}) was enrolled on another machine, so no message is sent with it.`,
  );
}

/**
 * Notes that a key belongs to this machine. What an earlier note of the same key knows beyond what can be read now is
 * kept; where nothing is known of this machine, nothing is noted.
 *
 * @param copiedFrom the record that was found here and belongs to another machine
 * @throws EnrollError `FILE_UNREADABLE`, `FILE_UNWRITABLE`, and the signal's reason
 */
export async function bindKey(
  agent: AgentInstallation,
  record: AgentRecord,
  edge: JourneyEdge,
  signal: AbortSignal,
  copiedFrom?: AgentRecord,
): Promise<void> {
  const facts = await factsOf(edge, signal);
  const nothing = Object.keys(facts).length === 0;
  if (nothing && (await readSidecar(agent.keysFile, edge.keystore.files)).binding === undefined) return;
  await updateSidecar(
    agent,
    ({ binding: before, ...rest }) => {
      const same = before !== undefined && isAbout(before, record) && compareBinding(before, facts) !== 'other';
      const salt = same ? before.salt : newSalt(edge);
      const { hashes } = bindingOf(facts, salt);
      const names = [...(before?.othersNames ?? []), ...(copiedFrom === undefined ? [] : [copiedFrom.name])];
      if (nothing && !same) return rest;
      const binding: KeyBinding = {
        agentId: record.id,
        key: noteOfKey(record, salt),
        salt,
        hashes: same ? new Map([...before.hashes, ...hashes]) : hashes,
        othersNames: [...new Set(names)].slice(-MOST_NAMES),
        other: same ? before.other : {},
      };
      return { ...rest, binding };
    },
    edge.keystore,
  );
}

/**
 * The host under a name of its own, for an enrollment. Where it still has the name of the machine that it is a copy of,
 * and the settings do not name it outright, its name is made of that one and eight digits that stay the same on this machine: a
 * manager may replace an agent by another of its name (Wazuh 3 even a connected one), and the original is to go on.
 *
 * @param copied the record that was found here and belongs to another machine
 * @throws EnrollError `FILE_UNREADABLE`, and the signal's reason
 */
export async function asItself(
  { settings, agent, edge, observe, signal }: Journey,
  host: Host,
  copied?: AgentRecord,
): Promise<Host> {
  if (!settings.machineBinding) return host;
  const { binding } = await readSidecar(agent.keysFile, edge.keystore.files);
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

function newSalt({ keystore }: JourneyEdge): string {
  return Array.from({ length: 4 }, () => keystore.token()).join('');
}
