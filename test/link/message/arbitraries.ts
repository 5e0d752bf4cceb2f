import fc from 'fast-check';
import type { CipherChoice } from '../../../src/link/message/cipher.js';
import type { MessageParts } from '../../../src/link/message/codec.js';
import { messageKey } from '../../../src/link/message/key.js';

const hexDigit = fc.constantFrom(...'0123456789abcdef');
const digit = fc.constantFrom(...'0123456789');

export const keys = fc
  .string({ unit: hexDigit, minLength: 47, maxLength: 47 })
  .map((text) => messageKey(Buffer.from(text, 'latin1')));

export const choices: fc.Arbitrary<CipherChoice> = fc.oneof(
  fc.constant<CipherChoice>({ cipher: 'blowfish' }),
  fc.constant<CipherChoice>({ cipher: 'aes-wazuh' }),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((iv): CipherChoice => ({ cipher: 'aes-ossec', iv: Uint8Array.from(iv) })),
);

export const ids = fc.string({ unit: digit, minLength: 1, maxLength: 10 });

export const payloads = fc.uint8Array({ minLength: 1, maxLength: 400 });

/** Every kind of message that can be encoded, binary payloads included. */
export const messages: fc.Arbitrary<MessageParts & { readonly payload: Uint8Array }> = fc
  .record({
    choice: choices,
    id: fc.option(ids, { nil: undefined }),
    random: fc.string({ unit: digit, minLength: 5, maxLength: 5 }),
    global: fc.integer({ min: 0, max: 0xffff_ffff }),
    local: fc.integer({ min: 0, max: 9999 }),
    payload: payloads,
  })
  .map(({ choice, id, random, global, local, payload }) => ({
    ...choice,
    id,
    random,
    counter: { global, local },
    payload,
  }));
