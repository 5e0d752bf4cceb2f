import { expect } from 'chai';
import { describe, it } from 'mocha';
import { pinnedCa } from '../../src/net/pinned-ca.js';
import { wazuh5 } from '../wazuh5.js';

const hexOf = (pin: string) => Buffer.from(pin, 'base64url').toString('hex');

describe('a CA that is known by its pin', () => {
  for (const { name, ca_pem: pem, pin_hex: pin, pin_b64url: encoded } of wazuh5.pin) {
    it(`is found by the hash of its key: ${name}`, () => {
      expect(hexOf(encoded)).to.equal(pin);
      if (pem === undefined) return;
      expect(pinnedCa(Buffer.from(pem), pin)).to.deep.equal({ kind: 'found', pem });
    });
  }

  for (const { name, pin_b64url: pin, body, expect: expected, installed_pem: pem } of wazuh5.pin_bundle) {
    it(`in a bundle: ${name}, ${expected}`, () => {
      const found = pinnedCa(Buffer.from(body), hexOf(pin));
      expect(found.kind === 'found' ? found.pem : null).to.equal(pem);
      if (expected === 'pin_mismatch') expect(found.kind).to.equal('mismatch');
      if (expected === 'refuse the body') expect(found.kind).to.equal('no text');
      if (name.startsWith('cut off')) expect(found.kind).to.equal('cut off');
    });
  }

  it('is written without what somebody has put around its lines', () => {
    const [first] = wazuh5.pin_bundle;
    const pem = first?.installed_pem ?? '';
    const odd = pem
      .replace('-----BEGIN CERTIFICATE-----\n', '-----BEGIN CERTIFICATE-----\n \n')
      .replaceAll('\n', '\r\n');
    expect(pinnedCa(Buffer.from(odd), hexOf(first?.pin_b64url ?? ''))).to.deep.equal({ kind: 'found', pem });
  });

  it('is found behind a certificate that cannot be read', () => {
    const [first] = wazuh5.pin_bundle;
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const found = pinnedCa(Buffer.from(`${broken}${first?.body}`), hexOf(first?.pin_b64url ?? ''));
    expect(found.kind).to.equal('found');
  });
});
