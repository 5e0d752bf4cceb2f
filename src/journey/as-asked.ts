import { hostName } from '../host/identify.js';
import type { AskedFor, Notes } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Host } from '../model/host.js';
import type { Settings } from '../settings/settings.js';
import type { PreparedJourney } from './context.js';

/** What a manager was asked to make of this host, so that a later run can tell what is asked for anew. */
export function askedFor({ groups }: Settings, { name, address }: Host, { id, name: given }: AgentRecord): AskedFor {
  const { register } = address;
  return {
    agent: `${id} ${given}`,
    name: name.name,
    ip: register.kind === 'address' ? register.address : register.kind,
    groups,
  };
}

/**
 * Tells what was asked for and is not done, because the key that is there is kept: another name, address or groups than
 * it was enrolled with.
 */
export async function tellOfDifferences(journey: PreparedJourney, record: AgentRecord): Promise<void> {
  const { settings, notes, observe } = journey;
  const before = askedBefore(notes.notes, record);
  const name = await nameAskedFor(journey);
  const ignored = [
    ...(name === undefined || name === record.name || name === before?.name ? [] : [`the name ${name}`]),
    ...addressDifference(settings, record, before),
    ...(settings.groups.length === 0 || sameGroups(settings.groups, before?.groups)
      ? []
      : [`the groups ${settings.groups.join(', ')}`]),
  ];
  if (ignored.length === 0) return;
  const text = `The key that is there is kept (agent ${record.id} ${record.name}, address ${record.ip}), so what was asked for is not done: ${ignored.join(', ')}. Change it on the manager, or enroll anew with --force.`;
  observe({ kind: 'warning', text });
}

function askedBefore({ asked }: Notes, { id, name }: AgentRecord): AskedFor | undefined {
  return asked?.agent === `${id} ${name}` ? asked : undefined;
}

/** A name that cannot be made now is no reason to give up a key that works. */
async function nameAskedFor({ settings, edge, signal }: PreparedJourney): Promise<string | undefined> {
  if (settings.name === undefined) return undefined;
  try {
    return (await hostName(settings.name, edge.system, signal)).name;
  } catch {
    return undefined;
  }
}

function addressDifference({ ip }: Settings, record: AgentRecord, before: AskedFor | undefined): readonly string[] {
  // Which address a manager sees is not known here.
  if (ip.kind === 'auto' || ip.kind === 'source') return [];
  const asked = ip.kind === 'address' ? ip.address : 'any';
  return asked === before?.ip || asked.toLowerCase() === record.ip.toLowerCase() ? [] : [`the address ${asked}`];
}

function sameGroups(asked: readonly string[], before: readonly string[] | undefined): boolean {
  return before !== undefined && asked.toSorted().join() === before.toSorted().join();
}
