import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { Secret } from '../../../src/model/secret.js';
import { flatObject } from '../../../src/sandbox/https/flat-json.js';
import { isInTime, isSignedWith, readJwt, signerOf } from '../../../src/sandbox/https/jwt.js';
import { agentKey, passwordKey, reenrollmentKey, tokenKey } from '../../../src/sandbox/https/signing-keys.js';
import { agentJwt, enrollJwt } from './client.js';
import { type JwtVector, VECTORS } from './vectors.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const keyOf = ({ key_hex, client_keys_hex }: JwtVector) => Buffer.from(key_hex ?? client_keys_hex ?? '', 'hex');

describe('the JWTs that a Wazuh 5 sandbox takes', () => {
  for (const vector of VECTORS.jwt_make) {
    it(`are read and verified: ${vector.name}`, () => {
      const read = readJwt(vector.jwt, vector.profile);
      if (read === undefined) throw new Error('not read');
      expect([read.iat, read.kid]).to.deep.equal([vector.iat, vector.kid ?? vector.agent_id ?? undefined]);
      expect(isSignedWith(read, keyOf(vector))).to.equal(true);
      expect(isSignedWith(read, Buffer.alloc(32))).to.equal(false);
    });
  }

  it('are refused, each of the vectors', () => {
    const agentKeyHex = VECTORS.jwt_make[0]?.key_hex ?? '';
    const passwordHex = VECTORS.hkdf[0]?.okm_hex ?? '';
    for (const vector of VECTORS.jwt_refused) {
      const read = readJwt(vector.jwt, vector.profile);
      // Those that a wrong key signed are held against the right one.
      const right = vector.client_keys_hex ?? (vector.agent_id === undefined ? passwordHex : agentKeyHex);
      const password = vector.profile === 'wazuh-enroll+jwt' && read?.kid !== undefined;
      const accepted = read !== undefined && !password && isSignedWith(read, Buffer.from(right, 'hex'));
      expect(accepted, vector.name).to.equal(false);
    }
  });

  it('are refused for each member that is missing, there twice, or beside the others', () => {
    const good = agentJwt('ab'.repeat(32), '001', { iat: 1 }).replace('Bearer ', '');
    const [head = '', payload = '', mark = ''] = good.split('.');
    const text = Buffer.from(payload, 'base64url').toString();
    const variant = (claims: string) =>
      readJwt(`${head}.${Buffer.from(claims).toString('base64url')}.${mark}`, 'wazuh-agent+jwt');
    expect(variant(text)).to.include({ iat: 1, kid: '001' });
    const members = text.slice(1, -1).split(',');
    for (const [at, member] of members.entries()) {
      const without = members.filter((_, index) => index !== at);
      expect(variant(`{${without}}`), `without ${member}`).to.equal(undefined);
      expect(variant(`{${[...members, member]}}`), `twice ${member}`).to.equal(undefined);
    }
    expect(variant(`{${[...members, '"x":1']}}`)).to.equal(undefined);
    expect(readJwt(`${good}.`, 'wazuh-agent+jwt')).to.equal(undefined);
    expect(readJwt(`${good}=`, 'wazuh-agent+jwt')).to.equal(undefined);
    expect(readJwt(good, 'wazuh-enroll+jwt')).to.equal(undefined);
  });

  it('hold for 30 s ahead and 90 s back', () => {
    for (const { iat, now, expect: wanted } of VECTORS.time_policy) {
      expect(isInTime(iat, now), `${iat} at ${now}`).to.equal(wanted.startsWith('accept'));
    }
  });

  it('are signed by whom the kid says', () => {
    for (const { kid, expect: wanted } of VECTORS.kid) {
      const signer = ['password', 'token', 'agent'].find((word) => wanted.startsWith(word));
      expect(signerOf(kid === '(absent)' ? undefined : kid), kid).to.equal(signer);
    }
  });

  it('of any time and key verify with that key and no other', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.nat(),
        (key, jti, iat) => {
          const read = readJwt(enrollJwt(key, undefined, { iat, jti }).replace('Bearer ', ''), 'wazuh-enroll+jwt');
          const other = key.map((byte) => byte ^ 1);
          return read?.iat === iat && isSignedWith(read, key) && !isSignedWith(read, other);
        },
      ),
    );
  });
});

describe('the keys behind the JWTs', () => {
  it('are derived as the vectors say', () => {
    for (const { name, ikm_hex, ikm_utf8, label, okm_hex } of VECTORS.hkdf) {
      const derive = new Map([
        ['WAZUH-ENROLL-JWT-KEY', () => passwordKey(new Secret(ikm_utf8 ?? ''))],
        ['WAZUH-ENROLL-TOKEN-KEY', () => tokenKey(new Secret<Uint8Array>(Buffer.from(ikm_hex ?? '', 'hex')))],
        ['WAZUH-REENROLL-KEY', () => reenrollmentKey(new Secret(ikm_hex ?? ''))],
      ]).get(label);
      expect(hex(derive?.() ?? new Uint8Array()), name).to.equal(okm_hex);
    }
  });

  it('of an agent are the bytes of its hex', () => {
    expect(hex(agentKey(new Secret('0a'.repeat(32))))).to.equal('0a'.repeat(32));
  });
});

describe('a flat JSON object', () => {
  it('is what JSON.parse makes of it', () => {
    const members = fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(fc.string(), fc.maxSafeInteger()), {
      minKeys: 1,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(members, fc.constantFrom(0, 1, 2), (value, space) => {
        const read = flatObject(JSON.stringify(value, undefined, space));
        // As JSON has it: -0 is 0.
        expect(read).to.deep.equal(new Map(Object.entries(JSON.parse(JSON.stringify(value)))));
      }),
    );
  });

  it('is nothing else', () => {
    const others = ['', '1', '[]', '{', '{}', '{"a":1.0}', '{"a":1e2}', '{"a":null}', '{"a":{}}', '{"a":[1]}'];
    for (const text of [...others, '{"a":1,}', '{"a":1,"a":1}', '{"a":01}', '{"a":"\\x"}', '{"a":1}{}', '{a:1}']) {
      expect(flatObject(text), text).to.equal(undefined);
    }
  });
});
