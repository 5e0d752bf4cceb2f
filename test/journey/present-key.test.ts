import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import { boundTo } from '../../src/journey/machine-binding.js';
import { tryPresentKey } from '../../src/journey/present-key.js';
import { NOTHING_KNOWN } from '../../src/keystore/notes/notes.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import { type Endpoint, endpointKey } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { Settings } from '../../src/settings/settings.js';
import { systemError, watched } from '../files/faulty.js';
import { fakeSystem, never } from '../host/fake-system.js';
import { failure, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { LOAD } from '../load.js';
import { type Given, journeyOf, note, REQUEST, step, withDaemon } from './journey-scene.js';

const CLOSED = { host: '127.0.0.1', port: 1 };
/** Another machine. */
const ELSEWHERE = { files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };

describe('the key that is there', () => {
  let sandbox: Sandbox;
  let known: AgentRecord;
  let agent: AgentInstallation;
  let balancer: Server;
  const taken = new Set<Socket>();
  let names = 0;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate: await issueStockCertificate(), keyReloadMs: 10 });
    // Takes connections and closes them, as one does whose manager is down.
    balancer = createServer((socket) => {
      taken.add(socket.on('error', () => {}).on('close', () => taken.delete(socket)));
      socket.end();
    });
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    for (const socket of taken) socket.destroy();
    balancer.close();
    await sandbox.close();
  });
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
    known = sandbox.addAgent({ name: `web-${names}` });
    await put(known);
  });
  afterEach(() => removeHome(agent));

  const put = (key: AgentRecord) => writeFile(agent.keysFile, line(key), { mode: 0o640 });
  const tried = (
    settings: Partial<Settings> = {},
    given: Partial<Given> = {},
    at: Endpoint = sandbox.endpoints.agent,
  ) => {
    const managers = [{ agent: at, protocol: 'tcp', enrollment: CLOSED }] as const;
    const journey = journeyOf({ agent, settings: { managers, waitMs: 2000, ...settings }, ...given });
    return { journey, came: step({ ...journey, discoveries: new Discoveries() }, tryPresentKey) };
  };
  const balanced = (): Endpoint => {
    const address = balancer.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { host: '127.0.0.1', port: address.port };
  };

  it('is kept where the manager acknowledges it', async () => {
    const { journey, came } = tried();
    const present = await came;
    expect(present).to.include({ works: true, changed: false });
    expect(present.record?.id).to.equal(known.id);
    expect(present).to.have.nested.property('link.protocol', 'tcp');
    expect(present).to.not.have.any.keys('tooWide', 'agents');
    expect(journey.kinds()).to.deep.equal(['present', 'proving', 'proved']);
  });
  it('is none where there is none', async () => {
    const { came } = tried({}, { agent: await scratchHome(['etc', 'queue/rids']) });
    expect(await came).to.deep.equal({ works: false });
  });
  it('is kept untried where no handshake is wanted', async () => {
    await put(OLD);
    const { journey, came } = tried({ handshake: false });
    const present = await came;
    expect(present).to.include({ works: true, changed: false, link: undefined });
    expect(journey.kinds()).to.deep.equal(['present']);
  });
  it('is told to be open to others, whether it works or not', async () => {
    await chmod(agent.keysFile, 0o644);
    for (const settings of [{}, { force: true }]) {
      expect(await tried(settings).came)
        .to.have.property('tooWide')
        .that.contains('mode 0644');
    }
  });
  it('says what was asked for and is not done', async () => {
    const { journey, came } = tried({ groups: ['linux'] });
    await came;
    expect(journey.warnings().join()).to.contain('the groups linux');
  });

  describe('with --force', () => {
    it('is to be replaced untried', async () => {
      const { journey, came } = tried({ force: true });
      const present = await came;
      expect(present).to.include({ works: false });
      expect(present.record?.id).to.equal(known.id);
      expect(journey.kinds()).to.deep.equal(['present']);
    });
    it('counts as none where it is broken, which else is for somebody to look at', async () => {
      await writeFile(agent.keysFile, 'rubbish\n', { mode: 0o640 });
      expect(await tried({ force: true }).came).to.deep.equal({ works: false });
      expect(await failure(tried().came)).to.include({ code: 'KEYS_INVALID' });
    });
  });

  describe('that the manager does not know', () => {
    beforeEach(() => put(OLD));
    it('is to be replaced, which is told with why', async () => {
      const { journey, came } = tried({ waitMs: 300 * LOAD });
      const present = await came;
      expect(present).to.include({ works: false });
      expect(present.record?.id).to.equal('001');
      expect(journey.told.find(({ kind }) => kind === 'rejected')).to.have.property(
        'why',
        'The manager does not acknowledge this key (agent 001 web-01), so this host enrolls again',
      );
    });
    it('is kept where keys are never to be replaced', async () => {
      expect(await failure(tried({ waitMs: 300 * LOAD, reenroll: 'never' }).came)).to.include({
        code: 'LINK_NOT_ACKNOWLEDGED',
      });
    });
  });

  describe('that nobody answers', () => {
    const acknowledged = () => note(agent, { acknowledged: `${known.id} ${known.name}` });
    it('is kept where the port is closed', async () => {
      await acknowledged();
      for (const reenroll of ['certain', 'likely'] as const) {
        expect(await failure(tried({ waitMs: 200 * LOAD, reenroll }, {}, CLOSED).came)).to.include({
          code: 'LINK_PORT_CLOSED',
        });
      }
    });
    it('is kept behind a balancer, unless that is to be enough and it was acknowledged before', async () => {
      for (const reenroll of ['certain', 'likely'] as const) {
        expect(await failure(tried({ waitMs: 300 * LOAD, reenroll }, {}, balanced()).came)).to.include({
          code: 'LINK_UNANSWERED',
        });
      }
      await acknowledged();
      expect(await tried({ waitMs: 300 * LOAD, reenroll: 'likely' }, {}, balanced()).came).to.include({ works: false });
      for (const reenroll of ['certain', 'never'] as const) {
        expect(await failure(tried({ waitMs: 300 * LOAD, reenroll }, {}, balanced()).came)).to.include({
          code: 'LINK_UNANSWERED',
        });
      }
    });
    it('is waited for as long as a manager may take to read it, and no longer', async () => {
      const { journey, came } = tried({ waitMs: 60_000 });
      await came;
      expect(journey.told.find(({ kind }) => kind === 'proving')).to.have.property('waitMs', 12_000);
    });
  });

  describe('with which an agent runs', () => {
    it('is kept on its word', async () => {
      const { journey, came } = tried({}, { facts: withDaemon(agent, 'connected') });
      expect(await came).to.include({ works: true, changed: false, link: undefined });
      expect(journey.kinds()).to.deep.equal(['present', 'daemon']);
    });
    it('is kept where that word proves nothing, and the run ends', async () => {
      expect(await failure(tried({}, { facts: withDaemon(agent, 'pending') }).came)).to.include({
        code: 'AGENT_NOT_CONNECTED',
      });
    });
  });

  describe('of another machine', () => {
    beforeEach(async () => {
      const edge = { ...journeyOf({ agent }).edge, system: fakeSystem(ELSEWHERE) };
      const binding = await boundTo(NOTHING_KNOWN, known, edge, never);
      await note(agent, binding === undefined ? {} : { binding });
    });
    it('is neither used nor shown', async () => {
      for (const settings of [{}, { force: true }, { handshake: false }]) {
        const { journey, came } = tried(settings);
        const present = await came;
        expect(present).to.have.all.keys('works', 'copied').and.include({ works: false });
        expect(journey.kinds()).to.deep.equal(['present']);
      }
    });
    it('is used where machines are not to be told apart', async () => {
      expect(await tried({ machineBinding: false }).came).to.include({ works: true });
    });
  });

  describe('and one that a killed run has left', () => {
    /** The key is what the request of a killed run came to. */
    const left = async (key: AgentRecord) => {
      await note(agent, { request: { ...REQUEST, name: key.name } });
      await writeFile(join(dirname(agent.keysFile), '.client.keys.agent-enroll-aaaaaaaa.tmp'), line(key));
    };
    const present = async (...given: Parameters<typeof tried>) => {
      const { journey, came } = tried(...given);
      const outcome = await came;
      const { works, record } = outcome;
      const { request, binding } = await readNotes(agent, nodeFileEdge());
      return {
        kinds: journey.kinds(),
        works,
        changed: 'changed' in outcome && outcome.changed === true,
        id: record?.id,
        file: await readFile(agent.keysFile, 'utf8').catch(() => 'none'),
        open: request !== undefined,
        bound: binding?.agentId,
        others: binding?.othersNames,
      };
    };
    const newer = () => sandbox.addAgent({ name: `web-${names}-new` });

    it('is that one where there is no other, put in its place before it is tried', async () => {
      const binding = await boundTo(NOTHING_KNOWN, OLD, journeyOf({ agent }).edge, never);
      await note(agent, binding === undefined ? {} : { binding });
      await rm(agent.keysFile);
      await left(known);
      const { journey, came } = tried();
      expect(await came).to.include({ works: true, changed: true });
      expect(journey.kinds()).to.deep.equal(['left', 'installed', 'present', 'proving', 'proved']);
      const { request, binding: now } = await readNotes(agent, nodeFileEdge());
      expect({ request, of: now?.agentId }).to.deep.equal({ request: undefined, of: known.id });
      expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(known));
    });
    it('is that one where the manager acknowledges it, which then takes its place', async () => {
      const key = newer();
      await left(key);
      const { kinds, ...rest } = await present();
      expect(kinds).to.deep.equal(['left', 'present', 'proving', 'proved', 'installed']);
      expect(rest).to.deep.equal({
        ...{ works: true, changed: true, id: key.id, file: line(key), open: false, bound: key.id, others: [] },
      });
    });
    it('remembers the name of the other machine whose key it takes the place of', async () => {
      const edge = { ...journeyOf({ agent }).edge, system: fakeSystem(ELSEWHERE) };
      const binding = await boundTo(NOTHING_KNOWN, known, edge, never);
      if (binding === undefined) throw new Error('Nothing is known of that machine.');
      await note(agent, { binding });
      await left(newer());
      expect(await present()).to.deep.include({ works: true, others: [known.name] });
    });
    it('is the older one where the manager does not acknowledge the newer', async () => {
      await left(OLD);
      const { kinds, ...rest } = await present({ waitMs: 600 * LOAD });
      expect(kinds).to.deep.equal(['left', 'present', 'proving', 'rejected', 'present', 'proving', 'proved']);
      expect(rest).to.deep.include({ works: true, changed: false, id: known.id, file: line(known), open: true });
    });
    it('is the older one where no message is sent that would prove the newer', async () => {
      await left(newer());
      const untried = await present({ handshake: false });
      expect(untried).to.deep.include({ kinds: ['left', 'present'], works: true, id: known.id, open: true });
      const beside = await present({}, { facts: withDaemon(agent, 'connected') });
      expect(beside).to.deep.include({ kinds: ['left', 'present', 'daemon'], works: true, id: known.id, open: true });
    });
    it('is the older one with --force, which replaces both', async () => {
      await left(newer());
      expect(await present({ force: true })).to.deep.include({ kinds: ['present'], works: false, id: known.id });
    });
    it('is the older one where nothing was left', async () => {
      await note(agent, { request: REQUEST });
      expect(await present()).to.deep.include({ kinds: ['present', 'proving', 'proved'], id: known.id, open: true });
    });
    it('needs a new start of the agent that runs', async () => {
      await rm(agent.keysFile);
      await left(known);
      const { came } = tried({}, { facts: withDaemon(agent, 'connected') });
      expect(await failure(came)).to.include({ code: 'AGENT_RESTART_NEEDED' });
      expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(known));
    });
  });

  it('is tried first by the way that worked before', async () => {
    const { agent: at } = sandbox.endpoints;
    await note(agent, {
      acknowledged: `${known.id} ${known.name}`,
      links: new Map([[endpointKey(at), { protocol: 'udp', cipher: 'blowfish' }]]),
    });
    const { journey, came } = tried({ managers: [{ agent: at, protocol: 'auto', enrollment: CLOSED }] });
    await came;
    expect(journey.told.find(({ kind }) => kind === 'attempt')).to.have.property('protocol', 'udp');
  });
  it('stays an unreadable one with --force: nobody knows what it holds', async () => {
    const disk = watched(nodeFileEdge(), (operation, path) => {
      if (operation === 'open r' && path === agent.keysFile) throw systemError('EIO');
    });
    expect(await failure(tried({ force: true }, { disk }).came)).to.include({ code: 'FILE_UNREADABLE' });
  });
  it('is not replaced for what is no matter of the key', async () => {
    await writeFile(agent.counterFile, '0:1:');
    const disk = watched(nodeFileEdge(), (operation, path) => {
      if (operation === 'read' && path === agent.counterFile) throw systemError('EIO');
    });
    expect(await failure(tried({ reenroll: 'likely' }, { disk }).came)).to.include({ code: 'FILE_UNREADABLE' });
  });
});
