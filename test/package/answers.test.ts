import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BASE, built, LINUX_X64, ROOT, run, skipped } from './binaries.js';

const missing = skipped({ ...built(LINUX_X64), ...built(BASE) });
const render = join(ROOT, 'scripts', 'package', 'render.cjs');
const program = join(ROOT, 'build', 'program', 'agent-enroll.cjs');

(missing === '' ? describe : describe.skip)(`what the binary answers by itself${missing}`, function () {
  this.timeout(20_000);

  it('is the version of the package', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    expect(await run(LINUX_X64, ['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  for (const option of ['--help', '-h']) {
    it(`is what the program says to ${option}`, async () => {
      const said = await run(BASE, [render, program, '100', option]);
      expect(said.stdout).to.include('--manager');
      expect(await run(LINUX_X64, [option])).to.deep.equal(said);
    });
  }

  it('is given for the option alone: with anything beside it the program runs', async () => {
    const args = ['check', '--help'];
    expect(await run(LINUX_X64, args)).to.deep.equal(await run(BASE, [render, program, '100', ...args]));
  });

  it('is laid out for the width of the terminal', async () => {
    const widest = async (columns: string) => {
      const { stdout } = await run(BASE, [render, program, columns, '--help']);
      return Math.max(...stdout.split('\n').map(({ length }) => length));
    };
    expect(await widest('60')).to.be.below(61);
    expect(await widest('110')).to.be.within(101, 110);
  });
});
