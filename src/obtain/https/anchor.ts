import { EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import type { HttpsEndpoint } from '../../model/https-endpoint.js';
import { isNoRoute, type ManagerAnswer } from '../../model/manager-answer.js';
import { generationOf } from '../../model/manager-generation.js';
import { pemCertificates, type TrustSettings } from '../../net/trust.js';
import type { Patience } from '../patience.js';
import { type CaAnswer, readCacerts } from './cacerts.js';
import { generationError } from './generation.js';
import { type Look, type LookOptions, notManager, openLook } from './look.js';
import type { EnrollmentToken } from './token.js';

/** By what the manager is to be trusted. */
export type ManagerTrust =
  /** The key of its CA, 64 lower-case hex digits, as a token names it: nothing else is accepted. */
  | { readonly kind: 'ca pin'; readonly pin: string }
  /** As for any other server; a pin may be that of the certificate, or of its CA. */
  | { readonly kind: 'settings'; readonly settings: TrustSettings };

/** How the connection that carries a credential is to be trusted, and what the agent is to trust later on. */
export interface Anchor {
  readonly trust: TrustSettings;
  /** PEM; absent: there is none, the certificate itself is trusted. */
  readonly pem?: string;
}

/**
 * A token's own anchor, beside which nothing else is accepted.
 * @throws EnrollError `SETTING_INVALID` for a CA in it that is none
 */
export function trustOfToken({ anchor }: Pick<EnrollmentToken, 'anchor'>): ManagerTrust {
  if (anchor.kind === 'pin') return { kind: 'ca pin', pin: anchor.pin };
  checkCa(anchor.ca);
  return { kind: 'settings', settings: { ca: anchor.ca, insecure: false } };
}

function checkCa(pem: string): void {
  try {
    if (!pem.includes('\0')) return void pemCertificates(pem);
  } catch {
    // What is wrong with it would be told of a file that nobody has given.
  }
  throw new EnrollError('SETTING_INVALID', 'The CA that the enrollment token holds is not a PEM certificate.', {
    hint: 'Make another token on the manager, once its CA is right there.',
  });
}

/**
 * Settles by what the manager is trusted. Where the key of a CA is known and not the CA, that is fetched over a
 * connection of its own, which is not trusted, carries nothing secret and is closed before another one is opened.
 *
 * @throws EnrollError `PIN_MISMATCH`, `CERTIFICATE_UNTRUSTED`, `NOT_MANAGER`, `MANAGER_NOT_READY`; what connecting
 * throws; the reason of `signal`
 */
export async function settleAnchor(
  manager: HttpsEndpoint,
  trust: ManagerTrust,
  options: LookOptions,
  patience: Patience,
  signal: AbortSignal,
): Promise<Anchor> {
  if (trust.kind === 'ca pin') {
    const pem = await fetchCa(manager, trust.pin, options, patience, signal);
    return { trust: { ca: pem, insecure: false }, pem };
  }
  const { settings } = trust;
  const { ca, pin, insecure } = settings;
  if (insecure) return { trust: settings };
  if (ca !== undefined) return { trust: settings, pem: ca };
  if (pin === undefined) return { trust: settings };
  const pem = await publishedCa(manager, pin, options, signal);
  return pem === undefined ? { trust: settings } : { trust: { ca: pem, insecure: false }, pem };
}

async function fetchCa(
  manager: HttpsEndpoint,
  pin: string,
  options: LookOptions,
  patience: Patience,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    const found = await look(manager, pin, options, signal);
    if (found.kind === 'found') return found.pem;
    if (found.wait === undefined || !(await patience.wait(signal, found.wait))) throw found.error;
  }
}

/** The CA that has the pinned key, where it is one's; `undefined`: the pin may be that of the certificate itself. */
async function publishedCa(
  manager: HttpsEndpoint,
  pin: string,
  options: LookOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await look(manager, pin, options, signal);
  return found.kind === 'found' ? found.pem : undefined;
}

async function look(manager: HttpsEndpoint, pin: string, options: LookOptions, signal: AbortSignal): Promise<CaAnswer> {
  const where = formatEndpoint(manager);
  const connection = await openLook(manager, options);
  try {
    const seen = await connection.get('cacerts', signal);
    if (seen.kind === 'stranger') throw notManager(seen);
    const found = readCacerts(seen.answer, seen.bytes, pin, where);
    const old = isNoRoute(seen.answer) ? await isTooOld(connection, seen.answer, where, signal) : undefined;
    return old === undefined ? found : { kind: 'missing', error: old };
  } finally {
    await connection.close();
  }
}

/** A manager without a published CA has another prefix, or is older: what it says to a request that is not signed tells. */
async function isTooOld(
  connection: Look,
  cacerts: ManagerAnswer,
  where: string,
  signal: AbortSignal,
): Promise<EnrollError | undefined> {
  const control = await connection.post('control', signal);
  if (control.kind === 'stranger') return undefined;
  return generationError(generationOf(cacerts, control.answer), where, true);
}
