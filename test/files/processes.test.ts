import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeProcesses, parseStat } from '../../src/files/processes.js';
import { until } from './lock-scene.js';
import { isRoot, OTHER, removeScratch, scratchDirectory } from './scratch.js';

describe('files/processes', () => {
  const children: ChildProcess[] = [];

  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  function sleeping(): number {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    children.push(child);
    return child.pid ?? 0;
  }

  it('sees itself, and another that runs', () => {
    const own = nodeProcesses();
    expect(own.pid).to.equal(process.pid);
    expect(own.look(process.pid)).to.deep.equal({
      runs: true,
      ...(own.start === undefined ? {} : { start: own.start }),
    });
    expect(own.look(sleeping())).to.include({ runs: true });
  });

  it('sees that one has ended', async () => {
    const pid = sleeping();
    const [child] = children;
    child?.kill('SIGKILL');
    await once(child ?? process, 'exit');
    expect(nodeProcesses().look(pid)).to.deep.equal({ runs: false });
  });

  const stat = (name: string, ticks: string) => `7 (${name}) S 1 ${'0 '.repeat(17)}${ticks} 0\n`;
  for (const [what, text, read] of [
    ['a plain name', stat('sleep', '4711'), { state: 'S', ticks: 4711 }],
    ['a name like the rest of the line', stat('x) Z 1 2 (y', '4711'), { state: 'S', ticks: 4711 }],
    ['the longest time', stat('x', '9'.repeat(15)), { state: 'S', ticks: 999_999_999_999_999 }],
    ['a time that is none', stat('x', '12x'), undefined],
    ['a time before the boot', stat('x', '-12'), undefined],
    ['a time that no number holds', stat('x', '9'.repeat(16)), undefined],
    ['half a line', '7 (x) S 1 2', undefined],
    ['nothing', '', undefined],
  ] as const) {
    it(`reads of a process with ${what}: ${JSON.stringify(read)}`, () => {
      expect(parseStat(text)).to.deep.equal(read);
    });
  }

  describe('by what the system tells', () => {
    const BOOT = '01234567-89ab-cdef-0123-456789abcdef';
    const NUMBERS = 'pid:[4026531836]';
    const TICKS = 'time:[4026531834]';
    const ours = `${process.pid}`;
    let proc: string;

    /** Writes a /proc, with what is another there than in a plain one; `undefined`: it is not there. */
    async function tells(files: Readonly<Record<string, string | undefined>> = {}) {
      const all: Readonly<Record<string, string | undefined>> = {
        'sys/kernel/random/boot_id': `${BOOT}\n`,
        'self/ns/pid': NUMBERS,
        'self/ns/time': TICKS,
        'self/status': `Name:\tnode\nNSpid:\t${ours}\nNSsid:\t1\n`,
        'self/stat': stat('node', '4711'),
        [`${ours}/stat`]: stat('node', '4711'),
        ...files,
      };
      for (const [name, text] of Object.entries(all)) {
        if (text === undefined) continue;
        await mkdir(dirname(join(proc, name)), { recursive: true });
        await (name.includes('/ns/') ? symlink(text, join(proc, name)) : writeFile(join(proc, name), text));
      }
      return nodeProcesses(proc);
    }

    beforeEach(async () => {
      proc = await scratchDirectory();
    });
    afterEach(() => removeScratch(proc));

    it('a process is one by the boot, its start and its namespaces', async () => {
      const { pid, start, space, look } = await tells();
      expect({ pid, start, space }).to.deep.equal({
        pid: process.pid,
        start: `${BOOT} 4711`,
        space: `${BOOT} ${NUMBERS} ${TICKS}`,
      });
      expect(look(process.pid)).to.deep.equal({ runs: true, start: `${BOOT} 4711` });
    });

    it('its space is known without a namespace of time, which older kernels have not', async () => {
      expect((await tells({ 'self/ns/time': undefined })).space).to.equal(`${BOOT} ${NUMBERS} `);
    });

    it('it has no space where nothing tells of its numbers', async () => {
      const { look: _, ...own } = await tells({ 'self/ns/pid': undefined });
      expect(own).to.deep.equal({ pid: process.pid, start: `${BOOT} 4711` });
    });

    it('it has neither start nor space where nothing tells of the boot', async () => {
      const { look, ...own } = await tells({ 'sys/kernel/random/boot_id': undefined });
      expect(own).to.deep.equal({ pid: process.pid });
      expect(look(process.pid)).to.deep.equal({ runs: true });
    });

    it('it has no start where it is not told, nor where the numbers are those of a namespace above', async () => {
      const space = `${BOOT} ${NUMBERS} ${TICKS}`;
      for (const files of [
        { 'self/stat': undefined, [`${ours}/stat`]: undefined },
        { 'self/status': undefined },
        { 'self/status': `Name:\tnode\nNSpid:\t7${ours}\t${ours}\n` },
        { 'self/status': `Name:\tnode\nNSpid:\t${ours}\t1\n` },
        { 'self/status': `Name:\tNSpid:\t${ours}\n` },
      ]) {
        await removeScratch(proc);
        const { look, ...own } = await tells(files);
        expect(own).to.deep.equal({ pid: process.pid, space });
        expect(look(process.pid)).to.deep.equal({ runs: true });
      }
    });

    it('one that has ended does not run, though its number is there', async () => {
      for (const state of ['Z', 'X', 'x']) {
        await removeScratch(proc);
        const { look } = await tells({ [`${ours}/stat`]: stat('node', '4711').replace(') S', `) ${state}`) });
        expect(look(process.pid), state).to.deep.equal({ runs: false });
      }
    });

    it('nothing is known of any but whether it runs, where the system does not tell', () => {
      const { look, ...own } = nodeProcesses('/nowhere');
      expect(own).to.deep.equal({ pid: process.pid });
      expect(look(process.pid)).to.deep.equal({ runs: true });
    });
  });

  it("sees that another user's runs, which it may not send a signal to", function () {
    const { geteuid, seteuid } = process;
    if (geteuid === undefined || seteuid === undefined) this.skip();
    let theirs = 1;
    if (isRoot) {
      const child = spawn('sleep', ['60'], { stdio: 'ignore', ...OTHER });
      children.push(child);
      theirs = child.pid ?? 0;
      seteuid(OTHER.uid + 1);
    }
    try {
      expect(() => process.kill(theirs, 0)).to.throw('EPERM');
      expect(nodeProcesses('/nowhere').look(theirs)).to.deep.equal({ runs: true });
    } finally {
      if (isRoot) seteuid(0);
    }
  });

  describe('on Linux', () => {
    before(function () {
      if (process.platform !== 'linux') this.skip();
    });

    it('is told from all others by the boot, its start and its namespaces', () => {
      const { start, space } = nodeProcesses();
      expect(start).to.match(/^[0-9a-f-]{36} \d+$/);
      expect(space).to.match(/^[0-9a-f-]{36} pid:\[\d+\] (?:time:\[\d+\])?$/);
    });

    it('tells processes apart by their starts', () => {
      const own = nodeProcesses();
      const other = own.look(sleeping());
      expect(other).to.have.property('start').that.is.a('string').and.not.equal(own.start);
    });

    it('does not take one for running that has ended and that nobody has asked for', async () => {
      // The shell becomes a program that never asks for the child which the shell has started.
      const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
      children.push(parent);
      const [line] = await once(parent.stdout, 'data');
      const pid = Number(String(line));
      const { look } = nodeProcesses();
      await until(() => !look(pid).runs);
      expect(look(pid)).to.deep.equal({ runs: false });
      // It is there all the same.
      process.kill(pid, 0);
    });

    for (const [what, options] of [
      ['knows its own start', ['--mount-proc']],
      ['takes nothing from a /proc that is not of its numbers', []],
    ] as const) {
      it(`in a namespace of its own, ${what}`, function () {
        const print = `import { nodeProcesses, parseStat } from ${JSON.stringify(fileURLToPath(new URL('../../src/files/processes.ts', import.meta.url)))};
          const { pid, start, space, look } = nodeProcesses();
          console.log(JSON.stringify({ pid, start, space, seen: look(1) }));`;
        const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', print];
        let text: string;
        try {
          text = execFileSync('unshare', ['--pid', '--fork', ...options, ...node], { encoding: 'utf8', stdio: 'pipe' });
        } catch (error) {
          if (process.geteuid?.() === 0) throw error;
          this.skip(); // Only root can make a namespace everywhere.
        }
        const seen: unknown = JSON.parse(text);
        expect(seen).to.have.property('pid', 1);
        expect(seen).to.have.property('space').that.is.a('string').and.not.equal(nodeProcesses().space);
        expect(seen).to.have.nested.property('seen.runs', true);
        if (options.length === 0) expect(seen).to.not.have.any.keys('start');
        else expect(seen).to.have.property('start').that.is.a('string');
      }).timeout(20_000);
    }
  });
});
