import { posix, win32 } from 'node:path';
import type { AgentFlavor } from '../model/host.js';
import { memberOf, parseJson, textOf } from '../model/json.js';
import type { SystemEdge } from './system.js';

/** What is installed in a home; nothing known: no agent was found. */
export interface InstalledAgent {
  readonly flavor?: AgentFlavor;
  /** With its `v`, such as `v4.14.7`. */
  readonly version?: string;
}

/** What ossec-init.conf (OSSEC; Wazuh before 4.2) or the head of a control script says. */
export interface InitFile {
  readonly directory?: string;
  readonly flavor?: AgentFlavor;
  readonly version?: string;
}

/**
 * What is installed in a home on Unix. The version is read from what the package left there: VERSION.json (Wazuh 4.12
 * and later), the control script's VERSION, ossec-init.conf. The script is not executed.
 */
export async function installedOnUnix(home: string, system: SystemEdge): Promise<InstalledAgent> {
  const text = async (path: string) => (await system.readText(path)) ?? '';
  if (await system.exists(posix.join(home, 'bin/wazuh-agentd'))) {
    const version =
      parseVersionJson(await text(posix.join(home, 'VERSION.json'))) ??
      parseInit(await text(posix.join(home, 'bin/wazuh-control'))).version;
    return { flavor: 'wazuh', ...some('version', version) };
  }
  // Wazuh 3.x and 4.0 to 4.1 have the names of OSSEC, from which they come.
  if (await system.exists(posix.join(home, 'bin/ossec-agentd'))) {
    const init = await initFileOf(home, system);
    const script = parseInit(await text(posix.join(home, 'bin/ossec-control')));
    const flavor = init.flavor ?? script.flavor ?? 'ossec';
    return { flavor, ...some('version', init.version ?? script.version) };
  }
  return {};
}

async function initFileOf(home: string, system: SystemEdge): Promise<InitFile> {
  for (const path of [posix.join(home, 'etc/ossec-init.conf'), '/etc/ossec-init.conf']) {
    const init = parseInit((await system.readText(path)) ?? '');
    // The file of the system may speak of another home.
    const here = init.directory === undefined || posix.resolve('/', init.directory) === posix.resolve('/', home);
    if (here && (init.flavor !== undefined || init.version !== undefined)) return init;
  }
  return {};
}

/** What is installed in a home on Windows, by its program and its VERSION.json, VERSION or VERSION.txt. */
export async function installedOnWindows(home: string, system: SystemEdge): Promise<InstalledAgent> {
  const text = async (name: string) => (await system.readText(win32.join(home, name))) ?? '';
  const wazuh = await system.exists(win32.join(home, 'wazuh-agent.exe'));
  if (!wazuh && !(await system.exists(win32.join(home, 'ossec-agent.exe')))) return {};
  const plain = await text('VERSION');
  const banner = await text('VERSION.txt');
  const version = parseVersionJson(await text('VERSION.json')) ?? versionIn(plain) ?? versionIn(banner);
  // Of the two, only Wazuh leaves a plain VERSION file.
  const isWazuh = wazuh || versionIn(plain) !== undefined || /wazuh/i.test(banner);
  return { flavor: isWazuh ? 'wazuh' : 'ossec', ...some('version', version) };
}

/** Reads the assignments `DIRECTORY="…"`, `NAME="…"`, `VERSION="v…"` of ossec-init.conf or of a control script. */
export function parseInit(text: string): InitFile {
  const value = (name: string) => new RegExp(`^${name}=["']?([^"'\\r\\n]*)["']?\\s*$`, 'm').exec(text)?.[1];
  const name = value('NAME') ?? value('AUTHOR') ?? '';
  const flavor: AgentFlavor | undefined = /wazuh/i.test(name) ? 'wazuh' : /ossec/i.test(name) ? 'ossec' : undefined;
  return {
    ...some('directory', value('DIRECTORY') || undefined),
    ...some('flavor', flavor),
    ...some('version', versionIn(value('VERSION') ?? '')),
  };
}

/** The version in a VERSION.json: `{"version": "4.12.0", "stage": …}`. */
export function parseVersionJson(text: string): string | undefined {
  const version = textOf(memberOf(parseJson(text), 'version'));
  return version === undefined ? undefined : versionIn(version);
}

function versionIn(text: string): string | undefined {
  const found = /(?:^|\s)v?(\d{1,4}\.\d{1,4}\.\d{1,4})(?![\d.])/.exec(text)?.[1];
  return found === undefined ? undefined : `v${found}`;
}

function some<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  const result: { [key in Name]?: Value } = {};
  if (value !== undefined) result[name] = value;
  return result;
}
