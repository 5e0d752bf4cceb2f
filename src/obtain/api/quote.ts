import { printable } from '../../model/printable.js';
import type { Secret } from '../../model/secret.js';

/**
 * A part of an answer, fit to be shown: printable, and without the given secrets or anything that looks like a key or a
 * token, should the other side repeat them.
 */
export function quote(said: string, secrets: Iterable<Secret>): string {
  let hidden = said;
  for (const secret of secrets) {
    const plain = secret.reveal();
    if (plain !== '') hidden = hidden.replaceAll(plain, '[secret]');
  }
  return printable(hidden.replace(/[0-9a-f]{32,}/gi, '[key]').replace(/[A-Za-z0-9+/_-]{60,}={0,2}/g, '[hidden]'));
}
