import { X509Certificate } from 'node:crypto';
import { spkiFingerprint } from './certificate.js';

/** What was found in a bundle of certificates. */
export type PinnedCa =
  /** PEM of the one certificate that has the pinned key, and of nothing else. */
  | { readonly kind: 'found'; readonly pem: string }
  /** No certificate has the key: another manager, a CA that was exchanged, or an attack. */
  | { readonly kind: 'mismatch' }
  /** It ends within a certificate, and none before that has the key. */
  | { readonly kind: 'cut off' }
  /** A NUL byte, which is in no PEM text: what is behind it is not what others read. */
  | { readonly kind: 'no text' };

/** A PEM block; text may stand between the blocks. */
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const BEGIN = '-----BEGIN CERTIFICATE-----';

/**
 * Looks a CA up by its pin among certificates that anybody may have sent or added to: only the one whose key was named
 * beforehand is taken, and written anew.
 *
 * @param pin SHA-256 of the public key (SPKI), 64 lower-case hex digits
 */
export function pinnedCa(bundle: Uint8Array, pin: string): PinnedCa {
  const text = Buffer.from(bundle).toString('latin1');
  if (text.includes('\0')) return { kind: 'no text' };
  for (const [block] of text.matchAll(BLOCK)) {
    const certificate = readCertificate(block);
    if (certificate !== undefined && spkiOf(certificate) === pin) return { kind: 'found', pem: certificate.toString() };
  }
  return { kind: isCutOff(text) ? 'cut off' : 'mismatch' };
}

/** What is no certificate is passed over: it is somebody else's. */
function readCertificate(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}

function spkiOf(certificate: X509Certificate): string | undefined {
  try {
    return spkiFingerprint(certificate);
  } catch {
    // A key of a kind that this OpenSSL does not know.
    return undefined;
  }
}

function isCutOff(text: string): boolean {
  const last = text.lastIndexOf(BEGIN);
  return last >= 0 && !text.slice(last).includes('-----END CERTIFICATE-----');
}
