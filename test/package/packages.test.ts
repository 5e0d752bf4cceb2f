import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { sourceDate } from '../../scripts/package/epoch.js';
import { makePackages, wantedPackages } from '../../scripts/package/packages.js';
import { earlier } from './order.js';

const PLATFORMS = ['linux-x64', 'linux-arm64', 'win-x64', 'win-arm64'];

describe('the packages of a build', () => {
  const kept = { ...process.env };
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-packages-'));
    process.env['PATH'] = '/nonexistent';
  });
  afterEach(async () => {
    process.env = { ...kept };
    await rm(directory, { recursive: true, force: true });
  });

  it('are named as their systems do it', () => {
    expect(wantedPackages('0.1.0', PLATFORMS).map(({ file }) => file)).to.deep.equal([
      'agent-enroll_0.1.0-1_amd64.deb',
      'agent-enroll_0.1.0-1_arm64.deb',
      'agent-enroll-0.1.0-1.x86_64.rpm',
      'agent-enroll-0.1.0-1.aarch64.rpm',
      'agent-enroll-0.1.0-x64.msi',
    ]);
  });

  it('that cannot be made are named with the reason, and none is left from before', async () => {
    const { output, ...rest } = await earlier('linux-x64', '/nonexistent');
    const order = { ...rest, output: directory, scratch: join(directory, 'parts') };
    const [first] = wantedPackages(order.version, ['linux-x64']);
    await writeFile(join(directory, first?.file ?? ''), 'of an earlier build');
    const binaries = new Map(PLATFORMS.map((platform) => [platform, '/nonexistent']));
    expect(await makePackages(binaries, order)).to.deep.equal({
      made: [],
      left: [
        'The .deb of linux-x64 was not made: dpkg-deb not installed.',
        'The .deb of linux-arm64 was not made: dpkg-deb not installed.',
        'The .rpm of linux-x64 was not made: rpmbuild not installed.',
        'The .rpm of linux-arm64 was not made: rpmbuild not installed.',
        'The .msi of win-x64 was not made: wixl and msibuild not installed.',
      ],
    });
    expect(await readdir(directory)).to.deep.equal(['parts']);
    await rm(output, { recursive: true });
  });

  it('are not made of a version that their systems would not understand', async () => {
    process.env['SOURCE_DATE_EPOCH'] = '1700000000';
    process.env['PATH'] = kept['PATH'];
    const { output, ...rest } = await earlier('linux-x64', '/nonexistent');
    const order = { ...rest, version: '0.2.0-rc.1', output: directory, scratch: join(directory, 'parts') };
    const { made, left } = await makePackages(new Map([['linux-x64', '/nonexistent']]), order);
    expect(made).to.deep.equal([]);
    expect(left[0]).to.match(
      /^The \.deb of linux-x64 was not made: (0\.2\.0-rc\.1 is not of the form 1\.2\.3|dpkg-deb not installed)\.$/,
    );
    await rm(output, { recursive: true });
  });

  it('bear the time that is given, and are not made where there is none', async () => {
    process.env['SOURCE_DATE_EPOCH'] = '1700000000';
    expect(await sourceDate()).to.equal(1_700_000_000);
    process.env['SOURCE_DATE_EPOCH'] = 'yesterday';
    expect(await sourceDate()).to.equal('SOURCE_DATE_EPOCH=yesterday is no number of seconds');
    delete process.env['SOURCE_DATE_EPOCH'];
    expect(await sourceDate()).to.match(/^no commit is checked out here/);
  });
});
