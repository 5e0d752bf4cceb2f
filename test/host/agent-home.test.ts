import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { findAgent, installersFiles, isManagerHome, refuseManagerHome } from '../../src/host/agent-home.js';
import { parseInit, parseVersionJson } from '../../src/host/agent-version.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { fakeSystem } from './fake-system.js';

const accounts = {
  '/etc/passwd':
    'root:x:0:0::/root:/bin/sh\nwazuh:x:998:997::/var/ossec:/sbin/nologin\nossec:x:990:980::/:/bin/false\n',
  '/etc/group': 'root:x:0:\nwazuh:x:997:\nossec:x:980:wazuh\n',
};
const wazuhAccount = { user: 'wazuh', group: 'wazuh', uid: 998, gid: 997 };
const ossecAccount = { user: 'ossec', group: 'ossec', uid: 990, gid: 980 };
const control = (version: string) =>
  `#!/bin/sh\nLOCAL=x\nVERSION="${version}"\nREVISION="1"\nTYPE="agent"\nAUTHOR="Wazuh Inc."\n`;
const init = (name: string, version: string, home = '/var/ossec') =>
  `DIRECTORY="${home}"\nNAME="${name}"\nVERSION="${version}"\nTYPE="agent"\n`;

function findUnix(files: Record<string, string>, place: { home?: string; keysFile?: string } = {}) {
  return findAgent(place, fakeSystem({ files }));
}

