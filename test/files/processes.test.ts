import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { nodeProcesses, parseStat } from '../../src/files/processes.js';
import { until } from './lock-scene.js';

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
