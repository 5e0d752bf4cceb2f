import { createHash, type X509Certificate } from 'node:crypto';
import { printable } from '../model/printable.js';

/** What a person needs to know of a certificate. All text is printable, whoever made the certificate. */
export interface CertificateFacts {
  /** `sha256:` and 64 hex digits of the public key (SPKI), see {@link spkiFingerprint}. */
  readonly fingerprint: string;
  /** `CN=Wazuh, O=…`, or `(none)`. */
  readonly subject: string;
  readonly issuer: string;
  /** The host names and addresses that it names (subjectAltName), in its order. A stock manager certificate has none. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly selfSigned: boolean;
}

/**
 * The SHA-256 of a certificate's public key (SPKI, DER) as 64 lower-case hex digits: what
 * `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum` prints.
 */
export function spkiFingerprint(certificate: X509Certificate): string {
  return createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Reads a certificate for people. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    fingerprint: `sha256:${spkiFingerprint(certificate)}`,
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    names: alternativeNames(certificate.subjectAltName),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    selfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  };
}

/** The facts as one line: subject, issuer, names, dates, fingerprint. */
export function describeCertificate(facts: CertificateFacts): string {
  const issuer = facts.selfSigned ? 'signed by itself' : `issued by ${facts.issuer}`;
  const names = facts.names.length === 0 ? 'no host names' : `names ${listed(facts.names)}`;
  return `subject ${facts.subject}; ${issuer}; ${names}; valid ${day(facts.notBefore)} to ${day(facts.notAfter)}; public key ${facts.fingerprint}`;
}

/** A date as `2026-11-23`, or `(unknown)` where the certificate's own text is no date. */
export function day(date: Date): string {
  return Number.isNaN(date.getTime()) ? '(unknown)' : date.toISOString().slice(0, 10);
}

// node:crypto writes one attribute a line, and undefined (against its types) where there is none.
function distinguishedName(lines: string | undefined): string {
  return lines ? printable(lines.trim().split('\n').join(', ')) : '(none)';
}

// "DNS:a, IP Address:10.0.0.1"; a value with characters of its own is written as a JSON string.
function alternativeNames(text: string | undefined): string[] {
  const entries = (text ?? '').matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...entries].map(([, name = '']) => printable(name)).filter((name) => name !== '');
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
