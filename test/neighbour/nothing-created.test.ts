import { spawnSync } from 'node:child_process';
import { lchown, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run } from '../e2e/program.js';
import { type InstalledHome, installedHome, place } from './installed-home.js';
import { describeBeside, SECOND } from './second-user.js';

/** What stands in the way, and with which flags and through which command the program comes upon it. */
interface Obstacle {
  readonly args?: readonly string[];
  readonly through?: readonly string[];
}

const READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';

/** A run that could not keep what a manager gave it asks for nothing. */
describeBeside('no agent is made for a run', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let installed: InstalledHome;
  let sandbox: Sandbox;
  /** The file in which a first use is noted, below the home. */
  let notes: string;

  before(async () => {
    certificate = await issueStockCertificate();
    const sample = await installedHome();
    const target = await startSandbox({ family: 'wazuh-4', certificate });
    try {
      const args = [...against(target, sample.home), '--name', 'web-01', '--no-handshake'];
      expect((await run(args, { through: sample.account })).code).to.equal(0);
      const found = spawnSync('grep', ['-rlF', target.fingerprint.replace('sha256:', ''), sample.home]);
      const [path = ''] = found.stdout.toString().split('\n');
      expect(path, 'the file of notes').to.not.equal('');
      notes = relative(sample.home, path);
    } finally {
      await target.close();
      await sample.remove();
    }
  });
  beforeEach(async () => {
    installed = await installedHome();
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 100 });
  });
  afterEach(async () => {
    await sandbox.close();
    await installed.remove();
  });
  after(() => {
    notes = '';
  });

  /** The place of the notes, in a directory as the program makes it. */
  const notesPlace = async () => {
    const path = join(installed.home, notes);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  };
  const rids = () => dirname(installed.counter);

  const obstacles: readonly (readonly [string, () => Promise<Obstacle | 'not here'>])[] = [
    [
      'with a file where its notes belong',
      async () => {
        await writeFile(join(installed.home, '.agent-enroll'), '');
        return {};
      },
    ],
    [
      'whose file of notes is a directory',
      async () => {
        await mkdir(await notesPlace());
        return {};
      },
    ],
    [
      "whose file of notes is the agent's link to nothing",
      async () => {
        const path = await notesPlace();
        await symlink(join(installed.base, 'nothing'), path);
        await lchown(path, SECOND.uid, SECOND.gid);
        return {};
      },
    ],
    [
      'whose notes are broken',
      async () => {
        await writeFile(await notesPlace(), '{"version": 1, "managers": {', { mode: 0o600 });
        return {};
      },
    ],
    [
      'with a file in the place of queue/rids',
      async () => {
        await rm(rids(), { recursive: true });
        await place(rids(), '', 0o660, SECOND.uid);
        return {};
      },
    ],
    [
      'with a file in the place of queue/rids, and no handshake',
      async () => {
        await rm(rids(), { recursive: true });
        await place(rids(), '', 0o660, SECOND.uid);
        return { args: ['--no-handshake'] };
      },
    ],
    ['with a read-only queue/rids', async () => ({ through: ['sh', '-c', READ_ONLY, rids()] })],
    [
      'with a read-only queue/rids, old counters and no handshake',
      async () => {
        await place(installed.counter, '0:5:', 0o640, SECOND.uid);
        return { args: ['--no-handshake'], through: ['sh', '-c', READ_ONLY, rids()] };
      },
    ],
    [
      'that is to write an immutable ossec.conf',
      async () => {
        if (spawnSync('chattr', ['+i', installed.conf]).status !== 0) return 'not here';
        return { args: ['--write-config'] };
      },
    ],
  ];
  for (const [what, obstruct] of obstacles) {
    for (const method of ['authd', 'api'] as const) {
      it(`${what} (${method})`, async function () {
        const obstacle = await obstruct();
        if (obstacle === 'not here') return this.skip();
        const { args = [], through = [] } = obstacle;
        const { api } = sandbox;
        // Nothing of this reads the notes before the manager is asked.
        const byApi = [
          ...['--api-url', api?.url ?? '', '--api-user', 'wazuh', '--pin', api?.fingerprint ?? ''],
          '--no-machine-binding',
        ];
        const { code, stdout } = await run(
          [
            ...[...against(sandbox, installed.home), '--name', 'web-01', '--json'],
            ...(method === 'api' ? byApi : []),
            ...args,
          ],
          {
            through: [...installed.account, ...through],
            ...(method === 'api' ? { env: { AGENT_ENROLL_API_PASSWORD: 'wazuh' } } : {}),
          },
        );
        expect(sandbox.agents(), stdout).to.deep.equal([]);
        expect(code, stdout).to.equal(6);
        return undefined;
      });
    }
  }
});
