import { execFileSync, spawnSync } from 'node:child_process';
import { before, describe, type Suite } from 'mocha';

/** The agent's user, who shares the host with the program. In no passwd of a real system. */
export const SECOND = { uid: 64_123, gid: 64_123 } as const;

/** How a message may name that user, who is `wazuh` where the program runs. */
export const OWNER = /\b64123\b|\bwazuh\b/;

/** Whether the loops run as often as the contract counts them; else as often as a quick run of the tests allows. */
export const LONG = process.env['AGENT_ENROLL_LONG'] === '1';

const obstacle = findObstacle();

function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.geteuid?.() !== 0) return 'needs root';
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'needs mount namespaces';
  return undefined;
}

/** A suite that runs as root beside a second user; pending, with the reason, where that cannot be. */
export function describeBeside(title: string, body: (this: Suite) => void): void {
  describe(obstacle === undefined ? title : `${title} (not here: ${obstacle})`, function () {
    before(function () {
      if (obstacle !== undefined) this.skip();
    });
    body.call(this);
  });
}

/** Runs a command as the second user, with no group but its own. @throws where it fails */
export function asSecond(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { ...SECOND, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The files below these directories in which the second user can read this text. */
export function leaksTo(text: string, ...directories: readonly string[]): readonly string[] {
  const args = ['-rlsFa', '-D', 'skip', '-e', text, ...directories];
  const { status, stdout } = spawnSync('grep', args, { ...SECOND, encoding: 'utf8' });
  // 1: nothing was found; 2: something could not be read, which is as it should be.
  return status === 1 ? [] : stdout.split('\n').filter((path) => path !== '');
}
