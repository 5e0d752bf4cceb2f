/** The package for Red Hat's systems and others that have rpm. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './config.js';
import { lay, linuxFiles, type PackageFile } from './content.js';
import type { PackageOrder } from './order.js';
import { run } from './run.js';

const ARCHITECTURES: Readonly<Record<string, string>> = { 'linux-x64': 'x86_64', 'linux-arm64': 'aarch64' };
const PLACES = { zsh: 'usr/share/zsh/site-functions', units: 'usr/lib/systemd/system' };

/** How the package of a platform is called: `agent-enroll-0.1.0-1.x86_64.rpm`. */
export function rpmName(version: string, platform: string): string {
  return `agent-enroll-${version}-1.${architectureOf(platform)}.rpm`;
}

function architectureOf(platform: string): string {
  const architecture = ARCHITECTURES[platform];
  if (architecture === undefined) throw new Error(`rpm has no name for ${platform}.`);
  return architecture;
}

/**
 * Makes the package of the binary of one platform.
 * @returns its name
 */
export async function makeRpm(order: PackageOrder): Promise<string> {
  const { platform, binary, version, date, scratch, output, maintainer } = order;
  const architecture = architectureOf(platform);
  const place = join(scratch, `rpm-${architecture}`);
  const tree = join(place, 'tree');
  const files: readonly PackageFile[] = [
    ...linuxFiles(binary, order.surroundings, PLACES),
    { path: 'usr/share/licenses/agent-enroll/LICENSES.txt', mode: 0o644, content: order.licences },
  ];
  await lay(tree, files, date);
  const list = join(place, 'files');
  const own = ['/etc/agent-enroll', '/usr/share/licenses/agent-enroll'];
  const lines = [...own.map((directory) => `%dir %attr(0755,root,root) ${directory}`), ...files.map(listed)];
  await writeFile(list, `${lines.join('\n')}\n`);

  const build = join(place, 'build');
  await mkdir(build);
  const macros: Readonly<Record<string, string>> = {
    _topdir: build,
    _buildhost: 'localhost',
    // One thread, and the lowest level, as in the package for Debian.
    _binary_payload: 'w1.xzdio',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    program_version: version,
    program_packager: maintainer,
    program_date: new Date(date * 1000).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+).*/, '$1 $3 $2 $4'),
    program_tree: tree,
    program_files: list,
  };
  const defined = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const spec = join(ROOT, 'deploy/packages/rpm/agent-enroll.spec');
  await run('rpmbuild', ['-bb', '--quiet', '--target', `${architecture}-linux`, ...defined, spec], {
    // HOME: nobody's ~/.rpmmacros.
    env: { PATH: process.env['PATH'], HOME: place, TZ: 'UTC', LC_ALL: 'C', SOURCE_DATE_EPOCH: String(date) },
  });
  const name = rpmName(version, platform);
  await rename(join(build, 'RPMS', architecture, name), join(output, name));
  return name;
}

/** A line of the list of files: what rpm is to do with one. */
function listed({ path, mode }: PackageFile): string {
  const attributes = `%attr(0${mode.toString(8)},root,root)`;
  if (path.startsWith('etc/')) return `%config(noreplace) ${attributes} /${path}`;
  if (path.startsWith('usr/share/licenses/')) return `%license ${attributes} /${path}`;
  if (path.startsWith('usr/share/man/')) return `%doc ${attributes} /${path}`;
  return `${attributes} /${path}`;
}
