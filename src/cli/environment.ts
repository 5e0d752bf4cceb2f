import type { Environment } from '../settings/sources.js';

/** Names of what is a setting of this program, or leads to one: some hold secrets. */
const SETTINGS = /^(WAZUH|AGENT_ENROLL)_|_PROXY$|^CREDENTIALS_DIRECTORY$/i;

/**
 * All variables that the program was given. The settings among them are taken out of `inherited`: the programs that this
 * one runs, to look up a name or an address, have no use for a password, and their environment can be read as well.
 */
export function takeEnvironment(inherited: Record<string, string | undefined>): Environment {
  const given = { ...inherited };
  for (const name of Object.keys(given)) {
    if (SETTINGS.test(name)) delete inherited[name];
  }
  return given;
}
