/** The package for Windows. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OPTION_ROWS } from '../../src/settings/options.js';
import { ROOT } from './config.js';
import { lay } from './content.js';
import type { PackageOrder } from './order.js';
import { run } from './run.js';

const OF_MSI = join(ROOT, 'deploy/packages/msi');
/** What makes an installation of one version the upgrade of another. Never changes. */
const UPGRADE_CODE = 'A8C1E0B6-6A35-4C0B-9D5E-2F3B4F6A1C00';
/** SYSTEM and the administrators, and nobody else, for the directory and all that comes to lie in it. */
const ADMINISTRATORS_ONLY = 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)';

/** Secrets that come as variables of the environment alone, without an option that names them. */
const SECRET_VARIABLES = [
  'WAZUH_REGISTRATION_PASSWORD',
  'WAZUH_PASSWORD',
  'WAZUH_ENROLLMENT_TOKEN',
  'AGENT_ENROLL_API_PASSWORD',
];
const MANUFACTURER = 'the agent-enroll authors';
/** What stands before the place of the summary's section: the identifier of its format. */
const SUMMARY_FORMAT = Buffer.from('e0859ff2f94f6810ab9108002b27b3d9', 'hex');
const SUMMARY_FORMAT_AT = 28;
/** Created, last saved. */
const TIMES = [12, 13];
const FILETIME = 0x40;
/** A program in a directory (34), deferred (1024), as SYSTEM (2048). Its failure is that of the installation. */
const DEFERRED_PROGRAM = 34 + 1024 + 2048;
/** Its failure does not matter. */
const CONTINUE = 64;

/** How the installer is called: `agent-enroll-0.1.0-x64.msi`. */
export const msiName = (version: string) => `agent-enroll-${version}-x64.msi`;

/**
 * Makes the installer of the binary for Windows.
 * @returns its name
 */
