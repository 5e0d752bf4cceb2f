import { memberOf, parseJson, textOf } from '../model/json.js';
import { isContainer } from './facts.js';
import type { SystemEdge } from './system.js';

/** The id that a cloud, or who set up the machine, gave this instance. */
export interface InstanceId {
  /** As cloud-init wrote it: `i-0abc…` on AWS, a number on Google's cloud, a UUID on most others. */
  readonly id: string;
  /**
   * True where cloud-init has asked the platform for it since the machine was started, and the platform issues such ids
   * and never changes them. False for one that was only found on the disk, where it is copied with everything else, and
   * for one that a person wrote into a seed.
   */
  readonly issued: boolean;
}

/** What tells this machine from others; each part is absent where it is not known. */
export interface MachineFacts {
  /** /etc/machine-id, 32 lower-case hex digits; on Windows MachineGuid, a UUID. */
  readonly machineId?: string;
  /** The UUID of the mainboard or the virtual machine, lower case. */
  readonly dmiUuid?: string;
  readonly instance?: InstanceId;
}

/**
 * What identifies this machine, as far as this user may read it. Asks nobody outside of it; on Windows it takes a
 * second or two.
 *
 * In a container the DMI UUID is left out: it is that of the host, which the container may leave tomorrow. Its
 * machine-id is taken: an init system in a container makes its own, a file mounted from the host ties the agent to
 * that host, and images without an init system hold none.
 */
export async function machineFacts(system: SystemEdge, signal: AbortSignal): Promise<MachineFacts> {
  const [machineId, dmiUuid, instance] = await Promise.all(
    system.platform === 'windows'
      ? [machineGuid(system, signal), windowsUuid(system, signal), undefined]
      : [unixMachineId(system), unixUuid(system), instanceId(system)],
  );
  return {
    ...(machineId === undefined ? {} : { machineId }),
    ...(dmiUuid === undefined ? {} : { dmiUuid }),
    ...(instance === undefined ? {} : { instance }),
  };
}

/** The places where {@link machineFacts} looks, in words, for who misses a value. */
export const MACHINE_PLACES = {
  unix: {
    machineId: '/etc/machine-id and /var/lib/dbus/machine-id',
    instance: '/run/cloud-init/instance-data.json and /var/lib/cloud/data/instance-id',
  },
  windows: {
    machineId: 'HKLM\\SOFTWARE\\Microsoft\\Cryptography, MachineGuid',
    instance: 'nowhere: Windows keeps none',
  },
} as const;

async function unixMachineId(system: SystemEdge): Promise<string | undefined> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const text = (await system.readText(path))?.trim().toLowerCase() ?? '';
    // systemd writes "uninitialized" into an image that is to get its id at its first start.
    if (/^[0-9a-f]{32}$/.test(text) && !/^0+$/.test(text)) return text;
  }
  return undefined;
}

async function unixUuid(system: SystemEdge): Promise<string | undefined> {
  if (await isContainer(system)) return undefined;
  return meaningfulUuid((await system.readText('/sys/class/dmi/id/product_uuid')) ?? '');
}

async function machineGuid(system: SystemEdge, signal: AbortSignal): Promise<string | undefined> {
  const value = await registryValue('HKLM\\SOFTWARE\\Microsoft\\Cryptography', 'MachineGuid', system, signal);
  return meaningfulUuid(value ?? '');
}

/** A text value of the Windows registry; `undefined` where it is not there, or empty. */
export async function registryValue(
  key: string,
  name: string,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { systemRoot = 'C:\\Windows' } = system.directories;
  const printed = await system.run(`${systemRoot}\\System32\\reg.exe`, ['query', key, '/v', name], signal);
  return /\sREG_SZ[ \t]+(\S[^\r\n]*)/.exec(printed ?? '')?.[1]?.trim();
}

