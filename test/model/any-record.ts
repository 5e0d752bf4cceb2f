import fc from 'fast-check';
import { record } from '../keystore/scratch.js';

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const bits = fc.integer({ min: 0, max: 32 });
const netmask = bits.map((n) => {
  const value = n === 0 ? 0 : (0xffffffff << (32 - n)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
});
const address = fc.oneof(
  fc.constant('any'),
  ipv4,
  fc.tuple(ipv4, fc.oneof(bits.map(String), netmask)).map(([ip, mask]) => `${ip}/${mask}`),
  fc.ipV6(),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([ip, n]) => `${ip}/${n}`),
);
const NAME_CHARACTERS = 'ABCXYZabcxyz019._-'.split('');
const name = fc.string({ unit: fc.constantFrom(...NAME_CHARACTERS), minLength: 2, maxLength: 128 });
const key = fc.string({ unit: fc.constantFrom(...'0123456789abcdefXYZ'.split('')), minLength: 64, maxLength: 127 });
const id = fc.integer({ min: 1, max: 4_000_000 }).map((n) => String(n).padStart(3, '0'));
/** Every record that a manager can issue. */
export const anyRecord = fc.tuple(id, name, address, key).map(([i, n, a, k]) => record(i, n, a, k));
