import { EnrollError } from '../errors.js';
import type { ManagerFamily } from '../model/endpoint.js';

/**
 * What goes wrong with a Wazuh 5 manager, or what it is not yet.
 *
 * `skewed-clock`: its clock is an hour ahead. `database-down`: wazuh-db does not answer. `rate-limited`, `lost-answer`: the
 * first enrollment is to wait 2 s, or is registered without an answer. `no-ca`, `ca-mismatch`: `/cacerts` has none, or one
 * that does not fit. `other-leaf`: its certificate names another host. `hostile-bundle`: an attacker shows his own
 * certificate, and has put his CA behind the right one. `token-…`: the token that it hands out is so from the start.
 * `jwt-generation`, `cmac-generation`: pre-releases without tokens, and with AES-CMAC.
 */
export type HttpsOddity = (typeof HTTPS_ODDITIES)[number];

/** All of them. */
export const HTTPS_ODDITIES = [
  'skewed-clock',
  'database-down',
  'rate-limited',
  'lost-answer',
  'no-ca',
  'ca-mismatch',
  'other-leaf',
  'hostile-bundle',
  'token-revoked',
  'token-expired',
  'token-used-up',
  'jwt-generation',
  'cmac-generation',
] as const;

/**
 * What real managers do now and then to an agent that has done nothing wrong.
 *
 * `missed-second`: remoted tells changes of client.keys by its time in whole seconds, so that a key which was added in
 * the second of the change before it stays unknown until the file changes again (OSSEC 4.3).
 *
 * `stalled-connection`: remoted loses a TCP connection when it takes it, and neither answers nor closes it (Wazuh 4.14,
 * where the number of a connection that was closed just then is used again).
 *
 * `empty-keys-exit`: remoted ends by itself over a client.keys without an agent (OSSEC 4.3).
 */
export type Oddity = (typeof ODDITIES)[number];

/** All of them. */
export const ODDITIES = ['missed-second', 'stalled-connection', 'empty-keys-exit', ...HTTPS_ODDITIES] as const;

const FAMILIES: Readonly<Record<Oddity, readonly ManagerFamily[]>> = {
  'missed-second': ['ossec'],
  'stalled-connection': ['wazuh-4', 'wazuh-3'],
  'empty-keys-exit': ['ossec'],
  'skewed-clock': ['wazuh-5'],
  'database-down': ['wazuh-5'],
  'rate-limited': ['wazuh-5'],
  'lost-answer': ['wazuh-5'],
  'no-ca': ['wazuh-5'],
  'ca-mismatch': ['wazuh-5'],
  'other-leaf': ['wazuh-5'],
  'hostile-bundle': ['wazuh-5'],
  'token-revoked': ['wazuh-5'],
  'token-expired': ['wazuh-5'],
  'token-used-up': ['wazuh-5'],
  'jwt-generation': ['wazuh-5'],
  'cmac-generation': ['wazuh-5'],
};

/** @throws EnrollError with `SETTING_INVALID` for one that managers of this family do not have */
export function requireOddities(oddities: readonly Oddity[], family: ManagerFamily): void {
  const foreign = oddities.find((oddity) => !FAMILIES[oddity].includes(family));
  if (foreign === undefined) return;
  const families = FAMILIES[foreign].join(' and ');
  throw new EnrollError('SETTING_INVALID', `The oddity ${foreign} is one of ${families}, not of ${family}.`);
}
