import type { ManagerFamily } from '../../model/endpoint.js';
import type { Cipher } from './cipher.js';
import type { Protocol } from './transport.js';

/** What a user may ask for: `aes` is the AES of whichever family the manager belongs to. */
export type CipherSetting = 'auto' | 'aes' | 'blowfish';

/** What is known when the next messages are chosen. */
export interface CandidateFacts {
  readonly protocol: Protocol;
  readonly setting: CipherSetting;
  /** The manager's family, where the enrollment told. */
  readonly family?: ManagerFamily;
  /** Whether `#ping` was answered, as only Wazuh 4.0 and later do. */
  readonly pong: boolean;
  /** How many rounds went out before this one. */
  readonly round: number;
  /** How long the handshake has been trying, in milliseconds. */
  readonly elapsedMs: number;
}

/** After this long what looked certain is doubted: Wazuh needs 10 s to learn a key, and this is well beyond. */
export const DOUBT_MS = 15_000;

/**
 * The ciphers to try in one round, in the order in which their messages go out.
 *
 * Every Wazuh since 3.0 takes its own AES, on TCP and UDP; every OSSEC takes Blowfish, on UDP only, and its own AES
 * from 3.x on. A family drops what it cannot read in silence, so where the family is not known all are sent.
 */
export function candidateCiphers(facts: CandidateFacts): readonly Cipher[] {
  return inOrder(facts).filter((cipher) => allowed(cipher, facts.setting));
}

function inOrder({ protocol, setting, family, pong, round, elapsedMs }: CandidateFacts): readonly Cipher[] {
  const all: readonly Cipher[] =
    protocol === 'tcp' ? ['aes-wazuh', 'blowfish'] : ['aes-wazuh', 'blowfish', 'aes-ossec'];
  if (setting === 'blowfish') return all;
  // On TCP a message that cannot be read costs the connection, so there is one cipher a connection.
  if (protocol === 'tcp')
    return elapsedMs > DOUBT_MS && setting === 'auto' && round % 2 === 1 ? ['blowfish'] : ['aes-wazuh'];
  if (elapsedMs > DOUBT_MS) return all;
  if (pong) return ['aes-wazuh'];
  if (family === 'ossec') return ['blowfish', 'aes-ossec'];
  if (family !== undefined) return ['aes-wazuh'];
  // The first round asks for #pong along with it; what a Wazuh manager can read twice is not sent before that is known.
  return round === 0 && setting === 'auto' ? ['aes-wazuh'] : all;
}

function allowed(cipher: Cipher, setting: CipherSetting): boolean {
  if (setting === 'auto') return true;
  return (setting === 'blowfish') === (cipher === 'blowfish');
}

/** The word for a cipher in settings, reports and JSON. */
export function cipherWord(cipher: Cipher): 'aes' | 'blowfish' {
  return cipher === 'blowfish' ? 'blowfish' : 'aes';
}
