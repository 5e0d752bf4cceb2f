import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { describeOrigin } from '../../src/settings/origin.js';
import { conf, refused, type Scene, settled } from './scene.js';

const MANAGER = { manager: 'm' };
const CREDENTIALS = { CREDENTIALS_DIRECTORY: '/run/credentials/x' };
const CREDENTIAL = '/run/credentials/x/agent-enroll.password';

async function found(scene: Scene) {
  const { settings, shown, warnings } = await settled({ flags: MANAGER, ...scene });
  const origin = shown.find(({ name }) => name === 'password')?.origin;
  return {
    password: settings.password === undefined ? undefined : Buffer.from(settings.password.reveal()).toString(),
    origin: origin === undefined ? undefined : describeOrigin(origin),
    warnings,
  };
}

describe('the enrollment password', () => {
  it('is looked for in each place in turn', async () => {
    const pass = '/var/ossec/etc/named.pass';
    const everything: Scene = {
      flags: { ...MANAGER, 'password-file': '/secret' },
      environment: { WAZUH_REGISTRATION_PASSWORD: 'variable', WAZUH_PASSWORD: 'older variable', ...CREDENTIALS },
      files: {
        '/secret': 'file',
        [CREDENTIAL]: 'credential',
        'ossec.conf': conf(
          '<server><address>m</address></server><enrollment><authorization_pass_path>etc/named.pass</authorization_pass_path></enrollment>',
        ),
        [pass]: 'named in ossec.conf',
        'authd.pass': 'authd.pass',
      },
    };
    const { environment = {}, files = {} } = everything;
    const { 'ossec.conf': _conf, ...unnamed } = files;
    const steps: [Scene, string, string][] = [
      [everything, 'file', '--password-file'],
      [{ environment, files, flags: { ...MANAGER, password: 'flag' } }, 'flag', '--password'],
      [{ environment, files }, 'variable', 'WAZUH_REGISTRATION_PASSWORD'],
      [{ environment: { ...environment, WAZUH_REGISTRATION_PASSWORD: '' }, files }, 'older variable', 'WAZUH_PASSWORD'],
      [{ environment: CREDENTIALS, files }, 'credential', `systemd credential ${CREDENTIAL}`],
      [{ files }, 'named in ossec.conf', '/var/ossec/etc/ossec.conf, line 3'],
      [{ files: unnamed }, 'authd.pass', '/var/ossec/etc/authd.pass'],
    ];
    for (const [scene, password, origin] of steps) {
      const { warnings, ...rest } = await found(scene);
      expect(rest).to.deep.equal({ password, origin });
      expect(warnings).to.have.length(origin === '--password' ? 1 : 0);
    }
    expect((await found({})).password).to.equal(undefined);
  });

  it('is the first line, whatever ends it, and nothing of it is changed', async () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\r\n\0\uFEFF]/.test(text));
    const end = fc.constantFrom('', '\n', '\r\n', '\nsecond line\n', '\r\n\r\n');
    const from = fc.constantFrom('/secret', '-', 'authd.pass');
    await fc.assert(
      fc.asyncProperty(line, end, from, async (password, rest, place) => {
        const text = `${password}${rest}`;
        const scene: Scene =
          place === 'authd.pass'
            ? { files: { 'authd.pass': text } }
            : { flags: { ...MANAGER, 'password-file': place }, files: { '/secret': text }, input: text };
        expect((await found(scene)).password).to.equal(password);
      }),
    );
  });

  const written: readonly (readonly [string, Uint8Array, string])[] = [
    ['in Latin-1, whose bytes stay', Buffer.from('p\xe4ss\n', 'latin1'), '70e47373'],
    ['in UTF-8', Buffer.from('p\xe4ss\n'), '70c3a47373'],
    ['in UTF-8 with a mark, which goes', Buffer.from('\uFEFFp\xe4ss\r\n'), '70c3a47373'],
    ['in UTF-16, which becomes UTF-8', Buffer.from('\uFEFFp\xe4ss\r\nmore', 'utf16le'), '70c3a47373'],
    ['in UTF-16 the other way round', Buffer.from('\uFEFFp\xe4ss\n', 'utf16le').swap16(), '70c3a47373'],
  ];
  for (const [how, bytes, hex] of written) {
    it(`is sent as it stands ${how}`, async () => {
      for (const [place, files] of [
        ['/secret', { '/secret': bytes }],
        ['-', {}],
      ] as const) {
        const { settings } = await settled({ flags: { ...MANAGER, 'password-file': place }, files, input: bytes });
        expect(Buffer.from(settings.password?.reveal() ?? '').toString('hex')).to.equal(hex);
        const flags = { ...MANAGER, 'api-user': 'enroll', 'api-password-file': place };
        const { api } = (await settled({ flags, files, input: bytes })).settings;
        expect(Buffer.from(api?.password.reveal() ?? '').toString('hex')).to.equal(hex);
      }
    });
  }

  it('holds no NUL, as UTF-16 without a mark does', async () => {
    const flags = { ...MANAGER, 'password-file': '/secret' };
    const error = await refused({ flags, files: { '/secret': Buffer.from('secret\r\n', 'utf16le') } });
    expect(error.code).to.equal('SETTING_INVALID');
    expect(error.message).to.equal('--password-file: /secret holds no text in UTF-8.');
    expect(error.hint).to.include('UTF-8');
  });

  it('is not guessed where a variable or flag is not UTF-8', async () => {
    // What Node makes of a byte e4 there.
    const text = 'p\uFFFDss';
    const variable = await refused({ flags: MANAGER, environment: { WAZUH_REGISTRATION_PASSWORD: text } });
    expect(variable.message).to.equal('WAZUH_REGISTRATION_PASSWORD: it is not UTF-8.');
    expect((await refused({ flags: { ...MANAGER, password: text } })).message).to.equal('--password: it is not UTF-8.');
    const environment = { AGENT_ENROLL_API_PASSWORD: text };
    expect((await refused({ flags: { ...MANAGER, 'api-user': 'u' }, environment })).message).to.equal(
      'AGENT_ENROLL_API_PASSWORD: it is not UTF-8.',
    );
  });

  it('is not empty where it was named', async () => {
    for (const place of ['/secret', '-']) {
      const flags = { ...MANAGER, 'password-file': place };
      for (const text of ['', '\n', '\r\nsecret\n']) {
        const error = await refused({ flags, files: { '/secret': text }, input: text });
        expect(error.code).to.equal('SETTING_INVALID');
        expect(error.message).to.contain('--password-file: the first line of').and.to.contain('holds no password');
      }
    }
    const empty = await refused({ flags: MANAGER, environment: CREDENTIALS, files: { [CREDENTIAL]: '\n' } });
    expect(empty.message).to.contain(`systemd credential ${CREDENTIAL}`);
  });

  it('is passed over where the agent has an empty authd.pass, which is said', async () => {
    const { password, warnings } = await found({ files: { 'authd.pass': '\n' } });
    expect(password).to.equal(undefined);
    expect(warnings).to.deep.equal(['/var/ossec/etc/authd.pass is empty, so no password is sent.']);
  });

  it('has to be there where a file was named', async () => {
    const error = await refused({ flags: { ...MANAGER, 'password-file': '/none' } });
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.match(/^--password-file: \/none cannot be read: there is no such file .*\(ENOENT\)/);
  });

  it('is named once', async () => {
    const error = await refused({ flags: { ...MANAGER, 'password-file': '/secret', password: 'hunter2' } });
    expect(error.message).to.contain('--password: it contradicts --password-file');
    expect(error.message).not.to.contain('hunter2');
  });

  it('is warned about where others can see it', async () => {
    const flag = await found({ flags: { ...MANAGER, password: 'hunter2' } });
    expect(flag.warnings.join()).to.contain('process list').and.not.to.contain('hunter2');
    const scene = { flags: { ...MANAGER, 'password-file': '/secret' }, files: { '/secret': 'hunter2' } };
    expect((await found(scene)).warnings).to.deep.equal([]);
    const open = await found({ ...scene, public: ['/secret'] });
    expect(open.warnings.join()).to.contain('/secret').and.to.contain('every user').and.not.to.contain('hunter2');
    const own = await found({ files: { 'authd.pass': 'hunter2' }, public: ['/var/ossec/etc/authd.pass'] });
    expect(own.warnings.join()).to.contain('authd.pass');
  });
});
