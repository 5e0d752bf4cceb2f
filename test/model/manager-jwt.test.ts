import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { decodeBase64url } from '../../src/model/base64url.js';
import { firstLine } from '../../src/model/first-line.js';
import { agentJwt, type EnrollCredential, enrollJwt, enrollKey, isCanonicalId } from '../../src/model/manager-jwt.js';
import { Secret } from '../../src/model/secret.js';
import { wazuh5 } from '../wazuh5.js';

const secretOf = (hex: string) => new Secret<Uint8Array>(Buffer.from(hex, 'hex'));
const momentOf = (iat: number, hex: string) => ({ iat, jti: Buffer.from(hex, 'hex') });

describe('the signing key of a credential', () => {
  for (const { name, label, ikm_hex: hex = '', ikm_utf8: text = '', file_text: file, okm_hex: key } of wazuh5.hkdf) {
    it(name, () => {
      const line = file === undefined ? Buffer.from(text) : firstLine(Buffer.from(file));
      const credentials: Readonly<Record<string, EnrollCredential>> = {
        'WAZUH-ENROLL-JWT-KEY': { kind: 'password', password: new Secret<Uint8Array>(line) },
        'WAZUH-ENROLL-TOKEN-KEY': { kind: 'token', id: 'AAECAwQFBgcICQoLDA0ODw', secret: secretOf(hex) },
        'WAZUH-REENROLL-KEY': { kind: 'reenroll', id: '001', secret: new Secret(hex) },
      };
      const credential = credentials[label];
      expect(credential).to.not.equal(undefined);
      if (credential !== undefined) expect(Buffer.from(enrollKey(credential)).toString('hex')).to.equal(key);
    });
  }
});

describe('a token for a request', () => {
  for (const vector of wazuh5.jwt_make) {
    it(vector.name, () => {
      const moment = momentOf(vector.iat, vector.jti_bytes_hex);
      if (vector.agent_id !== undefined) {
        const jwt = agentJwt({ id: vector.agent_id, key: new Secret(vector.key_hex) }, moment);
        expect(jwt?.reveal()).to.equal(vector.jwt);
        return;
      }
      const credential = credentialOf(vector);
      expect(enrollJwt(credential, moment).reveal()).to.equal(vector.jwt);
      expect(Buffer.from(enrollKey(credential)).toString('hex')).to.equal(vector.key_hex);
    });
  }

  it('is none of those that a manager refuses', () => {
    for (const vector of wazuh5.jwt_refused) {
      const { jwt, agent_id: id, client_keys_hex: key, key_hex: used } = vector;
      const payload: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
      const { iat, jti } = readTimes(payload);
      if (id === undefined) continue;
      // What is in client.keys, where the vector is signed with something else.
      const hex = key ?? (used.length === 64 ? used : Buffer.from(used, 'hex').toString());
      const ours = agentJwt({ id, key: new Secret(hex) }, momentOf(iat, Buffer.from(jti, 'base64url').toString('hex')));
      expect(ours?.reveal(), vector.name).to.not.equal(jwt);
    }
  });

  it('is good for as long as a manager takes it', () => {
    for (const { iat, exp } of wazuh5.time_policy) {
      const { iat: from, exp: to } = claimsOf(
        enrollJwt(credentialOf({ password: 'p' }), momentOf(iat, '00'.repeat(16))),
      );
      expect({ from, to }).to.deep.equal({ from: iat, to: exp });
    }
  });

  it('is signed with the bytes of the hex, in capitals too, and with nothing else than 32 bytes', () => {
    const moment = momentOf(1_700_000_000, '00'.repeat(16));
    const key = 'ab'.repeat(32);
    const [head = '', claims = '', signature] =
      agentJwt({ id: '007', key: new Secret(key) }, moment)
        ?.reveal()
        .split('.') ?? [];
    const expected = createHmac('sha256', Buffer.from(key, 'hex')).update(`${head}.${claims}`).digest('base64url');
    expect(signature).to.equal(expected);
    expect(agentJwt({ id: '007', key: new Secret(key.toUpperCase()) }, moment)?.reveal()).to.equal(
      `${head}.${claims}.${expected}`,
    );
    for (const bad of ['', 'ab'.repeat(31), 'ab'.repeat(33), 'zz'.repeat(32)]) {
      expect(agentJwt({ id: '007', key: new Secret(bad) }, moment), bad).to.equal(undefined);
    }
    expect(agentJwt({ id: '7', key: new Secret(key) }, moment)).to.equal(undefined);
  });

  it('has a new jti for each moment, and the claims of its kind alone', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.integer({ min: 1, max: 4_000_000_000 }),
        (jti, iat) => {
          const claims = claimsOf(enrollJwt(credentialOf({ password: 'p' }), { iat, jti }));
          expect(claims).to.deep.equal({ exp: iat + 60, iat, jti: Buffer.from(jti).toString('base64url'), nbf: iat });
        },
      ),
    );
  });
});

describe('who signs a token', () => {
  for (const { kid, expect: expected } of wazuh5.kid) {
    it(`${kid}: ${expected}`, () => {
      expect(isCanonicalId(kid)).to.equal(expected.startsWith('agent id'));
      expect(decodeBase64url(kid)?.length === 16).to.equal(expected === 'token id');
    });
  }

  it('is never the manager itself', () => expect(isCanonicalId('000')).to.equal(false));
});

function credentialOf(vector: {
  readonly name?: string;
  readonly kid?: string | null;
  readonly password?: string;
  readonly token_secret_hex?: string;
  readonly reenroll_secret_hex?: string;
}): EnrollCredential {
  const { kid } = vector;
  if (vector.reenroll_secret_hex !== undefined || kid === '001') {
    const hex = vector.reenroll_secret_hex ?? '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
    return { kind: 'reenroll', id: kid ?? '', secret: new Secret(hex) };
  }
  if (typeof kid === 'string') {
    return { kind: 'token', id: kid, secret: secretOf(vector.token_secret_hex ?? '101112131415161718191a1b1c1d1e1f') };
  }
  const password = new Secret<Uint8Array>(Buffer.from(vector.password ?? 'MyEnrollmentSecret123'));
  return { kind: 'password', password };
}

function claimsOf(jwt: Secret): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.reveal().split('.')[1] ?? '', 'base64url').toString());
}

function readTimes(payload: unknown): { iat: number; jti: string } {
  const { iat, jti } = Object(payload);
  return { iat: Math.floor(Number(iat)), jti: String(jti) };
}
