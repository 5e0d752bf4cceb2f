import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this host has the openssl program, in the version that makes both old and new files. */
export const hasOpenssl = spawnSync('openssl', ['pkcs12', '-help']).stderr?.includes('-legacy') === true;

/** A directory in which openssl makes what a test needs. */
export interface Workshop {
  path(name: string): string;
  read(name: string): Buffer;
  run(...args: string[]): void;
  remove(): void;
}

export function workshop(): Workshop {
  const directory = mkdtempSync(join(tmpdir(), 'agent-enroll-openssl-'));
  return {
    path: (name) => join(directory, name),
    read: (name) => readFileSync(join(directory, name)),
    run(...args) {
      const { status, stderr } = spawnSync('openssl', args, { cwd: directory, timeout: 5000 });
      if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A self-signed certificate with its key, `NAME.crt` and `NAME.key`. */
export function selfSigned({ run }: Workshop, name: string, algorithm: readonly string[]): void {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  run('req', '-x509', '-newkey', ...algorithm, '-noenc', ...files, '-subj', `/CN=${name}`, '-days', '30');
}