describe('host/agent-home on Unix', () => {
  it('has the usual places where nothing is installed', async () => {
    expect(await findUnix({})).to.deep.equal({
      platform: 'unix',
      home: '/var/ossec',
      keysFile: '/var/ossec/etc/client.keys',
      counterFile: '/var/ossec/queue/rids/sender_counter',
      configFile: '/var/ossec/etc/ossec.conf',
      passwordFile: '/var/ossec/etc/authd.pass',
    } satisfies AgentInstallation);
  });

  it('has what an installer leaves in the home, wherever the key lies', async () => {
    const found = await findUnix({}, { home: '/srv/agent', keysFile: '/data/client.keys' });
    expect(installersFiles(found)).to.deep.equal({
      token: '/srv/agent/etc/enrollment_token',
      anchor: '/srv/agent/var/incoming/root-ca.pem',
    });
    expect(installersFiles({ platform: 'windows', home: 'C:\\ossec-agent' })).to.deep.equal({
      token: 'C:\\ossec-agent\\enrollment_token',
      anchor: 'C:\\ossec-agent\\var\\incoming\\root-ca.pem',
    });
  });

  it('takes the home and the key file that the user names', async () => {
    const found = await findUnix({}, { home: '/srv/agent//', keysFile: '/tmp/keys' });
    expect(found).to.include({ home: '/srv/agent', keysFile: '/tmp/keys', configFile: '/srv/agent/etc/ossec.conf' });
    expect(await findUnix({}, { home: '/' })).to.include({ home: '/', keysFile: '/etc/client.keys' });
  });

  it('goes where ossec-init.conf points, if an agent is still there', async () => {
    const elsewhere = { '/etc/ossec-init.conf': init('OSSEC HIDS', 'v3.8.0', '/opt/ossec/') };
    expect((await findUnix(elsewhere)).home).to.equal('/var/ossec');
    const there = await findUnix({ ...elsewhere, '/opt/ossec/bin/ossec-agentd': '' });
    expect(there).to.include({ home: '/opt/ossec', flavor: 'ossec', version: 'v3.8.0' });
    expect((await findUnix({ '/etc/ossec-init.conf': 'DIRECTORY="opt/ossec"\n' })).home).to.equal('/var/ossec');
  });

  const installed: readonly [string, Record<string, string>, Partial<AgentInstallation>][] = [
    [
      'Wazuh 4.14, by its control script',
      { '/var/ossec/bin/wazuh-agentd': '', '/var/ossec/bin/wazuh-control': control('v4.14.7') },
      { flavor: 'wazuh', version: 'v4.14.7', account: wazuhAccount },
    ],
    [
      'Wazuh 5, by VERSION.json',
      { '/var/ossec/bin/wazuh-agentd': '', '/var/ossec/VERSION.json': '{"version": "5.0.0", "stage": "rc1"}' },
      { flavor: 'wazuh', version: 'v5.0.0', account: wazuhAccount },
    ],
    [
      'Wazuh 4.2, which ran as ossec',
      { '/var/ossec/bin/wazuh-agentd': '', '/var/ossec/bin/wazuh-control': control('v4.2.7') },
      { flavor: 'wazuh', version: 'v4.2.7', account: ossecAccount },
    ],
    [
      'Wazuh 3.13, by ossec-init.conf',
      { '/var/ossec/bin/ossec-agentd': '', '/etc/ossec-init.conf': init('Wazuh', 'v3.13.6') },
      { flavor: 'wazuh', version: 'v3.13.6', account: ossecAccount },
    ],
    [
      'OSSEC 4.1, by its control script',
      { '/var/ossec/bin/ossec-agentd': '', '/var/ossec/bin/ossec-control': 'NAME="OSSEC HIDS"\nVERSION="v4.1.0"\n' },
      { flavor: 'ossec', version: 'v4.1.0', account: ossecAccount },
    ],
    [
      'OSSEC, though ossec-init.conf speaks of a Wazuh elsewhere',
      { '/var/ossec/bin/ossec-agentd': '', '/etc/ossec-init.conf': init('Wazuh', 'v3.13.6', '/opt/wazuh') },
      { flavor: 'ossec', account: ossecAccount },
    ],
    [
      'Wazuh of a version that is none',
      { '/var/ossec/bin/wazuh-agentd': '', '/var/ossec/bin/wazuh-control': 'VERSION="v4.x"\n' },
      { flavor: 'wazuh', account: wazuhAccount },
    ],
  ];
  for (const [what, files, expected] of installed) {
    it(`recognises ${what}`, async () => {
      const { flavor, version, account } = await findUnix({ ...accounts, ...files });
      expect({ flavor, version, account }).to.deep.equal({ flavor: undefined, version: undefined, ...expected });
    });
  }

  it('takes the other account where the expected one is missing, and none where there is half of one', async () => {
    const wazuh = { '/var/ossec/bin/wazuh-agentd': '' };
    const ossecOnly = { '/etc/passwd': 'ossec:x:990:980::/:\n', '/etc/group': 'ossec:x:980:\n' };
    expect((await findUnix({ ...wazuh, ...ossecOnly })).account).to.deep.equal(ossecAccount);
    expect((await findUnix({ ...wazuh, ...ossecOnly, '/etc/group': 'xossec:x:1:\n' })).account).to.equal(undefined);
  });

  it('executes nothing', async () => {
    const system = fakeSystem({ files: { '/var/ossec/bin/wazuh-agentd': '', '/var/ossec/bin/wazuh-control': '' } });
    await findAgent({}, system);
    expect(system.ran).to.deep.equal([]);
  });
});

