import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { certificates } from '../net/certificates.js';
import { conf, refused, type Scene, settled } from './scene.js';

const MANAGER = { manager: 'm' };
const CONF = '/var/ossec/etc/ossec.conf';
const inConf = (enrollment: string) => ({
  'ossec.conf': conf(`<server><address>m</address></server><enrollment>${enrollment}</enrollment>`),
});

/** Every setting that names a file: the file, what says so in an error, and a run that has no other fault. */
const SETTINGS: readonly (readonly [file: string, said: string, scene: () => Scene])[] = [
  ['/f', '--password-file: ', () => ({ flags: { 'password-file': '/f' } })],
  ['/f', '--api-password-file: ', () => ({ flags: { 'api-user': 'u', 'api-password-file': '/f' } })],
  ['/f', '--ca: ', () => ({ flags: { ca: '/f' } })],
  ['/f', 'WAZUH_REGISTRATION_CA: ', () => ({ environment: { WAZUH_REGISTRATION_CA: '/f' } })],
  ['/f', `${CONF}, line 3: `, () => ({ files: inConf('<server_ca_path>/f</server_ca_path>') })],
  ['/f', '--cert: ', () => ({ flags: { cert: '/f', key: '/key' } })],
  [
    '/f',
    '--key: ',
    () => ({ flags: { cert: '/cert', key: '/f' }, files: { '/cert': certificates().client.certificate } }),
  ],
  ['/f', '--key-passphrase-file: ', () => ({ flags: { cert: '/cert', 'key-passphrase-file': '/f' } })],
  ['/f', `${CONF}, line 3: `, () => ({ files: inConf('<authorization_pass_path>/f</authorization_pass_path>') })],
  [
    '/run/c/agent-enroll.password',
    'systemd credential /run/c/agent-enroll.password: ',
    () => ({ environment: { CREDENTIALS_DIRECTORY: '/run/c' } }),
  ],
  // These name themselves.
  ['/var/ossec/etc/authd.pass', '', () => ({})],
  [CONF, '', () => ({})],
];

const passwords = /password-file|authorization|credential|authd\.pass/;

function withFile({ flags, files, ...scene }: Scene, path: string, content: string | Uint8Array | EnrollError): Scene {
  return { ...scene, flags: { ...MANAGER, ...flags }, files: { ...files, [path]: content } };
}

describe('a file that a setting names', () => {
  for (const [path, said, scene] of SETTINGS) {
    it(`is named with ${said || 'its own path'} where it cannot be read`, async () => {
      const message = `${path} cannot be read: it is a FIFO (named pipe) and no regular file.`;
      const fault = new EnrollError('FILE_UNREADABLE', message, { hint: 'Put a file there.' });
      const error = await refused(withFile(scene(), path, fault));
      expect(error.message).to.equal(said + message);
      expect(error.code).to.equal('FILE_UNREADABLE');
      expect(error.exitCode).to.equal(6);
      expect(error.hint).to.equal('Put a file there.');
    });

    // A manager compares a password's bytes, so those stay.
    if (passwords.test(`${path} ${said} ${JSON.stringify(scene())}`)) continue;
    it(`is named with ${said || 'its own path'} where it is no text, and the line with it`, async () => {
      for (const [bytes, fault] of [
        [Buffer.from('<!-- f\xfcr\nuns -->', 'latin1'), 'it is not UTF-8 (line 1)'],
        [Buffer.from('a\0\nb'), 'it holds a NUL byte, as UTF-16 without a byte order mark does (line 1)'],
        [Buffer.from('\uFEFF\ud83d', 'utf16le'), 'it begins as UTF-16 does and is not (line 1)'],
      ] as const) {
        const error = await refused(withFile(scene(), path, bytes));
        expect(error.message).to.equal(`${said}${path} cannot be read: ${fault}.`);
        expect(error.code).to.equal('FILE_UNREADABLE');
        expect(error.hint).to.include('Save it as UTF-8');
      }
    });
  }

  it('is read from UTF-16 as Windows programs write it', async () => {
    const wide = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
    const { ca, client } = certificates();
    const { settings, warnings } = await settled({
      flags: { ca: '/ca', cert: '/cert', key: '/key' },
      files: {
        'ossec.conf': wide(inConf('<groups>w\u00e4b</groups>')['ossec.conf'].replaceAll('\n', '\r\n')),
        '/ca': wide(ca.certificate),
        '/cert': wide(client.certificate).swap16(),
        '/key': wide(client.key),
      },
    });
    expect(settings.managers[0]?.agent.host).to.equal('m');
    expect(settings.groups).to.deep.equal(['w\u00e4b']);
    expect(settings.trust.ca).to.equal(ca.certificate);
    expect(settings.clientCertificate?.certificate).to.equal(client.certificate);
    expect(settings.clientCertificate?.key.reveal()).to.equal(client.key);
    expect(warnings).to.deep.equal([]);
  });
});
