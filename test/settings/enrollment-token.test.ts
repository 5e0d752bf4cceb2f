import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { httpsUrl } from '../../src/model/https-endpoint.js';
import { describeOrigin } from '../../src/settings/origin.js';
import { failure } from '../keystore/scratch.js';
import { wazuh5 } from '../wazuh5.js';
import { filesOf, settleAndTell } from './in-memory.js';
import { AGENT, conf, refused, type Scene, settled, settledInPart } from './scene.js';

const CREDENTIALS = { CREDENTIALS_DIRECTORY: '/run/credentials/x' };
const CREDENTIAL = '/run/credentials/x/agent-enroll.token';
const INSTALLED = '/var/ossec/etc/enrollment_token';

/** A token for a manager, of which nothing else matters. */
function tokenFor(adr: string, more: Record<string, unknown> = {}): string {
  const pin = Buffer.alloc(32, 7).toString('base64url');
  return Buffer.from(JSON.stringify({ ver: 1, adr, pin, ...more })).toString('base64url');
}

const TOKEN = tokenFor('siem.example', { key: Buffer.alloc(32, 9).toString('base64url') });
const BY_FLAG: Scene = { flags: { 'token-file': '/token' }, files: { '/token': `${TOKEN}\n` } };

function withFlags(flags: Scene['flags'], scene: Scene = {}): Scene {
  return { ...BY_FLAG, ...scene, flags: { ...BY_FLAG.flags, ...flags }, files: { ...BY_FLAG.files, ...scene.files } };
}

async function whom(scene: Scene) {
  const { settings, shown } = await settled(scene);
  const line = shown.find(({ name, origin }) => name === 'token-file' && origin.kind !== 'default');
  return {
    manager: settings.managers.map(({ https }) => (https === undefined ? 'not https' : httpsUrl(https))).join(),
    origin: line === undefined ? undefined : describeOrigin(line.origin),
    ofInstaller: settings.tokenOfInstaller,
  };
}

