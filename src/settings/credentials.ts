import { EnrollError } from '../errors.js';
import { Secret } from '../model/secret.js';
import { looksLikeDer, readPkcs12 } from '../net/pkcs12.js';
import { clientContext } from '../net/tls-client.js';
import type { ClientCertificate } from '../net/trust.js';
import { describeOrigin, type Sourced } from './origin.js';
import type { SettingsEdge } from './password.js';
import { unreadable } from './password.js';
import type { Settings } from './settings.js';
import type { Sources } from './sources.js';
import { parsePin, parseSetting, refuse } from './values.js';

const FILE_LIMIT = 1024 * 1024;

/**
 * What the manager's certificate is to be trusted by. A flag wins over the environment and the file, so `--insecure`
 * switches off a CA that is set elsewhere; on one command line the two contradict each other.
 */
export async function readTrust(sources: Sources, edge: SettingsEdge): Promise<Settings['trust']> {
  const insecure = sources.switch('insecure');
  const ca = sources.text('ca');
  const pin = sources.text('pin');
  if (insecure?.value === true) {
    for (const given of [ca, pin]) {
      if (given?.origin.kind === 'flag') throw refuse(given.origin, 'it contradicts --insecure. Give one of the two.');
    }
    return { insecure: true };
  }
  return {
    insecure: false,
    ...(ca === undefined ? {} : { ca: await readPem(ca, 'CERTIFICATE', edge) }),
    ...(pin === undefined
      ? {}
      : { pin: parseSetting(pin, parsePin, 'a SHA-256 of a public key (sha256: and 64 hex digits)').value }),
  };
}

/**
 * The client certificate, if one is named: PEM with its key in the same file or in another, or PKCS#12. The passphrase
 * file is for whichever of them is encrypted.
 *
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`
 */
export async function readClientCertificate(
  sources: Sources,
  edge: SettingsEdge,
): Promise<ClientCertificate | undefined> {
  const cert = sources.text('cert');
  const key = sources.text('key');
  if (cert === undefined) {
    if (key !== undefined) throw refuse(key.origin, 'a key without a certificate. Name the certificate with --cert.');
    return undefined;
  }
  const passphrase = await readPassphrase(sources, edge);
  const bytes = await edge.readBytes(cert.value, FILE_LIMIT).catch((thrown: unknown) => {
    throw unreadable(cert.value, cert.origin, thrown);
  });
  const read = looksLikeDer(bytes)
    ? await fromPkcs12(cert, bytes, key, passphrase)
    : await fromPem(cert, bytes, key, passphrase, edge);
  return checked(read, cert);
}

async function fromPkcs12(
  cert: Sourced<string>,
  bytes: Uint8Array,
  key: Sourced<string> | undefined,
  passphrase: Secret | undefined,
): Promise<ClientCertificate> {
  // Named elsewhere (environment, ossec.conf) the key belongs to another certificate, which this one stands in for.
  if (key !== undefined && key.origin.kind === cert.origin.kind) {
    throw refuse(key.origin, `${cert.value} is PKCS#12 and holds its key. Leave the key out.`);
  }
  return await readPkcs12(bytes, passphrase).catch((thrown: unknown) => {
    throw placed(cert, thrown);
  });
}

async function fromPem(
  cert: Sourced<string>,
  bytes: Uint8Array,
  key: Sourced<string> | undefined,
  passphrase: Secret | undefined,
  edge: SettingsEdge,
): Promise<ClientCertificate> {
  const certificate = requirePem(cert, Buffer.from(bytes).toString('utf8'), 'CERTIFICATE');
  const keyText = key === undefined ? certificate : await readPem(key, 'PRIVATE KEY', edge);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(keyText)) {
    throw refuse(cert.origin, `${cert.value} holds no private key. Name the key with --key.`);
  }
  return { certificate, key: new Secret(keyText), ...(passphrase === undefined ? {} : { passphrase }) };
}

/**
 * A key that is locked, or that belongs to another certificate, is told here, before anybody is contacted.
 * @throws EnrollError with `SETTING_INVALID`
 */
function checked(read: ClientCertificate, cert: Sourced<string>): ClientCertificate {
  try {
    clientContext({ insecure: true }, read);
  } catch (thrown) {
    throw placed(cert, thrown);
  }
  return read;
}

/** An error of whoever reads a certificate without knowing where it stands. */
function placed({ value, origin }: Sourced<string>, thrown: unknown): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  const sentence = `${describeOrigin(origin)}: ${value}: ${thrown.message}`;
  return new EnrollError(thrown.code, sentence, { hint: thrown.hint, cause: thrown });
}

async function readPassphrase(sources: Sources, edge: SettingsEdge): Promise<Secret | undefined> {
  const file = sources.text('key-passphrase-file');
  if (file === undefined) return undefined;
  const text = await edge.readText(file.value, FILE_LIMIT).catch((thrown: unknown) => {
    throw unreadable(file.value, file.origin, thrown);
  });
  return new Secret(text.split('\n', 1)[0]?.replace(/\r$/, '') ?? '');
}

async function readPem(file: Sourced<string>, kind: string, edge: SettingsEdge): Promise<string> {
  const text = await edge.readText(file.value, FILE_LIMIT).catch((thrown: unknown) => {
    throw unreadable(file.value, file.origin, thrown);
  });
  return requirePem(file, text, kind);
}

function requirePem(file: Sourced<string>, text: string, kind: string): string {
  if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text)) {
    throw refuse(file.origin, `${file.value} holds no ${kind.toLowerCase()} in PEM form.`);
  }
  return text;
}
