import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { EnrollError } from '../../src/errors.js';
import { isHostPlaceholder, isPlaceholder } from '../../src/settings/placeholder.js';
import { conf, refused, type Scene, settled, settledInPart } from './scene.js';

const CONF = '/var/ossec/etc/ossec.conf';
const server = (address: string, more = '') => conf(`<server>\n<address>${address}</address>\n${more}</server>`);
const m = { manager: 'm' };

describe('a value that is refused', () => {
  const cases: readonly [string, Scene, string][] = [
    ['a name', { environment: { WAZUH_MANAGER: 'm', WAZUH_AGENT_NAME: 'web 01' } }, 'WAZUH_AGENT_NAME: '],
    ['a pattern', { environment: { WAZUH_MANAGER: 'm', WAZUH_AGENT_NAME: '{host}' } }, 'WAZUH_AGENT_NAME: '],
    [
      'a name in ossec.conf',
      {
        files: {
          'ossec.conf': conf(
            '<server><address>m</address></server>\n<enrollment>\n<agent_name>a b</agent_name></enrollment>',
          ),
        },
      },
      `${CONF}, line 5: `,
    ],
    ['a group', { environment: { WAZUH_MANAGER: 'm', WAZUH_AGENT_GROUP: 'web,a/b' } }, 'WAZUH_AGENT_GROUP: '],
    ['a password', { environment: { WAZUH_MANAGER: 'm', WAZUH_PASSWORD: "x OSSEC A:'y" } }, 'WAZUH_PASSWORD: '],
    [
      'a password in a file',
      { flags: { ...m, 'password-file': '/p' }, files: { '/p': 'a\u0007b\n' } },
      '--password-file: ',
    ],
    [
      'an API user',
      { environment: { WAZUH_MANAGER: 'm', AGENT_ENROLL_API_USER: 'a:b', AGENT_ENROLL_API_PASSWORD: 'x' } },
      'AGENT_ENROLL_API_USER: ',
    ],
    [
      'a CA',
      {
        environment: { WAZUH_MANAGER: 'm', WAZUH_REGISTRATION_CA: '/ca' },
        files: { '/ca': '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n' },
      },
      'WAZUH_REGISTRATION_CA: /ca: ',
    ],
    [
      'a group of hosts',
      { environment: { WAZUH_MANAGER: 'ff02::1%eth0' } },
      'WAZUH_MANAGER: "ff02::1%eth0" is not HOST',
    ],
    ['everybody', { flags: { manager: '255.255.255.255' } }, '--manager: "255.255.255.255" is not HOST'],
    ['several managers', { environment: { WAZUH_MANAGER: 'a!,m,b!' } }, 'WAZUH_MANAGER: "a!" is not HOST'],
    ['a port of ossec.conf', { files: { 'ossec.conf': server('m', '<port>0</port>') } }, `${CONF}, line 5: `],
  ];
  for (const [what, scene, place] of cases) {
    it(`names where it stands: ${what}`, async () => {
      expect((await refused(scene)).message.slice(0, place.length)).to.equal(place);
    });
  }

  it('names each one of a list', async () => {
    const { message } = await refused({ environment: { WAZUH_MANAGER: 'a!,m,b!', WAZUH_PROTOCOL: 'tcp' } });
    expect(message).to.contain('"a!" is not').and.to.contain('"b!" is not');
  });
});

