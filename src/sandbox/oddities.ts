import { EnrollError } from '../errors.js';
import type { SandboxFamily } from './authd-protocol.js';

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
export const ODDITIES = ['missed-second', 'stalled-connection', 'empty-keys-exit'] as const;

const FAMILIES: Readonly<Record<Oddity, readonly SandboxFamily[]>> = {
  'missed-second': ['ossec'],
  'stalled-connection': ['wazuh-4', 'wazuh-3'],
  'empty-keys-exit': ['ossec'],
};

/** @throws EnrollError with `SETTING_INVALID` for one that managers of this family do not have */
export function requireOddities(oddities: readonly Oddity[], family: SandboxFamily): void {
  const foreign = oddities.find((oddity) => !FAMILIES[oddity].includes(family));
  if (foreign === undefined) return;
  const families = FAMILIES[foreign].join(' and ');
  throw new EnrollError('SETTING_INVALID', `The oddity ${foreign} is one of ${families}, not of ${family}.`);
}
