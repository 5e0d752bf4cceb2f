/** The tables about the packages that the program is made of: from the lock file, and from what is said of them here. */
import { readFileSync } from 'node:fs';
import { type LockedPackage, lockedPackages } from '../scripts/lint/lock-file.js';

/** Why each of the packages that package.json names is there, and who keeps it. */
const REASONS: Readonly<Record<string, { readonly why: string; readonly keeper: string }>> = {
  'egoroof-blowfish': {
    why: 'Blowfish, which the OpenSSL of Node has no longer, for the messages of OSSEC and Wazuh',
    keeper: 'egoroof, one person; every Blowfish message of ours is tested against OpenSSL and against recordings',
  },
  'ipaddr.js': { why: 'addresses and networks, read as they are compared', keeper: 'whitequark' },
  'is-unicode-supported': {
    why: 'whether a terminal has a tick and a cross; ora brings it, too',
    keeper: 'Sindre Sorhus',
  },
  'node-forge': { why: 'PKCS#12, as client certificates come', keeper: 'Digital Bazaar' },
  ora: { why: 'the line on a terminal that shows that something goes on', keeper: 'Sindre Sorhus' },
  pako: {
    why: 'zlib as the managers have it, bit for bit; the one in Node is a fork that compresses to other bytes',
    keeper: 'nodeca: Vitaly Puzrin, Andrei Tuputcyn',
  },
  saxes: {
    why: 'XML as it is written in ossec.conf, with the place of each value',
    keeper: 'Louis-Dominique Dubeau, one person',
  },
  'string-width': {
    why: 'how many columns of a terminal a text takes; ora brings it, too',
    keeper: 'Sindre Sorhus',
  },
  undici: { why: 'HTTP for the REST API and Wazuh 5', keeper: 'the Node.js project' },
  yargs: { why: 'arguments, help, completions', keeper: 'the yargs project' },
};

interface Table {
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** What package.json names, what it brings, and why. @throws Error where nobody has said why a package is there */
export function dependencyTable(): Table {
  const { direct, locked } = read();
  const lines = direct.map((name) => {
    const reason = REASONS[name];
    const found = locked.find(({ place }) => place === `node_modules/${name}`);
    if (reason === undefined || found === undefined) throw new Error(`Nobody has said why ${name} is there.`);
    return [`\`${name}\``, found.version, found.licence.replaceAll(/[()]/g, ''), reason.why, reason.keeper];
  });
  return { head: ['Package', 'Version', 'Licence', 'Why', 'Kept by'], lines };
}

/** How many packages there are, by their licences. */
export function licenceTable(): Table {
  const { locked } = read();
  const licences = [...new Set(locked.map(({ licence }) => licence))].sort();
  const count = (of: readonly LockedPackage[], licence: string) => {
    const found = of.filter((one) => one.licence === licence).length;
    return found === 0 ? '' : String(found);
  };
  const [run, made] = [locked.filter(({ dev }) => !dev), locked.filter(({ dev }) => dev)];
  const rows = licences.map((licence) => [licence.replaceAll(/[()]/g, ''), count(run, licence), count(made, licence)]);
  return {
    head: ['Licence', 'In the program', 'To make and test it'],
    lines: [...rows, ['all', String(run.length), String(made.length)]],
  };
}

function read(): { readonly direct: readonly string[]; readonly locked: readonly LockedPackage[] } {
  const text = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(text('package.json'));
  return { direct: Object.keys(dependencies), locked: lockedPackages(text('package-lock.json')) };
}
