import fc from 'fast-check';

/** Bytes that mean something to one format or another. */
const TOKENS = [
  ...[
    'OSSEC K:',
    'ERROR: ',
    "'",
    '\n',
    '\r\n',
    ' ',
    '\0',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '.',
    '#',
    '!',
    '!001!',
  ],
  ...[
    '#AES:',
    '<',
    '>',
    '</',
    '<!--',
    '-->',
    '<client>',
    '</client>',
    '&amp;',
    '&#x',
    '\u00fc',
    '\ud83d\ude00',
    '\ufeff',
  ],
  ...[
    'null',
    'true',
    '-1',
    '0',
    '1e309',
    '18446744073709551616',
    '__proto__',
    'constructor',
    'any',
    '=',
    '==',
    '/',
    '%00',
  ],
  'a'.repeat(64),
  '9'.repeat(400),
].map((text) => Buffer.from(text));

/** One change of some bytes. Places are numbers that are taken modulo the length. */
type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'swap'; readonly at: number; readonly to: number; readonly length: number }
  | { readonly kind: 'cut'; readonly at: number };

const place = fc.nat(65_535);
const length = fc.integer({ min: 1, max: 64 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('set' as const), at: place, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('insert' as const), at: place, bytes: fc.constantFrom(...TOKENS) }),
  fc.record({ kind: fc.constant('insert' as const), at: place, bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: place, length }),
  fc.record({ kind: fc.constant('repeat' as const), at: place, length, times: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ kind: fc.constant('swap' as const), at: place, to: place, length }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
);

/** A seed with some changes; seldom none, or bytes out of nothing. */
export function mutated(seeds: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const changed = fc
    .tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 6 }))
    .map(([seed, changes]) => changes.reduce<Buffer>(apply, Buffer.from(seed)));
  const fromNothing = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof({ arbitrary: changed, weight: 19 }, { arbitrary: fromNothing, weight: 1 });
}

function apply(bytes: Buffer, one: Change): Buffer {
  const at = bytes.length === 0 ? 0 : one.at % (bytes.length + (one.kind === 'insert' ? 1 : 0));
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (one.kind) {
    case 'flip':
      return Buffer.concat([head, tail.subarray(0, 1).map((byte) => byte ^ (1 << one.bit)), tail.subarray(1)]);
    case 'set':
      return Buffer.concat([head, Buffer.of(one.byte), tail.subarray(1)]);
    case 'insert':
      return Buffer.concat([head, one.bytes, tail]);
    case 'remove':
      return Buffer.concat([head, tail.subarray(one.length)]);
    case 'repeat':
      return Buffer.concat([head, ...Array.from({ length: one.times }, () => tail.subarray(0, one.length)), tail]);
    case 'swap': {
      const piece = tail.subarray(0, one.length);
      const rest = Buffer.concat([head, tail.subarray(one.length)]);
      const to = one.to % (rest.length + 1);
      return Buffer.concat([rest.subarray(0, to), piece, rest.subarray(to)]);
    }
    case 'cut':
      return head;
  }
}
