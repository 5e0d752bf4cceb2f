import { type IssuedCertificate, issueCertificate } from '../own-certificate.js';

/** The certificates of a Wazuh 5 manager. */
export interface HttpsCertificates {
  /** The CA of the deployment. */
  readonly authority: IssuedCertificate;
  /** What the manager shows. */
  readonly leaf: IssuedCertificate;
  /** PEM, what `/cacerts` has. */
  readonly bundle: string;
}

/** What is wrong with certificates on purpose. `other-leaf`: for another host; `hostile`: an attacker's, whose CA is in the bundle. */
export type CertificateFault = 'other-leaf' | 'hostile';

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/** A CA, a certificate of it that names loopback, as a stock manager's names its host, and the CA as the bundle. */
export async function issueHttpsCertificates(fault?: CertificateFault): Promise<HttpsCertificates> {
  const [authority, attacker] = await Promise.all([
    issueAuthority('agent-enroll sandbox CA'),
    fault === 'hostile' ? issueAuthority('agent-enroll sandbox attacker') : undefined,
  ]);
  const leaf = await issueCertificate({
    commonName: 'wazuh-manager',
    hosts: fault === 'other-leaf' ? ['other.example'] : LOOPBACK,
    issuer: attacker ?? authority,
  });
  return { authority, leaf, bundle: `${authority.certificate}${attacker?.certificate ?? ''}` };
}

function issueAuthority(commonName: string): Promise<IssuedCertificate> {
  return issueCertificate({ commonName, authority: true });
}
