import { expect } from 'chai';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { describeOrigin } from '../../src/settings/origin.js';
import { conf, refused, type Scene, settled } from './scene.js';

async function shown(scene: Scene, name: string) {
  const line = (await settled(scene)).shown.find((one) => one.name === name);
  return line === undefined ? undefined : `${line.value} (${describeOrigin(line.origin)})`;
}

const SERVER = conf(`    <server>
      <address>file.example</address>
      <port>1601</port>
      <protocol>udp</protocol>
    </server>
    <crypto_method>blowfish</crypto_method>
    <enrollment>
      <manager_address>authd.example</manager_address>
      <port>1602</port>
      <agent_name>file-name</agent_name>
      <groups>file-group</groups>
      <agent_address>10.0.0.3</agent_address>
    </enrollment>`);

describe('settings: where they come from', () => {
  // Option, flag, variable, what the file says, the default: each with what it is to be in the settings.
  const ladder: readonly [string, string, string | undefined, string, string][] = [
    ['manager', 'flag.example', 'WAZUH_MANAGER', 'file.example', ''],
    ['enrollment-server', 'flag.example', 'WAZUH_REGISTRATION_SERVER', 'authd.example', 'm'],
    ['enrollment-port', '1701', 'WAZUH_REGISTRATION_PORT', '1602', '1515'],
    ['name', 'flag-name', 'WAZUH_AGENT_NAME', 'file-name', "the host's name, made valid"],
    ['ip', '10.0.0.9', 'AGENT_ENROLL_IP', '10.0.0.3', 'auto'],
    ['groups', 'flag-group', 'WAZUH_AGENT_GROUP', 'file-group', ''],
    ['protocol', 'tcp', 'WAZUH_PROTOCOL', 'udp', 'auto'],
    ['port', '1701', 'WAZUH_MANAGER_PORT', '1601', '1514'],
    ['cipher', 'aes', undefined, 'blowfish', 'auto'],
  ];
  for (const [option, value, variable, inFile, otherwise] of ladder) {
    it(`--${option}: flag, then environment, then ossec.conf, then the default`, async () => {
      const manager = option === 'manager' ? {} : { manager: 'm' };
      const files = { 'ossec.conf': option === 'manager' ? SERVER : SERVER.replace('file.example', 'm') };
      const environment = variable === undefined ? {} : { [variable]: value };
      const first = (text: string | undefined) => text?.replace(/:1\d{3} /, ' ');
      expect(
        first(
          await shown(
            { flags: { ...manager, [option]: value }, environment: { [variable ?? '']: 'x' }, files },
            option,
          ),
        ),
      ).to.equal(`${value} (--${option})`);
      if (variable !== undefined) {
        expect(first(await shown({ flags: manager, environment, files }, option))).to.equal(`${value} (${variable})`);
        // Installers leave empty variables behind.
        expect(first(await shown({ flags: manager, environment: { [variable]: '' }, files }, option))).to.match(
          new RegExp(`^${inFile} \\(/var/ossec/etc/ossec.conf, line \\d+\\)$`),
        );
      }
      expect(first(await shown({ flags: manager, files }, option))).to.match(
        new RegExp(`^${inFile} \\(/var/ossec/etc/ossec.conf, line \\d+\\)$`),
      );
      if (otherwise !== '') expect(await shown({ flags: manager }, option)).to.equal(`${otherwise} (default)`);
    });
  }

  it('asks the new manager for its key, not the one of ossec.conf, where a flag moves the host to another', async () => {
    const files = { 'ossec.conf': SERVER };
    expect(await shown({ flags: { manager: 'new.example' }, files }, 'enrollment-server')).to.equal(
      'new.example (default)',
    );
    expect(await shown({ flags: { manager: 'FILE.example' }, files }, 'enrollment-server')).to.include('authd.example');
  });

  const older: readonly [string, string, string][] = [
    ['WAZUH_MANAGER_IP', 'manager', 'old.example:1514'],
    ['WAZUH_AUTHD_SERVER', 'enrollment-server', 'old.example'],
    ['WAZUH_AUTHD_PORT', 'enrollment-port', '1702'],
    ['WAZUH_GROUP', 'groups', 'old-group'],
  ];
  for (const [variable, option, value] of older) {
    it(`${variable}, an older name, is --${option}`, async () => {
      const environment = { WAZUH_MANAGER: option === 'manager' ? '' : 'm', [variable]: value };
      expect(await shown({ environment }, option)).to.equal(`${value} (${variable})`);
    });
  }

  it('takes the current name of a variable where both are set', async () => {
    const environment = { WAZUH_MANAGER: 'new.example', WAZUH_MANAGER_IP: 'old.example' };
    expect((await settled({ environment })).settings.managers[0]?.agent.host).to.equal('new.example');
  });

  let client: IssuedCertificate;
  let pems: Record<string, string>;
  before(async () => {
    client = await issueStockCertificate();
    pems = {
      '/p/ca.pem': client.certificate,
      '/p/client.pem': client.certificate,
      '/p/client.key': client.key.reveal(),
    };
  });
  for (const [ca, cert, key] of [
    ['WAZUH_REGISTRATION_CA', 'WAZUH_REGISTRATION_CERTIFICATE', 'WAZUH_REGISTRATION_KEY'],
    ['WAZUH_CERTIFICATE', 'WAZUH_PEM', 'WAZUH_KEY'],
  ] as const) {
    it(`${ca} is a CA, ${cert} the client certificate, ${key} its key`, async () => {
      const { settings } = await settled({
        environment: { WAZUH_MANAGER: 'm', [ca]: '/p/ca.pem', [cert]: '/p/client.pem', [key]: '/p/client.key' },
        files: pems,
      });
      expect(settings.trust.ca).to.equal(client.certificate);
      expect(settings.clientCertificate?.certificate).to.equal(client.certificate);
      expect(settings.clientCertificate?.key.reveal()).to.equal(client.key.reveal());
    });
  }

  it('finds relative paths of ossec.conf below the home', async () => {
    const files = {
      'ossec.conf': conf(`<server><address>m</address></server><enrollment>
        <server_ca_path>etc/ca.pem</server_ca_path>
        <agent_certificate_path>/p/client.pem</agent_certificate_path>
        <agent_key_path>/p/client.key</agent_key_path></enrollment>`),
      '/var/ossec/etc/ca.pem': client.certificate,
      ...pems,
    };
    const { settings } = await settled({ files });
    expect(settings.trust.ca).to.equal(client.certificate);
    expect(settings.clientCertificate?.key.reveal()).to.equal(client.key.reveal());
  });

  it('enrolls with the variables of an installer and nothing else', async () => {
    const { settings, warnings } = await settled({
      environment: {
        WAZUH_MANAGER: 'one.example,two.example',
        WAZUH_MANAGER_PORT: '1600',
        WAZUH_PROTOCOL: 'tcp,udp',
        WAZUH_REGISTRATION_PASSWORD: 'Top Secret ',
        WAZUH_AGENT_GROUP: 'web, db',
        WAZUH_AGENT_NAME: 'web-01',
        ENROLLMENT_DELAY: '30',
      },
    });
    expect(settings.managers).to.deep.equal([
      {
        agent: { host: 'one.example', port: 1600 },
        protocol: 'tcp',
        enrollment: { host: 'one.example', port: 1515 },
      },
      {
        agent: { host: 'two.example', port: 1600 },
        protocol: 'udp',
        enrollment: { host: 'two.example', port: 1515 },
      },
    ]);
    expect(settings.password?.reveal()).to.deep.equal(Buffer.from('Top Secret '));
    expect(settings.groups).to.deep.equal(['web', 'db']);
    expect(settings.name).to.equal('web-01');
    expect(warnings).to.deep.equal([]);
  });

  it('takes the values of a placeholder for none', async () => {
    for (const address of ['MANAGER_IP', '0.0.0.0']) {
      const files = { 'ossec.conf': conf(`<server><address>${address}</address></server>`) };
      expect((await refused({ files })).code, address).to.equal('MANAGER_MISSING');
    }
  });

  it('needs no manager for what contacts none', async () => {
    expect((await settled({ command: 'export' })).settings.managers).to.deep.equal([]);
    expect((await settled({ command: 'detect' })).settings.managers).to.deep.equal([]);
    expect((await settled({ command: 'import', flags: { handshake: false } })).settings.managers).to.deep.equal([]);
    for (const command of ['enroll', 'import'] as const) {
      expect((await refused({ command })).code, command).to.equal('MANAGER_MISSING');
    }
  });

  it('goes on without what cannot be used where a command looks at what there is, and says what that is', async () => {
    const missing = (await settled({ command: 'check' })).settings;
    expect(missing.managers).to.deep.equal([]);
    expect(missing.unsettled?.managers?.code).to.equal('MANAGER_MISSING');

    const environment = { WAZUH_MANAGER: 'm', WAZUH_REGISTRATION_PORT: '99999' };
    const port = (await settled({ command: 'check', environment })).settings;
    expect(port.managers).to.have.length(1);
    expect(port.unsettled?.enrollment?.message).to.contain('WAZUH_REGISTRATION_PORT');
    expect(port.unsettled?.managers).to.equal(undefined);

    const ca = { WAZUH_MANAGER: 'm', WAZUH_REGISTRATION_CA: '/none' };
    const { managers, unsettled, trust } = (await settled({ command: 'check', environment: ca })).settings;
    expect([managers.length, trust]).to.deep.equal([1, { insecure: false }]);
    expect(unsettled?.enrollment).to.include({ code: 'FILE_UNREADABLE' });
  });

  it('reads nothing that a command has no option for', async () => {
    const environment = { WAZUH_MANAGER: 'm', WAZUH_REGISTRATION_PORT: '99999', WAZUH_REGISTRATION_CA: '/none' };
    expect((await settled({ command: 'import', environment })).settings.managers).to.have.length(1);
    expect(
      (await settled({ command: 'export', environment: { WAZUH_MANAGER: '???' } })).settings.managers,
    ).to.have.length(0);
  });

  it('takes port and protocol of a named manager from its server in ossec.conf, and of no other', async () => {
    const files = { 'ossec.conf': SERVER };
    const named = (manager: string) => settled({ flags: { manager }, files });
    expect((await named('FILE.example')).settings.managers[0]).to.deep.include({
      agent: { host: 'FILE.example', port: 1601 },
      protocol: 'udp',
    });
    expect((await named('other.example')).settings.managers[0]).to.deep.include({
      agent: { host: 'other.example', port: 1514 },
      protocol: 'auto',
    });
  });

  it('shows use_source_ip as what it means', async () => {
    const files = {
      'ossec.conf': conf(
        '<server><address>m</address></server><enrollment><use_source_ip>yes</use_source_ip></enrollment>',
      ),
    };
    expect(await shown({ files }, 'ip')).to.equal('source (/var/ossec/etc/ossec.conf, line 3)');
  });

  it('never shows a password', async () => {
    const line = await shown(
      { environment: { WAZUH_MANAGER: 'm', WAZUH_REGISTRATION_PASSWORD: 'hunter2' } },
      'password',
    );
    expect(line).to.equal('(set) (WAZUH_REGISTRATION_PASSWORD)');
  });
});