async function windowsUuid(system: SystemEdge, signal: AbortSignal): Promise<string | undefined> {
  const { systemRoot = 'C:\\Windows' } = system.directories;
  // wmic answers sooner, and is gone from new versions of Windows.
  const wmic = `${systemRoot}\\System32\\wbem\\wmic.exe`;
  const told = (await system.exists(wmic)) ? await system.run(wmic, ['csproduct', 'get', 'uuid'], signal) : undefined;
  const uuid = uuidIn(told ?? '');
  if (uuid !== undefined) return meaningfulUuid(uuid);
  const powershell = `${systemRoot}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
  const ask = '(Get-CimInstance -ClassName Win32_ComputerSystemProduct).UUID';
  const printed = await system.run(powershell, ['-NoProfile', '-NonInteractive', '-Command', ask], signal);
  return meaningfulUuid(printed ?? '');
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/;

function uuidIn(text: string): string | undefined {
  return UUID.exec(text.toLowerCase())?.[0];
}

// What makers leave in the firmware of every board: a reference BIOS's pattern, Dell's without a service tag, counting.
const MAKERS_DUMMIES = new Set(
  [
    '03000200-0400-0500-0006-000700080009',
    '4c4c4544-0000-2010-8020-80c04f202020',
    '12345678-1234-5678-90ab-cddeefaabbcc',
    '01234567-8910-1112-1314-151617181920',
    '00112233-4455-6677-8899-aabbccddeeff',
  ].map(sameInBothOrders),
);

/** The UUID in a text, unless it is one that many machines share: all digits alike, or a maker's dummy. */
export function meaningfulUuid(text: string): string | undefined {
  const uuid = uuidIn(text);
  if (uuid === undefined || MAKERS_DUMMIES.has(sameInBothOrders(uuid))) return undefined;
  const bytes = uuid.replaceAll('-', '').match(/../g) ?? [];
  return new Set(bytes).size === 1 ? undefined : uuid;
}

/**
 * One spelling for both byte orders of a UUID: a new firmware or kernel may turn round the first three fields, whose
 * order SMBIOS changed with 2.6, and it is the same machine.
 */
export function sameInBothOrders(uuid: string): string {
  const turned = uuid.replace(/^(..)(..)(..)(..)-(..)(..)-(..)(..)-/, '$4$3$2$1-$6$5-$8$7-');
  return turned < uuid ? turned : uuid;
}

// What cloud-init's data sources call an instance that nobody gave an id, and what everybody copies from examples.
const NOBODYS_INSTANCE = new Set([
  'iid-datasource-none',
  'iid-datasource',
  'nocloud',
  'iid-dsovf',
  'iid-vmware-imc',
  'iid-local',
  'iid-local01',
  'iid-abcdefg',
  'i-abcdefg',
  'cloud-image',
  'none',
  'null',
]);

// Where the platform issues the id. Left out: seeds that people write (NoCloud, VMware, OVF), and LXD, which gives a
// new id whenever the configuration changes.
const ISSUING_CLOUDS = new Set(
  'aws azure gce openstack oracle digitalocean hetzner aliyun scaleway vultr upcloud exoscale akamai cloudstack ibmcloud'.split(
    ' ',
  ),
);

async function instanceId(system: SystemEdge): Promise<InstanceId | undefined> {
  // /run is empty at every start, so this was written by cloud-init on this very machine.
  const now = instanceIn((await system.readText('/run/cloud-init/instance-data.json')) ?? '');
  if (now !== undefined) return now;
  const id = meaningfulInstance((await system.readText('/var/lib/cloud/data/instance-id')) ?? '');
  return id === undefined ? undefined : { id, issued: false };
}

/** Reads cloud-init's instance-data.json: `v1.instance_id`, and by `v1.cloud_name` whether a platform issued it. */
export function instanceIn(json: string): InstanceId | undefined {
  const v1 = memberOf(parseJson(json), 'v1');
  const text = (name: string) => textOf(memberOf(v1, name));
  const id = meaningfulInstance(text('instance_id') ?? text('instance-id') ?? '');
  if (id === undefined) return undefined;
  const cloud = text('cloud_name') ?? text('cloud-name') ?? '';
  return { id, issued: ISSUING_CLOUDS.has(cloud.toLowerCase()) };
}

function meaningfulInstance(text: string): string | undefined {
  const id = text.trim();
  if (id === '' || id.length > 256 || /[\s\p{C}]/u.test(id) || NOBODYS_INSTANCE.has(id.toLowerCase())) return undefined;
  // A UUID of zeros is as little an id as no id.
  return uuidIn(id) === id.toLowerCase() && meaningfulUuid(id) === undefined ? undefined : id;
}
