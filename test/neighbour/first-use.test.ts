import { spawnSync } from 'node:child_process';
import { chown, lchown, mkdir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run } from '../e2e/program.js';
import { type InstalledHome, installedHome } from './installed-home.js';
import { describeBeside, OWNER, SECOND } from './second-user.js';

const NOTES = '.agent-enroll';

/** What was seen of a manager at the first enrollment lies where the agent's user cannot take it away. */
describeBeside('the first use of a manager', function () {
  this.timeout(20_000);
  let first: IssuedCertificate;
  let other: IssuedCertificate;
  let installed: InstalledHome;
  let sandbox: Sandbox | undefined;

  before(async () => {
    [first, other] = await Promise.all([issueStockCertificate(), issueStockCertificate()]);
  });
  beforeEach(async () => {
    installed = await installedHome();
  });
  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
    await installed.remove();
  });

  /** Starts the manager with a certificate, in place of the one before. */
  const manager = async (certificate: IssuedCertificate) => {
    const { authd, agent } = sandbox?.endpoints ?? {};
    await sandbox?.close();
    const ports = { ...(authd && { authd: authd.port }), ...(agent && { agent: agent.port }) };
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, ports });
    return sandbox;
  };
  const enroll = async (target: Sandbox, ...rest: readonly string[]) => {
    const args = [...against(target, installed.home), '--name', 'web-01', '--no-handshake', '--json', ...rest];
    const { code, stdout } = await run(args, { through: installed.account });
    return { code, stdout, report: JSON.parse(stdout) };
  };
  /** What the agent's user can do about it: remove all that it may, everywhere in the home. */
  const clear = () => spawnSync('find', [installed.home, '-mindepth', '1', '-delete'], { ...SECOND });
  const noted = async (directory: string, fingerprint: string) => {
    const { uid, mode } = await stat(directory);
    expect({ uid, mode: (mode & 0o7777).toString(8) }).to.deep.equal({ uid: 0, mode: '700' });
    const names = await readdir(directory);
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
    expect(texts.join('\n')).to.include(fingerprint.replace('sha256:', ''));
  };
  const expectRefused = async (target: Sandbox, ...rest: readonly string[]) => {
    const { code, stdout, report } = await enroll(target, ...rest);
    expect(code, stdout).to.equal(4);
    expect(report.error.code).to.equal('FIRST_USE_MISMATCH');
    expect(target.agents()).to.deep.equal([]);
  };

  it('is remembered in the home, where only root comes', async () => {
    const target = await manager(first);
    const { code, stdout } = await enroll(target);
    expect(code, stdout).to.equal(0);
    await noted(join(installed.home, NOTES), target.fingerprint);
    expect((await readdir(installed.etc)).sort()).to.deep.equal(['client.keys', 'ossec.conf']);
  });

  it('outlasts the removal of all that the agent may remove', async () => {
    expect((await enroll(await manager(first))).code).to.equal(0);
    clear();
    expect(await readdir(installed.etc)).to.deep.equal([]);
    await expectRefused(await manager(other));
  });

  it('is remembered beside a key that lies elsewhere', async () => {
    const directory = join(installed.base, 'keys');
    await mkdir(directory);
    const args = ['--keys', join(directory, 'client.keys')];
    const target = await manager(first);
    const { code, stdout } = await enroll(target, ...args);
    expect(code, stdout).to.equal(0);
    await noted(join(directory, NOTES), target.fingerprint);
    clear();
    await rm(join(directory, 'client.keys'));
    await expectRefused(await manager(other), ...args);
  });

  const foreign: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    [
      "a directory of the agent's",
      async (path) => {
        await mkdir(path, { mode: 0o700 });
        await chown(path, SECOND.uid, SECOND.gid);
      },
    ],
    [
      "a link of the agent's",
      async (path) => {
        const target = join(installed.base, 'theirs');
        await mkdir(target, { mode: 0o700 });
        await symlink(target, path);
        await lchown(path, SECOND.uid, SECOND.gid);
      },
    ],
  ];
  for (const [what, make] of foreign) {
    it(`is neither looked up nor noted in ${what}, and no agent is made`, async () => {
      const path = join(installed.home, NOTES);
      await make(path);
      const target = await manager(first);
      const { code, stdout, report } = await enroll(target);
      expect(target.agents()).to.deep.equal([]);
      expect(code, stdout).to.equal(6);
      expect(report.error.message).to.include(path);
      expect(`${report.error.message} ${report.error.hint}`.replaceAll(installed.base, '')).to.match(OWNER);
    });
  }
});
