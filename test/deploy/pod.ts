import type { ScratchRoot } from './scratch-root.js';
import { type Ended, tool } from './tool.js';

/** Where a value of an environment comes from, of the ways that the manifests use. */
interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** A container of a pod, as far as a run of it goes by what is written there. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
    readonly subPathExpr?: string;
  }[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly readOnlyRootFilesystem: boolean;
    readonly allowPrivilegeEscalation: boolean;
    readonly privileged?: boolean;
    readonly capabilities: { readonly add?: readonly string[]; readonly drop: readonly string[] };
  };
  readonly readinessProbe?: { readonly exec: { readonly command: readonly string[] } };
  readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
}

/** A volume of a pod, of the kinds that the manifests use. */
export interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly hostPath?: { readonly path: string };
  readonly secret?: { readonly secretName: string; readonly defaultMode: number };
}

/** What a pod is made of. */
export interface PodSpec {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
}

/** An object of Kubernetes, as far as the manifests go. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template: { readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

/** What `kubectl kustomize` makes of a directory, read by kubectl. */
export async function rendered(directory: string): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await tool('kubectl', ['kustomize', directory]);
  if (code !== 0) throw new Error(stderr);
  const asJson = ['patch', '--local', '--filename=-', '--type=merge', '--patch={}', '--output=json'];
  const { stdout: json, stderr: complaint } = await tool('kubectl', asJson, { input: stdout });
  if (complaint !== '') throw new Error(complaint);
  // One object after the other.
  return JSON.parse(`[${json.trim().replace(/^\}\n\{$/gm, '},\n{')}]`);
}

/** What a pod is given at its place: by the cluster, and by the node. */
export interface Placement {
  /** `metadata.name` and whatever else the downward API tells. */
  readonly fields: Readonly<Record<string, string>>;
  readonly configMaps: readonly Manifest[];
  /** The directory of each volume, in the scratch root. */
  readonly volumes: Readonly<Record<string, string>>;
}

const expanded = (text: string, env: Readonly<Record<string, string>>) =>
  text.replace(/\$\((\w+)\)/g, (whole, name: string) => env[name] ?? whole);
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function environment(container: Container, { fields, configMaps }: Placement): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    const found = configMaps.find(({ metadata }) => metadata.name === configMapRef?.name);
    if (found === undefined) throw new Error(`There is no ConfigMap ${configMapRef?.name}.`);
    Object.assign(env, found.data);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const told = valueFrom?.fieldRef === undefined ? value : fields[valueFrom.fieldRef.fieldPath];
    if (told === undefined) throw new Error(`There is no value for ${name}.`);
    env[name] = expanded(told, env);
  }
  return env;
}

/**
 * Runs a container the way a kubelet has it run: its command in its environment, with its mounts, its account and its
 * capabilities, in a mount namespace of its own. The image is the scratch root.
 * @param command what is run in it; its own command unless given
 */
export function runContainer(
  root: ScratchRoot,
  container: Container,
  placement: Placement,
  command: readonly string[] = [...container.command, ...(container.args ?? [])],
): Promise<Ended> {
  const env = environment(container, placement);
  const { securityContext: security } = container;
  const mounts = container.volumeMounts.map(({ name, mountPath, readOnly, subPathExpr }) => {
    const from = [placement.volumes[name], ...(subPathExpr === undefined ? [] : [expanded(subPathExpr, env)])];
    return { from: quoted(from.join('/')), to: quoted(mountPath), readOnly: readOnly === true };
  });
  const kept = (security.capabilities.add ?? []).map((name) => `,+${name.toLowerCase()}`).join('');
  const account = `--reuid=${security.runAsUser} --regid=${security.runAsGroup} --clear-groups`;
  const escalation = security.allowPrivilegeEscalation ? '' : '--no-new-privs';
  const variables = Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...env }).map(
    ([name, value]) => `${name}=${quoted(value)}`,
  );
  const script = [
    // The points of the mounts are made before the root becomes read-only.
    ...mounts.map(({ from, to }) => `mkdir -p ${from} ${to}; mount --bind ${from} ${to}`),
    ...mounts.filter(({ readOnly }) => readOnly).map(({ to }) => `mount -o remount,bind,ro ${to}`),
    ...(security.readOnlyRootFilesystem ? ['mount -o remount,bind,ro /run; mount -o remount,bind,ro /'] : []),
    `exec env -i ${variables.join(' ')} setpriv ${account} ${escalation} --inh-caps=-all --bounding-set=-all${kept} \\`,
    `  ${command.map((word) => quoted(expanded(word, env))).join(' ')}`,
  ];
  return root.run('unshare', '--mount', 'sh', '-ec', script.join('\n'));
}
