/** What the packages for Linux hold, whatever their format. */
import { chmod, copyFile, lutimes, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import { ROOT } from './config.js';
import { run } from './run.js';

/** Runs the program, which is one expression, as on a terminal of a given width. */
const RENDER = fileURLToPath(new URL('render.cjs', import.meta.url));

/** One file of a package. */
export interface PackageFile {
  /** Where it is installed: `usr/bin/agent-enroll`. */
  readonly path: string;
  readonly mode: number;
  /** What is in it, or the file that it is a copy of. */
  readonly content: string | Buffer | { readonly copyOf: string };
}

/** Where the formats keep what they do not agree about. */
export interface Places {
  /** The directory of zsh's completions, without a slash. */
  readonly zsh: string;
  readonly units: string;
}

/** What goes into every package beside the binary: what the program itself says, and the files of the checkout. */
export interface Surroundings {
  readonly completions: Readonly<Record<'bash' | 'zsh' | 'fish', string>>;
  readonly unit: string;
  readonly environment: string;
  readonly manual: Buffer;
}

/** As `gzip -9n` does it: no name, no time. */
export function gzip(content: string | Buffer): Buffer {
  return gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
}

/**
 * Gathers what is the same in every package.
 * @param node a Node that runs here
 * @param program the bundled program
 */
export async function surroundings(node: string, program: string): Promise<Surroundings> {
  const completion = (shell: string) => run(node, [RENDER, program, '100', 'completion', shell], { env: {} });
  const unit = await readFile(join(ROOT, 'deploy/systemd/agent-enroll.service'), 'utf8');
  const own = unit.replaceAll('/usr/local/bin/agent-enroll', '/usr/bin/agent-enroll');
  if (own === unit) throw new Error('The systemd unit does not start /usr/local/bin/agent-enroll.');
  return {
    completions: { bash: await completion('bash'), zsh: await completion('zsh'), fish: await completion('fish') },
    unit: own,
    environment: await readFile(join(ROOT, 'deploy/packages/environment'), 'utf8'),
    manual: gzip(await readFile(join(ROOT, 'man/agent-enroll.1'))),
  };
}

/** The files of every package for Linux. */
export function linuxFiles(binary: string, from: Surroundings, { zsh, units }: Places): readonly PackageFile[] {
  const completions = [
    { path: 'usr/share/bash-completion/completions/agent-enroll', content: from.completions.bash },
    { path: `${zsh}/_agent-enroll`, content: from.completions.zsh },
    { path: 'usr/share/fish/vendor_completions.d/agent-enroll.fish', content: from.completions.fish },
  ];
  return [
    { path: 'usr/bin/agent-enroll', mode: 0o755, content: { copyOf: binary } },
    // It may come to name what not everybody should read, and the service reads it as root.
    { path: 'etc/agent-enroll/environment', mode: 0o600, content: from.environment },
    { path: `${units}/agent-enroll.service`, mode: 0o644, content: from.unit },
    { path: 'usr/share/man/man1/agent-enroll.1.gz', mode: 0o644, content: from.manual },
    ...completions.map((completion) => ({ mode: 0o644, ...completion })),
  ];
}

/**
 * Lays files below a directory, with their modes and all of one time, whatever the mask of this process is.
 * @param date seconds since 1970
 */
export async function lay(root: string, files: readonly PackageFile[], date: number): Promise<void> {
  const directories = new Set<string>([root]);
  for (const { path, mode, content } of files) {
    for (let up = dirname(path); up !== '.'; up = dirname(up)) directories.add(join(root, up));
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) await writeFile(target, content);
    else await copyFile(content.copyOf, target);
    await chmod(target, mode);
    await lutimes(target, date, date);
  }
  // The deepest first: what is laid into a directory changes its time.
  for (const directory of [...directories].sort().reverse()) {
    await chmod(directory, 0o755);
    await lutimes(directory, date, date);
  }
}
