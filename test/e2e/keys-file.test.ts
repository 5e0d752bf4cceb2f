import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { against, run, scratchHome } from './program.js';

const KEY = 'e'.repeat(64);

describe('a client.keys with more in it than the key', function () {
  this.timeout(20_000);
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let sandbox: Sandbox;
  let asked: number;

  beforeEach(async () => {
    asked = 0;
    scratch = await scratchHome();
    const onEvent = ({ type }: { readonly type: string }) => {
      if (type === 'registered') asked += 1;
    };
    sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 100, onEvent });
    const { code, stderr } = await run([...against(sandbox, scratch.home), '--name', 'web-01']);
    expect(code, stderr).to.equal(0);
  });
  afterEach(async () => {
    await sandbox.close();
    await scratch.remove();
  });

  const args = () => [...against(sandbox, scratch.home), '--json'];
  const surround = async (before: string, after: string) => {
    const own = await readFile(scratch.keys, 'utf8');
    await writeFile(scratch.keys, `${before}${own}${after}`);
    return own;
  };

  const around: readonly (readonly [string, string, string])[] = [
    ['a removed agent after it', '', `003 !gone any ${KEY}\n`],
    ['another agent after it', '', `003 other any ${KEY}\n`],
    [
      'comments, blanks, removed agents and rubbish before it',
      `# by hand\n\n 9 x any y\n001 !gone any ${KEY}\nrubbish\n`,
      '',
    ],
  ];
  for (const [what, before, after] of around) {
    it(`is a key that works, with ${what}: enroll, check and export say so alike`, async () => {
      const own = await surround(before, after);
      const text = await readFile(scratch.keys, 'utf8');
      const again = await run(args());
      expect(again.code, again.stdout).to.equal(0);
      expect(JSON.parse(again.stdout)).to.include({ ok: true, changed: false });
      const check = ['check', '--manager', args()[1] ?? '', '--agent-home', scratch.home, '--json'];
      expect((await run(check)).code).to.equal(0);
      const { stdout } = await run(['export', '-', '--agent-home', scratch.home]);
      expect(Buffer.from(stdout, 'base64').toString()).to.equal(own.trim());
      expect(await readFile(scratch.keys, 'utf8')).to.equal(text);
      expect(asked).to.equal(1);
    });
  }

  it('is not overwritten where others have keys in it, and nobody is asked for a new one', async () => {
    await appendFile(scratch.keys, `003 other any ${KEY}\n`);
    const text = await readFile(scratch.keys, 'utf8');
    const { code, stdout } = await run([...args(), '--force']);
    expect(code).to.equal(6);
    expect(JSON.parse(stdout).error.message).to.contain('the keys of several agents');
    expect(await readFile(scratch.keys, 'utf8')).to.equal(text);
    expect(asked).to.equal(1);
  });
});
