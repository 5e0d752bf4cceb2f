import { X509Certificate } from 'node:crypto';
import { EnrollError } from '../errors.js';
import type { Secret } from '../model/secret.js';
import {
  type CertificateFacts,
  certificateFacts,
  day,
  describeCertificate,
  describeNames,
  namesHost,
  namesManager,
  spkiFingerprint,
} from './certificate.js';

/** By what a manager's certificate is to be trusted. */
export interface TrustSettings {
  /** PEM text of the CA that must have signed the manager's certificate; the host name is checked too. */
  readonly ca?: string;
  /** SHA-256 of the certificate's public key (SPKI), 64 lower-case hex digits. */
  readonly pin?: string;
  /** What an earlier run stored for this manager, same form as `pin`. */
  readonly firstUse?: string | undefined;
  /** Accept any certificate. */
  readonly insecure: boolean;
  /**
   * Where neither a CA nor a pin is set, the certificate must lead to a root that this host trusts, and name the host;
   * there is no first use then.
   */
  readonly system?: boolean;
}

/** The certificate and key with which this host shows itself to the manager. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: Secret;
  readonly passphrase?: Secret;
}

/** By what a presented certificate was trusted. `first use`: nothing was known before, the key was accepted and is to be stored. */
export type TrustedBy = 'ca' | 'pin' | 'stored' | 'first use' | 'system' | 'nothing';

/** The outcome of a trust decision, for the report and the JSON. */
export interface TrustVerdict {
  readonly by: TrustedBy;
  /** `sha256:` and 64 hex digits of the certificate's public key (SPKI). */
  readonly fingerprint: string;
  /** The certificate's subject, made printable. */
  readonly subject: string;
}

/** A server's certificate, and how it was judged; `refused`: it was not trusted, and nothing was sent there. */
export interface SeenCertificate extends Omit<TrustVerdict, 'by'> {
  readonly by: TrustedBy | 'refused';
}

/** What a server presented in its handshake. */
export interface PresentedCertificate {
  readonly certificate: X509Certificate;
  /** The certificates that it sent above its own; used to explain a failure, never to decide. */
  readonly above: readonly X509Certificate[];
  /** OpenSSL's code for why the chain does not lead to {@link TrustSettings.ca}; absent where it does. */
  readonly chainFault?: string;
}

/**
 * Decides whether the server that `host` led to is the manager.
 *
 * - `insecure` checks nothing, whatever else is set.
 * - `ca`: the chain must lead to it, now, and the certificate must name the host as agents check it. With a `pin` as well both must hold;
 *   the pin, which names one key exactly, then stands in for the host name that stock certificates lack.
 * - `pin` alone: the public key must be this one. Names, dates and signatures do not matter then: the key is the identity.
 * - `system`: as `ca`, with the roots that this host trusts, instead of any first use.
 * - `firstUse`: as `pin`. It is passed over where a CA or a pin is set: they are how a changed key is announced.
 * - none of these: the key is accepted, to be stored for the next time.
 *
 * @throws EnrollError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_NAME_MISMATCH`, `CERTIFICATE_EXPIRED`, `PIN_MISMATCH` or
 * `FIRST_USE_MISMATCH`, with the certificate described in the message
 */
export function decideTrust(settings: TrustSettings, host: string, presented: PresentedCertificate): TrustVerdict {
  const facts = certificateFacts(presented.certificate);
  const verdict = (by: TrustedBy): TrustVerdict => ({ by, fingerprint: facts.fingerprint, subject: facts.subject });
  const key = spkiFingerprint(presented.certificate);

  if (settings.insecure) return verdict('nothing');
  if (settings.ca !== undefined) {
    checkChain(settings.ca, presented, facts);
    if (settings.pin === undefined) checkName(host, presented.certificate, facts);
    else checkPin(settings.pin, key, facts);
    return verdict('ca');
  }
  if (settings.pin !== undefined) {
    checkPin(settings.pin, key, facts);
    return verdict('pin');
  }
  if (settings.system === true) {
    checkSystem(host, presented, facts);
    return verdict('system');
  }
  if (settings.firstUse === undefined) return verdict('first use');
  if (settings.firstUse !== key) {
    throw new EnrollError(
      'FIRST_USE_MISMATCH',
      `The manager shows another key than at the first enrollment (sha256:${settings.firstUse}). Its certificate now: ${describeCertificate(facts)}.`,
      {
        hint: `Find out why this manager's key changed. If it was intended, name the new one with --pin ${facts.fingerprint}.`,
      },
    );
  }
  return verdict('stored');
}

function checkPin(pin: string, key: string, facts: CertificateFacts): void {
  if (pin === key) return;
  throw new EnrollError(
    'PIN_MISMATCH',
    `The manager's key is not the pinned one (sha256:${pin}). Its certificate: ${describeCertificate(facts)}.`,
  );
}