export async function makeMsi(order: PackageOrder): Promise<string> {
  const { binary, version, date, scratch, output } = order;
  const content = join(scratch, 'msi');
  const files = [
    { path: 'agent-enroll.exe', mode: 0o755, content: { copyOf: binary } },
    // cmd and the Editor of older Windows want the line ends of Windows.
    { path: 'enroll.cmd', mode: 0o644, content: windowsLines(await readFile(join(OF_MSI, 'enroll.cmd'), 'utf8')) },
    { path: 'LICENSES.txt', mode: 0o644, content: windowsLines(order.licences) },
  ];
  await lay(content, files, date);
  const name = msiName(version);
  const target = join(output, name);
  const definitions: Readonly<Record<string, string>> = {
    Version: version,
    UpgradeCode: UPGRADE_CODE,
    ProductCode: identifier(`product ${version}`),
    Manufacturer: MANUFACTURER,
  };
  const defined = Object.entries(definitions).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
  const env = { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8', SOURCE_DATE_EPOCH: String(date) };
  await run('wixl', ['--arch', 'x64', ...defined, '--output', target, join(OF_MSI, 'agent-enroll.wxs')], {
    env,
    cwd: content,
  });

  const tables = join(scratch, 'tables');
  await mkdir(tables);
  const imports: string[] = [];
  for (const [table, text] of Object.entries(extraTables())) {
    const file = join(tables, `${table}.idt`);
    await writeFile(file, text);
    imports.push('-i', file);
  }
  const queries = statements().flatMap((query) => ['-q', query]);
  await run('msibuild', [target, ...imports, ...queries], { env });
  // The identifier of this very file, for which wixl throws dice.
  const code = `{${identifier(`package ${version} ${date}`)}}`;
  await run('msibuild', [target, '-s', 'Installation Database', MANUFACTURER, 'x64;1033', code], { env });
  await writeFile(target, withTime(await readFile(target), date));
  return name;
}

/**
 * Puts a time into the summary of an MSI file, in place of that at which it was made.
 * The layout is that of Microsoft's property sets: after a header of 48 bytes the section, whose properties are found by
 * pairs of number and offset.
 */
function withTime(file: Buffer, date: number): Buffer {
  const start = file.indexOf(SUMMARY_FORMAT);
  if (start === -1) throw new Error('The MSI file holds no summary.');
  const section = start - SUMMARY_FORMAT_AT + file.readUInt32LE(start + SUMMARY_FORMAT.length);
  // In steps of 100 ns since 1601.
  const time = (BigInt(date) + 11_644_473_600n) * 10_000_000n;
  const count = file.readUInt32LE(section + 4);
  for (let index = 0; index < count; index++) {
    const entry = section + 8 + index * 8;
    if (!TIMES.includes(file.readUInt32LE(entry))) continue;
    const value = section + file.readUInt32LE(entry + 4);
    if (file.readUInt32LE(value) !== FILETIME) throw new Error('A time in the summary of the MSI file is none.');
    file.writeBigUInt64LE(time, value + 4);
  }
  return file;
}

/** The variables of the program that the installer takes as properties, as the Wazuh agent's installer does. */
export function properties(): readonly string[] {
  const named = [...OPTION_ROWS.values()].flatMap(({ environment }) => environment);
  // A property that the installer takes is written in capitals.
  return [...new Set([...named, ...SECRET_VARIABLES])].filter((name) => name === name.toUpperCase()).sort();
}

function extraTables(): Readonly<Record<string, string>> {
  const lines = [...properties(), 'ENROLL_OPTIONS'].map((name) =>
    [name, 'enroll.ini', 'STATEDIR', 'agent-enroll', name, `[${name}]`, '0', 'Enrollment'].join('\t'),
  );
  const table = (columns: string, types: string, key: string, rows: readonly string[]) =>
    [columns.replaceAll(' ', '\t'), types.replaceAll(' ', '\t'), key, ...rows, ''].join('\r\n');
  return {
    IniFile: table(
      'IniFile FileName DirProperty Section Key Value Action Component_',
      's72 l255 S72 l96 l128 l255 i2 s72',
      'IniFile\tIniFile',
      lines,
    ),
    Environment: table('Environment Name Value Component_', 's72 l255 L255 s72', 'Environment\tEnvironment', [
      ['Path', '=-*PATH', '[~];[INSTALLDIR]', 'Program'].join('\t'),
    ]),
    // What the log says of a line, without its value.
    ActionText: table('Action Description Template', 's72 L64 L128', 'ActionText\tAction', [
      ['WriteIniValues', 'Writing what this host is enrolled with', 'File: [1], Section: [2], Key: [3]'].join('\t'),
    ]),
    MsiLockPermissionsEx: table(
      'MsiLockPermissionsEx LockObject Table SDDLText Condition',
      's72 s72 s32 s0 S255',
      'MsiLockPermissionsEx\tMsiLockPermissionsEx',
      [['StateDirectory', 'STATEDIR', 'CreateFolder', ADMINISTRATORS_ONLY, ''].join('\t')],
    ),
  };
}

function statements(): readonly string[] {
  const secure = [...properties(), 'ENROLL', 'ENROLL_OPTIONS'];
  const insert = (table: string, columns: readonly string[], values: readonly (string | number)[]) =>
    `INSERT INTO \`${table}\` (${columns.map((column) => `\`${column}\``).join(', ')}) VALUES (${values
      .map((value) => (typeof value === 'number' ? value : `'${value}'`))
      .join(', ')})`;
  const program = (action: string, type: number, command: string) =>
    insert(
      'CustomAction',
      ['Action', 'Type', 'Source', 'Target'],
      [action, type, 'INSTALLDIR', `"[System64Folder]cmd.exe" /d /s /c ${command}`],
    );
  const step = (action: string, condition: string, sequence: number) =>
    insert('InstallExecuteSequence', ['Action', 'Condition', 'Sequence'], [action, condition, sequence]);
  const property = (name: string, value: string) => insert('Property', ['Property', 'Value'], [name, value]);
  return [
    property('MsiHiddenProperties', SECRET_VARIABLES.join(';')),
    `UPDATE \`Property\` SET \`Value\` = '${['WIX_UPGRADE_DETECTED', 'WIX_DOWNGRADE_DETECTED', ...secure].join(';')}' WHERE \`Property\` = 'SecureCustomProperties'`,
    "UPDATE `Component` SET `Condition` = 'ENROLL = \"1\"' WHERE `Component` = 'Enrollment'",
    program('EnrollHost', DEFERRED_PROGRAM, '""[INSTALLDIR]enroll.cmd" "[STATEDIR]""'),
    // A removal takes the report along; where an enrollment fails and the installation is undone, it stays.
    program('RemoveReport', DEFERRED_PROGRAM + CONTINUE, '"del /q "[STATEDIR]enroll.log" & rd "[STATEDIR]""'),
    // The numbers are those that the standard actions have by Microsoft's suggestion.
    step('RemoveReport', 'REMOVE = "ALL"', 3250),
    step('RemoveEnvironmentStrings', '', 3300),
    step('WriteIniValues', '', 5100),
    step('WriteEnvironmentStrings', '', 5200),
    step('EnrollHost', '(ENROLL = "1") AND NOT (REMOVE = "ALL")', 6450),
  ];
}

const windowsLines = (text: string) => text.replaceAll(/\r?\n/g, '\r\n');

/** A GUID that follows from what it stands for. */
function identifier(of: string): string {
  const hash = createHash('sha1').update(`agent-enroll ${of}`).digest('hex').toUpperCase();
  return hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, '$1-$2-5$3-8$4-$5');
}
