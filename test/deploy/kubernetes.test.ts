import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type Container, type Manifest, type PodSpec, rendered, runContainer } from './pod.js';
import { type Manager, startManager } from './sandbox-host.js';
import { type ScratchRoot, scratchProgram, scratchRoot } from './scratch-root.js';
import { CONF, CONF_OF_WAZUH_5, deployed, type Ended, needs, PROJECT, scratchDirectory, tool } from './tool.js';

const PASSWORD = 'correct horse';
const KINDS = { daemonset: 'DaemonSet', statefulset: 'StatefulSet' } as const;
type Directory = keyof typeof KINDS;

/** The pod of what a directory renders. */
function podOf(manifests: readonly Manifest[], directory: Directory): PodSpec {
  const found = manifests.find(({ kind }) => kind === KINDS[directory])?.spec?.template.spec;
  if (found === undefined) throw new Error(`There is no ${KINDS[directory]}.`);
  return found;
}
const containersOf = (pod: PodSpec): readonly Container[] => [...pod.initContainers, ...pod.containers];

/** Every place in a value, with what stands there. */
function places(value: unknown, at = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [`${at} ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([name, inner]) => places(inner, `${at}/${name}`));
}

for (const directory of ['daemonset', 'statefulset'] as const) {
  describe(`the ${KINDS[directory]} for Kubernetes`, function () {
    this.timeout(30_000);
    let manifests: readonly Manifest[];
    let pod: PodSpec;
    before(async function () {
      needs(this, 'kubectl');
      manifests = await rendered(deployed(`kubernetes/${directory}`));
      pod = podOf(manifests, directory);
    });

    it('has no field that Kubernetes does not have, and none of another type', async () => {
      const workload = manifests.find(({ kind }) => kind === KINDS[directory]);
      // Reads the object into the types of Kubernetes, which drops what they do not have.
      const set = ['set', 'serviceaccount', '--local', '--filename=-', '--output=json', 'default'];
      const { code, stdout, stderr } = await tool('kubectl', set, { input: JSON.stringify(workload) });
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(places(JSON.parse(stdout))).to.include.members([...places(workload)]);
    });

    it('shows the secret to one init container, as a file that root alone can read, and nowhere else', () => {
      const secrets = pod.volumes.filter(({ secret }) => secret !== undefined);
      expect(secrets.map(({ secret }) => secret?.defaultMode)).to.deep.equal([0o400]);
      const mounted = containersOf(pod).flatMap(({ name, volumeMounts }) =>
        volumeMounts
          .filter((mount) => secrets.some((volume) => volume.name === mount.name))
          .map(({ readOnly }) => ({ name, readOnly })),
      );
      expect(mounted).to.deep.equal([{ name: 'enroll', readOnly: true }]);
      const everywhere = places(manifests).filter((place) => /secret/i.test(place));
      expect(everywhere.map((place) => place.replace(/^.*\/(?=\w+Ref|volumes\/|volumeMounts\/)/, ''))).to.deep.equal([
        'volumeMounts/2/mountPath "/run/secrets"',
        'volumes/2/secret/defaultMode 256',
        'volumes/2/secret/secretName "agent-enrollment"',
      ]);
      expect(places(manifests).filter((place) => /password|token/i.test(place))).to.satisfy((found: string[]) =>
        found.every((place) => place.endsWith('/automountServiceAccountToken false')),
      );
    });

    it('gives no container more than it needs', () => {
      expect(pod).to.include({ automountServiceAccountToken: false });
      expect(pod).not.to.have.any.keys('hostNetwork', 'hostPID', 'hostIPC');
      for (const { name, securityContext, resources } of containersOf(pod)) {
        expect(securityContext, name).to.include({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
        expect(securityContext.capabilities.drop, name).to.deep.equal(['ALL']);
        expect(securityContext, name).not.to.have.any.keys('privileged', 'procMount');
        expect(resources.limits, name).to.have.all.keys('memory');
        expect(resources.requests, name).to.have.all.keys('cpu', 'memory');
      }
      const asked = pod.initContainers.map(({ securityContext }) => securityContext.capabilities.add);
      const unit = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'];
      expect(asked, 'as the systemd unit').to.deep.equal([unit, unit]);
    });

    it('starts its agent last, and calls it ready when its manager has acknowledged it', () => {
      expect(containersOf(pod).map(({ name }) => name)).to.deep.equal(['home', 'enroll', 'agent']);
      expect(pod.containers[0]?.readinessProbe?.exec.command.slice(0, 2)).to.deep.equal(['agent-enroll', 'check']);
    });
  });
}

describe('pods with an agent, run as their node would run them', function () {
  this.timeout(120_000);
  let root: ScratchRoot;
  let manager: Manager;
  let overlay: Awaited<ReturnType<typeof scratchDirectory>>;
  let pods = 0;

  /** What the page has the user write down, with these settings in place of those of the page. */
  const render = async (directory: Directory, settings: Readonly<Record<string, string>>) => {
    const page = await readFile(join(PROJECT, 'docs/deploy/kubernetes.md'), 'utf8');
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const literals = Object.entries(settings).map(([name, value]) => `      - ${name}=${value}\n`);
    const written = example
      .replace('kubernetes/daemonset', `kubernetes/${directory}`)
      .replace(/( {4}literals:\n)(?: {6}- .*\n)+/, (_, start: string) => start + literals.join(''));
    await writeFile(join(overlay.path, 'kustomization.yaml'), written);
    return await rendered(overlay.path);
  };

  /** A secret's volume as a kubelet lays it: the files are links into a directory that is replaced as a whole. */
  const secretVolume = async (at: string, key: string, text: string) =>
    await root.sh(
      `mkdir -p ${at}/..1; umask 277; cat > ${at}/..1/${key}; ln -s ..1 ${at}/..data; ln -s ..data/${key} ${at}/${key}`,
      text,
    );

  /** What a pod came to: each container that was run, in order. */
  interface Course {
    readonly ended: Readonly<Record<string, Ended>>;
    /** What the readiness probe ends with, if the agent was started. */
    readonly ready?: number;
  }

  /** Starts a new pod: with volumes of its own, but for that of its keys. */
  const start = async (
    directory: Directory,
    fields: { readonly node: string; readonly pod?: string },
    {
      state,
      settings = {},
      key = 'enrollment_password',
      secret = PASSWORD,
    }: Partial<Start> & { readonly state: string },
  ): Promise<Course> => {
    const environment = { ...manager.environment, AGENT_OPTIONS: '--write-config --timeout 3s', ...settings };
    const manifests = await render(directory, environment);
    const pod = podOf(manifests, directory);
    pods += 1;
    const at = `/srv/pod-${pods}`;
    const volumes = { home: `${at}/home`, tmp: `${at}/tmp`, enrollment: `${at}/enrollment`, state };
    await root.sh(`mkdir -p ${Object.values(volumes).join(' ')}`);
    await secretVolume(volumes.enrollment, key, secret);
    const named = { 'metadata.name': fields.pod ?? `node-agent-${pods}x`, 'spec.nodeName': fields.node };
    const placement = { fields: named, configMaps: manifests.filter(({ kind }) => kind === 'ConfigMap'), volumes };
    const ended: Record<string, Ended> = {};
    for (const container of containersOf(pod)) {
      const outcome = await runContainer(root, container, placement);
      ended[container.name] = outcome;
      if (outcome.code !== 0) return { ended };
    }
    const [agent] = pod.containers;
    const probe = agent?.readinessProbe?.exec.command;
    if (agent === undefined || probe === undefined) throw new Error('There is no probe.');
    return { ended, ready: (await runContainer(root, agent, placement, probe)).code };
  };
  interface Start {
    /** The directory of the keys: of the node, or the claimed volume. */
    readonly state: string;
    readonly settings: Readonly<Record<string, string>>;
    readonly key: string;
    readonly secret: string;
  }
  const said = ({ ended }: Course) => ended['agent']?.stdout ?? `not started: ${ended['enroll']?.stderr}`;

  // Shows what it was given, in place of an agent.
  const AGENT = `#!/bin/sh
echo "started with $*"
cut -d ' ' -f 1-3 /var/ossec/etc/client.keys
grep -o '<address>.*</address>' /var/ossec/etc/ossec.conf
ls /var/ossec/queue/rids
if ls /run/secrets/* > /dev/null 2>&1; then echo 'sees the secret'; fi
if touch /changed 2> /dev/null; then echo 'can change its image'; fi
sed -n 's/^Cap\\(Bnd\\):\\s*0*/capabilities /p' /proc/self/status
`;

  before(async function () {
    needs(this, 'kubectl', 'setpriv');
    root = await scratchRoot(this);
    overlay = await scratchDirectory();
    await cp(deployed('kubernetes'), join(overlay.path, 'agent-enroll/deploy/kubernetes'), { recursive: true });
    // The image.
    await root.sh('rm -rf /var/ossec /run/secrets; mkdir -p /var/ossec/etc /var/ossec/bin /var/ossec/queue/rids');
    const files = {
      '/usr/local/bin/agent-enroll': await scratchProgram(),
      '/usr/local/bin/entrypoint.sh': await readFile(deployed('container/entrypoint.sh')),
      '/var/ossec/bin/wazuh-agentd': AGENT,
      '/var/ossec/etc/ossec.conf': CONF,
    };
    for (const [path, content] of Object.entries(files)) await root.sh(`cat > ${path}; chmod 755 ${path}`, content);
  });
  after(async () => {
    await root?.close();
    await overlay?.remove();
  });
  beforeEach(async () => {
    manager = await startManager({ password: new Secret(PASSWORD) });
  });
  afterEach(() => manager?.close());

  it('enrolls a node, and starts its agent with the key, without the secret', async () => {
    const course = await start('daemonset', { node: 'node-a' }, { state: '/srv/a' });
    expect(said(course)).to.equal(
      [
        'started with -f',
        '001 node-a any',
        '<address>127.0.0.1</address>',
        'sender_counter',
        // CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID, SYS_CHROOT: bits 0, 1, 3, 6, 7 and 18.
        'capabilities 400cb',
        '',
      ].join('\n'),
    );
    expect(course.ready).to.equal(0);
    expect(await root.sh('ls /srv/a')).to.equal('node-a\n');
    expect((await root.run('grep', '-rls', PASSWORD, '/srv/a', '/srv/pod-1/home', '/srv/pod-1/tmp')).stdout).to.equal(
      '',
    );
  });

  it('is the same agent in the next pod of the node, and a node with a copy of its disk is another', async () => {
    const first = await start('daemonset', { node: 'node-a' }, { state: '/srv/b' });
    const next = await start('daemonset', { node: 'node-a' }, { state: '/srv/b' });
    expect([said(next), next.ready]).to.deep.equal([said(first), 0]);
    expect(manager.asked()).to.deep.equal(['node-a']);
    await root.sh('cp -a /srv/b /srv/copy');
    const copy = await start('daemonset', { node: 'node-b' }, { state: '/srv/copy' });
    expect(said(copy)).to.contain('002 node-b any');
    expect(manager.asked()).to.deep.equal(['node-a', 'node-b']);
    expect(manager.agents()).to.have.length(2);
  });

  it('is the same agent where a replica is moved to another node, and two replicas are two', async () => {
    const zero = await start('statefulset', { node: 'node-a', pod: 'web-agent-0' }, { state: '/srv/zero' });
    const one = await start('statefulset', { node: 'node-a', pod: 'web-agent-1' }, { state: '/srv/one' });
    const moved = await start('statefulset', { node: 'node-b', pod: 'web-agent-0' }, { state: '/srv/zero' });
    expect(said(zero)).to.contain('001 web-agent-0 any');
    expect(said(one)).to.contain('002 web-agent-1 any');
    expect([said(moved), moved.ready]).to.deep.equal([said(zero), 0]);
    expect(manager.agents()).to.have.length(2);
  });

  it('starts an agent that has a key while its manager is away, and does not call it ready', async () => {
    const first = await start('daemonset', { node: 'node-a' }, { state: '/srv/c' });
    const settings = { WAZUH_MANAGER: '127.0.0.1:1', WAZUH_REGISTRATION_PORT: '1', AGENT_OPTIONS: '--retries 0' };
    const next = await start('daemonset', { node: 'node-a' }, { state: '/srv/c', settings });
    expect(said(next)).to.contain('001 node-a any');
    expect([first.ready, next.ready === 0]).to.deep.equal([0, false]);
  });

  it('starts no agent where the manager refuses, and says why', async () => {
    const course = await start('daemonset', { node: 'node-a' }, { state: '/srv/d', secret: 'wrong' });
    expect(Object.keys(course.ended)).to.deep.equal(['home', 'enroll']);
    expect(course.ended['enroll']?.code).to.equal(5);
    expect(course.ended['enroll']?.stderr).to.contain('password').and.not.to.contain('wrong\n');
    expect(manager.agents()).to.deep.equal([]);
  });

  it('takes the token of a Wazuh 5 in place of manager and password', async () => {
    const sandbox = await startHttpsSandbox({ password: new Secret(PASSWORD) });
    try {
      const settings = { WAZUH_MANAGER: '', WAZUH_REGISTRATION_PORT: '' };
      const token = { key: 'enrollment_token', secret: sandbox.mintToken().text.reveal() };
      await root.sh('cat > /var/ossec/etc/ossec.conf', CONF_OF_WAZUH_5);
      for (const _ of ['first', 'next']) {
        const course = await start('daemonset', { node: 'node-a' }, { state: '/srv/e', settings, ...token });
        expect(said(course)).to.match(/^\d+ node-a any$/m);
        expect(course.ready).to.equal(0);
      }
      expect(sandbox.agents().map(({ name }) => name)).to.deep.equal(['node-a']);
    } finally {
      await sandbox.close();
    }
  });
});
