import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import forge from 'node-forge';
import { Secret } from '../../src/model/secret.js';
import { looksLikeDer, readPkcs12 } from '../../src/net/pkcs12.js';
import { clientContext } from '../../src/net/tls-client.js';
import type { ClientCertificate } from '../../src/net/trust.js';
import { certificates, type Issued } from './certificates.js';
import { failure } from './expect-error.js';
import { hasOpenssl, selfSigned, type Workshop, workshop } from './openssl.js';

const PASSPHRASE = 'correct horse';
const passphrase = new Secret(PASSPHRASE);

function made(
  { key, certificate }: Issued,
  above: readonly Issued[] = [],
  algorithm: '3des' | 'aes256' = 'aes256',
): Buffer {
  const chain = [certificate, ...above.map((issued) => issued.certificate)];
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(key),
    chain.map((pem) => forge.pki.certificateFromPem(pem)),
    PASSPHRASE,
    { algorithm },
  );
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}

function expectPair(read: ClientCertificate, certificate: string, key: string): void {
  expect(new X509Certificate(read.certificate).fingerprint256).to.equal(
    new X509Certificate(certificate).fingerprint256,
  );
  const pkcs8 = (pem: string) => createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' });
  expect(pkcs8(read.key.reveal())).to.equal(pkcs8(key));
  expect(read.passphrase).to.equal(undefined);
  clientContext({ insecure: true }, read);
}

describe('PKCS#12', () => {
  it('gives the certificate first and its issuers after it', async () => {
    const { client, ca, strangerCa } = certificates();
    const read = await readPkcs12(made(client, [strangerCa, ca]), passphrase);
    expectPair(read, client.certificate, client.key);
    const subjects = read.certificate
      .match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g)
      ?.map((pem) => new X509Certificate(pem).subject);
    expect(subjects).to.deep.equal(['CN=web-01', 'CN=Test CA']);
  });

  it('reads 3DES files', async () => {
    const { client } = certificates();
    expectPair(await readPkcs12(made(client, [], '3des'), passphrase), client.certificate, client.key);
  });

  it('finds the certificate of the key where another stands first', async () => {
    const { client, strangerClient, ca } = certificates();
    const read = await readPkcs12(
      made({ certificate: ca.certificate, key: client.key }, [strangerClient, client]),
      passphrase,
    );
    expectPair(read, client.certificate, client.key);
  });

  it('tells a wrong passphrase from a missing one, and repeats neither', async () => {
    const file = made(certificates().client);
    const wrong = await failure('SETTING_INVALID', () => readPkcs12(file, new Secret('battery staple')));
    expect(wrong.message).to.include('does not open');
    expect(JSON.stringify([wrong.message, wrong.hint, String(wrong.cause)])).not.to.include('staple');
    const missing = await failure('SETTING_INVALID', () => readPkcs12(file));
    expect(missing.message).to.include('protected by a passphrase');
    expect(missing.hint).to.include('--key-passphrase-file');
  });

  it('refuses a file that is cut off, at whatever byte', async () => {
    const file = made(certificates().client);
    for (let length = 2; length < file.length; length += 97) {
      const { message } = await failure('SETTING_INVALID', () => readPkcs12(file.subarray(0, length), passphrase));
      expect(message).to.match(/PKCS#12/);
    }
  });

  it('refuses a certificate in DER form with the command that converts it', async () => {
    const { raw } = new X509Certificate(certificates().client.certificate);
    expect(looksLikeDer(raw)).to.equal(true);
    expect((await failure('SETTING_INVALID', () => readPkcs12(raw))).hint).to.include('openssl x509');
  });

  it('refuses a file whose certificate belongs to another key', async () => {
    const { client, strangerClient } = certificates();
    const file = made({ certificate: strangerClient.certificate, key: client.key });
    expect((await failure('SETTING_INVALID', () => readPkcs12(file, passphrase))).message).to.include(
      'no certificate for its',
    );
  });

  it('takes PEM for what it is', () => {
    expect(looksLikeDer(Buffer.from(certificates().client.certificate))).to.equal(false);
    expect(looksLikeDer(Buffer.alloc(0))).to.equal(false);
  });

  describe('made by openssl', () => {
    let shop: Workshop;

    before(function () {
      if (!hasOpenssl) this.skip();
      shop = workshop();
      selfSigned(shop, 'rsa', ['rsa:2048']);
      selfSigned(shop, 'ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']);
      selfSigned(shop, 'ed', ['ed25519']);
    });

    after(() => shop?.remove());

    const FORMS: Readonly<Record<string, readonly string[]>> = {
      'AES-256': [],
      '3DES': ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
      'RC2-40': ['-legacy'],
    };
    for (const name of ['rsa', 'ec', 'ed']) {
      for (const [form, options] of Object.entries(FORMS)) {
        it(`reads ${name} in ${form}`, async () => {
          const parts = ['-inkey', `${name}.key`, '-in', `${name}.crt`, '-out', 'one.p12'];
          shop.run('pkcs12', '-export', ...parts, ...options, '-passout', `pass:${PASSPHRASE}`);
          const read = await readPkcs12(shop.read('one.p12'), passphrase);
          expectPair(read, shop.read(`${name}.crt`).toString(), shop.read(`${name}.key`).toString());
        });
      }
    }

    it('needs no passphrase where the file has an empty one', async () => {
      shop.run('pkcs12', '-export', '-inkey', 'ec.key', '-in', 'ec.crt', '-out', 'empty.p12', '-passout', 'pass:');
      const read = await readPkcs12(shop.read('empty.p12'));
      expectPair(read, shop.read('ec.crt').toString(), shop.read('ec.key').toString());
    });

    it('takes a wrong passphrase for wrong where the file has no checksum', async () => {
      const parts = ['-inkey', 'ec.key', '-in', 'ec.crt', '-out', 'nomac.p12'];
      shop.run('pkcs12', '-export', '-nomac', ...parts, '-passout', `pass:${PASSPHRASE}`);
      const { message } = await failure('SETTING_INVALID', () => readPkcs12(shop.read('nomac.p12'), new Secret('no')));
      expect(message).to.include('passphrase does not open');
    });

    it('takes a passphrase beyond ASCII', async () => {
      const parts = ['-inkey', 'ec.key', '-in', 'ec.crt', '-out', 'umlaut.p12'];
      shop.run('pkcs12', '-export', ...parts, '-passout', 'pass:Schlüssel€');
      const read = await readPkcs12(shop.read('umlaut.p12'), new Secret('Schlüssel€'));
      expectPair(read, shop.read('ec.crt').toString(), shop.read('ec.key').toString());
    });

    it('refuses a file without a key', async () => {
      shop.run('pkcs12', '-export', '-nokeys', '-in', 'rsa.crt', '-out', 'nokey.p12', '-passout', `pass:${PASSPHRASE}`);
      const { message } = await failure('SETTING_INVALID', () => readPkcs12(shop.read('nokey.p12'), passphrase));
      expect(message).to.include('no private key');
    });
  });
});
