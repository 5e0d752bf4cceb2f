import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Secret } from '../../../src/model/secret.js';
import { EnrollmentTokens, formatToken } from '../../../src/sandbox/https/enrollment-tokens.js';
import { membersOf } from './client.js';
import { VECTORS } from './vectors.js';

describe('the enrollment tokens of a Wazuh 5 sandbox', () => {
  it('are written as the vectors have them', () => {
    const canonical = VECTORS.token_valid.filter(
      ({ json }) => json.startsWith('{"ver":1,"adr":"') && !json.includes('\\u'),
    );
    expect(canonical).to.have.length.above(6);
    for (const { name, json, token } of canonical) {
      const { adr, pin, ca, key } = membersOf(json);
      const tokens = new EnrollmentTokens(() => new Date());
      const kept =
        key === undefined
          ? {}
          : { token: tokens.issue({ key: new Secret<Uint8Array>(Buffer.from(String(key), 'base64url')) }) };
      const anchor = ca === undefined ? { pin: Buffer.from(String(pin), 'base64url') } : { ca: String(ca) };
      expect(formatToken({ address: String(adr), anchor, ...kept }).reveal(), name).to.equal(token);
    }
  });

  it('last for 30 days unless told otherwise', () => {
    let now = 0;
    const tokens = new EnrollmentTokens(() => new Date(now));
    const [stock, short] = [tokens.issue(), tokens.issue({ lifetimeMs: 10 })];
    expect([tokens.isExpired(stock), tokens.isExpired(short)]).to.deep.equal([false, false]);
    now = 10;
    expect([tokens.isExpired(stock), tokens.isExpired(short)]).to.deep.equal([false, true]);
    now = 30 * 86_400_000 - 1;
    expect(tokens.isExpired(stock)).to.equal(false);
    now += 1;
    expect(tokens.isExpired(stock)).to.equal(true);
  });

  it('are gone when they are forgotten, and kept when they are revoked', () => {
    const tokens = new EnrollmentTokens(() => new Date());
    const { id } = tokens.issue();
    expect([tokens.revoke(id), tokens.get(id)?.revoked]).to.deep.equal([true, true]);
    expect([tokens.forget(id), tokens.get(id), tokens.forget(id), tokens.revoke(id)]).to.deep.equal([
      true,
      undefined,
      false,
      false,
    ]);
  });
});
