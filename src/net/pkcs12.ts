import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { pkcs12 as Pkcs12 } from 'node-forge';
import { EnrollError } from '../errors.js';
import { Secret } from '../model/secret.js';
import type { ClientCertificate } from './trust.js';

type Forge = typeof import('node-forge');

/** Whether bytes look like DER, as PKCS#12 files are, and not like PEM text. */
export function looksLikeDer(bytes: Uint8Array): boolean {
  return bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80;
}

/**
 * Reads a client certificate with its key from PKCS#12: RSA, EC and Ed25519, encrypted as OpenSSL 3 does (AES-256) or as
 * older programs do (3DES and RC2-40, which the runtime's own reader no longer takes).
 *
 * @returns PEM: the certificate first and its issuers after it; the key in clear, so no passphrase goes with it
 * @throws EnrollError `SETTING_INVALID` if the file is broken, the passphrase missing or wrong, or there is not exactly
 * one key with its certificate; the message is a sentence without the file's name
 */
export async function readPkcs12(bytes: Uint8Array, passphrase?: Secret): Promise<ClientCertificate> {
  const { default: forge } = await import('node-forge');
  const bags = open(forge, bytes, passphrase);
  const { certificates, keys } = contents(forge, bags);
  const [key, another] = keys;
  if (key === undefined) {
    throw invalid('The PKCS#12 file holds no private key.', 'Export the certificate together with its key.');
  }
  if (another !== undefined) {
    throw invalid(
      `The PKCS#12 file holds ${keys.length} private keys.`,
      'Give a file with one certificate and its key.',
    );
  }
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (leaf === undefined) {
    throw invalid(
      'The PKCS#12 file holds no certificate for its private key.',
      'Export the certificate together with its key.',
    );
  }
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  return {
    certificate: chain(leaf, certificates)
      .map((certificate) => certificate.toString())
      .join(''),
    key: new Secret(pem.toString()),
  };
}

type Asn1 = ReturnType<Forge['asn1']['fromDer']>;
type Opened = ReturnType<typeof Pkcs12.pkcs12FromAsn1>;

function open(forge: Forge, bytes: Uint8Array, passphrase: Secret | undefined): Opened {
  let asn1: Asn1;
  try {
    asn1 = forge.asn1.fromDer(Buffer.from(bytes).toString('latin1'));
  } catch (cause) {
    throw new EnrollError('SETTING_INVALID', 'The file is neither PEM nor a whole PKCS#12 file.', { cause });
  }
  const text = passphrase?.reveal() ?? '';
  try {
    return forge.pkcs12.pkcs12FromAsn1(asn1, false, text);
  } catch (cause) {
    const opened = openAsUtf8(forge, asn1, text);
    if (opened !== undefined) return opened;
    throw openingFault(bytes, passphrase !== undefined, cause);
  }
}

/**
 * Once more for a passphrase beyond ASCII. PKCS#12's own functions take it as UTF-16 (RFC 7292, appendix B.1), the
 * AES of PBES2 as UTF-8, and forge gives both the same: so the one that is checked, in UTF-16, is left out.
 */
function openAsUtf8(forge: Forge, asn1: Asn1, text: string): Opened | undefined {
  if (Buffer.byteLength(text) === text.length || !Array.isArray(asn1.value)) return undefined;
  const unchecked = { ...asn1, value: asn1.value.slice(0, 2) };
  try {
    return forge.pkcs12.pkcs12FromAsn1(unchecked, false, Buffer.from(text).toString('latin1'));
  } catch {
    return undefined;
  }
}

function openingFault(bytes: Uint8Array, given: boolean, cause: unknown): EnrollError {
  if (isCertificate(bytes)) {
    return invalid(
      'The file is a certificate in DER form, not PEM or PKCS#12.',
      'Convert it with: openssl x509 -inform DER -in FILE -out FILE.pem',
    );
  }
  const said = cause instanceof Error ? cause.message : '';
  // forge 1.4: the first for a wrong passphrase under a MAC, the others where there is none and the key stays locked.
  if (!/MAC could not be verified|decrypt|password/i.test(said)) {
    return new EnrollError('SETTING_INVALID', 'The file is no PKCS#12 file that can be read.', { cause });
  }
  return given
    ? new EnrollError('SETTING_INVALID', 'The passphrase does not open the PKCS#12 file.', {
        cause,
        hint: 'Check the file that --key-passphrase-file names.',
      })
    : new EnrollError('SETTING_INVALID', 'The PKCS#12 file is protected by a passphrase.', {
        cause,
        hint: 'Give the passphrase with --key-passphrase-file.',
      });
}

function isCertificate(bytes: Uint8Array): boolean {
  try {
    return new X509Certificate(bytes).raw.length > 0;
  } catch {
    return false;
  }
}

function contents(forge: Forge, opened: Opened): { certificates: X509Certificate[]; keys: KeyObject[] } {
  const { certBag, keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids;
  const certificates: X509Certificate[] = [];
  const keys: KeyObject[] = [];
  for (const bag of opened.safeContents.flatMap(({ safeBags }) => safeBags)) {
    // forge understands RSA alone; of anything else it leaves the DER, which the runtime reads.
    try {
      if (bag.type === certBag) {
        const asn1 = bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1;
        certificates.push(new X509Certificate(der(forge, asn1)));
      } else if (bag.type === keyBag || bag.type === pkcs8ShroudedKeyBag) {
        const asn1 = bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1;
        keys.push(createPrivateKey({ key: der(forge, asn1), format: 'der', type: 'pkcs8' }));
      }
    } catch (cause) {
      throw new EnrollError('SETTING_INVALID', 'The PKCS#12 file holds a certificate or key that cannot be read.', {
        cause,
      });
    }
  }
  return { certificates, keys };
}

function der(forge: Forge, asn1: Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}

/** The certificate and those of the file that lead up from it, in the order in which TLS sends them. */
function chain(leaf: X509Certificate, all: readonly X509Certificate[]): X509Certificate[] {
  const ordered = [leaf];
  for (let last = leaf; ordered.length <= all.length; ) {
    const issuer = all.find((candidate) => !ordered.includes(candidate) && last.checkIssued(candidate));
    if (issuer === undefined) break;
    ordered.push(issuer);
    last = issuer;
  }
  return ordered;
}

function invalid(message: string, hint: string): EnrollError {
  return new EnrollError('SETTING_INVALID', message, { hint });
}
