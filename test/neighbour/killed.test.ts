import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, type Finished, run, start } from '../e2e/program.js';
import { type ApiServer, managerApi, success } from '../obtain/api/api-server.js';
import { compile, hasCompiler } from './attack.js';
import { type InstalledHome, installedHome, keyLine, place } from './installed-home.js';
import { describeBeside, SECOND } from './second-user.js';

const SIGNALS = ['SIGTERM', 'SIGKILL'] as const;

/** A run that ends before it has done what it does for a key that the manager has issued: the next one has that key. */
describeBeside('a key that was issued', function () {
  this.timeout(20_000);
  let installed: InstalledHome;

  beforeEach(async () => {
    installed = await installedHome();
  });
  afterEach(async () => {
    await installed.remove();
  });

  const ofSignal = (signal: NodeJS.Signals, { code, signal: by }: Finished) =>
    expect(code ?? by).to.be.oneOf(signal === 'SIGTERM' ? [0, 143, 'SIGTERM'] : [signal]);

  describe('while the disk is slow', function () {
    if (!hasCompiler) this.title += ' (not here: needs gcc)';
    let certificate: IssuedCertificate;
    let sandbox: Sandbox;
    let library: string;

    before(async function () {
      if (!hasCompiler) this.skip();
      certificate = await issueStockCertificate();
    });
    beforeEach(async () => {
      library = await compile('slow-sync.c', installed.base, '-shared', '-fPIC');
      const onEvent = ({ type }: { readonly type: string }) => {
        if (type === 'registered') writeFileSync(armed(), '');
      };
      sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 50, onEvent });
    });
    afterEach(async () => {
      await sandbox.close();
    });

    const armed = () => join(installed.base, 'slow');
    const args = () => [...against(sandbox, installed.home), '--name', 'web-01', '--json'];
    /** Ends a run by a signal while the disk is at work on the key, which the manager has issued. */
    const endedBy = async (signal: NodeJS.Signals) => {
      const env = { LD_PRELOAD: library, SLOW_SYNC: armed() };
      const program = start(args(), { env, through: installed.account });
      const limit = performance.now() + 10_000;
      while (!existsSync(`${armed()}.begun`)) {
        expect(performance.now()).to.be.below(limit);
        await pause(10);
      }
      program.signal(signal);
      ofSignal(signal, await program.finished);
    };

    for (const signal of SIGNALS) {
      it(`is in its place after the next run, if ${signal} comes`, async () => {
        await endedBy(signal);
        const { code, stdout } = await run(args(), { through: installed.account });
        expect(code, stdout).to.equal(0);
        expect(sandbox.agents()).to.have.length(1);
        expect(await readFile(installed.keys, 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
        expect((await readdir(installed.etc)).sort()).to.deep.equal(['client.keys', 'ossec.conf']);
      });
    }

    it("is not taken from a file that is the agent's user's", async () => {
      await endedBy('SIGKILL');
      const found = spawnSync('grep', ['-rlF', '001 web-01 any ', installed.etc], { encoding: 'utf8' });
      const left = found.stdout.split('\n').filter((path) => path !== '');
      for (const path of left) {
        await rm(path);
        await place(path, keyLine(), 0o640, SECOND.uid);
      }
      const { code, stdout } = await run(args(), { through: installed.account });
      expect(code, stdout).to.not.equal(1);
      expect(await readFile(installed.keys, 'utf8').catch(() => '')).to.not.include(keyLine());
    });
  });

  describe('while groups are assigned', () => {
    let server: ApiServer;
    let asked: Promise<void>;

    beforeEach(async () => {
      let ask = () => {};
      asked = new Promise((resolve) => {
        ask = resolve;
      });
      server = await managerApi(
        '4.14.7',
        {
          'GET /groups': success({ affected_items: [{ name: 'default' }], failed_items: [] }),
          'POST /agents': success({ id: '001', key: Buffer.from(keyLine().trim()).toString('base64') }),
          'PUT /agents/001/group/default': [() => ask(), 'group-assign'],
        },
        { plain: true },
      );
    });
    afterEach(async () => {
      await server.close();
    });

    for (const signal of SIGNALS) {
      it(`is in its place before, and there after the next run, if ${signal} comes`, async () => {
        const args = [
          ...['--manager', '127.0.0.1:1', '--api-url', server.url, '--insecure', '--api-user', 'wazuh', '--json'],
          ...['--agent-home', installed.home, '--name', 'web-01', '--groups', 'default', '--no-handshake'],
        ];
        const surroundings = { env: { AGENT_ENROLL_API_PASSWORD: 'any' }, through: installed.account };
        const program = start(args, surroundings);
        await asked;
        const before = await readFile(installed.keys, 'utf8').catch(() => 'none');
        program.signal(signal);
        ofSignal(signal, await program.finished);
        expect(before, 'before the signal').to.equal(keyLine());
        const { code, stdout } = await run(args, surroundings);
        expect(code, stdout).to.equal(0);
        expect(await readFile(installed.keys, 'utf8')).to.equal(keyLine());
        expect(server.calls.filter((call) => call.startsWith('POST /agents'))).to.have.length(1);
      });
    }
  });
});
