const HANDSHAKE = 22;
const SUPPORTED_VERSIONS = 0x002b;

/** TLS versions as they stand on the wire. */
export const TLS_1_2 = 0x0303;
/** TLS 1.3 as `supported_versions` of a client hello has it (RFC 8446, 4.2.1). */
export const TLS_1_3 = 0x0304;

/** The alert with which OpenSSL ends a handshake without common ground: fatal, handshake_failure (RFC 8446 §6). */
export const HANDSHAKE_FAILURE: Uint8Array = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);

/**
 * The versions that a ClientHello lists in supported_versions (RFC 8446 §4.1.2, §4.2.1). Empty where it has no such
 * list, for a ClientHello that is not all there, and for anything else.
 */
export function offeredVersions(bytes: Uint8Array): readonly number[] {
  const view = Buffer.from(bytes);
  try {
    if (view.readUInt8(0) !== HANDSHAKE) return [];
    // Record header, handshake header, version and random; then session id, cipher suites, compression methods.
    let at = 5 + 4 + 2 + 32;
    at += 1 + view.readUInt8(at);
    at += 2 + view.readUInt16BE(at);
    at += 1 + view.readUInt8(at);
    const end = at + 2 + view.readUInt16BE(at);
    at += 2;
    while (at < end) {
      const [type, length] = [view.readUInt16BE(at), view.readUInt16BE(at + 2)];
      if (type === SUPPORTED_VERSIONS) return versionList(view.subarray(at + 5, at + 4 + length));
      at += 4 + length;
    }
    return [];
  } catch {
    // A read past the end: not a whole ClientHello.
    return [];
  }
}

function versionList(bytes: Buffer): readonly number[] {
  const versions: number[] = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) versions.push(bytes.readUInt16BE(at));
  return versions;
}