describe('a placeholder', () => {
  it('is what templates leave to be filled in', () => {
    for (const text of [
      '<MANAGER_IP>',
      `\${WAZUH_MANAGER}`,
      '$MANAGER',
      '{{ manager }}',
      '%MANAGER%',
      '__HOST__',
      'change-me',
    ]) {
      expect(isPlaceholder(text), text).to.equal(true);
      expect(isHostPlaceholder(text), text).to.equal(true);
    }
    for (const text of [
      'MANAGER_IP',
      'WAZUH_MANAGER_IP',
      'SERVER_ADDRESS',
      'your-manager-ip',
      'MANAGER_IP:1514',
      '0.0.0.0',
      '::',
      '[::]:1514',
    ]) {
      expect(isHostPlaceholder(text), text).to.equal(true);
    }
  });

  it('is no host of anybody', () => {
    for (const text of [
      'manager',
      'wazuh.manager',
      'wazuh_manager',
      'wazuh-manager-master-0',
      '10.0.0.0',
      '::1',
      'fe80::1',
      'server-01',
      'siem.example.org',
      'ip-10-0-0-5',
    ]) {
      expect(isHostPlaceholder(text), text).to.equal(false);
    }
  });

  const named: readonly [string, Scene, string][] = [
    [
      'of the packages in a variable',
      { environment: { WAZUH_MANAGER: 'MANAGER_IP' } },
      'WAZUH_MANAGER: "MANAGER_IP" is a placeholder',
    ],
    ['in brackets', { flags: { manager: '<MANAGER_IP>' } }, '--manager: "<MANAGER_IP>" is a placeholder'],
    [
      'with blanks',
      { environment: { WAZUH_MANAGER: '{{ manager }}' } },
      'WAZUH_MANAGER: "{{ manager }}" is a placeholder',
    ],
    ['that is an address', { flags: { manager: '0.0.0.0:1514' } }, '--manager: "0.0.0.0:1514" is a placeholder'],
    ['for a port', { flags: { ...m, port: '<PORT>' } }, '--port: "<PORT>" is a placeholder, not a port'],
    [
      'for a name',
      { environment: { WAZUH_MANAGER: 'm', WAZUH_AGENT_NAME: `\${HOSTNAME}` } },
      `WAZUH_AGENT_NAME: "\${HOSTNAME}" is a placeholder`,
    ],
    ['for a group', { flags: { ...m, groups: '<GROUP>' } }, '--groups: "<GROUP>" is a placeholder'],
    ['for an address', { flags: { ...m, ip: '<IP>' } }, '--ip: "<IP>" is a placeholder'],
    [
      'for the server of authd',
      { flags: { ...m, 'enrollment-server': 'MANAGER_IP' } },
      '--enrollment-server: "MANAGER_IP" is a placeholder',
    ],
  ];
  for (const [what, scene, message] of named) {
    it(`is called one: ${what}`, async () => {
      expect((await refused(scene)).message).to.contain(message);
    });
  }

  it('in ossec.conf is named where no manager is', async () => {
    for (const [text, said] of [
      [server('MANAGER_IP'), `${CONF}, line 4: "MANAGER_IP" is a placeholder, not a manager`],
      [server('0.0.0.0'), `${CONF}, line 4: "0.0.0.0" is a placeholder`],
      [server('&lt;MANAGER_IP&gt;'), `${CONF}, line 4: "<MANAGER_IP>" is a placeholder`],
      [server(''), `${CONF}, line 4: the manager's address is empty`],
      [conf('<server>\n<port>1514</port></server>'), `${CONF}, line 3: the manager's address is empty`],
      [conf('<server-ip></server-ip>'), `${CONF}, line 3: the manager's address is empty`],
      ['<ossec_config/>', `${CONF} names none`],
    ] as const) {
      const error = await refused({ environment: { WAZUH_MANAGER: '' }, files: { 'ossec.conf': text } });
      expect(error.code).to.equal('MANAGER_MISSING');
      expect(error.message).to.contain(said).and.to.contain('WAZUH_MANAGER is empty');
    }
  });

  it('beside a server that is filled in is passed over, and told', async () => {
    const text = conf('<server><address>MANAGER_IP</address></server>\n<server><address>m</address></server>');
    const { settings, warnings } = await settled({ files: { 'ossec.conf': text } });
    expect(settings.managers.map(({ agent }) => agent.host)).to.deep.equal(['m']);
    expect(warnings).to.deep.equal([
      `${CONF}, line 3: "MANAGER_IP" is a placeholder, not a manager, and was passed over.`,
    ]);
    expect((await settled({ flags: m, files: { 'ossec.conf': text } })).warnings).to.deep.equal([]);
  });
});

