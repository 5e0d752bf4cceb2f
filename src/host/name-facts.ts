import { FQDN_PLACES, fullHostName } from './fqdn.js';
import { MACHINE_PLACES, machineFacts } from './machine.js';
import type { Placeholder, PlaceholderValue } from './name-pattern.js';
import type { SystemEdge } from './system.js';

/** What this host has for the placeholders that a name pattern uses; nothing else is asked for. */
export async function placeholderValues(
  wanted: ReadonlySet<Placeholder>,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<ReadonlyMap<Placeholder, PlaceholderValue>> {
  const { platform } = system;
  const places = MACHINE_PLACES[platform];
  const machine =
    wanted.has('machine-id') || wanted.has('instance-id') ? await machineFacts(system, signal) : undefined;
  const values = new Map<Placeholder, PlaceholderValue>();
  for (const name of wanted) {
    switch (name) {
      case 'hostname':
        values.set(name, looked(system.hostname(), 'the host name of the system'));
        break;
      case 'fqdn':
        values.set(name, looked(await fullHostName(system, signal), FQDN_PLACES[platform]));
        break;
      case 'machine-id':
        values.set(name, looked(machine?.machineId, places.machineId));
        break;
      case 'instance-id':
        values.set(name, looked(machine?.instance?.id, places.instance));
        break;
    }
  }
  return values;
}

function looked(value: string | undefined, lookedIn: string): PlaceholderValue {
  return value === undefined || value === '' ? { found: false, lookedIn } : { found: true, value };
}
