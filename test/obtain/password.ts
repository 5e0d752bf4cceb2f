import { Secret } from '../../src/model/secret.js';

/** A password as the sources take it, in bytes. */
export function passwordOf(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): Secret<Uint8Array> {
  return new Secret(Buffer.from(text, encoding));
}
