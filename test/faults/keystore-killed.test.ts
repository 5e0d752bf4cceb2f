import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { build } from 'esbuild';
import { after, before, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { finishBelongings } from '../../src/keystore/belongings.js';
import { installKey } from '../../src/keystore/client-keys.js';
import { begunNow, FILES, filesFound, filesOf, LAST_KEY, NEW_KEY, putWhole } from '../keystore/belongings-scene.js';
import { filesBelow, installationAt, line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';

const disk = nodeFileEdge();

const SECOND = 1000;

describe('installing keys, killed', () => {
  let directory: string;
  let program: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-killed-'));
    program = join(directory, 'installer.cjs');
    await build({
      entryPoints: [fileURLToPath(new URL('../keystore/installer.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
    });
    await chmod(directory, 0o755);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const start = (home: string, task: string, options: { uid?: number; gid?: number } = {}) =>
    spawn(process.execPath, [program, home, task], {
      ...options,
      env: {},
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 10 * SECOND,
    });

  const looping = async (home: string, task = 'loop') => {
    const child = start(home, task);
    await once(child.stdout, 'data');
    return child;
  };

  const ended = async (child: ChildProcess) => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode ?? child.exitCode;
  };

  const isWhole = async (keysFile: string, what: string) => {
    expect(await readFile(keysFile, 'utf8'), what).to.be.oneOf([line(OLD), line(NEW)]);
    expect((await stat(keysFile)).mode & 0o7777, what).to.equal(0o640);
  };

  it('before any of its file operations leave one whole key, and the next run cleans up', async () => {
    const killedAt = async (at: number) => {
      const agent = await scratchHome();
      await installKey(OLD, agent, disk);
      const how = await ended(start(agent.home, `die ${at}`));
      expect(how).to.be.oneOf(['SIGKILL', 0]);
      await isWhole(agent.keysFile, `killed at ${at}`);
      const left = (await filesBelow(agent.home)).length - 1;
      await installKey(NEW, agent, disk);
      expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
      await removeHome(agent);
      return { complete: how === 0, left };
    };
    let runs: Awaited<ReturnType<typeof killedAt>>[] = [];
    for (let at = 1; !runs.some(({ complete }) => complete); at += 4) {
      runs = [...runs, ...(await Promise.all([at, at + 1, at + 2, at + 3].map(killedAt)))];
    }
    expect(runs.filter(({ complete }) => !complete)).to.have.length.greaterThan(10);
    expect(runs.filter(({ left }) => left === 1)).to.have.length.greaterThan(3);
  });

  it('at random moments leave one whole key, and the next run cleans up', async () => {
    const lane = async () => {
      const agent = await scratchHome();
      await installKey(OLD, agent, disk);
      for (let kill = 0; kill < 10; kill += 1) {
        const child = await looping(agent.home);
        const ms = Math.random() * 12;
        await new Promise((resolve) => setTimeout(resolve, ms));
        child.kill('SIGKILL');
        expect(await ended(child)).to.equal('SIGKILL');
        await isWhole(agent.keysFile, `killed after ${ms} ms`);
      }
      await installKey(OLD, agent, disk);
      await installKey(NEW, agent, disk);
      expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
      await removeHome(agent);
    };
    await Promise.all([lane(), lane(), lane()]);
  });

  it('of a Wazuh 5 at random moments leave a key, and never a marker without an anchor', async () => {
    const lane = async () => {
      const agent = await scratchHome();
      const request = begunNow();
      await putWhole(NEW_KEY, agent, disk);
      for (let kill = 0; kill < 10; kill += 1) {
        const child = await looping(agent.home, 'whole');
        const ms = Math.random() * 25;
        await new Promise((resolve) => setTimeout(resolve, ms));
        child.kill('SIGKILL');
        expect(await ended(child)).to.equal('SIGKILL');
        const { keys, secret, anchor, marker } = await filesFound(agent);
        const what = `killed after ${ms} ms`;
        const wholes = [filesOf(NEW_KEY), filesOf(LAST_KEY)];
        expect(keys, what).to.be.oneOf(wholes.map((whole) => whole.keys));
        expect(secret, what).to.be.oneOf(wholes.map((whole) => whole.secret));
        expect(anchor, what).to.be.oneOf(wholes.map((whole) => whole.anchor));
        expect(marker, what).to.equal('');
        await finishBelongings(agent, request, disk);
      }
      await putWhole(NEW_KEY, agent, disk);
      expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
      expect(await filesBelow(agent.home)).to.deep.equal(FILES);
      await removeHome(agent);
    };
    await Promise.all([lane(), lane()]);
  });

  it('meanwhile never show a reader a torn file', async () => {
    const agent = await scratchHome();
    await installKey(OLD, agent, disk);
    const child = await looping(agent.home);
    const seen = new Set<string>();
    const until = Date.now() + 5 * SECOND;
    for (let reads = 0; (reads < 300 || seen.size < 2) && Date.now() < until; reads += 1) {
      seen.add(await readFile(agent.keysFile, 'utf8'));
    }
    child.kill('SIGKILL');
    await ended(child);
    expect([...seen].sort()).to.deep.equal([line(OLD), line(NEW)].sort());
    await removeHome(agent);
  });

  it('are refused in words to a user who may not write there', async function () {
    if (process.geteuid?.() !== 0) this.skip(); // Only root can run a child as another user.
    const home = join(directory, 'home');
    const agent = installationAt(home);
    await mkdir(dirname(agent.keysFile), { recursive: true, mode: 0o755 });
    for (const present of [false, true]) {
      if (present) await writeFile(agent.keysFile, line(OLD), { mode: 0o640 });
      const child = start(home, 'check', { uid: 65_534, gid: 65_534 });
      let said = '';
      for await (const chunk of child.stdout) said += chunk;
      expect(await ended(child)).to.equal(6);
      expect(said).to.match(present ? /^FILE_UNREADABLE/ : /^FILE_UNWRITABLE/);
      expect(said).to.contain(agent.keysFile).and.to.contain('permission denied');
    }
    expect(await filesBelow(home)).to.deep.equal(['etc/client.keys']);
  });
});