describe('settings that are settled in part', () => {
  const messages = (refusals: readonly EnrollError[]) => refusals.map(({ message }) => message.split(': ')[0]);

  it('name every bad value, and show the rest as it would be without', async () => {
    const found = await settledInPart({
      command: 'detect',
      flags: { port: '99999', wait: 'x' },
      environment: { WAZUH_MANAGER: 'a!', WAZUH_PROTOCOL: 'udp', WAZUH_AGENT_NAME: 'a b', WAZUH_PEM: '/none' },
      files: { 'ossec.conf': server('file.example', '<port>x</port><protocol>y</protocol>') },
    });
    expect(messages(found.refused)).to.have.members([
      'WAZUH_MANAGER',
      '--port',
      '--wait',
      'WAZUH_AGENT_NAME',
      'WAZUH_PEM',
      `${CONF}, line 5`,
    ]);
    expect(found.settings.managers[0]?.agent).to.deep.equal({ host: 'file.example', port: 1514 });
    expect(found.settings.managers[0]?.protocol).to.equal('udp');
  });

  it('read standard input once, and tell each warning once', async () => {
    const found = await settledInPart({
      flags: { ...m, 'password-file': '-', wait: 'x', timeout: 'y' },
      environment: { WAZUH_MANAGER_PORT: 'tcp://10.96.12.7:1514' },
      input: 'secret\n',
    });
    expect(messages(found.refused)).to.deep.equal(['--timeout', '--wait']);
    expect(found.settings.password?.reveal().toString()).to.equal('secret');
    expect(found.warnings).to.have.length(1);
  });

  it('do without an ossec.conf that cannot be read, and say so', async () => {
    const text = Buffer.from([0xff, 0x3c, 0x61, 0xe4]);
    const found = await settledInPart({ command: 'detect', flags: m, files: { 'ossec.conf': text } });
    expect(found.refused.map(({ code }) => code)).to.deep.equal(['FILE_UNREADABLE']);
    expect(found.settings.managers[0]?.agent.host).to.equal('m');
  });

  it('name the manager that is missing, unless it was refused', async () => {
    expect((await settledInPart({})).refused.map(({ code }) => code)).to.deep.equal(['MANAGER_MISSING']);
    expect((await settledInPart({ flags: { manager: '!' } })).refused.map(({ code }) => code)).to.deep.equal([
      'SETTING_INVALID',
    ]);
  });
});

describe('a variable with a life of its own', () => {
  it('is not taken for a setting: those that Kubernetes sets for a service', async () => {
    const environment = {
      WAZUH_MANAGER: 'm',
      WAZUH_MANAGER_PORT: 'tcp://10.96.12.7:1514',
      WAZUH_REGISTRATION_PORT: 'udp://10.96.12.8:1515',
      WAZUH_AUTHD_PORT: '1600',
      WAZUH_AGENT_NAME: '/web/wazuh-agent',
      WAZUH_MANAGER_SERVICE_HOST: '10.96.12.7',
    };
    const { settings, warnings } = await settled({ environment });
    expect(settings.managers[0]).to.deep.include({
      agent: { host: 'm', port: 1514 },
      enrollment: { host: 'm', port: 1600 },
    });
    expect(settings.name).to.equal(undefined);
    expect(warnings.map((text) => text.split(' ')[0])).to.have.members([
      'WAZUH_MANAGER_PORT',
      'WAZUH_REGISTRATION_PORT',
      'WAZUH_AGENT_NAME',
    ]);
  });

  it('is not mentioned where a flag says it', async () => {
    const environment = { WAZUH_MANAGER_PORT: 'tcp://[fd00::1]:1514' };
    expect((await settled({ flags: { ...m, port: '1600' }, environment })).warnings).to.deep.equal([]);
  });

  it('is refused where it is nothing of that kind', async () => {
    const environment = { WAZUH_MANAGER: 'm', WAZUH_MANAGER_PORT: 'tcp://x' };
    expect((await refused({ environment })).message).to.contain('WAZUH_MANAGER_PORT: "tcp://x" is not a port');
  });

  it('may hold several managers, as the packages split them', async () => {
    for (const value of ['a,b', 'a;b', 'a, b ;', 'a b']) {
      const { settings } = await settled({ environment: { WAZUH_MANAGER: value, WAZUH_PROTOCOL: 'tcp;udp' } });
      expect(settings.managers.map(({ agent, protocol }) => `${agent.host} ${protocol}`)).to.deep.equal([
        'a tcp',
        'b udp',
      ]);
    }
    expect((await settled({ flags: { manager: 'a;b' } })).settings.managers).to.have.length(2);
  });
});

