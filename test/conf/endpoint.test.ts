import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { formatAgentEndpoint, parseEndpoint } from '../../src/conf/endpoint.js';
import { readOssecConf } from '../../src/conf/ossec-conf.js';
import { refused, settled } from '../settings/scene.js';

interface Vector {
  readonly name: string;
  readonly xml: string;
  readonly conclude:
    | 'not configured'
    | 'invalid'
    | { readonly host: string; readonly zone?: string; readonly port: number; readonly prefix: string };
}

const { ossec_conf: vectors }: { readonly ossec_conf: readonly Vector[] } = JSON.parse(
  readFileSync(new URL('../vectors/wazuh5-conf.json', import.meta.url), 'utf8'),
);

describe('the manager of a Wazuh 5 agent', () => {
  for (const { name, xml, conclude } of vectors) {
    it(`is read from ossec.conf: ${name}`, async () => {
      const files = { 'ossec.conf': xml };
      if (typeof conclude === 'string') {
        const error = await refused({ files });
        expect(error.message).to.contain('/var/ossec/etc/ossec.conf, line 2');
        expect(error.exitCode).to.equal(2);
        if (conclude === 'not configured') expect(error.message).to.contain('placeholder');
        return;
      }
      const { host, zone, ...rest } = conclude;
      const { managers, method } = (await settled({ files, version: 'v5.0.0' })).settings;
      const [manager] = managers;
      const name = zone === undefined ? host : `${host}%${zone}`;
      expect(manager?.https).to.deep.equal({ host: name, ...rest });
      expect(manager?.agent).to.deep.equal({ host: name, port: rest.port });
      expect(method.use).to.equal('https');
      const { endpoint } = readOssecConf(xml).manager ?? {};
      if (endpoint !== undefined) expect(parseEndpoint(endpoint.value)).to.deep.include({ host, ...rest });
    });
  }

  it('wins over what an upgrade has left in <client>, unless it is not filled in', async () => {
    const xml = (endpoint: string) => `<ossec_config>
<client><server><address>old.example</address><port>1600</port></server>
<enrollment><agent_name>old</agent_name><groups>left</groups></enrollment></client>
<agent><manager><endpoint>${endpoint}</endpoint></manager>
<enrollment><agent_name>new</agent_name></enrollment></agent>
</ossec_config>`;
    const now = await settled({ files: { 'ossec.conf': xml('new.example') } });
    expect(now.settings.managers.map(({ https }) => https)).to.deep.equal([
      { host: 'new.example', port: 1517, prefix: 'wazuh-manager' },
    ]);
    expect([now.settings.name, now.settings.groups]).to.deep.equal(['new', ['left']]);
    const before = await settled({ files: { 'ossec.conf': xml('MANAGER_IP') } });
    expect(before.settings.managers.map(({ agent }) => agent)).to.deep.equal([{ host: 'old.example', port: 1600 }]);
  });

  it('is refused with its line where it is no endpoint', async () => {
    for (const endpoint of ['http://m', 'm:99999', 'm/a b', 'm:x', 'a_b', 'u@m', '[fe80::1', '256.1.1.1']) {
      const xml = `<ossec_config><agent>\n<manager>\n<endpoint>${endpoint}</endpoint></manager></agent></ossec_config>`;
      const { message } = await refused({ files: { 'ossec.conf': xml } });
      expect(message).to.contain(`/var/ossec/etc/ossec.conf, line 3: "${endpoint}" is not an endpoint`);
    }
  });

  it('of the 5.0 betas, in <client>, is a server', () => {
    const { servers } = readOssecConf(
      '<ossec_config><client><manager><address>m</address><port>1600</port></manager></client></ossec_config>',
    );
    expect(servers).to.deep.equal([{ address: { value: 'm', line: 1 }, port: { value: '1600', line: 1 } }]);
  });

  it('is written as it is read', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}[a-z0-9]$/);
    const any = fc.record(
      {
        host: fc.oneof(label, fc.ipV4(), fc.constantFrom('2001:db8::1', 'fe80::1')),
        port: fc.integer({ min: 1, max: 65_535 }),
        prefix: fc.stringMatching(/^(?:[A-Za-z0-9._~-]{1,8}(?:\/[a-z]{1,4})?)?$/),
      },
      { requiredKeys: ['host', 'port', 'prefix'] },
    );
    fc.assert(
      fc.property(any, (endpoint) => {
        expect(parseEndpoint(formatAgentEndpoint(endpoint))).to.deep.equal(endpoint);
        expect(parseEndpoint(`https://${formatAgentEndpoint(endpoint)}`)).to.deep.equal(endpoint);
      }),
    );
    const linkLocal = { host: 'fe80::1', zone: 'eth0', port: 1517, prefix: '' };
    expect(formatAgentEndpoint(linkLocal)).to.equal('[fe80::1%25eth0]/');
    expect(parseEndpoint('[fe80::1%25eth0]/')).to.deep.equal(linkLocal);
    expect(parseEndpoint('[fe80::1%eth0]/')).to.deep.equal(linkLocal);
  });
});
