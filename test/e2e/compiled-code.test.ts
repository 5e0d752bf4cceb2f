import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { expect } from 'chai';
import { after, before, beforeEach, describe, it } from 'mocha';
import { COMMAND_NAMES } from '../../src/cli/syntax.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOMEBODY = 65534;

describe('the compiled code beside the program', function () {
  this.timeout(30_000);
  let directory: string;
  let program: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-compiled-'));
    program = join(directory, 'dist', 'program');
    await cp(join(ROOT, 'bin'), join(directory, 'bin'), { recursive: true });
    await mkdir(program, { recursive: true });
    for (const name of await readdir(join(ROOT, 'dist', 'program'))) {
      if (!name.endsWith('.v8')) await cp(join(ROOT, 'dist', 'program', name), join(program, name));
    }
  });
  beforeEach(async () => {
    for (const name of await compiled()) await rm(join(program, name), { recursive: true });
    await chmod(program, 0o755);
  });
  after(() => rm(directory, { recursive: true }));

  const compiled = async () => (await readdir(program)).filter((name) => name.includes('.v8'));
  const run = (env: Readonly<Record<string, string>> = {}) =>
    execFileSync(process.execPath, [join(directory, 'bin', 'agent-enroll.js'), 'completion', 'bash'], {
      env,
      encoding: 'utf8',
    });
  /** The file in which the program keeps it. */
  const fileOf = async () => {
    run();
    const [name = ''] = await compiled();
    return join(program, name);
  };
  /** Code of another script, which V8 takes for the program's own: it compares their lengths alone. */
  const foreign = async () => {
    const { length } = await readFile(join(program, 'agent-enroll.cjs'));
    const source = "(function(){process.stdout.write('foreign')})";
    return new Script(source.padEnd(length)).createCachedData();
  };

  it('is told apart by every command that there is, for each runs other code', async () => {
    const source = await readFile(join(directory, 'bin', 'agent-enroll.js'), 'utf8');
    const [, list = ''] = /const COMMANDS = \[([^\]]+)\]/.exec(source) ?? [];
    const named = [...list.matchAll(/'([^']+)'/g)].map(([, name = '']) => name);
    expect(named).to.include.members(COMMAND_NAMES.filter((name) => name !== 'enroll'));
  });

  it('is kept, for its user alone to write, and taken', async () => {
    const first = run();
    const names = await compiled();
    expect(names).to.have.length(1);
    expect(names[0]).to.include(`-completion-${process.version}-`);
    expect((await stat(join(program, names[0] ?? ''))).mode & 0o022).to.equal(0);
    expect(run()).to.equal(first);
    await writeFile(await fileOf(), await foreign());
    expect(run()).to.equal('foreign');
  });

  it('is made anew where it is broken', async () => {
    const file = await fileOf();
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, 100));
    expect(run()).to.include('complete');
    expect((await stat(file)).size).to.be.greaterThan(10_000);
  });

  it('changes nothing about a run after which it cannot be kept', async () => {
    const file = await fileOf();
    await rm(file);
    await mkdir(file);
    expect(run()).to.include('complete');
    expect(await compiled()).to.deep.equal([file.slice(program.length + 1)]);
  });

  it('is neither taken nor kept where NODE_DISABLE_COMPILE_CACHE says so', async () => {
    expect(run({ NODE_DISABLE_COMPILE_CACHE: '1' })).to.include('complete');
    expect(await compiled()).to.deep.equal([]);
    await writeFile(await fileOf(), await foreign());
    expect(run({ NODE_DISABLE_COMPILE_CACHE: '1' })).to.include('complete');
  });

  const others: readonly (readonly [string, (file: string) => Promise<void>])[] = [
    ['that others can write', (file) => chmod(file, 0o666)],
    ['that a group can write', (file) => chmod(file, 0o664)],
    ['in a directory that others can write', () => chmod(program, 0o777)],
    [
      'that is a link',
      async (file) => {
        await rename(file, join(directory, 'elsewhere'));
        await symlink(join(directory, 'elsewhere'), file);
      },
    ],
  ];
  for (const [what, change] of others) {
    it(`is not taken from a file ${what}`, async () => {
      const file = await fileOf();
      await writeFile(file, await foreign());
      await change(file);
      expect(run()).to.include('complete');
    });
  }

  it('is not taken from a file of another user', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const file = await fileOf();
    await writeFile(file, await foreign());
    await chown(file, SOMEBODY, SOMEBODY);
    expect(run()).to.include('complete');
  });

  it('is not kept where others could exchange it', async () => {
    await chmod(program, 0o777);
    expect(run()).to.include('complete');
    expect(await compiled()).to.deep.equal([]);
  });
});
