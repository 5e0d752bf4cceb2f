import type { ManagerFamily } from '../../model/endpoint.js';
import type { Cipher } from './cipher.js';
import type { Protocol } from './transport.js';

/** What a user may ask for: `aes` is the AES of whichever family the manager belongs to. */
export type CipherSetting = 'auto' | 'aes' | 'blowfish';

/** How an earlier run was acknowledged. */
export interface WorkedBefore {
  readonly protocol: Protocol;
  readonly cipher: 'aes' | 'blowfish';
  readonly family?: ManagerFamily;
}

/** What is known when the next message is chosen. */
export interface CandidateFacts {
  readonly protocol: Protocol;
  readonly setting: CipherSetting;
  /** The manager's family, where the enrollment told. */
  readonly family?: ManagerFamily | undefined;
  /** Whether `#ping` was answered, as only Wazuh 4.0 and later do. */
  readonly pong: boolean;
  /** How many messages went out over this protocol before this one. */
  readonly round: number;
}

/**
 * The cipher of the next message.
 *
 * Every Wazuh since 3.0 takes its own AES, on TCP and UDP. Every manager of either family takes Blowfish; OSSEC, which
 * has UDP only, its own AES from 4.0.0 on. A family drops what it cannot read in silence, so that a message in the wrong
 * cipher is a line in the manager's log and nothing else: one cipher a message, and one that is sure to be read.
 */
export function nextCipher({ protocol, setting, family, pong, round }: CandidateFacts): Cipher {
  if (setting === 'blowfish') return 'blowfish';
  const wazuh = protocol === 'tcp' || pong || (family !== undefined && family !== 'ossec');
  if (wazuh) return 'aes-wazuh';
  if (setting === 'aes') return family === 'ossec' || round % 2 === 1 ? 'aes-ossec' : 'aes-wazuh';
  if (family === 'ossec') return 'blowfish';
  // The first one goes out along with #ping, whose answer would tell that this is the right one.
  return round === 0 ? 'aes-wazuh' : 'blowfish';
}

/** A cipher over a protocol. */
export interface Way {
  readonly protocol: Protocol;
  readonly cipher: Cipher;
}

/**
 * What is tried now and then once the wait has lasted so long that what looked certain is doubted: all that the settings
 * allow but the ways that are tried already.
 */
export function doubtfulWays(
  allowed: { readonly protocol: 'auto' | Protocol; readonly setting: CipherSetting },
  tried: readonly Way[],
): readonly Way[] {
  const ways: readonly Way[] = [
    { protocol: 'udp', cipher: 'blowfish' },
    { protocol: 'udp', cipher: 'aes-wazuh' },
    { protocol: 'tcp', cipher: 'aes-wazuh' },
    { protocol: 'udp', cipher: 'aes-ossec' },
    { protocol: 'tcp', cipher: 'blowfish' },
  ];
  return ways.filter(
    (way) =>
      isAllowed(way, allowed) &&
      !tried.some(({ protocol, cipher }) => way.protocol === protocol && way.cipher === cipher),
  );
}

function isAllowed(
  way: Way,
  { protocol, setting }: { readonly protocol: 'auto' | Protocol; readonly setting: CipherSetting },
): boolean {
  if (protocol !== 'auto' && protocol !== way.protocol) return false;
  return setting === 'auto' || (setting === 'blowfish') === (way.cipher === 'blowfish');
}

/** By which way a manager was reached before; `undefined`: by none that is wanted now. */
export function workingWay(
  worked: WorkedBefore | undefined,
  allowed: { readonly protocol: 'auto' | Protocol; readonly setting: CipherSetting },
): Way | undefined {
  if (worked === undefined) return undefined;
  const { protocol, cipher: word, family } = worked;
  // Whoever was acknowledged with OSSEC's AES knows that it is an OSSEC.
  const cipher = word === 'blowfish' ? 'blowfish' : family === 'ossec' ? 'aes-ossec' : 'aes-wazuh';
  const way: Way = { protocol, cipher };
  return isAllowed(way, allowed) ? way : undefined;
}

/** The word for a cipher in settings, reports and JSON. */
export function cipherWord(cipher: Cipher): 'aes' | 'blowfish' {
  return cipher === 'blowfish' ? 'blowfish' : 'aes';
}
