import type { ClientCertificate } from '../net/trust.js';
import { Secret } from '../secret.js';
import type { Sourced } from './origin.js';
import type { SettingsEdge } from './password.js';
import { unreadable } from './password.js';
import type { Settings } from './settings.js';
import type { Sources } from './sources.js';
import { parsePin, parseSetting, refuse } from './values.js';

const PEM_LIMIT = 1024 * 1024;

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

/** The client certificate, if one is named: PEM with its key in the same file or in another. */
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
  const certificate = await readPem(cert, 'CERTIFICATE', edge);
  const keyText = key === undefined ? certificate : await readPem(key, 'PRIVATE KEY', edge);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(keyText)) {
    throw refuse(cert.origin, `${cert.value} holds no private key. Name the key with --key.`);
  }
  return { certificate, key: new Secret(keyText), ...(passphrase === undefined ? {} : { passphrase }) };
}

async function readPassphrase(sources: Sources, edge: SettingsEdge): Promise<Secret | undefined> {
  const file = sources.text('key-passphrase-file');
  if (file === undefined) return undefined;
  const text = await edge.readText(file.value, PEM_LIMIT).catch((thrown: unknown) => {
    throw unreadable(file.value, file.origin, thrown);
  });
  return new Secret(text.split('\n', 1)[0]?.replace(/\r$/, '') ?? '');
}

async function readPem(file: Sourced<string>, kind: string, edge: SettingsEdge): Promise<string> {
  const text = await edge.readText(file.value, PEM_LIMIT).catch((thrown: unknown) => {
    throw unreadable(file.value, file.origin, thrown);
  });
  if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text)) {
    throw refuse(file.origin, `${file.value} holds no ${kind.toLowerCase()} in PEM form.`);
  }
  return text;
}
