import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run } from '../e2e/program.js';
import { type InstalledHome, installedHome } from './installed-home.js';
import { describeBeside } from './second-user.js';

const SOON_MS = 2000;

/** Puts something at a path, and gives what removes what is behind it; `undefined`: it cannot be made here. */
type Make = (path: string) => Promise<(() => Promise<void>) | undefined>;

const nothing = async () => {};

const KINDS: readonly (readonly [what: string, words: RegExp, make: Make])[] = [
  [
    'a named pipe',
    /pipe|fifo/i,
    async (path) => {
      execFileSync('mkfifo', [path]);
      return nothing;
    },
  ],
  [
    'a socket',
    /socket/i,
    async (path) => {
      const server = createServer();
      server.listen(path);
      await once(server, 'listening');
      return async () => void server.close();
    },
  ],
  [
    'a device',
    /device/i,
    async (path) => {
      // As /dev/zero: whoever reads it comes to no end.
      return spawnSync('mknod', [path, 'c', '1', '5']).status === 0 ? nothing : undefined;
    },
  ],
  [
    'a directory',
    /directory/i,
    async (path) => {
      await mkdir(path);
      return nothing;
    },
  ],
];

/** The files that a run opens, and the flags with which it does. */
const FILES: readonly (readonly [name: string, at: (installed: InstalledHome) => string, flags: string[]])[] = [
  ['ossec.conf', ({ conf }) => conf, []],
  ['authd.pass', ({ etc }) => join(etc, 'authd.pass'), []],
  ['client.keys', ({ keys }) => keys, []],
  ['sender_counter', ({ counter }) => counter, []],
  ['the file of --password-file', ({ base }) => join(base, 'given'), ['--password-file']],
  ['the file of --ca', ({ base }) => join(base, 'given'), ['--ca']],
];

/** What is no file holds nobody up, and is called what it is before a manager is asked. */
describeBeside('a run that finds', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let installed: InstalledHome;
  let sandbox: Sandbox;
  let unmake: () => Promise<void> = nothing;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    installed = await installedHome();
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 100 });
  });
  afterEach(async () => {
    await unmake();
    unmake = nothing;
    await sandbox.close();
    await installed.remove();
  });

  for (const [what, words, make] of KINDS) {
    for (const [name, at, flags] of FILES) {
      it(`${what} in the place of ${name} ends within 2 s, and says so`, async function () {
        const path = at(installed);
        await rm(path, { force: true });
        const made = await make(path);
        // In a container root may make no devices.
        if (made === undefined) return this.skip();
        unmake = made;
        const args = [...against(sandbox, installed.home), '--name', 'web-01', '--json'];
        const given = flags.flatMap((flag) => [flag, path]);
        const { code, stdout, ms } = await run([...args, ...given], { through: installed.account, limitMs: 5000 });
        expect(sandbox.agents(), 'agents').to.deep.equal([]);
        expect(code, `${stdout} after ${ms} ms`).to.be.oneOf([2, 6]);
        expect(ms).to.be.below(SOON_MS);
        const { message, hint } = JSON.parse(stdout).error;
        expect(message).to.include(path);
        // Neither the path itself nor a bare EISDIR tells what is there.
        expect(`${message} ${hint}`.replaceAll(path, '')).to.match(words);
        return undefined;
      });
    }
  }
});
