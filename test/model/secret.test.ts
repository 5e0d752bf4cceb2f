import { deepStrictEqual } from 'node:assert';
import { format, inspect } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { bytesOf, Secret } from '../../src/model/secret.js';

const TEXT = 'hunter2hunter2';
const BYTES = Buffer.from(TEXT, 'latin1');
/** What an inspector shows of the same bytes. */
const SHOWN_BYTES = [TEXT, BYTES.toString('hex'), inspect(BYTES).slice(8, 24), [...BYTES.subarray(0, 4)].join(', ')];

describe('a secret', () => {
  for (const [what, secret] of [
    ['text', new Secret(TEXT)],
    ['bytes', new Secret<Uint8Array>(BYTES)],
  ] as const) {
    describe(`of ${what}`, () => {
      const error = new EnrollError('INTERNAL', 'It broke.', { cause: new Error('deep', { cause: secret }) });
      const shown: Readonly<Record<string, () => string>> = {
        'a template': () => `${secret} ${[secret]}`,
        JSON: () => JSON.stringify({ secret, list: [secret] }),
        inspect: () => inspect({ secret, map: new Map([[secret, secret]]) }, { depth: null }),
        'inspect with hidden parts': () => inspect(secret, { showHidden: true, getters: true, depth: null }),
        'inspect without its own word in it': () => inspect({ secret }, { customInspect: false, showHidden: true }),
        'every placeholder of format': () =>
          format('%s %j %o %O %d %i', secret, secret, secret, secret, secret, secret),
        'the cause of an error': () => `${inspect(error, { depth: null, showHidden: true })} ${error.stack}`,
        'a failed comparison': () => messageOf(() => deepStrictEqual({ secret }, { secret: 'other' })),
        structuredClone: () => inspect(structuredClone({ secret }), { showHidden: true, depth: null }),
        'a serialized copy': () =>
          `${serialize({ secret }).toString('latin1')} ${inspect(deserialize(serialize(secret)))}`,
        'its keys and values': () => inspect([Reflect.ownKeys(secret), Object.entries(secret), { ...secret }]),
      };
      for (const [how, show] of Object.entries(shown)) {
        it(`is not in ${how}`, () => {
          const text = show();
          for (const part of SHOWN_BYTES) expect(text).to.not.include(part);
        });
      }

      it('reads [secret] where it is shown on purpose', () => {
        for (const how of ['a template', 'JSON', 'inspect', 'inspect with hidden parts', 'the cause of an error']) {
          expect(shown[how]?.()).to.include('[secret]');
        }
      });
    });
  }

  it('gives what it holds', () => {
    expect(new Secret(TEXT).reveal()).to.equal(TEXT);
    expect(new Secret(BYTES).reveal()).to.equal(BYTES);
  });

  it('gives the bytes of either form: of a text its UTF-8, of bytes these', () => {
    expect([...bytesOf(new Secret('pässword'))].slice(0, 4)).to.deep.equal([0x70, 0xc3, 0xa4, 0x73]);
    expect([...bytesOf(new Secret(Uint8Array.of(0x70, 0xe4)))]).to.deep.equal([0x70, 0xe4]);
  });
});

function messageOf(work: () => void): string {
  try {
    work();
  } catch (thrown) {
    return String(thrown instanceof Error ? thrown.message : thrown);
  }
  throw new Error('It should have thrown.');
}
