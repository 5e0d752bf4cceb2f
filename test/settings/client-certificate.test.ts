import { createPrivateKey } from 'node:crypto';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import forge from 'node-forge';
import { certificates, type Issued } from '../net/certificates.js';
import { failure } from '../net/expect-error.js';
import { settled } from './in-memory.js';

const PASSPHRASE = 'correct horse';
const MANAGER = ['manager', 'manager.example'] as const;
const CERT = ['cert', '/pki/web.crt'] as const;
const KEY = ['key', '/pki/web.key'] as const;
const FILE = ['key-passphrase-file', '/pki/pass'] as const;

function locked(key: string, type: 'pkcs1' | 'pkcs8'): string {
  const how = { format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const;
  return createPrivateKey(key)
    .export({ type, ...how })
    .toString();
}

function pkcs12({ key, certificate }: Issued): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(key),
    [forge.pki.certificateFromPem(certificate)],
    PASSPHRASE,
    { algorithm: 'aes256' },
  );
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}

async function read(...given: Parameters<typeof settled>) {
  const { settings } = await settled(...given);
  if (settings.clientCertificate === undefined) throw new Error('no certificate');
  return settings.clientCertificate;
}

describe('The client certificate', () => {
  it('is PEM with its key in the same file or in another', async () => {
    const { certificate, key } = certificates().client;
    const apart = await read([MANAGER, CERT, KEY], {}, { '/pki/web.crt': certificate, '/pki/web.key': key });
    expect(apart.certificate).to.equal(certificate);
    expect(apart.key.reveal()).to.equal(key);
    await read([MANAGER, CERT], {}, { '/pki/web.crt': certificate + key });
  });

  it('is PKCS#12 with the passphrase of the file', async () => {
    const { client } = certificates();
    for (const line of [`${PASSPHRASE}\n`, `${PASSPHRASE}\r\nmore`, PASSPHRASE]) {
      const files = { '/pki/web.crt': pkcs12(client), '/pki/pass': line };
      const certificate = await read([MANAGER, CERT, FILE], {}, files);
      expect(certificate.certificate).to.include('BEGIN CERTIFICATE');
      expect(certificate.key.reveal()).to.include('BEGIN PRIVATE KEY');
    }
  });

  it('contradicts a key beside PKCS#12, unless that was named elsewhere', async () => {
    const { client } = certificates();
    const files = { '/pki/web.crt': pkcs12(client), '/pki/pass': PASSPHRASE, '/pki/web.key': client.key };
    const both = await failure('SETTING_INVALID', () => settled([MANAGER, CERT, KEY, FILE], {}, files));
    expect(both.message).to.match(/^--key: \/pki\/web\.crt is PKCS#12/);
    await read([MANAGER, CERT, FILE], { WAZUH_REGISTRATION_KEY: '/pki/web.key' }, files);
  });

  it('is refused with its origin where PKCS#12 cannot be opened', async () => {
    const files = { '/pki/web.p12': pkcs12(certificates().client), '/pki/pass': 'battery staple' };
    const environment = { WAZUH_REGISTRATION_CERTIFICATE: '/pki/web.p12' };
    const wrong = await failure('SETTING_INVALID', () => settled([MANAGER, FILE], environment, files));
    expect(wrong.message).to.equal(
      'WAZUH_REGISTRATION_CERTIFICATE: /pki/web.p12: The passphrase does not open the PKCS#12 file.',
    );
    expect(wrong.hint).to.include('--key-passphrase-file');
    const missing = await failure('SETTING_INVALID', () => settled([MANAGER], environment, files));
    expect(missing.message).to.include('protected by a passphrase');
  });

  for (const type of ['pkcs1', 'pkcs8'] as const) {
    it(`has its encrypted key (${type}) opened before anybody is contacted`, async () => {
      const { certificate, key } = certificates().client;
      const files = { '/pki/web.crt': certificate, '/pki/web.key': locked(key, type) };
      const given = [MANAGER, CERT, KEY] as const;
      await read([...given, FILE], {}, { ...files, '/pki/pass': `${PASSPHRASE}\n` });
      const missing = await failure('SETTING_INVALID', () => settled(given, {}, files));
      expect(missing.message).to.match(/^--cert: \/pki\/web\.crt: .*encrypted/);
      const wrongFiles = { ...files, '/pki/pass': 'battery staple' };
      const wrong = await failure('SETTING_INVALID', () => settled([...given, FILE], {}, wrongFiles));
      expect(wrong.message).to.include('does not open').and.not.to.include('staple');
    });
  }

  it('is refused with the key of another', async () => {
    const { client, strangerClient } = certificates();
    const files = { '/pki/web.crt': client.certificate, '/pki/web.key': strangerClient.key };
    const error = await failure('SETTING_INVALID', () => settled([MANAGER, CERT, KEY], {}, files));
    expect(error.message).to.include('do not belong together');
  });

  it('is refused without a key, and where the file holds neither form', async () => {
    const { certificate } = certificates().client;
    const alone = await failure('SETTING_INVALID', () => settled([MANAGER, CERT], {}, { '/pki/web.crt': certificate }));
    expect(alone.message).to.include('no private key');
    const other = await failure('SETTING_INVALID', () => settled([MANAGER, CERT], {}, { '/pki/web.crt': 'hello' }));
    expect(other.message).to.match(/^--cert: .* holds no certificate/);
  });
});
