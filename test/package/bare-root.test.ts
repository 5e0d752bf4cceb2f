import { chown, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { BARE_ROOT_NEEDS, type BareRoot, makeBareRoot, NOBODY } from './bare-root.js';
import { LINUX_X64, skipped, where } from './binaries.js';

const RUNTIME = /^(ld-linux.*|lib(c|m|pthread|dl|stdc\+\+|gcc_s))\.so\.\d+$/;
const missing = skipped(BARE_ROOT_NEEDS);

(missing === '' ? describe : describe.skip)(`the binary in a root with nothing but its runtime${missing}`, function () {
  this.timeout(60_000);
  let root: string;
  let certificate: IssuedCertificate;
  let libraries: readonly string[];
  let inRoot: BareRoot['run'];

  before(async () => {
    certificate = await issueStockCertificate();
    ({ root, libraries, run: inRoot } = await makeBareRoot());
  });
  after(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it('needs the libraries of C and C++ alone', () => {
    expect(libraries).to.have.length.above(3);
    for (const library of libraries) expect(basename(library)).to.match(RUNTIME);
  });

  it('needs no glibc newer than 2.28 and no libstdc++ newer than that of GCC 5', async () => {
    const binary = await readFile(LINUX_X64, 'latin1');
    const newest = (name: string) =>
      [...binary.matchAll(new RegExp(`\\0${name}_(\\d+(?:\\.\\d+)*)(?=\\0)`, 'g'))]
        .map(([, version = '']) => version.split('.').map(Number))
        .sort(([a = 0, b = 0, c = 0], [x = 0, y = 0, z = 0]) => a - x || b - y || c - z)
        .at(-1)
        ?.join('.');
    expect(newest('GLIBC')).to.equal('2.28');
    expect(newest('GLIBCXX')).to.equal('3.4.21');
  });

  it('starts with an empty environment, without a home, without a network', async () => {
    const unshare = where('unshare');
    const withoutNetwork = unshare === undefined ? [] : [unshare, '--net'];
    for (const args of [['--version'], ['--help'], ['detect', '--json']]) {
      const { code, stdout, stderr } = await inRoot(args, {}, withoutNetwork);
      expect({ code, stderr }, args.join(' ')).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.not.equal('');
    }
  });

  it('leaves nothing behind when it only looks', async () => {
    await inRoot(['detect']);
    expect(await readdir(join(root, 'opt'))).to.deep.equal(['agent-enroll']);
    expect((await readdir(root)).sort()).to.deep.equal(
      [...new Set(['opt', ...libraries.map((library) => library.split('/')[1])])].sort(),
    );
  });

  for (const [family, cipher] of [
    ['wazuh-4', 'aes'],
    ['ossec', 'blowfish'],
  ] as const) {
    it(`enrolls with a ${family} manager and proves the link`, async () => {
      const home = join(root, family);
      await mkdir(join(home, 'etc'), { recursive: true });
      for (const directory of [home, join(home, 'etc')]) await chown(directory, NOBODY, NOBODY);
      const sandbox = await startSandbox({ family, certificate, keyReloadMs: 300 });
      try {
        const { agent, authd } = sandbox.endpoints;
        const args = ['--manager', `${agent.host}:${agent.port}`, '--enrollment-port', String(authd.port)];
        const { code, stdout, stderr } = await inRoot([
          ...args,
          '--agent-home',
          `/${family}`,
          '--name',
          'web-01',
          '--json',
        ]);
        expect(code, stderr + stdout).to.equal(0);
        expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: true });
        expect(JSON.parse(stdout).link).to.include({ cipher });
        expect(await readFile(join(home, 'etc', 'client.keys'), 'utf8')).to.match(/^\d+ web-01 any [0-9a-f]{64}\n$/);
        const again = await inRoot([...args, '--agent-home', `/${family}`, '--name', 'web-01', '--json']);
        expect(JSON.parse(again.stdout)).to.deep.include({ ok: true, changed: false });
      } finally {
        await sandbox.close();
      }
    });
  }
});