describe('host/agent-home on Windows', () => {
  const x86 = 'C:\\Program Files (x86)';
  const directories = { programFilesX86: x86, programFiles: 'C:\\Program Files' };
  const find = (files: Record<string, string>, place = {}) =>
    findAgent(place, fakeSystem({ platform: 'windows', directories, files }));

  it('has all files in the installation directory itself', async () => {
    expect(await find({})).to.deep.equal({
      platform: 'windows',
      home: `${x86}\\ossec-agent`,
      keysFile: `${x86}\\ossec-agent\\client.keys`,
      counterFile: `${x86}\\ossec-agent\\rids\\sender_counter`,
      configFile: `${x86}\\ossec-agent\\ossec.conf`,
      passwordFile: `${x86}\\ossec-agent\\authd.pass`,
    } satisfies AgentInstallation);
  });

  it('finds the agent of a 32-bit Windows, and the one that the user names', async () => {
    const home = 'C:\\Program Files\\ossec-agent';
    expect(await find({ [`${home}\\ossec.conf`]: '' })).to.include({ home });
    expect(await find({}, { home: 'D:\\agent\\' })).to.include({
      home: 'D:\\agent',
      keysFile: 'D:\\agent\\client.keys',
    });
    const bare = await findAgent({}, fakeSystem({ platform: 'windows' }));
    expect(bare.home).to.equal(`${x86}\\ossec-agent`);
  });

  const installed: readonly [string, Record<string, string>, string, string | undefined][] = [
    ['Wazuh 4.14', { 'wazuh-agent.exe': '', 'VERSION.json': '{"version":"4.14.7"}' }, 'wazuh', 'v4.14.7'],
    ['Wazuh 4.3', { 'wazuh-agent.exe': '', VERSION: 'v4.3.11\r\n' }, 'wazuh', 'v4.3.11'],
    ['Wazuh 3.13', { 'ossec-agent.exe': '', VERSION: 'v3.13.6' }, 'wazuh', 'v3.13.6'],
    ['OSSEC', { 'ossec-agent.exe': '', 'VERSION.txt': 'OSSEC HIDS v3.7.0 - Installed on x\r\n' }, 'ossec', 'v3.7.0'],
    ['OSSEC without a version', { 'ossec-agent.exe': '' }, 'ossec', undefined],
  ];
  for (const [what, files, flavor, version] of installed) {
    it(`recognises ${what}`, async () => {
      const there = Object.entries(files).map(([name, text]) => [`${x86}\\ossec-agent\\${name}`, text]);
      const found = await find(Object.fromEntries(there));
      expect([found.flavor, found.version]).to.deep.equal([flavor, version]);
    });
  }
});

describe('host/agent-home: the home of a manager', () => {
  for (const program of ['wazuh-remoted', 'ossec-remoted', 'wazuh-manager-remoted', 'ossec-authd']) {
    it(`is told by ${program}, and refused`, async () => {
      const system = fakeSystem({ files: { [`/var/ossec/bin/${program}`]: '' } });
      const error = await refuseManagerHome(await findAgent({}, system), system).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(EnrollError).with.property('code', 'MANAGER_HOME');
    });
  }
  it('is refused too where only the key file is named', async () => {
    const system = fakeSystem({ files: { '/var/ossec/bin/wazuh-remoted': '' } });
    const agent = await findAgent({ home: '/srv/agent', keysFile: '/var/ossec/etc/client.keys' }, system);
    const error = await refuseManagerHome(agent, system).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(EnrollError).with.property('code', 'MANAGER_HOME');
  });
  it('is not seen in an agent, nor on Windows', async () => {
    const system = fakeSystem({ files: { '/var/ossec/bin/wazuh-agentd': '', '/var/ossec/bin/agent-auth': '' } });
    await refuseManagerHome(await findAgent({}, system), system);
    expect(await isManagerHome('C:\\x', fakeSystem({ platform: 'windows' }))).to.equal(false);
  });
});

describe('host/agent-version: parsing', () => {
  it('reads assignments, quoted or not, and no commands', () => {
    expect(parseInit("DIRECTORY='/var/ossec'\nNAME=Wazuh\r\nVERSION=v4.1.5\r\n")).to.deep.equal({
      directory: '/var/ossec',
      flavor: 'wazuh',
      version: 'v4.1.5',
    });
    expect(parseInit('# VERSION="v1.2.3"\n  VERSION="v1.2.3"\nVERSION="$(id) v1"')).to.deep.equal({});
  });
  it('reads VERSION.json of any content', () => {
    expect(parseVersionJson('{"version":"v4.12.0"}')).to.equal('v4.12.0');
    for (const text of ['', '[]', 'null', '{"version":5}', '{"version":"4.12"}', '{"version":"1.2.3.4"}']) {
      expect(parseVersionJson(text)).to.equal(undefined);
    }
  });
});
