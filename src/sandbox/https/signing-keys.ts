import { hkdfSync } from 'node:crypto';
import { bytesOf, type Secret } from '../../model/secret.js';

const KEY_BYTES = 32;
const LABELS = {
  password: 'WAZUH-ENROLL-JWT-KEY',
  token: 'WAZUH-ENROLL-TOKEN-KEY',
  reenrollment: 'WAZUH-REENROLL-KEY',
} as const;

/** The key that signs with the enrollment password. */
export function passwordKey(password: Secret<string | Uint8Array>): Uint8Array {
  return derive(bytesOf(password), 'password');
}

/** The key that signs with an enrollment token, of its 16 secret bytes. */
export function tokenKey(secret: Secret<Uint8Array>): Uint8Array {
  return derive(secret.reveal(), 'token');
}

/** The key that signs with a re-enrollment secret, of its 64 hex digits. */
export function reenrollmentKey(secret: Secret): Uint8Array {
  return derive(Buffer.from(secret.reveal(), 'hex'), 'reenrollment');
}

/** The key that signs as an agent, of the 64 hex digits in client.keys: the bytes, not the text. */
export function agentKey(key: Secret): Uint8Array {
  return Buffer.from(key.reveal(), 'hex');
}

// HKDF-SHA256 (RFC 5869) with a salt of zeroes; a byte 1 ends the label (Wazuh 5.0).
function derive(material: Uint8Array, use: keyof typeof LABELS): Uint8Array {
  const info = Buffer.from(`${LABELS[use]}\u0001`, 'latin1');
  return new Uint8Array(hkdfSync('sha256', material, new Uint8Array(KEY_BYTES), info, KEY_BYTES));
}
