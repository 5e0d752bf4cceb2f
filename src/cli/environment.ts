import type { Environment } from '../settings/sources.js';

/** Names of what is a setting of this program, or leads to one: some hold secrets. */
const SETTINGS = /^(WAZUH|AGENT_ENROLL)_|_PROXY$|^CREDENTIALS_DIRECTORY$/i;

/**
 * All variables that the program was given. The settings among them are taken out of `inherited`: the programs that this
 * one runs, to look up a name or an address, have no use for a password, and their environment can be read as well. The
 * others are read where they are asked for, and not before.
 *
 * @param platform on Windows a variable has its name in any case
 */
export function takeEnvironment(inherited: Record<string, string | undefined>, platform: NodeJS.Platform): Environment {
  const settings: PropertyDescriptorMap = {};
  // Object.keys would read every one, to see whether it can be listed.
  for (const name of Reflect.ownKeys(inherited)) {
    if (typeof name !== 'string' || !SETTINGS.test(name)) continue;
    const names = platform === 'win32' ? [name.toUpperCase(), name.toLowerCase()] : [name];
    for (const known of names) settings[known] = { value: inherited[name], enumerable: true };
    delete inherited[name];
  }
  return Object.create(inherited, settings);
}
