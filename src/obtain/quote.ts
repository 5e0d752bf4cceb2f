import { printable } from '../model/printable.js';
import { bytesOf, type Secret } from '../model/secret.js';

/**
 * A part of what a manager said, fit to be shown: printable, and without the given secrets or anything that looks like
 * a key or a token, should the other side repeat them.
 */
export function quote(said: string, secrets: Iterable<Secret<string | Uint8Array>>): string {
  let hidden = said;
  for (const secret of secrets) {
    for (const form of formsOf(secret)) hidden = hidden.replaceAll(form, '[secret]');
  }
  const withoutKeys = hidden.replace(/[0-9a-f]{32,}/gi, '[key]');
  return printable(withoutKeys.replace(/[A-Za-z0-9+/_-]{60,}={0,2}/g, (run) => (isEncoded(run) ? '[hidden]' : run)));
}

/**
 * What the bytes of a secret look like where they come back: an API's answer is read as UTF-8; authd's replies are read
 * as Latin-1, so that no byte of them is lost.
 */
function formsOf(secret: Secret<string | Uint8Array>): ReadonlySet<string> {
  const bytes = Buffer.from(bytesOf(secret));
  const forms = new Set([bytes.toString('utf8'), bytes.toString('latin1')]);
  forms.delete('');
  return forms;
}

/** Whether it is base64 rather than the long name of an agent or a group, which is written in one case. */
function isEncoded(run: string): boolean {
  return /[A-Z]/.test(run) && /[a-z]/.test(run);
}