describe('a link-local manager', () => {
  it('has no API of its own, for a URL has no place for the interface', async () => {
    const environment = { AGENT_ENROLL_API_USER: 'u', AGENT_ENROLL_API_PASSWORD: 'p' };
    const { message } = await refused({ flags: { manager: 'fe80::1%eth0' }, environment });
    expect(message).to.contain('--manager: A URL has no place for the interface');
  });

  const withIndex = server('fe80::1', '<interface_index>3</interface_index>');

  it('has its interface from where it is named, or from ossec.conf', async () => {
    for (const [scene, host] of [
      [{ files: { 'ossec.conf': withIndex } }, 'fe80::1%3'],
      [{ flags: { manager: 'fe80::1' }, files: { 'ossec.conf': withIndex } }, 'fe80::1%3'],
      [{ flags: { manager: 'fe80::1%br-lan.7' }, files: { 'ossec.conf': withIndex } }, 'fe80::1%br-lan.7'],
      [{ environment: { WAZUH_MANAGER: '[FE80::1%eth0]:1514' } }, 'FE80::1%eth0'],
      [{ files: { 'ossec.conf': server('2001:db8::1', '<interface_index>3</interface_index>') } }, '2001:db8::1'],
    ] as const) {
      const [manager] = (await settled(scene)).settings.managers;
      expect([manager?.agent.host, manager?.enrollment.host]).to.deep.equal([host, host]);
    }
  });

  it('is refused without one', async () => {
    expect((await refused({ flags: { manager: 'fe80::1' } })).message).to.contain(
      '--manager: fe80::1 is a link-local address',
    );
    expect((await refused({ files: { 'ossec.conf': server('fe80::1') } })).message).to.contain(
      `${CONF}, line 4: fe80::1`,
    );
    expect((await refused({ files: { 'ossec.conf': withIndex.replace('3<', 'eth0<') } })).message).to.contain(
      `${CONF}, line 5: "eth0" is not the index of an interface`,
    );
    expect((await refused({ flags: { ...m, 'enrollment-server': 'fe80::2' } })).message).to.contain(
      '--enrollment-server: fe80::2',
    );
  });
});

describe('settings of <enrollment> that contradict each other', () => {
  const both = conf(`<server><address>m</address></server>
<enrollment>
<agent_address>10.0.0.5</agent_address>
<use_source_ip>yes</use_source_ip>
</enrollment>`);

  it('are refused with both lines', async () => {
    const { code, message } = await refused({ files: { 'ossec.conf': both } });
    expect(code).to.equal('SETTING_INVALID');
    expect(message).to.contain(`${CONF}, line 6: <use_source_ip> contradicts <agent_address> (${CONF}, line 5)`);
  });

  it('are none where they stand in two blocks, of which one counts', async () => {
    const text = `<ossec_config><client><server><address>m</address></server>
<enrollment><use_source_ip>yes</use_source_ip></enrollment></client>
<agent><enrollment><agent_address>10.0.0.5</agent_address></enrollment></agent></ossec_config>`;
    const { settings } = await settled({ files: { 'ossec.conf': text } });
    expect(settings.ip).to.deep.equal({ kind: 'address', address: '10.0.0.5' });
  });

  it('do not matter where somebody else decides, or to a command that registers nothing', async () => {
    const files = { 'ossec.conf': both };
    expect((await settled({ flags: { ip: 'any' }, files })).settings.ip).to.deep.equal({ kind: 'any' });
    expect((await settled({ environment: { AGENT_ENROLL_IP: '10.0.0.9' }, files })).settings.ip).to.include({
      kind: 'address',
    });
    await settled({ command: 'check', files });
    await settled({ files: { 'ossec.conf': both.replace('yes', 'no') } });
  });
});
