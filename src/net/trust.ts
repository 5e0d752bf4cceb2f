import type { Secret } from '../secret.js';

/** By what a manager's certificate is to be trusted. */
export interface TrustSettings {
  /** PEM text of the CA that must have signed the manager's certificate; the host name is checked too. */
  readonly ca?: string;
  /** SHA-256 of the certificate's public key (SPKI), 64 lower-case hex digits. */
  readonly pin?: string;
  /** What an earlier run stored for this manager, same form as `pin`. */
  readonly firstUse?: string;
  /** Accept any certificate. */
  readonly insecure: boolean;
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