describe('settings: what cannot be right', () => {
  const m = { manager: 'm' };
  const wrong: readonly [string, Scene, string][] = [
    ['a port beyond the last', { flags: { ...m, port: '99999' } }, '--port: "99999" is not a port'],
    [
      'a port of a variable',
      { environment: { WAZUH_MANAGER: 'm', WAZUH_REGISTRATION_PORT: '0' } },
      'WAZUH_REGISTRATION_PORT: "0" is not a port',
    ],
    [
      'a port of the file',
      { files: { 'ossec.conf': SERVER.replace('1601', '99999') } },
      '/var/ossec/etc/ossec.conf, line 5: "99999" is not a port',
    ],
    [
      'a port after the host',
      { flags: { manager: 'm:99999' } },
      '--manager: "m:99999" is not HOST or HOST:PORT, with a port from 1 to 65535',
    ],
    [
      'an address that is none',
      { environment: { WAZUH_MANAGER: '10.0.0.256' } },
      'WAZUH_MANAGER: "10.0.0.256" is not HOST',
    ],
    ['a URL of another scheme', { flags: { manager: 'http://m' } }, '--manager: "http://m" is not HOST'],
    ['a URL of no host', { flags: { manager: 'https://a_b' } }, '--manager: "https://a_b" is not HOST'],
    ['a URL of no port', { flags: { manager: 'https://m:0' } }, '--manager: "https://m:0" is not HOST'],
    ['a URL with a query', { flags: { manager: 'https://m/?x' } }, '--manager: "https://m/?x" is not HOST'],
    [
      'a URL of a placeholder',
      { flags: { manager: 'https://MANAGER_IP' } },
      '--manager: "https://MANAGER_IP" is a placeholder, not HOST',
    ],
    ['one bad manager of several', { flags: { manager: ['m', 'a b'] } }, '--manager: "a b" is not HOST'],
    ['a manager that is no name', { flags: { manager: ' , ' } }, '--manager: it names no host'],
    ['an empty flag', { flags: { ...m, name: '' } }, '--name: it is empty'],
    ['an empty password', { flags: { ...m, password: '' } }, '--password: it is empty'],
    ['an address to register', { environment: { WAZUH_MANAGER: 'm', AGENT_ENROLL_IP: '10.0.0' } }, 'AGENT_ENROLL_IP: '],
    ['a length of time', { flags: { ...m, timeout: '10 parsecs' } }, '--timeout: "10 parsecs" is not a length of time'],
    [
      'a splay that leaves no time',
      { flags: { ...m, splay: '5m', deadline: '60' } },
      '--splay: a host whose turn comes after 300 s would have none left of --deadline (60 s)',
    ],
    ['no time at all', { flags: { ...m, wait: '0s' } }, '--wait: it must be longer than 0'],
    [
      'a protocol',
      { environment: { WAZUH_MANAGER: 'm', WAZUH_PROTOCOL: 'sctp' } },
      'WAZUH_PROTOCOL: "sctp" is not auto, tcp or udp',
    ],
    [
      'more protocols than managers',
      { environment: { WAZUH_MANAGER: 'm', WAZUH_PROTOCOL: 'tcp,udp' } },
      'WAZUH_PROTOCOL: it names 2 protocols for 1 managers',
    ],
    ['a cipher', { flags: { ...m, cipher: 'rot13' } }, '--cipher: "rot13" is not auto, aes or blowfish'],
    ['a pin', { flags: { ...m, pin: 'sha256:abc' } }, '--pin: "sha256:abc" is not a SHA-256'],
    ['--insecure with --ca', { flags: { ...m, insecure: true, ca: '/ca' } }, '--ca: it contradicts --insecure'],
    ['--insecure with --pin', { flags: { ...m, insecure: true, pin: 'x' } }, '--pin: it contradicts --insecure'],
    [
      'two ports of one rank',
      { flags: { manager: 'm:1600', port: '1601' } },
      '--port: it contradicts the port in "m:1600"',
    ],
    [
      'two ports of two variables',
      { environment: { WAZUH_MANAGER: 'm:1600', WAZUH_MANAGER_PORT: '1601' } },
      'WAZUH_MANAGER_PORT: it contradicts the port in "m:1600"',
    ],
    [
      'two enrollment ports',
      { flags: { ...m, 'enrollment-server': 'a:1', 'enrollment-port': '2' } },
      '--enrollment-port: it contradicts the port in "a:1"',
    ],
    ['a key without a certificate', { flags: { ...m, key: '/k' } }, '--key: a key without a certificate'],
    [
      'a yes that is none',
      {
        files: {
          'ossec.conf': conf(
            '<server><address>m</address></server>\n<enrollment><use_source_ip>perhaps</use_source_ip></enrollment>',
          ),
        },
      },
      '/var/ossec/etc/ossec.conf, line 4: "perhaps" is not yes or no',
    ],
  ];
  for (const [what, scene, message] of wrong) {
    it(`refuses ${what}, and names where it stands`, async () => {
      const error = await refused(scene);
      expect(error.code).to.equal('SETTING_INVALID');
      expect(error.exitCode).to.equal(2);
      expect(error.message).to.contain(message);
    });
  }

  it('lets a flag win over a variable where the two contradict each other', async () => {
    const environment = { WAZUH_MANAGER: 'm:1600', WAZUH_REGISTRATION_CA: '/none' };
    const { settings } = await settled({ environment, flags: { port: '1601', insecure: true } });
    expect(settings.managers[0]?.agent.port).to.equal(1601);
    expect(settings.trust).to.deep.equal({ insecure: true });
    const env = { WAZUH_MANAGER_PORT: '1600' };
    expect(
      (await settled({ environment: env, flags: { manager: 'm:1601' } })).settings.managers[0]?.agent.port,
    ).to.equal(1601);
  });

  it('refuses a file that is named and not there', async () => {
    const error = await refused({ environment: { WAZUH_MANAGER: 'm', WAZUH_CERTIFICATE: '/none.pem' } });
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain('/none.pem').and.to.contain('WAZUH_CERTIFICATE');
  });

  it('refuses a file that holds no certificate', async () => {
    const error = await refused({ flags: { manager: 'm', ca: '/x' }, files: { '/x': 'nothing' } });
    expect(error.message).to.contain('--ca: /x holds no certificate');
  });

  it('refuses an ossec.conf of more than 4 MiB instead of using a part of it', async () => {
    const fits = conf('<server><address>m</address></server>').padEnd(4 * 1024 * 1024, ' ');
    expect((await settled({ files: { 'ossec.conf': fits } })).settings.managers).to.have.length(1);
    const error = await refused({ files: { 'ossec.conf': `${fits} ` } });
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain('larger than 4 MiB');
  });

  it('never fails but with an error of its own, whatever it is given', async () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('', ' ', '-', ':', '[::1]:0', '1514', 'm:1'));
    const scene = fc.record({
      flags: fc.dictionary(
        fc.constantFrom('manager', 'port', 'ip', 'groups', 'enrollment-server', 'pin', 'wait', 'cipher'),
        text,
      ),
      environment: fc.dictionary(
        fc.constantFrom(
          'WAZUH_MANAGER',
          'WAZUH_PROTOCOL',
          'WAZUH_MANAGER_PORT',
          'WAZUH_REGISTRATION_PORT',
          'HTTPS_PROXY',
        ),
        text,
      ),
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ flags, environment }) => {
        await settled({ command: 'detect', flags, environment }).catch((thrown: Error) => {
          expect(thrown.name, thrown.stack).to.equal('EnrollError');
        });
      }),
      { numRuns: 300 },
    );
  });
});
