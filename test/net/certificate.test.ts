import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  certificateFacts,
  describeCertificate,
  namesHost,
  namesManager,
  spkiFingerprint,
} from '../../src/net/certificate.js';
import { certificates, issue } from './certificates.js';

// Made with openssl 3.0; the digest is what `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum` printed.
const KNOWN = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUbYDU8xD/zHAV7FlzvLWIz4A1eLkwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFV2F6dWgwHhcNMjYxMTIzMDI0MDQ0WhcNMzYxMTIwMDI0MDQ0
WjAQMQ4wDAYDVQQDDAVXYXp1aDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABC8E
IFzB8kum2JeLFk82qyk8aN7Kh93FLPvAjP2D4i033B9jZb/R8ZmpBQ3fYZu8fGWJ
e5yRk5ef5IKhMSseiDijUzBRMB0GA1UdDgQWBBRf4qlFALMfJfcguY8TyHIxatwR
DDAfBgNVHSMEGDAWgBRf4qlFALMfJfcguY8TyHIxatwRDDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDpv4olQZZomDs+SsWnAvMdSx0EipthKXeF
7PY1zxM/PwIhAI/pg/KwhzRkFGnimUHDywimT35SEMKTuppPLy5MM8cB
-----END CERTIFICATE-----`;
const KNOWN_SPKI = '71e56025a301b5a14b96a793bf9dbac5dfe8694085452a607f9f1fc75308698d';

describe('a certificate', () => {
  it('has the fingerprint that openssl prints', () => {
    expect(spkiFingerprint(new X509Certificate(KNOWN))).to.equal(KNOWN_SPKI);
  });

  it('has the fingerprint of its key and not of itself', () => {
    const { server, stock } = certificates();
    const der = createPublicKey(server.key).export({ type: 'spki', format: 'der' });
    const digest = createHash('sha256').update(der).digest('hex');
    expect(spkiFingerprint(new X509Certificate(server.certificate))).to.equal(digest);
    expect(spkiFingerprint(new X509Certificate(stock.certificate))).to.equal(digest);
  });

  it('is described with subject, issuer, names, dates and fingerprint', () => {
    const facts = certificateFacts(new X509Certificate(certificates().server.certificate));
    expect(facts).to.include({ subject: 'CN=manager', issuer: 'CN=Test CA', selfSigned: false });
    expect(facts.names).to.deep.equal(['localhost', '127.0.0.1']);
    expect(facts.commonNames).to.deep.equal(['manager']);
    expect(describeCertificate(facts)).to.match(
      /^subject CN=manager; issued by CN=Test CA; names localhost, 127\.0\.0\.1 \(subjectAltName\), manager \(CN\); valid \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d; public key sha256:[0-9a-f]{64}$/,
    );
  });

  it('from an installation is described as signed by itself, with a CN alone', () => {
    const facts = certificateFacts(new X509Certificate(certificates().stock.certificate));
    expect(describeCertificate(facts)).to.match(/^subject CN=Wazuh; signed by itself; names Wazuh \(CN\);/);
  });

  it('cannot write on a terminal', () => {
    const { key } = certificates().server;
    const hostile = issue({ name: 'a\x1b[2J\nCN=trusted', hosts: ['x\x1b[31m', 'b,IP Address:1.2.3.4'], key });
    expect(describeCertificate(certificateFacts(new X509Certificate(hostile.certificate)))).not.to.match(/\p{Cc}/u);
  });

  describe('is for a host', () => {
    const { key } = certificates().server;
    const named = (name: string, ...hosts: string[]) => new X509Certificate(issue({ name, hosts, key }).certificate);
    const cases: readonly (readonly [string, X509Certificate, readonly string[], readonly string[]])[] = [
      [
        'by its subjectAltName',
        named('x', 'a.example', '10.0.0.5'),
        ['a.example', 'A.example.', '10.0.0.5'],
        ['b.example'],
      ],
      ['by its CN alone', named('siem.example'), ['siem.example', 'SIEM.example'], ['example', 'a.siem.example']],
      [
        'by its CN beside other names',
        named('siem.example', 'other.example'),
        ['siem.example', 'other.example'],
        ['x'],
      ],
      ['by an address as its CN', named('10.0.0.5', 'other.example'), ['10.0.0.5'], ['10.0.0.50', '10.0.0.6']],
      ['by an IPv6 address as its CN', named('2001:DB8::0:5'), ['2001:db8::5', '2001:db8:0:0::5'], ['2001:db8::6']],
      [
        'by a wildcard as its CN',
        named('*.siem.example', 'other.org'),
        ['a.siem.example'],
        ['a.b.siem.example', 'siem.example', '10.0.0.5'],
      ],
      ['of a stock manager by none', named('Wazuh'), ['wazuh'], ['siem.example', '10.0.0.5']],
    ];
    for (const [how, certificate, is, isNot] of cases) {
      it(`${how}, as agents look at it`, () => {
        for (const host of is) expect(namesManager(host, certificate), host).to.equal(true);
        for (const host of isNot) expect(namesManager(host, certificate), host).to.equal(false);
      });
    }

    it('by the rules of the web only where its subjectAltName names it', () => {
      const certificate = named('siem.example', 'other.example');
      expect([namesHost('other.example', certificate), namesHost('siem.example', certificate)]).to.deep.equal([
        true,
        false,
      ]);
      expect(namesHost('10.0.0.5', named('10.0.0.5', 'other.example'))).to.equal(false);
    });
  });
});
