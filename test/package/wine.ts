import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ran, WINDOWS } from './binaries.js';

const MINUTE = 60_000;

/** Wine with the Windows binary, and a directory that ends with it. */
export interface Wine {
  readonly directory: string;
  /** The disk C: of that Windows. */
  readonly disk: string;
  /** Runs the binary in the directory. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran>;
  /** Runs a program of Windows there. */
  start(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran>;
  close(): Promise<void>;
}

/** How Windows under Wine calls a path of this host. */
export const windowsPath = (path: string) => `Z:${path.replaceAll('/', '\\')}`;

/** Makes a prefix, which takes some seconds, unless WINEPREFIX names one that is there. */
export async function startWine(): Promise<Wine> {
  const directory = await mkdtemp(join(tmpdir(), 'agent-enroll-wine-'));
  const common = {
    PATH: process.env['PATH'],
    WINEPREFIX: process.env['WINEPREFIX'] ?? join(directory, 'prefix'),
    WINEDEBUG: '-all',
    // Parts of Wine that a console program does not need, and that make a new prefix slow.
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe,explorer.exe=',
    // Wine 8 calls itself Windows 7.
    NODE_SKIP_PLATFORM_CHECK: '1',
  };

  // The streams are redirected to files: Node under Wine cannot use pipes.
  const start: Wine['start'] = async (program, args, env = {}) => {
    const paths = [join(directory, 'stdout'), join(directory, 'stderr')] as const;
    const files = [await open(paths[0], 'w'), await open(paths[1], 'w')] as const;
    try {
      const stdio = ['ignore', files[0].fd, files[1].fd] as const;
      const surroundings = { env: { ...common, ...env }, cwd: directory, timeout: MINUTE };
      const child = spawn('wine', [program, ...args], { ...surroundings, stdio: [...stdio] });
      const [code] = await once(child, 'exit');
      return { code, stdout: await readFile(paths[0], 'utf8'), stderr: await readFile(paths[1], 'utf8') };
    } finally {
      for (const file of files) await file.close();
    }
  };
  const run: Wine['run'] = (args, env) => start(WINDOWS, args, env);
  await run(['--version']);
  return {
    directory,
    disk: join(common.WINEPREFIX, 'drive_c'),
    run,
    start,
    async close() {
      // Without its prefix a Wine server would linger: it is ended first.
      if (process.env['WINEPREFIX'] === undefined) {
        spawnSync('wineserver', ['-k', '-w'], { env: common, timeout: MINUTE });
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}
