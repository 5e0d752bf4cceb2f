import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { checkConfig, type UsedManager, writeConfig } from '../../src/journey/configure.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { ManagerSettings } from '../../src/settings/settings.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, OTHER } from '../files/scratch.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf } from './journey-scene.js';

const manager = (host: string, port = 1514, protocol: ManagerSettings['protocol'] = 'auto'): ManagerSettings => ({
  agent: { host, port },
  protocol,
  enrollment: { host, port: 1515 },
});
const SIEM = manager('siem.example');
const CONF =
  '<ossec_config>\n  <client>\n    <server>\n      <address>MANAGER_IP</address>\n    </server>\n  </client>\n</ossec_config>\n';

describe('ossec.conf and the manager that was used', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc']);
    await writeFile(agent.configFile, CONF, { mode: 0o660 });
    await chmod(agent.configFile, 0o660);
  });
  afterEach(() => removeHome(agent));

  const journey = (managers: readonly ManagerSettings[] = [SIEM], given: Partial<Given> = {}) =>
    journeyOf({ agent, settings: { managers, writeConfig: true }, ...given });
  const text = () => readFile(agent.configFile, 'utf8');
  const written = async (managers: readonly ManagerSettings[], used?: UsedManager, home = agent) => {
    await writeConfig(journey(managers, { agent: home }), used);
    return await text();
  };
  /** Both the rehearsal and the work itself fail so. */
  const refused = async (given: Partial<Given> = {}) => {
    const first = await failure(checkConfig(journey([SIEM], given)));
    const second = await failure(writeConfig(journey([SIEM], given)));
    expect([second.code, second.message]).to.deep.equal([first.code, first.message]);
    return first;
  };

  it('is pointed at the one that answered, of several', async () => {
    const managers = [SIEM, manager('siem.example', 1614), manager('other.example', 1614)];
    const second = await written(managers, { endpoint: { host: 'siem.example', port: 1614 } });
    expect(second).to.contain('<address>siem.example</address>').and.contain('<port>1614</port>');
    const third = await written(managers, { endpoint: { host: 'other.example', port: 1614 } });
    expect(third).to.contain('<address>other.example</address>');
    // Of one that is not among them nothing is known.
    expect(await written(managers, { endpoint: { host: 'third.example', port: 1514 } })).to.contain(
      '<address>siem.example</address>',
    );
  });
  it('has the protocol that worked, or that was asked for, and else keeps its own', async () => {
    expect(await written([SIEM])).to.not.contain('<protocol>');
    expect(await written([SIEM], { protocol: 'https' })).to.not.contain('<protocol>');
    expect(await written([SIEM], { protocol: 'udp' })).to.contain('<protocol>udp</protocol>');
    expect(await written([manager('siem.example', 1514, 'tcp')])).to.contain('<protocol>tcp</protocol>');
  });
  it('is written as the agent that is installed reads it', async () => {
    await writeFile(agent.configFile, '');
    expect(await written([SIEM], {}, { ...agent, flavor: 'ossec' })).to.contain('<server-hostname>siem.example');
    await writeFile(agent.configFile, '');
    expect(await written([SIEM], {}, { ...agent, flavor: 'wazuh', version: 'v4.14.7' })).to.match(
      /<server>\s*<address>siem\.example/,
    );
    await writeFile(agent.configFile, '');
    expect(await written([SIEM], {}, { ...agent, flavor: 'wazuh', version: 'v5.0.0' })).to.contain(
      '<endpoint>siem.example</endpoint>',
    );
  });
  it('names the interface of a link-local address by its number', async () => {
    expect(await written([manager('fe80::1%7')])).to.contain('<interface_index>7</interface_index>');
    await writeFile(agent.configFile, CONF);
    expect(await written([SIEM])).to.not.contain('interface_index');
  });
  it('is left alone where nobody asked for it, and where there is no manager', async () => {
    await writeConfig(journeyOf({ agent, settings: { managers: [SIEM] } }));
    await checkConfig(journey([]));
    await writeConfig(journey([]));
    expect(await text()).to.equal(CONF);
  });

  it('keeps its mode and its owner, unless everybody could change it', async () => {
    if (isRoot) await chown(agent.configFile, 0, OTHER.gid);
    await chmod(agent.configFile, 0o600);
    await written([SIEM]);
    const kept = await stat(agent.configFile);
    expect(kept.mode & 0o7777).to.equal(0o600);
    if (isRoot) expect(kept.gid).to.equal(OTHER.gid);
    await chmod(agent.configFile, 0o666);
    const run = journey([manager('other.example')]);
    await writeConfig(run);
    expect((await stat(agent.configFile)).mode & 0o7777).to.equal(0o660);
    expect(run.warnings()).to.deep.equal([
      `${agent.configFile} had mode 0666: everybody could change it. It has the right mode now.`,
    ]);
    const again = journey([manager('siem.example')]);
    await writeConfig(again);
    expect(again.warnings()).to.deep.equal([]);
  });

  it('is missed before anybody is asked for a key', async () => {
    const missing = {
      code: 'FILE_UNREADABLE',
      message: `There is no ${agent.configFile} to point at the manager.`,
      hint: 'Install the agent first, name its home with --agent-home, or leave --write-config out.',
    };
    await rm(agent.configFile);
    expect(await refused()).to.include(missing);
    await rm(dirname(agent.configFile), { recursive: true });
    expect(await refused()).to.include(missing);
    await writeFile(dirname(agent.configFile), '');
    expect(await refused()).to.include(missing);
    await rm(dirname(agent.configFile));
    await mkdir(dirname(agent.configFile));
  });
  it('is not touched in UTF-16, which no agent reads', async () => {
    for (const bytes of [
      [0xff, 0xfe],
      [0xfe, 0xff],
    ]) {
      await writeFile(agent.configFile, Buffer.from([...bytes, 0, 0]));
      expect(await refused()).to.include({
        code: 'CONFIG_UNCLEAR',
        message: `${agent.configFile} is in UTF-16, which an agent cannot read. Nothing was changed in it.`,
        hint: 'Save it as UTF-8 without a byte order mark, or leave --write-config out.',
      });
    }
  });
  it('is said to be unreadable where it is that', async () => {
    const disk = watched(nodeFileEdge(), (operation, path) => {
      if (operation === 'read' && path === agent.configFile) throw systemError('EIO');
    });
    expect(await refused({ disk })).to.include({
      code: 'FILE_UNREADABLE',
      message: `${agent.configFile} cannot be read: the disk reports an input/output error (EIO).`,
    });
  });
  it('is said to be unwritable where it is that', async () => {
    const disk = watched(nodeFileEdge(), (operation) => {
      if (operation === 'open wx') throw systemError('EROFS');
    });
    expect(await refused({ disk })).to.include({
      code: 'FILE_UNWRITABLE',
      message: `${agent.configFile} cannot be written: the file system is read-only (EROFS).`,
    });
  });
});
