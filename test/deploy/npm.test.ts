import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { needs, PROJECT, scratchDirectory, skip, tool } from './tool.js';

interface Lock {
  readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe('the package for npm', function () {
  this.timeout(90_000);
  let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
  let project: string;
  let packed: readonly string[];
  const env = () => ({ HOME: process.env['HOME'] ?? scratch.path });
  const inProject = (command: string, ...args: readonly string[]) => tool(command, args, { cwd: project, env: env() });

  /** Installs the packed package as a user does, but from npm's cache and with the versions that this checkout is tested with. */
  before(async function () {
    needs(this, 'npm', 'npx');
    scratch = await scratchDirectory();
    project = join(scratch.path, 'project');
    await mkdir(project);
    const { stdout, stderr } = await tool(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', project],
      {
        cwd: PROJECT,
        env: env(),
      },
    );
    const [pack] = JSON.parse(stdout === '' ? fail(stderr) : stdout);
    packed = pack.files.map(({ path }: { readonly path: string }) => path);

    const manifest = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
    const lock: Lock = JSON.parse(await readFile(join(PROJECT, 'package-lock.json'), 'utf8'));
    const dependencies = { 'agent-enroll': `file:${pack.filename}` };
    const { version, bin, engines } = manifest;
    const packages = Object.fromEntries(
      Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true),
    );
    const own = { version, resolved: `file:${pack.filename}`, integrity: pack.integrity, bin, engines };
    const root = { name: 'project', version: '1.0.0', type: 'module', dependencies };
    await writeFile(join(project, 'package.json'), JSON.stringify({ ...root, private: true }));
    await writeFile(
      join(project, 'package-lock.json'),
      JSON.stringify({
        ...root,
        lockfileVersion: 3,
        packages: {
          '': root,
          'node_modules/agent-enroll': { ...own, dependencies: manifest.dependencies },
          ...packages,
        },
      }),
    );
    const installed = await inProject('npm', 'ci', '--offline', '--no-audit', '--no-fund');
    if (installed.stderr.includes('ENOTCACHED')) skip(this, "npm's cache does not hold the dependencies: run npm ci");
    expect(installed.code, installed.stderr).to.equal(0);
  });
  after(() => scratch?.remove());

  it('holds the program, the types, the man page and no test', () => {
    expect(packed).to.include.members([
      'bin/agent-enroll.js',
      'dist/program/agent-enroll.cjs',
      'dist/program/agent-enroll.cjs.map',
      'dist/program/LICENSES.txt',
      'dist/index.js',
      'dist/index.d.ts',
      'man/agent-enroll.1',
      'README.md',
      'LICENSE',
    ]);
    expect(
      packed.filter((path) => /^(test|src|docs|node_modules|build)\//.test(path) || path.endsWith('.v8')),
    ).to.deep.equal([]);
  });

  it('installs into an empty project and runs', async () => {
    const { version } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
    const ran = await inProject('npx', '--no-install', 'agent-enroll', '--version');
    expect(ran.stdout.trim()).to.equal(version);
  });

  it('can be imported as a library, without a word on standard output', async () => {
    const code =
      "const { EnrollError, enroll } = await import('agent-enroll'); process.exitCode = typeof enroll === 'function' && new EnrollError('INTERNAL', 'x') instanceof Error ? 0 : 1;";
    const { code: exit, stdout, stderr } = await inProject(process.execPath, '--input-type=module', '-e', code);
    expect(stdout + stderr).to.equal('');
    expect(exit).to.equal(0);
  });

  it('has types that a strict project without other types resolves', async () => {
    await writeFile(
      join(project, 'use.ts'),
      "import { EnrollError, type ErrorCode, emptyReport, enroll, type OptionsOf, type Report } from 'agent-enroll';\nexport const options: OptionsOf<'enroll'> = { manager: 'siem.example.org', passwordFile: '/run/secrets/pw', wait: '30s' };\nexport const enrolled: Promise<Report> = enroll(options, { onEvent: ({ kind }) => kind });\n// @ts-expect-error: camel case\nexport const wrong: OptionsOf<'enroll'> = { 'password-file': 'x' };\nexport const report: Report = emptyReport('check');\nexport const code: ErrorCode = new EnrollError('INTERNAL', 'x').code;\n// @ts-expect-error: there is no such code\nnew EnrollError('NO_SUCH_CODE', 'x');\n",
    );
    const strict = {
      strict: true,
      noEmit: true,
      target: 'es2023',
      module: 'nodenext',
      types: ['node'],
      typeRoots: [join(PROJECT, 'node_modules/@types')],
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict, files: ['use.ts'] }));
    const { code, stdout } = await inProject(
      process.execPath,
      join(PROJECT, 'node_modules/@typescript/native/bin/tsc'),
      '-p',
      '.',
    );
    expect(stdout).to.equal('');
    expect(code).to.equal(0);
  });

  it('is found faultless by publint', async () => {
    const publint = join(PROJECT, 'node_modules/publint/src/cli.js');
    const { code, stdout } = await tool(process.execPath, [
      publint,
      '--strict',
      join(project, 'node_modules/agent-enroll'),
    ]);
    expect(stdout).to.contain('All good!');
    expect(code, stdout).to.equal(0);
  });
});

describe('the man page', () => {
  const page = join(PROJECT, 'man/agent-enroll.1');

  it('is formatted without a warning by man', async function () {
    needs(this, 'man', 'groff');
    const { stderr, stdout } = await tool('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page]);
    expect(stderr).to.equal('');
    expect(stdout.length).to.be.greaterThan(1000);
  });

  it('is found faultless by mandoc', async function () {
    needs(this, 'mandoc');
    const { stdout, code } = await tool('mandoc', ['-Tlint', '-W', 'warning', page]);
    expect(stdout).to.equal('');
    expect(code).to.equal(0);
  });
});

function fail(why: string): never {
  throw new Error(why);
}
