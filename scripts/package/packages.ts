/** What hosts install: packages of the binaries in the formats of Debian, Red Hat and Windows. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { debName, makeDeb } from './deb.js';
import { sourceDate } from './epoch.js';
import { makeMsi, msiName } from './msi.js';
import type { PackageOrder } from './order.js';
import { makeRpm, rpmName } from './rpm.js';

/** What came of an order. */
export interface PackagesMade {
  /** Names of files in the output directory. */
  readonly made: readonly string[];
  /** What was not made, and why: a sentence each. */
  readonly left: readonly string[];
}

interface Format {
  readonly name: string;
  readonly platforms: readonly string[];
  /** The programs that it takes. */
  readonly tools: readonly string[];
  file(version: string, platform: string): string;
  make(order: PackageOrder): Promise<string>;
}

const LINUX = ['linux-x64', 'linux-arm64'];
const FORMATS: readonly Format[] = [
  { name: '.deb', platforms: LINUX, tools: ['dpkg-deb'], file: debName, make: makeDeb },
  { name: '.rpm', platforms: LINUX, tools: ['rpmbuild'], file: rpmName, make: makeRpm },
  { name: '.msi', platforms: ['win-x64'], tools: ['wixl', 'msibuild'], file: msiName, make: makeMsi },
];

const onPath = (program: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));

/** The packages that there are to be of these platforms, and what of their tools is not installed here. */
export function wantedPackages(version: string, platforms: readonly string[]) {
  return FORMATS.flatMap(({ platforms: its, tools, file }) =>
    its
      .filter((platform) => platforms.includes(platform))
      .map((platform) => ({ file: file(version, platform), missing: tools.filter((program) => !onPath(program)) })),
  );
}

/**
 * Makes every package of these binaries whose tools are here.
 * @param binaries the paths of the binaries, by their platforms
 */
export async function makePackages(
  binaries: ReadonlyMap<string, string>,
  order: Omit<PackageOrder, 'platform' | 'binary' | 'date'>,
): Promise<PackagesMade> {
  // What is not made this time shall not be there from the last.
  for (const { file } of wantedPackages(order.version, [...binaries.keys()])) {
    await rm(join(order.output, file), { force: true });
  }
  const left: string[] = [];
  // Neither rpm nor the Windows Installer knows any other form, and Debian would take 0.2.0-rc.1 for later than 0.2.0.
  const plain = /^\d+\.\d+\.\d+$/.test(order.version);
  const date = plain ? await sourceDate() : `${order.version} is not of the form 1.2.3`;
  const orders = FORMATS.flatMap((format) =>
    format.platforms.flatMap((platform) => {
      const binary = binaries.get(platform);
      if (binary === undefined) return [];
      const missing = format.tools.filter((program) => !onPath(program));
      if (missing.length === 0 && typeof date === 'number') return [{ format, platform, binary, date }];
      const why = missing.length > 0 ? `${missing.join(' and ')} not installed` : date;
      left.push(`The ${format.name} of ${platform} was not made: ${why}.`);
      return [];
    }),
  );
  await mkdir(order.scratch, { recursive: true });
  const made = await Promise.all(
    orders.map(({ format, platform, binary, date }) => format.make({ ...order, platform, binary, date })),
  );
  return { made, left };
}
