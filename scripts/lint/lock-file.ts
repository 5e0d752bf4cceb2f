/** Looks through package-lock.json without asking anybody: what is installed from it can run nothing and comes from one place. */

/** A package of the lock file. */
export interface LockedPackage {
  /** Where npm puts it. */
  readonly place: string;
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Not installed with the program, but only where it is made. */
  readonly dev: boolean;
  readonly hasInstallScript: boolean;
  readonly integrity: string | undefined;
  readonly resolved: string | undefined;
}

/** Licences that ask for nothing but their text; of an `OR` one of them is enough, of an `AND` all are needed. */
export const LICENCES: ReadonlySet<string> = new Set([
  'MIT',
  'ISC',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'Zlib',
  'PSF-2.0',
]);

/** What may run a script when it is installed, where the program is made. */
const SCRIPTS: ReadonlySet<string> = new Set(['esbuild']);
const REGISTRY = 'https://registry.npmjs.org/';

/** The packages of a lock file. @throws TypeError for a text that is none */
export function lockedPackages(text: string): readonly LockedPackage[] {
  const lock: unknown = JSON.parse(text);
  const packages = member(lock, 'packages');
  if (typeof packages !== 'object' || packages === null) throw new TypeError('It is no lock file of npm 7 or later.');
  return Object.entries(packages).flatMap(([place, entry]: [string, unknown]) =>
    place === ''
      ? []
      : [
          {
            place,
            name: place.replace(/^.*node_modules\//, ''),
            version: textOf(entry, 'version') ?? '',
            licence: textOf(entry, 'license') ?? '',
            dev: member(entry, 'dev') === true || member(entry, 'devOptional') === true,
            hasInstallScript: member(entry, 'hasInstallScript') === true,
            integrity: textOf(entry, 'integrity'),
            resolved: textOf(entry, 'resolved'),
          },
        ],
  );
}

/** What is wrong with them, in sentences. */
export function faultsOf(packages: readonly LockedPackage[]): readonly string[] {
  return packages.flatMap(({ place, name, licence, dev, hasInstallScript, integrity, resolved }) => [
    ...(hasInstallScript && !(dev && SCRIPTS.has(name)) ? [`${place} runs a script when it is installed.`] : []),
    ...(isAllowed(licence) ? [] : [`${place} has the licence "${licence}", which is not in the list.`]),
    ...(integrity?.startsWith('sha512-') ? [] : [`${place} has no SHA-512 to be checked by.`]),
    ...(resolved === undefined || resolved.startsWith(REGISTRY) ? [] : [`${place} comes from ${resolved}.`]),
  ]);
}

function isAllowed(licence: string): boolean {
  const expression = licence.replace(/^\((.*)\)$/, '$1');
  if (expression.includes(' AND ')) return expression.split(' AND ').every((part) => LICENCES.has(part));
  return expression.split(' OR ').some((part) => LICENCES.has(part));
}

function textOf(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' ? found : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
