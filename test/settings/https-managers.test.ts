import { expect } from 'chai';
import { describe, it } from 'mocha';
import { httpsUrl } from '../../src/model/https-endpoint.js';
import { conf, refused, type Scene, settled } from './scene.js';

const SERVER = conf('<server><address>siem.example</address><port>1600</port></server>');
const agentConf = (manager: string) => `<ossec_config><agent><manager>${manager}</manager></agent></ossec_config>`;
const ENDPOINT = agentConf('<endpoint>https://siem.example:8443/gw</endpoint>');

/** The managers in words, and how they are asked. */
async function managers(scene: Scene): Promise<string> {
  const { settings } = await settled(scene);
  const { use, discover } = settings.method;
  const each = settings.managers.map(({ agent, https }) =>
    https === undefined ? `${agent.host}:${agent.port}` : httpsUrl(https),
  );
  return `${use}${discover ? '?' : ''} ${each.join(' ')}`;
}

describe('managers that are named by https', () => {
  const cases: readonly (readonly [string, Scene, string])[] = [
    ['by its host', { flags: { manager: 'https://m' } }, 'https https://m:1517/wazuh-manager/'],
    ['by all of it', { flags: { manager: 'https://M:8443/a/b/' } }, 'https https://M:8443/a/b/'],
    ['without a prefix', { flags: { manager: 'https://m/' } }, 'https https://m:1517/'],
    ['by an address', { flags: { manager: 'https://[2001:db8::1]:99/x' } }, 'https https://[2001:db8::1]:99/x/'],
    ['by a variable', { environment: { WAZUH_MANAGER: 'https://m' } }, 'https https://m:1517/wazuh-manager/'],
    [
      'several',
      { flags: { manager: 'https://a,https://b:99' } },
      'https https://a:1517/wazuh-manager/ https://b:99/wazuh-manager/',
    ],
    ['beside others', { flags: { manager: 'https://a,b' } }, 'authd? https://a:1517/wazuh-manager/ b:1514'],
    [
      'beside others, for which a port is meant',
      { flags: { manager: 'https://a,b', port: '99' } },
      'authd? https://a:1517/wazuh-manager/ b:99',
    ],
    [
      'with the port of a variable, which is for all hosts',
      { flags: { manager: 'https://m' }, environment: { WAZUH_MANAGER_PORT: '1514', WAZUH_PROTOCOL: 'tcp' } },
      'https https://m:1517/wazuh-manager/',
    ],
    ['plainly, to be looked at', { flags: { manager: 'm' } }, 'authd? m:1514'],
    ['plainly, with authd asked for', { flags: { manager: 'm', method: 'authd' } }, 'authd m:1514'],
    ['plainly, with https asked for', { flags: { manager: 'm', method: 'https' } }, 'https m:1514'],
    [
      'plainly with a port, and https asked for',
      { flags: { manager: 'm:8443', method: 'https' } },
      'https https://m:8443/wazuh-manager/',
    ],
    [
      'plainly with a port apart, and https asked for',
      { flags: { manager: 'm', port: '8443', method: 'https' } },
      'https https://m:8443/wazuh-manager/',
    ],
    [
      'by https, with the API asked for a key',
      {
        flags: { manager: 'https://m', method: 'api', 'api-user': 'u' },
        environment: { AGENT_ENROLL_API_PASSWORD: 'p' },
      },
      'api https://m:1517/wazuh-manager/',
    ],
    ['in ossec.conf', { files: { 'ossec.conf': ENDPOINT } }, 'https https://siem.example:8443/gw/'],
    [
      'in ossec.conf, and plainly by a flag',
      { flags: { manager: 'siem.example' }, files: { 'ossec.conf': ENDPOINT } },
      'https https://siem.example:8443/gw/',
    ],
    [
      'in ossec.conf, and with the port of messages by a flag',
      { flags: { manager: 'siem.example:1514' }, files: { 'ossec.conf': ENDPOINT } },
      'authd? siem.example:1514',
    ],
    [
      'in ossec.conf, and with what is for messages by a flag',
      { flags: { protocol: 'tcp' }, files: { 'ossec.conf': ENDPOINT } },
      'authd? siem.example:1514',
    ],
    [
      'in ossec.conf, and authd asked for',
      { flags: { method: 'authd' }, files: { 'ossec.conf': ENDPOINT } },
      'authd siem.example:1514',
    ],
    [
      'in ossec.conf, in the form before the endpoint',
      { files: { 'ossec.conf': agentConf('<address>m</address><port>99</port>') } },
      'https https://m:99/wazuh-manager/',
    ],
    ['in ossec.conf, as agents of 4.x do', { files: { 'ossec.conf': SERVER } }, 'authd? siem.example:1600'],
    [
      'in ossec.conf, as an upgrade to a Wazuh 5 agent has left it',
      { files: { 'ossec.conf': SERVER }, version: 'v5.0.1' },
      'https https://siem.example:1517/wazuh-manager/',
    ],
  ];
  for (const [how, scene, expected] of cases) {
    it(how, async () => {
      expect(await managers(scene)).to.equal(expected);
    });
  }

  it('are proven to by commands that ask for no key, too', async () => {
    const { settings } = await settled({ command: 'check', flags: { manager: 'https://m' } });
    expect(settings.managers[0]?.https).to.deep.equal({ host: 'm', port: 1517, prefix: 'wazuh-manager' });
  });

  const meaningless: readonly (readonly [string, Scene['flags'], RegExp])[] = [
    ['--port', { port: '1514' }, /^--port: it is for managers before Wazuh 5, and https:\/\/m:1517\/.* \(--manager\)/],
    ['--enrollment-port', { 'enrollment-port': '1515' }, /^--enrollment-port: /],
    ['--enrollment-server', { 'enrollment-server': 'a' }, /^--enrollment-server: /],
    ['--protocol', { protocol: 'tcp' }, /^--protocol: /],
    ['--cipher', { cipher: 'aes' }, /^--cipher: /],
    ['--method authd', { method: 'authd' }, /^--method: it is for managers before/],
  ];
  for (const [what, flags, said] of meaningless) {
    it(`are not taken together with ${what}`, async () => {
      const error = await refused({ flags: { manager: 'https://m', ...flags } });
      expect(error.code).to.equal('SETTING_INVALID');
      expect(error.message).to.match(said);
    });
  }

  it('keep the password, and what a file that others can change says of them is nobody else’s word', async () => {
    const { settings } = await settled({ flags: { manager: 'https://m' }, files: { 'authd.pass': 'hunter2' } });
    expect(Buffer.from(settings.password?.reveal() ?? '').toString()).to.equal('hunter2');
    expect(settings).not.to.have.property('hearsay');
  });
});
