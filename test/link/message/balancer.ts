import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program in front of a manager, as it runs for a test. */
export interface Balancer {
  stop(): Promise<void>;
}

/** Where nginx has its module for TCP and UDP; `undefined`: there is no such nginx here. */
export function nginxModule(): string | undefined {
  if (!has('nginx')) return undefined;
  return ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules']
    .map((directory) => join(directory, 'ngx_stream_module.so'))
    .find((path) => existsSync(path));
}

export function hasHaproxy(): boolean {
  return has('haproxy');
}

/** HAProxy with these sections, once it listens on the port. */
export function startHaproxy(sections: string, port: number): Promise<Balancer> {
  const text = `global\n  maxconn 200\ndefaults\n  mode tcp\n  timeout client 20s\n  timeout server 20s\n  timeout connect 2s\n${sections}`;
  return start(
    'haproxy',
    'haproxy.cfg',
    () => text,
    (path) => ['-db', '-f', path],
    port,
  );
}

/** nginx with these blocks, once it listens on the port. */
export function startNginx(blocks: string, port: number): Promise<Balancer> {
  const text = (directory: string) =>
    [
      `load_module ${nginxModule()};`,
      `pid ${directory}/nginx.pid;`,
      `error_log ${directory}/error.log;`,
      'daemon off;',
      'master_process off;',
      'events { worker_connections 256; }',
      blocks.replaceAll('DIRECTORY', directory),
    ].join('\n');
  return start(
    'nginx',
    'nginx.conf',
    text,
    (path, directory) => ['-p', directory, '-e', `${directory}/error.log`, '-c', path],
    port,
  );
}

async function start(
  program: string,
  file: string,
  text: (directory: string) => string,
  parameters: (path: string, directory: string) => string[],
  port: number,
): Promise<Balancer> {
  const directory = await mkdtemp(join(tmpdir(), 'agent-enroll-'));
  const path = join(directory, file);
  await writeFile(path, `${text(directory)}\n`);
  let said = '';
  const child = spawn(program, parameters(path, directory), { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await listening(child, port);
  } catch (thrown) {
    await stop();
    throw new Error(`${program} did not start: ${said}`, { cause: thrown });
  }
  return { stop };
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  for (let left = 100; left > 0; left -= 1) {
    if (child.exitCode !== null) throw new Error('it has ended');
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      socket.destroy();
    }
  }
  throw new Error('nobody listens');
}

function has(program: string): boolean {
  return spawnSync(program, ['-v'], { stdio: 'ignore' }).error === undefined;
}