function checkChain(ca: string, presented: PresentedCertificate, facts: CertificateFacts): void {
  const fault = presented.chainFault;
  if (fault === undefined) return;
  const certificate = `Its certificate: ${describeCertificate(facts)}.`;
  // OpenSSL names the last fault it found, so an expired certificate of a stranger is "expired" as well.
  const ours = leadsTo(pemCertificates(ca), [presented.certificate, ...presented.above]);
  if (ours && (fault === 'CERT_HAS_EXPIRED' || fault === 'CERT_NOT_YET_VALID')) {
    throw new EnrollError('CERTIFICATE_EXPIRED', `${expiry(fault, facts)} ${certificate}`);
  }
  if (ours && !STRANGER.has(fault)) {
    throw new EnrollError(
      'CERTIFICATE_UNTRUSTED',
      `The manager's certificate leads to the given CA but cannot be accepted (${WORDS.get(fault) ?? fault}). ${certificate}`,
      {
        hint: 'Give the manager a certificate that is not too weak and is meant for a server, or name its key with --pin.',
      },
    );
  }
  if (facts.selfSigned) {
    throw new EnrollError(
      'CERTIFICATE_UNTRUSTED',
      `The manager's certificate is signed by itself and not by the given CA. ${certificate}`,
      {
        hint: `A manager has such a certificate from its installation. Give it one that your CA has signed, or, once you have compared the fingerprint on the manager, trust this key with --pin ${facts.fingerprint} instead of --ca.`,
      },
    );
  }
  throw new EnrollError(
    'CERTIFICATE_UNTRUSTED',
    `The manager's certificate was signed by another CA than the given one. ${certificate}`,
    { hint: `Give the CA that signed it (${facts.issuer}) with --ca, or check that this is the right manager.` },
  );
}

/** The faults that say "not signed by this CA" even where the names of the certificates fit together. */
const STRANGER: ReadonlySet<string> = new Set(['CERT_SIGNATURE_FAILURE', 'DEPTH_ZERO_SELF_SIGNED_CERT']);

const WORDS: ReadonlyMap<string, string> = new Map([
  ['INVALID_PURPOSE', 'it is not meant for a server'],
  ['INVALID_CA', 'a certificate above it may not sign others'],
  ['PATH_LENGTH_EXCEEDED', 'a certificate above it may not sign over so many steps'],
  ['CERT_REVOKED', 'it was revoked'],
  ['UNSPECIFIED', 'its key or signature is too weak for this OpenSSL'],
]);

function expiry(fault: string, facts: CertificateFacts): string {
  if (fault === 'CERT_NOT_YET_VALID') {
    return `The manager's certificate, or its CA's, is not valid yet by this host's clock.`;
  }
  return facts.notAfter.getTime() < Date.now()
    ? `The manager's certificate expired on ${day(facts.notAfter)}.`
    : "The certificate of the CA above the manager's has expired.";
}

function leadsTo(anchors: readonly X509Certificate[], chain: readonly X509Certificate[]): boolean {
  return chain.some((below) => anchors.some((ca) => below.checkIssued(ca) && below.verify(ca.publicKey)));
}

function checkSystem(host: string, { certificate, chainFault }: PresentedCertificate, facts: CertificateFacts): void {
  const hint = `Once you have compared the fingerprint on the manager, trust this key with --pin ${facts.fingerprint}, or give the CA that signed it with --ca.`;
  const shown = `Its certificate: ${describeCertificate(facts)}.`;
  if (chainFault === 'CERT_HAS_EXPIRED' || chainFault === 'CERT_NOT_YET_VALID') {
    throw new EnrollError('CERTIFICATE_EXPIRED', `${expiry(chainFault, facts)} ${shown}`);
  }
  if (chainFault !== undefined) {
    const why = facts.selfSigned ? 'is signed by itself' : 'was signed by no CA that this host trusts';
    throw new EnrollError(
      'CERTIFICATE_UNTRUSTED',
      `The manager's certificate ${why}, and neither a CA nor a pin was given. ${shown}`,
      { hint },
    );
  }
  if (!namesHost(host, certificate)) {
    throw new EnrollError('CERTIFICATE_NAME_MISMATCH', `The manager's certificate does not name ${host}. ${shown}`, {
      hint: `Call the manager by a name that its certificate has. ${hint}`,
    });
  }
}

function checkName(host: string, certificate: X509Certificate, facts: CertificateFacts): void {
  if (namesManager(host, certificate)) return;
  const pin = `The given CA has signed it, so its key may be pinned: add --pin ${facts.fingerprint}.`;
  const fault =
    facts.names.length + facts.commonNames.length === 0
      ? `it has no name at all, so it cannot show that this is ${host}`
      : `for other names than ${host}: it ${describeNames(facts)}`;
  throw new EnrollError(
    'CERTIFICATE_NAME_MISMATCH',
    `The manager's certificate is signed by the given CA, but ${fault}. Its certificate: ${describeCertificate(facts)}.`,
    { hint: `Call the manager by a name that its certificate has, or give it one that names ${host}. ${pin}` },
  );
}

/**
 * The certificates of a PEM text.
 * @throws EnrollError `SETTING_INVALID` if there is none, or one cannot be read
 */
export function pemCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END \1CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new EnrollError('SETTING_INVALID', 'The CA file holds no PEM certificate.');
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new EnrollError('SETTING_INVALID', 'A certificate in the CA file cannot be read.', { cause });
    }
  });
}
