import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { OptionName } from '../../src/settings/options.js';
import { AGENT, filesOf, settleAndTell } from './in-memory.js';
import { refused, type Scene, settled } from './scene.js';
import { file, STOCK_HOME, WAZUH, WAZUH_GROUP } from './vouching-scene.js';

const PASSWORD = 'Hunter2!';
const credentials = { AGENT_ENROLL_API_USER: 'retire', AGENT_ENROLL_API_PASSWORD: PASSWORD };
const manager = { manager: 'manager.example' };

async function retirement(scene: Scene) {
  const { settings, shown, warnings } = await settled({ command: 'retire', ...scene });
  expect(JSON.stringify([settings, shown, warnings])).not.to.include(PASSWORD);
  const { url, user, password } = settings.api ?? {};
  const secret = password === undefined ? undefined : Buffer.from(password.reveal()).toString();
  return { settings, warnings, url, user, secret };
}

describe('the settings of retiring', () => {
  it('have the credentials of the REST API, and the manager whose it is', async () => {
    const { settings, url, user, secret, warnings } = await retirement({ environment: credentials, flags: manager });
    expect({ url, user, secret, warnings }).to.deep.equal({
      url: undefined,
      user: 'retire',
      secret: PASSWORD,
      warnings: [],
    });
    expect(settings.managers.map(({ agent }) => agent.host)).to.deep.equal(['manager.example']);
    expect(settings.method.why).to.equal('auto: API credentials were given');
  });

  it('take the manager out of ossec.conf', async () => {
    const conf = '<ossec_config><client><server><address>conf.example</address></server></client></ossec_config>';
    const { settings } = await retirement({ environment: credentials, files: { 'ossec.conf': conf } });
    expect(settings.managers.map(({ agent }) => agent.host)).to.deep.equal(['conf.example']);
  });

  it('need no manager where the API has a URL', async () => {
    const { url, settings } = await retirement({
      environment: credentials,
      flags: { 'api-url': 'https://api.example:55000' },
    });
    expect(url).to.equal('https://api.example:55000');
    expect(settings.managers).to.deep.equal([]);
  });

  it('need neither a manager nor credentials, as there may be nothing to retire', async () => {
    const { settings } = await retirement({});
    expect(settings.api).to.equal(undefined);
  });

  it('take the password from a file, and how the API is trusted', async () => {
    const pin = `sha256:${'a'.repeat(64)}`;
    const { secret, settings } = await retirement({
      flags: {
        ...manager,
        'api-user': 'retire',
        'api-password-file': '/run/secrets/api',
        pin,
        deadline: '30s',
        retries: '5',
      },
      files: { '/run/secrets/api': `${PASSWORD}\n` },
    });
    expect(secret).to.equal(PASSWORD);
    expect(settings.trust.pin).to.equal('a'.repeat(64));
    expect(settings.retries).to.equal(5);
  });

  it('note that only a file of the agent’s names the manager to which the password would go', async () => {
    const text = '<ossec_config><client><server><address>conf.example</address></server></client></ossec_config>';
    const conf = (gid: number) => ({ [AGENT.configFile]: file(text, { gid, mode: 0o660 }, STOCK_HOME) });
    const hearsay = async (gid: number, pin?: string) => {
      const flags = new Map<OptionName, string>(pin === undefined ? [] : [['pin', pin]]);
      const { settings } = await settleAndTell({
        command: 'retire',
        flags,
        environment: credentials,
        agent: { ...AGENT, account: WAZUH },
        edge: filesOf(conf(gid)),
      });
      return settings.hearsay?.map(({ endpoint }) => `${endpoint.host}:${endpoint.port}`);
    };
    expect(await hearsay(WAZUH_GROUP)).to.deep.equal(['conf.example:55000']);
    expect(await hearsay(WAZUH_GROUP, `sha256:${'a'.repeat(64)}`)).to.equal(undefined);
  });

  describe('are refused', () => {
    const cases: readonly (readonly [string, Scene, string])[] = [
      ['without the password', { flags: { ...manager, 'api-user': 'retire' } }, '--api-password-file'],
      ['without the user', { environment: { AGENT_ENROLL_API_PASSWORD: PASSWORD } }, '--api-user'],
      ['over plain http', { environment: credentials, flags: { 'api-url': 'http://api.example' } }, '--insecure'],
      ['with no manager to ask', { environment: credentials }, '--manager'],
    ];
    for (const [why, scene, text] of cases) {
      it(why, async () => {
        const error = await refused({ command: 'retire', ...scene });
        expect(`${error.message} ${error.hint}`).to.include(text).and.not.include(PASSWORD);
      });
    }
  });
});
