/**
 * The bytes of a base64url text as Wazuh 5 writes it: without padding, and canonical, so that there is one text for the
 * same bytes. `undefined`: it is none.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  // Node passes over what is no base64url, and unused bits; the bytes written again are then another text.
  return bytes.toString('base64url') === text ? bytes : undefined;
}
