import { constants, createHash, generateKeyPair, privateEncrypt, randomBytes, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '../model/secret.js';

/** A certificate with its key, PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: Secret;
}

/** What to issue. */
export interface CertificateOptions {
  readonly commonName: string;
  /** Host names and addresses that it is for; none: it can satisfy no host name check, like a stock manager's. */
  readonly hosts?: readonly string[];
  readonly validFrom?: Date;
  readonly validTo?: Date;
  /** Who signs it; absent: itself. */
  readonly issuer?: IssuedCertificate;
  /** True: it may sign others. */
  readonly authority?: boolean;
}

const DAY_MS = 86_400_000;
// What stands before the digest in a signature by RSA and SHA-256 (RFC 8017 §9.2, note 1).
const SHA256_PREFIX = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const generateKeys = promisify(generateKeyPair);

/** The certificate of a stock Wazuh manager: self-signed, CN=Wazuh, no host name. */
export function issueStockCertificate(): Promise<IssuedCertificate> {
  return issueCertificate({ commonName: 'Wazuh' });
}

/** Issues a certificate for trying and testing: RSA 2048, SHA-256, valid for a year from yesterday unless told otherwise. */
export async function issueCertificate(options: CertificateOptions): Promise<IssuedCertificate> {
  const [{ default: forge }, keys] = await Promise.all([
    import('node-forge'),
    // The system's key generation takes a tenth of the time of forge's own.
    generateKeys('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }),
  ]);
  const issuer = options.issuer === undefined ? undefined : forge.pki.certificateFromPem(options.issuer.certificate);
  const subject = [{ name: 'commonName', value: options.commonName }];
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
  // A serial number is positive: the first byte keeps its top bit clear.
  certificate.serialNumber = `01${randomBytes(8).toString('hex')}`;
  certificate.validity.notBefore = options.validFrom ?? new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = options.validTo ?? new Date(Date.now() + 365 * DAY_MS);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer === undefined ? subject : issuer.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: options.authority ?? options.issuer === undefined },
    ...(options.hosts === undefined ? [] : [{ name: 'subjectAltName', altNames: options.hosts.map(altName) }]),
  ]);
  const signingKey = options.issuer === undefined ? keys.privateKey : options.issuer.key.reveal();
  const digest = forge.md.sha256.create();
  const signature = () => rsaSignature(signingKey, digest.digest().toHex());
  certificate.sign({ ...forge.pki.privateKeyFromPem(signingKey), sign: signature }, digest);
  return { certificate: forge.pki.certificateToPem(certificate), key: new Secret(keys.privateKey) };
}

/**
 * The signature (PKCS #1 1.5, one character a byte) over a SHA-256 digest, by the system: it takes a hundredth of the time
 * of forge's own arithmetic.
 */
export function rsaSignature(key: string, sha256: string): string {
  const signed = Buffer.concat([SHA256_PREFIX, Buffer.from(sha256, 'hex')]);
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signed).toString('latin1');
}

// GeneralName of RFC 5280 §4.2.1.6: 2 is a DNS name, 7 an address.
function altName(host: string): { type: number; value: string } | { type: number; ip: string } {
  return /^[\d.]+$|:/.test(host) ? { type: 7, ip: host } : { type: 2, value: host };
}

/** `sha256:` and 64 hex digits of a certificate's public key (SPKI). */
export function fingerprintOf(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}
