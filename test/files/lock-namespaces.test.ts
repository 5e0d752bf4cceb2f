import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { STALE_MS } from '../../src/files/lock.js';
import { LockScene } from './lock-scene.js';
import { thrownBy } from './scratch.js';

const HOLDER = [process.execPath, '--import', 'tsx', fileURLToPath(new URL('lock-holder.ts', import.meta.url))];
// Both die with the process that is started here.
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child'];
const SPACES = {
  'a namespace with a /proc of its own': [...UNSHARE, '--mount-proc'],
  'a namespace that sees the /proc of another': UNSHARE,
  'the namespace of the host': [],
} as const;
type Space = keyof typeof SPACES;

describe('files/lock between real processes', () => {
  let scene: LockScene;
  let children: ChildProcess[] = [];
  const log = () => (existsSync(scene.path('log')) ? readFileSync(scene.path('log'), 'utf8') : '');

  before(function () {
    if (spawnSync('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'true']).status === 0) return;
    process.stderr.write('    skipped: no namespaces can be made here\n');
    this.skip();
  });

  beforeEach(async () => {
    scene = await LockScene.open();
  });
  afterEach(async () => {
    for (const child of children) await killed(child);
    children = [];
    await scene.close();
  });

  function start(space: Space, directory: string, name: string, rounds: number, holdMs: number): ChildProcess {
    const [file = '', ...args] = [
      ...SPACES[space],
      ...HOLDER,
      directory,
      scene.path('log'),
      name,
      `${rounds}`,
      `${holdMs}`,
    ];
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    return child;
  }

  async function ended(child: ChildProcess): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  async function killed(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL');
    await ended(child);
  }

  /** Waits until the log has this line, for so long. */
  async function logged(line: string, withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (!log().includes(`${line}\n`)) {
      if (performance.now() > end) throw new Error(`no "${line}" within ${withinMs} ms: ${log()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('is never held by two in three namespaces, in 20 rounds each', async () => {
    const spaces = ['a namespace with a /proc of its own', 'a namespace that sees the /proc of another'] as const;
    const all = [...spaces, 'the namespace of the host'] as const;
    await mkdir(scene.path('own'));
    const runs = all.map((space, index) => start(space, scene.path('own'), `${index}`, 20, 10));
    for (const run of runs) expect(await ended(run)).to.equal(0);
    const lines = log().trimEnd().split('\n');
    expect(lines).to.have.length(2 * 20 * all.length);
    for (let at = 0; at < lines.length; at += 2) {
      const name = lines[at]?.split(' ')[1];
      expect(lines.slice(at, at + 2)).to.deep.equal([`begin ${name}`, `end ${name}`]);
    }
    const changes = lines.filter((line, at) => line.startsWith('begin') && line !== lines[at - 2]);
    expect(changes).to.have.length.above(all.length * 5);
  }).timeout(90_000);

  it('is held while its process runs, and passes on soon after it was killed', async () => {
    // All pairs at once, for the time is spent waiting.
    const pairs = [
      ['a namespace with a /proc of its own', 'a namespace with a /proc of its own'],
      ['a namespace that sees the /proc of another', 'a namespace that sees the /proc of another'],
      ['the namespace of the host', 'a namespace with a /proc of its own'],
    ] as const;
    await Promise.all(
      pairs.map(async ([first, second], index) => {
        const directory = scene.path(`own-${index}`);
        await mkdir(directory);
        const holder = start(first, directory, `first-${index}`, 1, 120_000);
        await logged(`begin first-${index}`, 30_000);
        start(second, directory, `second-${index}`, 1, 0);
        expect(String(await thrownBy(logged(`begin second-${index}`, STALE_MS + 2000)))).to.contain('within');
        await killed(holder);
        await logged(`begin second-${index}`, STALE_MS + 3000);
      }),
    );
  }).timeout(90_000);

  it('passes on at once where the killed process was one of the same namespace', async () => {
    await mkdir(scene.path('own'));
    const space = 'the namespace of the host';
    const holder = start(space, scene.path('own'), 'first', 1, 120_000);
    await logged('begin first', 30_000);
    start(space, scene.path('own'), 'second', 1, 0);
    await killed(holder);
    await logged('begin second', STALE_MS / 2);
  }).timeout(60_000);

  it('keeps no process from coming to its end', async () => {
    await mkdir(scene.path('own'));
    const holder = start('the namespace of the host', scene.path('own'), 'first', 0, 0);
    expect(await ended(holder)).to.equal(0);
    expect(await readdir(scene.path('own'))).to.deep.equal(['lock']);
  }).timeout(30_000);
});
