import { EnrollError } from '../errors.js';
import { firstLine } from '../model/first-line.js';
import { Secret } from '../model/secret.js';
import { looksLikeDer, readPkcs12 } from '../net/pkcs12.js';
import { clientContext } from '../net/tls-client.js';
import { type ClientCertificate, pemCertificates } from '../net/trust.js';
import { readNamed, textOf } from './named-file.js';
import { type Sourced, withOrigin } from './origin.js';
import type { Settings } from './settings.js';
import type { FileStanding, SettingFile, SettingsEdge } from './settings-edge.js';
import type { Sources } from './sources.js';
import { parsePin, parseSetting, refuse } from './values.js';
import type { SentSecret, Vouchers } from './vouching.js';

const FILE_LIMIT = 1024 * 1024;

/** By what the manager's certificate is to be trusted, and whose word that is. */
export interface FoundTrust {
  readonly trust: Settings['trust'];
  readonly vouchers: Vouchers;
}

/**
 * What the manager's certificate is to be trusted by. A flag wins over the environment and the file, so `--insecure`
 * switches off a CA that is set elsewhere; on one command line the two contradict each other.
 *
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`
 */
export async function readTrust(sources: Sources, edge: SettingsEdge): Promise<FoundTrust> {
  const insecure = sources.switch('insecure');
  const ca = sources.text('ca');
  const pin = sources.text('pin');
  if (insecure?.value === true) {
    for (const given of [ca, pin]) {
      if (given?.origin.kind === 'flag') throw refuse(given.origin, 'it contradicts --insecure. Give one of the two.');
    }
    return { trust: { insecure: true }, vouchers: { pin: false } };
  }
  const caFile = ca === undefined ? undefined : await readCa(ca, edge);
  return {
    trust: {
      insecure: false,
      ...(caFile === undefined ? {} : { ca: caFile.text }),
      ...(pin === undefined
        ? {}
        : { pin: parseSetting(pin, parsePin, 'a SHA-256 of a public key (sha256: and 64 hex digits)').value }),
    },
    vouchers: { pin: pin !== undefined, ...(caFile === undefined ? {} : { ca: caFile }) },
  };
}

async function readCa(ca: Sourced<string>, edge: SettingsEdge) {
  const read = await readPem(ca, 'CERTIFICATE', edge);
  try {
    pemCertificates(read.text);
  } catch (thrown) {
    throw placed(ca, thrown);
  }
  return { ...read, origin: ca.origin };
}

/** The client certificate, and its key as the secret that it is. */
export interface FoundCertificate {
  readonly certificate: ClientCertificate;
  readonly secret: SentSecret;
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
): Promise<FoundCertificate | undefined> {
  const cert = sources.text('cert');
  const key = sources.text('key');
  if (cert === undefined) {
    if (key !== undefined) throw refuse(key.origin, 'a key without a certificate. Name the certificate with --cert.');
    return undefined;
  }
  const passphrase = await readPassphrase(sources, edge);
  const file = await readNamed(cert, FILE_LIMIT, edge);
  const read = looksLikeDer(file.bytes)
    ? await fromPkcs12(cert, file, key, passphrase)
    : await fromPem(cert, file, key, passphrase, edge);
  checkUsable(read.certificate, cert);
  return read;
}

interface Passphrase {
  readonly value: Secret;
  readonly file: FileStanding;
}

async function fromPkcs12(
  cert: Sourced<string>,
  file: SettingFile,
  key: Sourced<string> | undefined,
  passphrase: Passphrase | undefined,
): Promise<FoundCertificate> {
  // Named elsewhere (environment, ossec.conf) the key belongs to another certificate, which this one stands in for.
  if (key !== undefined && key.origin.kind === cert.origin.kind) {
    throw refuse(key.origin, `${cert.value} is PKCS#12 and holds its key. Leave the key out.`);
  }
  const certificate = await readPkcs12(file.bytes, passphrase?.value).catch((thrown: unknown) => {
    throw placed(cert, thrown);
  });
  return { certificate, secret: keySecret(cert, file, passphrase) };
}

async function fromPem(
  cert: Sourced<string>,
  file: SettingFile,
  key: Sourced<string> | undefined,
  passphrase: Passphrase | undefined,
  edge: SettingsEdge,
): Promise<FoundCertificate> {
  const certificate = requirePem(cert, textOf(file.bytes, cert), 'CERTIFICATE');
  const keyFile = key === undefined ? { text: certificate, file } : await readPem(key, 'PRIVATE KEY', edge);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(keyFile.text)) {
    throw refuse(cert.origin, `${cert.value} holds no private key. Name the key with --key.`);
  }
  return {
    certificate: {
      certificate,
      key: new Secret(keyFile.text),
      ...(passphrase === undefined ? {} : { passphrase: passphrase.value }),
    },
    secret: keySecret(key ?? cert, keyFile.file, passphrase),
  };
}

// Nobody has the key who cannot read its passphrase, too.
function keySecret({ origin }: Sourced<string>, file: FileStanding, passphrase: Passphrase | undefined): SentSecret {
  const files = passphrase === undefined ? [file] : [file, passphrase.file];
  return { what: "the client certificate's key", origin, files };
}

/**
 * A key that is locked, or that belongs to another certificate, is told here, before anybody is contacted.
 * @throws EnrollError with `SETTING_INVALID`
 */
function checkUsable(read: ClientCertificate, cert: Sourced<string>): void {
  try {
    clientContext({ insecure: true }, read);
  } catch (thrown) {
    throw placed(cert, thrown);
  }
}

/** An error of whoever reads a certificate without knowing where it stands. */
function placed({ value, origin }: Sourced<string>, thrown: unknown): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  const { code, message, hint } = thrown;
  return withOrigin(origin, new EnrollError(code, `${value}: ${message}`, { hint, cause: thrown }));
}

async function readPassphrase(sources: Sources, edge: SettingsEdge): Promise<Passphrase | undefined> {
  const named = sources.text('key-passphrase-file');
  if (named === undefined) return undefined;
  const file = await readNamed(named, FILE_LIMIT, edge);
  // Unlike a password it is opened here with, in characters, so its line must be text.
  return { value: new Secret(textOf(firstLine(file.bytes), named)), file };
}

async function readPem(
  named: Sourced<string>,
  kind: string,
  edge: SettingsEdge,
): Promise<{ readonly text: string; readonly file: FileStanding }> {
  const file = await readNamed(named, FILE_LIMIT, edge);
  return { text: requirePem(named, textOf(file.bytes, named), kind), file };
}

function requirePem(file: Sourced<string>, text: string, kind: string): string {
  if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text)) {
    throw refuse(file.origin, `${file.value} holds no ${kind.toLowerCase()} in PEM form.`);
  }
  return text;
}
