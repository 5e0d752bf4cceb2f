import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { BINARY, type Ended, needs, PROJECT, skip, tool } from './tool.js';

/** The system of this machine under a layer of its own: what is changed in it is gone when it is closed. */
export interface ScratchRoot {
  /** Runs a command with the layered system as its root. */
  run(command: string, ...args: readonly string[]): Promise<Ended>;
  /** Runs shell commands there, and throws where they fail. */
  sh(script: string, input?: string | Buffer): Promise<string>;
  /** Why no system can be booted in it; `undefined`: one can. */
  boots(): Promise<string | undefined>;
  /**
   * Boots the layered system with the real systemd, up to a unit, and ends when that system powers itself off.
   * @param options what else systemd-nspawn is told, such as the credentials that it hands to the machine
   */
  boot(unit: string, ...options: readonly string[]): Promise<Ended>;
  /** What a start of the machine does to it: /run is empty again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

// Everything lies on a tmpfs in a mount namespace, which the kernel takes away with the last process in it.
const MOUNT = `
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/changed /mnt/work /mnt/root /mnt/system
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/work /mnt/root
mkdir -p /mnt/root/opt/agent-enroll
touch /mnt/root/opt/node
# The same once more for a system that is booted in it, which mounts the rest itself.
mount --bind /mnt/root /mnt/system
for view in root system; do
  mount --bind "$1" /mnt/$view/opt/agent-enroll
  mount --bind "$2" /mnt/$view/opt/node
done
mount -t proc proc /mnt/root/proc
mount --rbind -o ro /sys /mnt/root/sys
mount --rbind /dev /mnt/root/dev
mount -t tmpfs tmpfs /mnt/root/run
mount -t tmpfs tmpfs /run
echo mounted
exec cat
`;

const NSPAWN = ['--quiet', '--register=no', '--keep-unit', '--directory=/mnt/system'];

/** The control groups that systemd-nspawn leaves behind in that of its caller. */
async function controlGroups(): Promise<readonly string[]> {
  const hierarchies = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line));
  const mounts = hierarchies.map((line) => line.split(' ')[4] ?? '');
  const groups = (await readFile('/proc/self/cgroup', 'utf8')).split('\n').map((line) => line.split(':')[2] ?? '/');
  const places = mounts.flatMap((mount) =>
    groups.flatMap((group) => ['payload', 'supervisor'].map((name) => join(mount, group, name))),
  );
  return [...new Set(places)].filter((path) => existsSync(path));
}

/** The program as it is installed in a scratch root: the packaged one where there is one, else a script that starts it. */
export async function scratchProgram(): Promise<Buffer> {
  const packaged = join(PROJECT, 'build', BINARY);
  if (existsSync(packaged)) return await readFile(packaged);
  return Buffer.from('#!/bin/sh\nexec /opt/node /opt/agent-enroll/bin/agent-enroll.js "$@"\n');
}

/** Mounts a scratch root, or skips the suite where this cannot be done. */
export async function scratchRoot(context: Context): Promise<ScratchRoot> {
  needs(context, 'unshare', 'nsenter', 'chroot');
  if (process.getuid?.() !== 0) skip(context, 'a scratch root needs root');
  const holder = spawn('unshare', ['--mount', '--uts', '--ipc', 'sh', '-c', MOUNT, 'sh', PROJECT, process.execPath]);
  let complaint = '';
  holder.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const mounted = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    once(holder, 'close').then(() => false),
  ]);
  if (!mounted || holder.pid === undefined) skip(context, `no overlay can be mounted here: ${complaint.trim()}`);
  const enter = ['--target', String(holder.pid), '--mount', '--uts', '--ipc'];
  const inside = [...enter, 'chroot', '/mnt/root'];

  const nspawn = async (...args: readonly string[]) => {
    try {
      return await tool('nsenter', [...enter, 'systemd-nspawn', ...NSPAWN, ...args]);
    } finally {
      for (const path of await controlGroups())
        await tool('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
    }
  };
  const run: ScratchRoot['run'] = (command, ...args) => tool('nsenter', [...inside, command, ...args]);
  return {
    run,
    sh: async (script, input) => {
      const { code, stdout, stderr } = await tool('nsenter', [...inside, 'sh', '-ec', script], { input: input ?? '' });
      if (code !== 0) throw new Error(`${script}: ${code} ${stderr}`);
      return stdout;
    },
    boots: async () => {
      if ((await controlGroups()).length > 0) return 'this control group holds a payload already';
      const { code, stderr } = await nspawn('true');
      return code === 0 ? undefined : stderr.trim();
    },
    boot: (unit, ...options) => nspawn(...options, '--boot', `systemd.unit=${unit}`),
    restart: async () => {
      const again = 'umount /mnt/root/run && mount -t tmpfs tmpfs /mnt/root/run';
      const { code, stderr } = await tool('nsenter', [...enter, 'sh', '-c', again]);
      if (code !== 0) throw new Error(stderr);
    },
    close: async () => {
      const closed = once(holder, 'close');
      holder.stdin.end();
      await closed;
    },
  };
}
