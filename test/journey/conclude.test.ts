import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { conclude, type Outcome } from '../../src/journey/conclude.js';
import type { ManagerLink } from '../../src/journey/manager-link.js';
import { notesPath, readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, filesBelow, line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, note, REQUEST, replacing, step, type ToldJourney } from './journey-scene.js';

const disk = nodeFileEdge();
const LINK: ManagerLink = {
  protocol: 'tcp',
  cipher: 'aes',
  family: 'wazuh-4',
  attempts: 2,
  ms: 7,
  endpoint: { host: 'siem.example', port: 1514 },
};
const SEEN = { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
const KEPT: Outcome = { changed: false, record: OLD, link: LINK };

describe('what a journey that went well ends with', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    await writeFile(agent.keysFile, line(OLD), { mode: 0o640 });
  });
  afterEach(() => removeHome(agent));

  const end = async (outcome: Outcome, given: Omit<Given, 'agent'> = {}): Promise<ToldJourney> => {
    const journey = journeyOf({ agent, ...given });
    const { changed, record, link } = await step(journey, (ready) => conclude(ready, outcome));
    expect({ changed, record, link }).to.deep.equal({
      changed: outcome.changed,
      record: outcome.record,
      link: outcome.link,
    });
    return journey;
  };
  const notes = () => readNotes(agent, disk);

  it('is remembered: who acknowledged the key, how, and on which machine', async () => {
    await end(KEPT);
    const { acknowledged, links, binding } = await notes();
    expect(acknowledged).to.equal('001 web-01');
    expect([...links]).to.deep.equal([['siem.example:1514', { protocol: 'tcp', cipher: 'aes', family: 'wazuh-4' }]]);
    expect(binding?.agentId).to.equal('001');
  });

  it('is written once, all of it, and not at all where it is known', async () => {
    // Something that stays: notes without anything in them are no file.
    await note(agent, { request: REQUEST, managers: new Map([['siem.example:1515', SEEN]]) });
    const written: string[] = [];
    const counting = replacing((path) => {
      written.push(path);
    });
    await end(KEPT, { disk: counting });
    expect(written).to.deep.equal([notesPath(agent)]);
    await end(KEPT, { disk: counting });
    expect(written).to.have.length(1);
  });

  it('says of a key nothing that was not found out', async () => {
    await end(KEPT);
    const before = await notes();
    const { link: _, ...untested } = KEPT;
    await end(untested);
    expect(await notes()).to.deep.equal(before);
    await end({ ...untested, record: NEW, changed: true }, { settings: { handshake: false } });
    expect((await notes()).acknowledged).to.equal('001 web-01');
  });

  describe('how the link was proven', () => {
    const other = {
      ...LINK,
      protocol: 'udp',
      cipher: 'blowfish',
      endpoint: { host: '2001:db8::1', port: 1514 },
    } as const;

    it('is kept of each manager that acknowledged this key', async () => {
      await end(KEPT);
      await end({ ...KEPT, link: other });
      expect([...(await notes()).links.keys()]).to.deep.equal(['siem.example:1514', '[2001:db8::1]:1514']);
    });

    it('is of no weight for another key', async () => {
      await end(KEPT);
      await end({ changed: true, record: NEW, link: other });
      const { acknowledged, links } = await notes();
      expect(acknowledged).to.equal('002 web-01');
      expect([...links.keys()]).to.deep.equal(['[2001:db8::1]:1514']);
    });

    it('keeps the family where a later proof does not tell it', async () => {
      await end(KEPT);
      const { family: _, ...untold } = LINK;
      await end({ ...KEPT, link: { ...untold, protocol: 'udp' } });
      expect((await notes()).links.get('siem.example:1514')).to.deep.equal({
        protocol: 'udp',
        cipher: 'aes',
        family: 'wazuh-4',
      });
      await end({ changed: true, record: NEW, link: untold });
      expect((await notes()).links.get('siem.example:1514')).to.not.have.property('family');
    });
  });

  describe('how the link to a Wazuh 5 was proven', () => {
    const https: ManagerLink = { protocol: 'https', family: 'wazuh-5', attempts: 1, ms: 3, endpoint: LINK.endpoint };
    it('is kept with where that was, by the port that it is named with', async () => {
      await end({ ...KEPT, link: { ...https, https: { host: 'siem.example', port: 2517, prefix: 'gw' } } });
      expect([...(await notes()).links]).to.deep.equal([
        ['siem.example:1514', { protocol: 'https', port: 2517, prefix: 'gw' }],
      ]);
      await end({ ...KEPT, link: https });
      expect([...(await notes()).links]).to.deep.equal([
        ['siem.example:1514', { protocol: 'https', port: 1517, prefix: 'wazuh-manager' }],
      ]);
    });
    it('is kept beside those to others, and gives way to messages without its family', async () => {
      await end(KEPT);
      await end({ ...KEPT, link: { ...https, endpoint: { host: 'other.example', port: 1514 } } });
      expect([...(await notes()).links.keys()]).to.deep.equal(['siem.example:1514', 'other.example:1514']);
      const { family: _, ...untold } = LINK;
      await end({ ...KEPT, link: { ...untold, endpoint: { host: 'other.example', port: 1514 } } });
      expect((await notes()).links.get('other.example:1514')).to.deep.equal({ protocol: 'tcp', cipher: 'aes' });
    });
  });

  describe('a request of an earlier run that had no end', () => {
    beforeEach(() => note(agent, { request: REQUEST }));

    it('is closed without a word where it was for this agent', async () => {
      const { warnings } = await end(KEPT);
      expect(warnings()).to.deep.equal([]);
      expect(await notes()).to.not.have.property('request');
    });

    it('is told and closed where it was for another', async () => {
      await note(agent, { request: { ...REQUEST, name: 'db-07' } });
      const { warnings } = await end(KEPT);
      expect(warnings()).to.have.length(1);
      expect(warnings()[0]).to.contain('db-07').and.contain(REQUEST.manager).and.contain(REQUEST.startedAt);
      expect(await notes()).to.not.have.property('request');
      expect((await end(KEPT)).warnings()).to.deep.equal([]);
    });

    it('stays open, untold, where nobody knows whether the key works', async () => {
      await note(agent, { request: { ...REQUEST, name: 'db-07' } });
      const { link: _, ...untested } = KEPT;
      const { warnings } = await end(untested, { settings: { handshake: false } });
      expect(warnings()).to.deep.equal([]);
      expect((await notes()).request?.name).to.equal('db-07');
    });

    it('is closed by a key that this run has put in its place, tested or not', async () => {
      await end({ changed: true, record: OLD }, { settings: { handshake: false } });
      expect(await notes()).to.not.have.property('request');
    });
  });

  it('leaves nothing of killed runs beside a key that was acknowledged, and all of it beside one that was not', async () => {
    const left = join(dirname(agent.keysFile), '.client.keys.agent-enroll-aaaaaaaa.tmp');
    await writeFile(left, line(NEW));
    const { link: _, ...untested } = KEPT;
    await end(untested);
    await end(untested, { settings: { handshake: false } });
    expect(await filesBelow(dirname(agent.keysFile))).to.deep.equal([basename(left), 'client.keys']);
    await end(KEPT);
    expect(await filesBelow(dirname(agent.keysFile))).to.deep.equal(['client.keys']);
  });

  describe('a client.keys that others could use', () => {
    const outcome = { ...KEPT, tooWide: 'It had mode 0666.' };
    const mode = async () => (await stat(agent.keysFile)).mode & 0o7777;
    beforeEach(() => chmod(agent.keysFile, 0o666));

    it('is narrowed, with a warning that says both', async () => {
      const { ino } = await stat(agent.keysFile);
      const { warnings } = await end(outcome);
      expect(await mode()).to.equal(0o640);
      expect(warnings()).to.deep.equal(['It had mode 0666. It has the right mode now.']);
      expect((await stat(agent.keysFile)).ino).to.equal(ino);
      expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
    });

    it('is not spoken of where this run has put another in its place', async () => {
      await chmod(agent.keysFile, 0o640);
      const { warnings } = await end({ ...outcome, changed: true });
      expect(warnings()).to.deep.equal([]);
    });

    it('is an error where it cannot be narrowed, and nothing says that it was', async () => {
      const stuck = watched(nodeFileEdge(), (operation, path) => {
        if (operation === 'chmod' && path === agent.keysFile) throw systemError('EPERM');
      });
      const journey = journeyOf({ agent, disk: stuck });
      const error = await failure(step(journey, (ready) => conclude(ready, outcome)));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(journey.warnings()).to.deep.equal([]);
    });
  });

  describe('the machine that the key is on', () => {
    it('is not noted where that is not wanted, and what was noted stays', async () => {
      const settings = { machineBinding: false };
      await end(KEPT, { settings });
      expect(await notes()).to.not.have.property('binding');
      await end(KEPT);
      const { binding } = await notes();
      await end(KEPT, { settings });
      expect((await notes()).binding).to.deep.equal(binding);
    });

    it('is not waited for once the run is to stop, and then nothing is noted', async () => {
      const journey = journeyOf({ agent });
      const stop = new AbortController();
      const work = step(journey, (ready) => {
        stop.abort(new Error('stop'));
        return conclude({ ...ready, signal: stop.signal }, KEPT);
      });
      await failure(work);
      expect(await notes()).to.not.have.property('acknowledged');
    });
  });

  describe('and --write-config', () => {
    const CONF =
      '<ossec_config>\n  <client>\n    <server>\n      <address>MANAGER_IP</address>\n    </server>\n  </client>\n</ossec_config>\n';
    const managers = [{ agent: LINK.endpoint, protocol: 'auto', enrollment: LINK.endpoint }] as const;
    const settings = { writeConfig: true, managers };

    it('points ossec.conf at the manager that answered, once it is remembered', async () => {
      await writeFile(agent.configFile, CONF, { mode: 0o660 });
      const written: string[] = [];
      const disk = replacing((path) => {
        written.push(path);
      });
      const { told } = await end(KEPT, { settings, disk });
      expect(await readFile(agent.configFile, 'utf8')).to.match(
        /<address>siem\.example<\/address>\s*<port>1514<\/port>\s*<protocol>tcp<\/protocol>/,
      );
      expect(told.at(-1)).to.deep.equal({ kind: 'configured', file: agent.configFile, changed: true });
      expect(written).to.deep.equal([notesPath(agent), agent.configFile]);
      const again = await end(KEPT, { settings, disk });
      expect(again.told.at(-1)).to.deep.equal({ kind: 'configured', file: agent.configFile, changed: false });
      expect(written).to.have.length(2);
    });

    it('tells a Wazuh 5 as what the agent is to enroll, with the groups of a key that is new', async () => {
      const https = { host: 'siem.example', port: 1517, prefix: 'wazuh-manager' };
      const conf = async (outcome: Outcome, groups: readonly string[]) => {
        await writeFile(agent.configFile, '', { mode: 0o660 });
        await end(outcome, { settings: { ...settings, managers: [{ ...managers[0], https }], groups } });
        return await readFile(agent.configFile, 'utf8');
      };
      const fresh = { ...KEPT, changed: true };
      expect(await conf(fresh, ['a', 'b'])).to.match(
        /<agent_name>web-01<\/agent_name>\s*<groups>a,b<\/groups>\s*<\/enrollment>/,
      );
      expect(await conf(fresh, [])).to.match(/<agent_name>web-01<\/agent_name>\s*<\/enrollment>/);
      expect(await conf(KEPT, ['a'])).to.match(/<agent_name>web-01<\/agent_name>\s*<\/enrollment>/);
    });

    it('leaves ossec.conf alone where nobody asked for it', async () => {
      await writeFile(agent.configFile, CONF, { mode: 0o660 });
      const { kinds } = await end(KEPT);
      expect(await readFile(agent.configFile, 'utf8')).to.equal(CONF);
      expect(kinds()).to.deep.equal([]);
    });
  });
});
