/** The package for Debian and what is made of it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ROOT } from './config.js';
import { gzip, lay, linuxFiles, type PackageFile } from './content.js';
import type { PackageOrder } from './order.js';
import { run } from './run.js';

const ARCHITECTURES: Readonly<Record<string, string>> = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' };
const PLACES = { zsh: 'usr/share/zsh/vendor-completions', units: 'lib/systemd/system' };
const DOCUMENTS = 'usr/share/doc/agent-enroll';
const OF_DEB = join(ROOT, 'deploy/packages/deb');
/** The first packaging of a version. */
const REVISION = '1';

/** How the package of a platform is called: `agent-enroll_0.1.0-1_amd64.deb`. */
export function debName(version: string, platform: string): string {
  return `agent-enroll_${version}-${REVISION}_${architectureOf(platform)}.deb`;
}

function architectureOf(platform: string): string {
  const architecture = ARCHITECTURES[platform];
  if (architecture === undefined) throw new Error(`Debian has no name for ${platform}.`);
  return architecture;
}

/**
 * Makes the package of the binary of one platform.
 * @returns its name
 */
export async function makeDeb(order: PackageOrder): Promise<string> {
  const { platform, binary, version, date, scratch, output } = order;
  const architecture = architectureOf(platform);
  const revision = `${version}-${REVISION}`;
  const tree = join(scratch, `deb-${architecture}`);
  const files: readonly PackageFile[] = [
    ...linuxFiles(binary, order.surroundings, PLACES),
    { path: `${DOCUMENTS}/copyright`, mode: 0o644, content: order.licences },
    { path: `${DOCUMENTS}/changelog.Debian.gz`, mode: 0o644, content: gzip(changelog(order, revision)) },
    {
      path: 'usr/share/lintian/overrides/agent-enroll',
      mode: 0o644,
      content: await readFile(join(OF_DEB, 'lintian-overrides'), 'utf8'),
    },
  ];
  await lay(tree, [...files, ...(await control(order, revision, architecture, files))], date);

  const name = debName(version, platform);
  // One thread: how many there are would show in the bytes. The lowest level takes a fifth of the time of the usual one,
  // and a sixth more room.
  const compression = ['-Zxz', '-z1', '--threads-max=1'];
  await run('dpkg-deb', ['--root-owner-group', ...compression, '--build', tree, join(output, name)], {
    env: { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: String(date) },
  });
  return name;
}

async function control(
  { maintainer }: PackageOrder,
  revision: string,
  architecture: string,
  files: readonly PackageFile[],
): Promise<readonly PackageFile[]> {
  let bytes = 0;
  const sums: string[] = [];
  for (const { path, content } of files) {
    const hash = createHash('md5');
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      bytes += Buffer.byteLength(content);
      hash.update(content);
    } else {
      bytes += (await stat(content.copyOf)).size;
      await pipeline(createReadStream(content.copyOf), hash);
    }
    if (!path.startsWith('etc/')) sums.push(`${hash.digest('hex')}  ${path}\n`);
  }
  const values: Readonly<Record<string, string>> = {
    VERSION: revision,
    ARCHITECTURE: architecture,
    MAINTAINER: maintainer,
    SIZE: String(Math.ceil(bytes / 1024)),
  };
  const template = await readFile(join(OF_DEB, 'control'), 'utf8');
  const scripts = (await readdir(OF_DEB)).filter((name) => /^(pre|post)(inst|rm)$/.test(name));
  return [
    {
      path: 'DEBIAN/control',
      mode: 0o644,
      content: template.replace(/@([A-Z]+)@/g, (_, name: string) => values[name] ?? ''),
    },
    {
      path: 'DEBIAN/conffiles',
      mode: 0o644,
      content: files.flatMap(({ path }) => (path.startsWith('etc/') ? [`/${path}\n`] : [])).join(''),
    },
    { path: 'DEBIAN/md5sums', mode: 0o644, content: sums.sort().join('') },
    ...(await Promise.all(
      scripts.map(async (name) => ({
        path: `DEBIAN/${name}`,
        mode: 0o755,
        content: await readFile(join(OF_DEB, name), 'utf8'),
      })),
    )),
  ];
}

function changelog({ date, version, maintainer }: PackageOrder, revision: string): string {
  const time = new Date(date * 1000).toUTCString().replace(/GMT$/, '+0000');
  return `agent-enroll (${revision}) stable; urgency=medium

  * Release ${version}; CHANGELOG.md of the source tells what is new.

 -- ${maintainer}  ${time}
`;
}
