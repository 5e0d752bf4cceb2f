import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { printable } from '../model/printable.js';

/** What a person needs to know of a certificate. All text is printable, whoever made the certificate. */
export interface CertificateFacts {
  /** `sha256:` and 64 hex digits of the public key (SPKI), see {@link spkiFingerprint}. */
  readonly fingerprint: string;
  /** `CN=Wazuh, O=…`, or `(none)`. */
  readonly subject: string;
  readonly issuer: string;
  /** The host names and addresses of its subjectAltName, in its order. A stock manager certificate has none. */
  readonly names: readonly string[];
  /** The common names of its subject, by which agents know a manager as well. A stock manager certificate has `Wazuh`. */
  readonly commonNames: readonly string[];
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
    commonNames: commonNames(certificate).map(printable),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    selfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  };
}

/** The facts as one line: subject, issuer, names, dates, fingerprint. */
export function describeCertificate(facts: CertificateFacts): string {
  const issuer = facts.selfSigned ? 'signed by itself' : `issued by ${facts.issuer}`;
  return `subject ${facts.subject}; ${issuer}; ${describeNames(facts)}; valid ${day(facts.notBefore)} to ${day(facts.notAfter)}; public key ${facts.fingerprint}`;
}

/** What a certificate calls its server, and where: `names a.example, 10.0.0.5 (subjectAltName), b.example (CN)`. */
export function describeNames({ names, commonNames }: Pick<CertificateFacts, 'names' | 'commonNames'>): string {
  const parts = [
    ...(names.length === 0 ? [] : [`${listed(names)} (subjectAltName)`]),
    ...(commonNames.length === 0 ? [] : [`${listed(commonNames)} (CN)`]),
  ];
  return parts.length === 0 ? 'no names' : `names ${parts.join(', ')}`;
}

/**
 * Whether a certificate is for this host, as agents look at it (os_auth, OSSEC and Wazuh): a name of the subjectAltName,
 * else a CN, also where the subjectAltName has other names, and an address too.
 *
 * @param host a host name or an address
 */
export function namesManager(host: string, certificate: X509Certificate): boolean {
  const name = withoutZone(host);
  if (isIP(name) === 0) return certificate.checkHost(name, { subject: 'always' }) !== undefined;
  if (certificate.checkIP(name) !== undefined) return true;
  return commonNames(certificate).some((common) => isIP(common) !== 0 && isSameAddress(common, name));
}

/** Whether a certificate is for this host by the rules of the web: an address, or a name, of the subjectAltName. */
export function namesHost(host: string, certificate: X509Certificate): boolean {
  const name = withoutZone(host);
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}

/** A host as certificates have it: an address without its zone, a name without its last dot. */
function withoutZone(host: string): string {
  return host.replace(/%.*$/, '').replace(/\.$/, '');
}

function isSameAddress(one: string, other: string): boolean {
  return ipaddr.process(one).toNormalizedString() === ipaddr.process(other).toNormalizedString();
}

// Node's types say one text; of several there is a list, and where there is none there is nothing.
function commonNames(certificate: X509Certificate): readonly string[] {
  const subject: unknown = certificate.toLegacyObject().subject;
  const found: unknown = typeof subject === 'object' && subject !== null && 'CN' in subject ? subject.CN : undefined;
  return (Array.isArray(found) ? found : [found]).filter((name) => typeof name === 'string');
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
