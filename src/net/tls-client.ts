import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { EnrollError, systemCode } from '../errors.js';
import { type ClientCertificate, pemCertificates, type TrustSettings } from './trust.js';

/**
 * What this side brings to a TLS handshake: the CA to check against, and its own certificate.
 *
 * The floor is TLS 1.2 unless told otherwise (ossec-authd 4.3 speaks nothing else; wazuh-authd 4.14 1.2 and 1.3). The runtime's own cipher
 * list and security level are left alone: they agree with every manager measured, and a weak server certificate
 * (1024-bit RSA, SHA-1) is a fault of the chain only, so it fails under a CA and not under a pin or first use.
 *
 * @throws EnrollError `SETTING_INVALID` for a CA, certificate or key that cannot be used
 */
export function clientContext(
  trust: TrustSettings,
  client: ClientCertificate | undefined,
  minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2',
): SecureContext {
  // Node takes a CA text without a certificate in it for an empty list, and then trusts nobody without a word.
  if (trust.ca !== undefined) pemCertificates(trust.ca);
  const ca = anchors(trust);
  if (client === undefined) return createSecureContext({ minVersion, ...ca });

  const key = privateKey(client);
  const leaf = certificate(client.certificate);
  if (!leaf.checkPrivateKey(key)) {
    throw new EnrollError('SETTING_INVALID', 'The client certificate and the key do not belong together.', {
      hint: 'Give the key that the certificate was made for (--cert, --key).',
    });
  }
  try {
    return createSecureContext({
      minVersion,
      ...ca,
      cert: client.certificate,
      key: key.export({ type: 'pkcs8', format: 'pem' }),
    });
  } catch (cause) {
    throw new EnrollError(
      'SETTING_INVALID',
      `The client certificate cannot be used (${systemCode(cause) ?? 'unknown reason'}).`,
      { cause, hint: 'It may be too weak for this OpenSSL: 2048-bit RSA or EC, and SHA-256, are accepted.' },
    );
  }
}

function anchors(trust: TrustSettings): { ca?: string | []; allowPartialTrustChain?: true } {
  // A CA below another one (an intermediate) is as good as a root: the user says whom to trust.
  if (!trust.insecure && trust.ca !== undefined) return { ca: trust.ca, allowPartialTrustChain: true };
  // Without a list of its own Node loads the roots that this host trusts, which takes its time.
  const needsRoots = trust.system === true && !trust.insecure && trust.pin === undefined;
  return needsRoots ? {} : { ca: [] };
}

function certificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new EnrollError('SETTING_INVALID', 'The client certificate cannot be read: it must be a PEM certificate.', {
      cause,
    });
  }
}

function privateKey({ key, passphrase }: ClientCertificate): KeyObject {
  const pem = key.reveal();
  try {
    return createPrivateKey(
      passphrase === undefined ? { key: pem } : { key: pem, passphrase: Buffer.from(passphrase.reveal()) },
    );
  } catch (cause) {
    const encrypted = /ENCRYPTED/.test(pem);
    if (encrypted && passphrase === undefined) {
      throw new EnrollError('SETTING_INVALID', 'The key of the client certificate is encrypted.', {
        cause,
        hint: 'Give its passphrase with --key-passphrase-file.',
      });
    }
    if (encrypted) {
      throw new EnrollError('SETTING_INVALID', 'The passphrase does not open the key of the client certificate.', {
        cause,
        hint: 'Check the file that --key-passphrase-file names.',
      });
    }
    throw new EnrollError('SETTING_INVALID', 'The key of the client certificate cannot be read: it must be PEM.', {
      cause,
    });
  }
}