describe('the enrollment token', () => {
  it('is looked for in each place in turn', async () => {
    const environment = { WAZUH_ENROLLMENT_TOKEN: tokenFor('variable.example'), ...CREDENTIALS };
    const files = {
      '/token': tokenFor('file.example'),
      [CREDENTIAL]: tokenFor('credential.example'),
      [INSTALLED]: tokenFor('installed.example'),
    };
    const steps: [Scene, string, string][] = [
      [{ flags: { 'token-file': '/token' }, environment, files }, 'file', '--token-file'],
      [{ flags: { 'token-file': '-' }, environment, files, input: tokenFor('input.example') }, 'input', '--token-file'],
      [{ environment, files }, 'variable', 'WAZUH_ENROLLMENT_TOKEN'],
      [
        { environment: { ...CREDENTIALS, WAZUH_ENROLLMENT_TOKEN: '' }, files },
        'credential',
        `systemd credential ${CREDENTIAL}`,
      ],
      [{ files }, 'installed', INSTALLED],
    ];
    for (const [scene, host, origin] of steps) {
      expect(await whom(scene)).to.deep.equal({
        manager: `https://${host}.example:1517/wazuh-manager/`,
        origin,
        ofInstaller: host === 'installed' ? true : undefined,
      });
    }
    expect((await settled({ flags: { manager: 'm' } })).settings).not.to.have.property('token');
  });

  it('is looked for where the agent of Windows has it', async () => {
    const home = 'C:\\Program Files (x86)\\ossec-agent';
    const input = {
      command: 'enroll',
      flags: new Map(),
      environment: {},
      agent: { ...AGENT, platform: 'windows', home },
      edge: filesOf({ [`${home}\\enrollment_token`]: TOKEN }),
    } as const;
    expect((await settleAndTell(input)).settings.token?.manager.host).to.equal('siem.example');
  });

  it('is not looked for by what asks nobody for a key', async () => {
    const files = { [INSTALLED]: 'no token' };
    for (const command of ['check', 'import'] as const) {
      const { settings } = await settled({ command, flags: { manager: 'm' }, files });
      expect(settings).not.to.have.property('token');
    }
  });

  for (const { name, file_text: text, expect: expected } of wazuh5.token_file) {
    it(`in a file: ${name}`, async () => {
      const scene = withFlags({}, { files: { '/token': text } });
      if (expected === 'ok') {
        expect((await settled(scene)).settings.token?.manager.host).to.equal('h.example');
        return;
      }
      const error = await refused(scene);
      expect(error.code).to.equal('SETTING_INVALID');
      expect(error.message).to.include(expected === 'MALFORMED' ? 'cannot be used' : 'no enrollment token');
    });
  }

  it('is refused in words and never shown, in each of its faults and wherever it comes from', async () => {
    for (const { name, token } of wazuh5.token_invalid) {
      const scenes: [Scene, string][] = [
        [withFlags({}, { files: { '/token': token } }), '--token-file'],
        [{ flags: { 'token-file': '-' }, input: `${token}\n` }, '--token-file'],
        [{ environment: { WAZUH_ENROLLMENT_TOKEN: token } }, 'WAZUH_ENROLLMENT_TOKEN'],
        [{ environment: CREDENTIALS, files: { [CREDENTIAL]: token } }, 'systemd credential'],
        [{ files: { [INSTALLED]: token } }, INSTALLED],
      ];
      // An empty variable is one that is not set, and what ends the line is no part of the token.
      for (const [scene, origin] of token === '' || token.endsWith('\n') ? [] : scenes) {
        const error = await refused(scene);
        expect(error.exitCode, name).to.equal(2);
        expect(error.message, name).to.include(origin);
        if (token.length > 8) expect(`${error.message} ${error.hint} ${error.cause}`, name).not.to.include(token);
      }
    }
  });

  it('is refused where the CA in it is none', async () => {
    const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const { message } = await refused(withFlags({}, { files: { '/token': tokenFor('m', { pin: undefined, ca }) } }));
    expect(message).to.match(/^--token-file: The CA that the enrollment token holds is not/);
  });

  it('names the manager, the way and the trust, and nothing else is sent or believed', async () => {
    const files = {
      'authd.pass': 'hunter2',
      'ossec.conf': conf('<enrollment><server_ca_path>/none</server_ca_path></enrollment>'),
    };
    const { settings, warnings } = await settled(withFlags({}, { files }));
    const endpoint = { host: 'siem.example', port: 1517 };
    expect(settings.managers).to.deep.equal([
      { agent: endpoint, protocol: 'auto', enrollment: endpoint, https: { ...endpoint, prefix: 'wazuh-manager' } },
    ]);
    expect(settings.method).to.deep.equal({ use: 'https', why: 'auto: an enrollment token was given (--token-file)' });
    expect(settings.trust).to.deep.equal({ insecure: false });
    expect(settings).not.to.have.any.keys('password', 'hearsay', 'api');
    expect(warnings).to.deep.equal([]);
  });

  describe('beside a manager that is named', () => {
    const TARGET = 'siem.example:8443/gw';
    const at = (flags: Scene['flags'], environment = {}) =>
      withFlags(flags, { environment, files: { '/token': tokenFor(TARGET) } });
    const same = [
      'siem.example',
      'SIEM.example:8443',
      'https://siem.example',
      'https://siem.example:8443',
      'https://Siem.Example:8443/gw/',
      'HTTPS://siem.example/gw',
    ];
    for (const manager of same) {
      it(`agrees with ${manager}`, async () => {
        for (const scene of [at({ manager }), at({}, { WAZUH_MANAGER: manager })]) {
          expect((await whom(scene)).manager).to.equal('https://siem.example:8443/gw/');
        }
      });
    }
    const others = [
      'other.example',
      'siem.example:1514',
      'https://other.example:8443/gw',
      'https://siem.example:1517',
      'https://siem.example/',
      'https://siem.example/wazuh-manager',
      'siem.example,other.example',
    ];
    for (const manager of others) {
      it(`contradicts ${manager}, and both origins are named`, async () => {
        const flag = await refused(at({ manager }));
        expect(flag.code).to.equal('SETTING_INVALID');
        expect(flag.message).to.match(
          /^--manager: it names .*, and the enrollment token \(--token-file\) is for https:/,
        );
        const variable = await refused(at({}, { WAZUH_MANAGER: manager }));
        expect(variable.message).to.match(/^WAZUH_MANAGER: it names /);
      });
    }

    it('wins over what only ossec.conf says, which is told', async () => {
      const files = { 'ossec.conf': conf('<server><address>old.example</address></server>') };
      const { settings, warnings } = await settled(withFlags({}, { files }));
      expect(settings.managers.map(({ agent }) => agent.host)).to.deep.equal(['siem.example']);
      expect(warnings).to.deep.equal([
        '/var/ossec/etc/ossec.conf, line 3 names old.example, and the enrollment token (--token-file) is for https://siem.example:1517/wazuh-manager/, which counts.',
      ]);
      const agreed = { 'ossec.conf': conf('<server><address>siem.example</address></server>') };
      expect((await settled(withFlags({}, { files: agreed }))).warnings).to.deep.equal([]);
      const unfilled = { 'ossec.conf': conf('<server><address>MANAGER_IP</address></server>') };
      expect((await settled(withFlags({}, { files: unfilled }))).warnings).to.deep.equal([]);
    });
  });

  const contradictions: readonly (readonly [string, Scene, RegExp])[] = [
    [
      '--ca',
      withFlags({ ca: '/ca' }),
      /^--ca: it contradicts the enrollment token \(--token-file\), which says by itself/,
    ],
    [
      'a CA of a variable',
      withFlags({}, { environment: { WAZUH_REGISTRATION_CA: '/ca' } }),
      /^WAZUH_REGISTRATION_CA: it con/,
    ],
    ['--pin', withFlags({ pin: `sha256:${'0'.repeat(64)}` }), /^--pin: it contradicts/],
    ['--insecure', withFlags({ insecure: true }), /^--insecure: it contradicts/],
    [
      '--password',
      withFlags({ password: 'hunter2' }),
      /^--password: it contradicts the .* beside which no password is sent/,
    ],
    ['--password-file', withFlags({ 'password-file': '/p' }), /^--password-file: it contradicts/],
    ['--port', withFlags({ port: '8443' }), /^--port: it is for managers before Wazuh 5, and https:\/\/siem/],
    ['--protocol tcp', withFlags({ protocol: 'tcp' }), /^--protocol: it is for managers before Wazuh 5/],
    ['--method authd', withFlags({ method: 'authd' }), /^--method: it contradicts the enrollment token/],
    ['--method api', withFlags({ method: 'api' }), /^--method: it contradicts the enrollment token/],
    [
      'a password on the same standard input',
      { flags: { 'token-file': '-', 'password-file': '-' }, input: TOKEN },
      /^--password-file: standard input holds the enrollment token already \(--token-file\)/,
    ],
    [
      'a password of the API on the same standard input',
      { flags: { 'token-file': '-', 'api-password-file': '-', 'api-user': 'u' }, input: TOKEN },
      /^--api-password-file: standard input holds the enrollment token already/,
    ],
  ];
  for (const [what, scene, said] of contradictions) {
    it(`is not taken together with ${what}`, async () => {
      const error = await refused(scene);
      expect(error.code).to.equal('SETTING_INVALID');
      expect(error.message).to.match(said);
      expect(error.message).not.to.include('hunter2');
    });
  }

  it('leaves a password that is set for all hosts unused, and says so', async () => {
    const { settings, warnings } = await settled(
      withFlags({}, { environment: { WAZUH_REGISTRATION_PASSWORD: 'hunter2' } }),
    );
    expect(settings).not.to.have.property('password');
    expect(warnings.join()).to.include('WAZUH_REGISTRATION_PASSWORD is not used').and.not.to.include('hunter2');
  });

  it('leaves API credentials unused, and says so of a flag', async () => {
    const { settings, warnings } = await settled(withFlags({ 'api-user': 'u' }));
    expect(settings).not.to.have.property('api');
    expect(warnings.join()).to.include('--api-user is not used').and.to.include('--method api');
  });

  it('of an installer is left alone where another method is asked for, and that is told', async () => {
    const { settings, warnings } = await settled({
      flags: { manager: 'm', method: 'authd' },
      files: { [INSTALLED]: TOKEN },
    });
    expect(settings).not.to.have.property('token');
    expect(settings.method).to.deep.equal({ use: 'authd', why: '--method' });
    expect(warnings).to.deep.equal([`${INSTALLED} is not used: --method says authd.`]);
  });

  it('of an installer is not taken from a file that others than root can change', async () => {
    const file = (mode: number, gid = 0) => ({ content: TOKEN, mode, gid, directories: [{ mode: 0o770, gid: 990 }] });
    const input = (mode: number, gid?: number) => ({
      command: 'enroll' as const,
      flags: new Map(),
      environment: {},
      agent: AGENT,
      edge: filesOf({ [INSTALLED]: file(mode, gid) }),
    });
    expect((await settleAndTell(input(0o600))).settings.token).to.include.keys('credential');
    for (const [mode, gid] of [
      [0o606, 0],
      [0o660, 990],
    ] as const) {
      const { code, message } = await failure(settleAndTell(input(mode, gid)));
      expect(code).to.equal('SETTING_INVALID');
      expect(message).to.include(`${INSTALLED}: others than root can change it`);
    }
  });

  it('is told of where every user can read it', async () => {
    const { warnings } = await settled(withFlags({}, { public: ['/token'] }));
    expect(warnings.join()).to.include('/token holds an enrollment token').and.to.include('0600');
  });

  it('that cannot be read is told with its option', async () => {
    const none = await refused({ flags: { 'token-file': '/none' } });
    expect(none.code).to.equal('FILE_UNREADABLE');
    expect(none.message).to.match(/^--token-file: \/none cannot be read/);
    const broken = new EnrollError('FILE_UNREADABLE', `${INSTALLED} cannot be read: x`);
    expect((await refused({ files: { [INSTALLED]: broken } })).code).to.equal('FILE_UNREADABLE');
  });

  it('is shown by whom it is for and what it brings, and nothing of it', async () => {
    const value = async (text: string) => {
      const { shown } = await settled(withFlags({}, { command: 'detect', files: { '/token': text } }));
      expect(JSON.stringify(shown)).not.to.include(text);
      return shown.find(({ name }) => name === 'token-file')?.value;
    };
    expect(await value(TOKEN)).to.equal(
      'for https://siem.example:1517/wazuh-manager/, with a credential, trust by the pin of a CA',
    );
    expect(await value(tokenFor('m:1/'))).to.equal('for https://m:1/, without a credential, trust by the pin of a CA');
    const { shown } = await settled(BY_FLAG);
    const values = new Map(shown.map(({ name, value: text }) => [name, text]));
    expect(values.get('manager')).to.equal('https://siem.example:1517/wazuh-manager/');
    expect(values.get('method')).to.equal('https');
    expect(values.get('port')).to.equal('(not used: https)');
    expect(values.get('pin')).to.equal('(not used: token)');
  });

  it('that is refused leaves the rest to be seen', async () => {
    const scene = { ...withFlags({ groups: 'a', manager: 'm' }), files: { '/token': 'x', [INSTALLED]: 'y' } };
    const { refused: errors, shown } = await settledInPart(scene);
    expect(errors.map(({ message }) => message.includes('cannot be used'))).to.deep.equal([true, true]);
    expect(shown.find(({ name }) => name === 'groups')?.value).to.equal('a');
  });
});
