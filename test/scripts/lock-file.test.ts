import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { faultsOf, lockedPackages } from '../../scripts/lint/lock-file.js';

const GOOD = { version: '1.0.0', license: 'MIT', integrity: 'sha512-AAAA' };
const faults = (entry: object, place = 'node_modules/left') =>
  faultsOf(lockedPackages(JSON.stringify({ packages: { '': { name: 'own' }, [place]: { ...GOOD, ...entry } } })));

describe('the lock file', () => {
  it('has nothing that runs a script, nothing without a checksum, and no licence that asks for more than its text', async () => {
    const packages = lockedPackages(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8'));
    expect(packages.length).to.be.above(30);
    expect(faultsOf(packages)).to.deep.equal([]);
  });

  it('is found good where it is', () => {
    expect(faults({})).to.deep.equal([]);
    expect(faults({ resolved: 'https://registry.npmjs.org/left/-/left-1.0.0.tgz' })).to.deep.equal([]);
    expect(faults({ license: '(MIT AND Zlib)' })).to.deep.equal([]);
    expect(faults({ license: '(BSD-3-Clause OR GPL-2.0)' })).to.deep.equal([]);
    expect(faults({ hasInstallScript: true, dev: true }, 'node_modules/esbuild')).to.deep.equal([]);
  });

  for (const [what, entry, place] of [
    ['a script at its installation', { hasInstallScript: true }, undefined],
    ['such a script of a package to test with', { hasInstallScript: true, dev: true }, undefined],
    ['such a script in the program', { hasInstallScript: true }, 'node_modules/esbuild'],
    ['no checksum', { integrity: undefined }, undefined],
    ['a weak checksum', { integrity: 'sha1-AAAA' }, undefined],
    ['another registry', { resolved: 'https://registry.example/left.tgz' }, undefined],
    ['a registry whose name begins alike', { resolved: 'https://registry.npmjs.org.example/left.tgz' }, undefined],
    ['a repository', { resolved: 'git+ssh://git@github.com/left/left.git' }, undefined],
    ['a licence that is not in the list', { license: 'GPL-3.0' }, undefined],
    ['one of two licences that both hold', { license: '(MIT AND GPL-3.0)' }, undefined],
    ['no licence', { license: undefined }, undefined],
  ] as const) {
    it(`is refused for a package with ${what}`, () => {
      expect(faults(entry, place)).to.have.length(1);
    });
  }
});
