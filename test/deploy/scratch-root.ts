import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Context } from 'mocha';
import { type Ended, needs, PROJECT, skip, tool } from './tool.js';

/** The system of this machine under a layer of its own: what is changed in it is gone when it is closed. */
export interface ScratchRoot {
  /** Runs a command with the layered system as its root. */
  run(command: string, ...args: readonly string[]): Promise<Ended>;
  /** Runs shell commands there, and throws where they fail. */
  sh(script: string, input?: string): Promise<string>;
  /** What a start of the machine does to it: /run and /tmp are empty again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

// Everything lies on a tmpfs in a mount namespace, which the kernel takes away with the last process in it.
const MOUNT = `
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/changed /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
mount --rbind -o ro /sys /mnt/root/sys
mount --rbind /dev /mnt/root/dev
for directory in "$@"; do
  mkdir -p "/mnt/root$directory"
  mount --bind "$directory" "/mnt/root$directory"
done
mount -t tmpfs tmpfs /mnt/root/run
echo mounted
exec cat
`;

/** Mounts a scratch root, or skips the suite where this cannot be done. */
export async function scratchRoot(context: Context): Promise<ScratchRoot> {
  needs(context, 'unshare', 'nsenter', 'chroot');
  if (process.getuid?.() !== 0) skip(context, 'a scratch root needs root');
  const kept = [PROJECT, process.execPath.replace(/\/bin\/node$/, '')].filter((path) => path !== '/usr');
  const holder = spawn('unshare', ['--mount', '--uts', '--ipc', 'sh', '-c', MOUNT, 'sh', ...kept]);
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

  const run: ScratchRoot['run'] = (command, ...args) => tool('nsenter', [...inside, command, ...args]);
  return {
    run,
    sh: async (script, input) => {
      const { code, stdout, stderr } = await tool('nsenter', [...inside, 'sh', '-ec', script], { input: input ?? '' });
      if (code !== 0) throw new Error(`${script}: ${code} ${stderr}`);
      return stdout;
    },
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
