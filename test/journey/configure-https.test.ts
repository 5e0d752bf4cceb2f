import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { checkConfig, type UsedManager, writeConfig } from '../../src/journey/configure.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { ManagerSettings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

const AT = { host: 'siem.example', port: 1517 };
const PLAIN: ManagerSettings = { agent: { ...AT, port: 1514 }, protocol: 'auto', enrollment: { ...AT, port: 1515 } };
const HTTPS: ManagerSettings = { agent: AT, protocol: 'auto', enrollment: AT, https: { ...AT, prefix: 'gw' } };
const OF_5 =
  '<ossec_config>\n  <agent>\n    <manager>\n      <endpoint>MANAGER_IP</endpoint>\n    </manager>\n  </agent>\n</ossec_config>\n';
const OF_4 =
  '<ossec_config>\n  <client>\n    <server>\n      <address>old.example</address>\n    </server>\n  </client>\n</ossec_config>\n';

describe('ossec.conf and a Wazuh 5', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc']);
  });
  afterEach(() => removeHome(agent));

  const journey = (manager: ManagerSettings) =>
    journeyOf({ agent, settings: { managers: [manager], writeConfig: true } });
  const written = async (before: string, manager: ManagerSettings, used?: UsedManager) => {
    await writeFile(agent.configFile, before, { mode: 0o660 });
    await checkConfig(journey(manager));
    expect(await readFile(agent.configFile, 'utf8'), 'rehearsed alone').to.equal(before);
    await writeConfig(journey(manager), used);
    return await readFile(agent.configFile, 'utf8');
  };

  it('is pointed at the endpoint that the settings name', async () => {
    expect(await written(OF_5, HTTPS)).to.equal(OF_5.replace('MANAGER_IP', 'siem.example/gw'));
    expect(await written('', HTTPS))
      .to.contain('<endpoint>siem.example/gw</endpoint>')
      .and.not.to.contain('<client>');
  });

  it('is pointed at the endpoint that was found, with what the agent says when it enrolls again', async () => {
    const after = await written(OF_5, PLAIN, {
      endpoint: PLAIN.agent,
      protocol: 'https',
      https: { ...AT, prefix: 'wazuh-manager' },
      enrollment: { name: 'web-01', groups: ['a', 'b'] },
    });
    expect(after).to.contain('<endpoint>siem.example</endpoint>');
    expect(after).to.match(/<enrollment>\s+<agent_name>web-01<\/agent_name>\s+<groups>a,b<\/groups>\s+<\/enrollment>/);
  });

  it('keeps its 4.x form, and nobody is asked for a key where that is known before', async () => {
    await writeFile(agent.configFile, OF_4);
    const found = { https: { ...AT, prefix: 'wazuh-manager' } };
    for (const work of [checkConfig(journey(HTTPS)), writeConfig(journey(HTTPS)), writeConfig(journey(PLAIN), found)]) {
      const error = await failure(work);
      expect(error.code).to.equal('CONFIG_UNCLEAR');
      expect(error.message).to.contain(
        `${agent.configFile}, line 3: <server> of <client> is what agents before Wazuh 5`,
      );
    }
    expect(await readFile(agent.configFile, 'utf8')).to.equal(OF_4);
  });

  it('is pointed at a manager of 4.x as before', async () => {
    const after = await written(OF_4, PLAIN, { endpoint: PLAIN.agent, protocol: 'tcp' });
    expect(after).to.contain('<address>siem.example</address>').and.to.contain('<protocol>tcp</protocol>');
  });
});
