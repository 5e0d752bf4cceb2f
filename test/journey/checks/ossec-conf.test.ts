import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ossecConf } from '../../../src/journey/checks/ossec-conf.js';
import type { ManagerSettings } from '../../../src/settings/settings.js';
import { agent } from './check-scene.js';

const manager: ManagerSettings = {
  agent: { host: 'siem.example', port: 1514 },
  protocol: 'auto',
  enrollment: { host: 'siem.example', port: 1515 },
};
const tcp: ManagerSettings = { ...manager, protocol: 'tcp' };
const client = (...servers: string[]) =>
  `<ossec_config>\n<client>\n${servers.map((inside) => `<server>\n${inside}\n</server>`).join('\n')}\n</client>\n</ossec_config>`;
const agentOf5 = (inside: string) =>
  `<ossec_config>\n<agent>\n<manager>\n${inside}\n</manager>\n</agent>\n</ossec_config>`;
const SIEM = '<address>siem.example</address>';
const PATH = '/var/ossec/etc/ossec.conf';
const POINT =
  'Name the manager there in <client><server><address> (agent-enroll --write-config does it), and restart the agent.';

describe('the check of ossec.conf', () => {
  for (const [what, text, managers, ok, detail] of [
    ['is not there', undefined, [manager], null, `There is no ${PATH}.`],
    ['names this manager', client(SIEM), [manager], true, `${PATH} names this manager (line 4).`],
    [
      'names it with the dot of a whole name',
      client('<address>Siem.Example.</address>'),
      [manager],
      true,
      `${PATH} names this manager (line 4).`,
    ],
    [
      'names it as the second',
      client('<address>old.example</address>', SIEM),
      [manager],
      true,
      `${PATH} names this manager (line 7).`,
    ],
    [
      'names it with its port and protocol',
      client(`${SIEM}\n<port>1514</port>\n<protocol>TCP</protocol>`),
      [tcp],
      true,
      `${PATH} names this manager (line 4).`,
    ],
    [
      'names a protocol, where any is looked at',
      client(`${SIEM}\n<protocol>udp</protocol>`),
      [manager],
      true,
      `${PATH} names this manager (line 4).`,
    ],
    [
      'names it, as an agent of Wazuh 5 does',
      agentOf5('<endpoint>https://siem.example:1517/wazuh-manager/</endpoint>'),
      [manager],
      true,
      `${PATH} names this manager (line 4).`,
    ],
    [
      'names it by its address, as an agent of Wazuh 5 may',
      agentOf5(SIEM),
      [manager],
      true,
      `${PATH} names this manager (line 4).`,
    ],
    [
      'names several, where nobody says which is meant',
      client('<address>one.example</address>', '<address>two.example</address>'),
      [],
      null,
      `${PATH} names one.example (line 4), two.example (line 7).`,
    ],
  ] satisfies [string, string | undefined, ManagerSettings[], boolean | null, string][]) {
    it(`says of one that ${what}: ${detail}`, () => {
      expect(ossecConf(agent, { text }, managers)).to.deep.equal({ id: 'ossec-conf', ok, detail });
    });
  }

  for (const [what, text, managers, detail] of [
    ['names nobody', client(''), [manager], `${PATH} names no manager.`],
    ['names an empty one', client('<address></address>'), [manager], `${PATH} names no manager.`],
    [
      'has the placeholder of the package',
      client(SIEM, '<address>MANAGER_IP</address>'),
      [manager],
      `${PATH}, line 7: MANAGER_IP is the placeholder that the package ships, and no manager.`,
    ],
    [
      'has the other placeholder',
      client('<address>0.0.0.0</address>'),
      [],
      `${PATH}, line 4: 0.0.0.0 is the placeholder that the package ships, and no manager.`,
    ],
    [
      'names another',
      client('<address>old.example</address>', '<address>older.example</address>'),
      [manager],
      `${PATH} names old.example (line 4), older.example (line 7), and not siem.example: the agent speaks to that one.`,
    ],
    [
      'names another, as an agent of Wazuh 5 does',
      agentOf5('<endpoint>https://old.example:1517/wazuh-manager/</endpoint>'),
      [manager],
      `${PATH} names old.example (line 4), and not siem.example: the agent speaks to that one.`,
    ],
    [
      'has another port',
      client(`${SIEM}\n<port>1600</port>`),
      [manager],
      `${PATH}, line 5: the agent uses port 1600, and 1514 is what is looked at here.`,
    ],
    [
      'has another protocol',
      client(`${SIEM}\n<protocol>udp</protocol>`),
      [tcp],
      `${PATH}, line 5: the agent uses udp, and tcp is what is looked at here.`,
    ],
  ] satisfies [string, string, ManagerSettings[], string][]) {
    it(`finds one wrong that ${what}: ${detail}`, () => {
      expect(ossecConf(agent, { text }, managers)).to.deep.equal({ id: 'ossec-conf', ok: false, detail, hint: POINT });
    });
  }
  it('names the line where the file is not well-formed', () => {
    const finding = ossecConf(agent, { text: '<ossec_config>\n<client>\n</server>\n' }, [manager]);
    expect(finding).to.include({
      id: 'ossec-conf',
      ok: false,
      hint: 'Correct the file at this line: an agent may not start with it.',
    });
    expect(finding.detail).to.match(/^\/var\/ossec\/etc\/ossec\.conf, line \d: .{5,}$/);
  });
});
