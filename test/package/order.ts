import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PackageOrder } from '../../scripts/package/order.js';
import { BUILD, ROOT } from './binaries.js';

/** The version of the program, from the manifest. */
export const VERSION = String(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).version);
/** A version before the first. */
export const EARLIER = '0.0.1';

const NAMES = {
  deb: { x64: `agent-enroll_${VERSION}-1_amd64.deb`, arm64: `agent-enroll_${VERSION}-1_arm64.deb` },
  rpm: { x64: `agent-enroll-${VERSION}-1.x86_64.rpm`, arm64: `agent-enroll-${VERSION}-1.aarch64.rpm` },
  msi: { x64: `agent-enroll-${VERSION}-x64.msi` },
} as const;

/** The paths of the packages that `npm run package` made. */
export const DEB = join(BUILD, NAMES.deb.x64);
export const DEB_ARM64 = join(BUILD, NAMES.deb.arm64);
export const RPM = join(BUILD, NAMES.rpm.x64);
export const RPM_ARM64 = join(BUILD, NAMES.rpm.arm64);
export const MSI = join(BUILD, NAMES.msi.x64);

/**
 * An order for a package of an earlier version, whose binary is another one and small, into a directory of its own.
 * @param environment what its /etc/agent-enroll/environment says
 */
export async function earlier(
  platform: string,
  binary: string,
  environment = '# An earlier one.\n',
): Promise<PackageOrder> {
  const output = await mkdtemp(join(tmpdir(), 'agent-enroll-earlier-'));
  return {
    platform,
    binary,
    version: EARLIER,
    maintainer: 'the tests <tests@example.org>',
    surroundings: {
      completions: { bash: '# bash\n', zsh: '# zsh\n', fish: '# fish\n' },
      unit: '[Service]\nExecStart=/usr/bin/agent-enroll\n',
      environment,
      manual: Buffer.from('earlier'),
    },
    licences: 'Of an earlier version.\n',
    date: 1_000_000_000,
    scratch: join(output, 'scratch'),
    output,
  };
}
