import { createHash, createHmac } from 'node:crypto';
import type { MachineBinding } from '../model/machine-binding.js';
import { type MachineFacts, sameInBothOrders } from './machine.js';

/** What a machine is recognised by, under the names that the notes use. */
export type Identifier = 'machine-id' | 'dmi-uuid' | 'instance-id';

/** Whether a note was made on this machine. */
export type MachineVerdict = 'same' | 'other' | 'unknown';

/**
 * The note of a machine: each identifier by itself as an HMAC-SHA-256, so that neither the ids nor hashes of them that
 * could be compared between hosts are on the disk.
 */
export function bindingOf(facts: MachineFacts, salt: string): MachineBinding {
  const hashes = identifiers(facts).map(([kind, value]) => [kind, saltedHash(kind, value, salt)] as const);
  return { salt, hashes: new Map(hashes) };
}

/** The hash under which a value of some kind is noted. */
export function saltedHash(kind: string, value: string, salt: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(`${kind}:${value}`).digest('hex');
}

function identifiers({ machineId, dmiUuid, instance }: MachineFacts): [Identifier, string][] {
  return [
    ...(machineId === undefined ? [] : [['machine-id', machineId] satisfies [Identifier, string]]),
    ...(dmiUuid === undefined ? [] : [['dmi-uuid', sameInBothOrders(dmiUuid)] satisfies [Identifier, string]]),
    ...(instance === undefined
      ? []
      : [['instance-id', sameInBothOrders(instance.id.toLowerCase())] satisfies [Identifier, string]]),
  ];
}

/**
 * Whether the machine of a note is this one. Only what both sides know is compared; the first line that holds decides:
 *
 * | what is seen                                        | verdict | because                                                |
 * |-----------------------------------------------------|---------|--------------------------------------------------------|
 * | instance id, issued by the platform, equal          | same    | survives a new instance type, a rebuilt disk           |
 * | instance id, issued by the platform, different      | other   | a platform never gives an instance another id          |
 * | machine-id different                                | other   | a sealed clone, a cloned container                     |
 * | DMI UUID different (in both byte orders)            | other   | a clone of an image that was not sealed                |
 * | instance id from disk or seed different, DMI equal  | same    | a changed seed (Proxmox makes the id of its settings)  |
 * | instance id from disk or seed different             | other   | a clone, where nothing speaks for the hardware         |
 * | at least one is equal                               | same    |                                                        |
 * | nothing is known on both sides                      | unknown | no root, a container without an id                     |
 *
 * Only what no restart and no kernel or firmware update changes is compared, and a dummy UUID counts as none. A new
 * mainboard below an old disk does look like a clone; nothing on the disk tells the two apart.
 */
export function compareBinding(stored: MachineBinding, facts: MachineFacts): MachineVerdict {
  const now = bindingOf(facts, stored.salt).hashes;
  const compare = (kind: Identifier) => {
    const before = stored.hashes.get(kind);
    const here = now.get(kind);
    return before === undefined || here === undefined ? undefined : before === here;
  };
  const instance = compare('instance-id');
  if (instance !== undefined && facts.instance?.issued === true) return instance ? 'same' : 'other';
  const machine = compare('machine-id');
  const dmi = compare('dmi-uuid');
  if (machine === false || dmi === false) return 'other';
  if (instance === false) return dmi === true ? 'same' : 'other';
  return machine === true || dmi === true || instance === true ? 'same' : 'unknown';
}

/** Eight hex digits that stay the same on this machine and differ from its clones'; for a name of its own. */
export function machineSuffix(facts: MachineFacts): string {
  const all = identifiers(facts).map(([kind, value]) => `${kind}:${value}`);
  return createHash('sha256').update(all.join('\n')).digest('hex').slice(0, 8);
}
