import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { check } from '../../src/journey/check.js';
import { enroll } from '../../src/journey/enroll.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import { endpointKey } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { HTTPS_PORT } from '../../src/model/https-endpoint.js';
import { Secret } from '../../src/model/secret.js';
import { type Dial, directDial } from '../../src/net/connect.js';
import { decodeToken } from '../../src/obtain/https/token.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox, HttpsSandboxOptions, NewToken } from '../../src/sandbox/https/options.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, MACHINE } from './journey-scene.js';

type Requested = Extract<SandboxEvent, { type: 'https request' }>;

const PASSWORD = 'correct horse';
const disk = nodeFileEdge();

describe('a host and a Wazuh 5', function () {
  this.timeout(30_000);
  let certificates: HttpsCertificates;
  let sandbox: HttpsSandbox;
  let agent: AgentInstallation;
  let requests: Requested[] = [];
  const closing: (() => Promise<void>)[] = [];

  before(async () => {
    certificates = await issueHttpsCertificates();
  });
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await removeHome(agent);
  });
  after(() => expect(closing).to.deep.equal([]));

  const manager = async (options: Partial<HttpsSandboxOptions> = {}) => {
    requests = [];
    sandbox = await startHttpsSandbox({
      certificates,
      password: new Secret(PASSWORD),
      onEvent: (event) => {
        if (event.type === 'https request') requests.push(event);
      },
      ...options,
    });
    closing.push(() => sandbox.close());
    return sandbox;
  };
  const token = (wanted: NewToken = {}) => {
    const decoded = decodeToken(sandbox.mintToken(wanted).text);
    if (!decoded.ok) throw new Error(decoded.fault);
    return decoded.token;
  };
  const https = () => ({ ...sandbox.endpoints.https, prefix: 'wazuh-manager' });
  const journey = (settings: Partial<Settings> = {}, facts = MACHINE, edge: Given['edge'] = {}) =>
    journeyOf({
      agent,
      facts,
      edge,
      settings: {
        managers: [
          {
            agent: { host: sandbox.endpoints.https.host, port: 1 },
            protocol: 'auto',
            enrollment: { host: sandbox.endpoints.https.host, port: 1 },
            https: https(),
          },
        ],
        method: { use: 'https', why: 'a token was given' },
        trust: { insecure: false },
        waitMs: 5000,
        ...settings,
      },
    });
  const paths = () => requests.map(({ method, path }) => `${method} ${path.replace('/wazuh-manager', '')}`);
  const at = (name: string) => join(agent.home, 'etc', name);
  const text = (name: string) => readFile(at(name), 'utf8');

  it('is enrolled by a token, and the manager answers its key', async () => {
    await manager();
    const run = journey({ token: token() });
    const { record, changed, link } = await enroll(run);
    expect(changed).to.equal(true);
    expect(link).to.include({ protocol: 'https', family: 'wazuh-5' });
    expect(await text('client.keys')).to.equal(`${record.id} web-01 any ${record.key.reveal()}\n`);
    expect(await text('reenroll.secret')).to.match(new RegExp(`^${record.id} [0-9a-f]{64}\n$`));
    expect((await text('certs/root-ca.pem')).trim()).to.equal(sandbox.ca.replaceAll('\r', '').trim());
    expect((await stat(at('certs/.anchor-committed'))).size).to.equal(0);
    const [first, second, ...proof] = paths();
    expect([first, second]).to.deep.equal(['GET /cacerts', 'POST /enroll']);
    // Startup and shutdown, and what was refused until the manager had read the key.
    expect(proof.length).to.be.within(2, 6);
    expect(new Set(proof)).to.deep.equal(new Set(['POST /control']));
    expect(sandbox.agents().map(({ id, state }) => [id, state])).to.deep.equal([[record.id, 'disconnected']]);
  });

  it('shows nothing before it trusts the manager', async () => {
    await manager();
    await enroll(journey({ token: token() }));
    const [first, second] = requests;
    expect(first?.credential ?? 'none').to.equal('none');
    expect(second?.connection).to.not.equal(first?.connection);
  });

  it('changes nothing the second time, with one request that leaves nothing behind', async () => {
    await manager();
    await enroll(journey({ token: token() }));
    const [key, before] = [await text('client.keys'), sandbox.agents()];
    requests = [];
    const { changed, link } = await enroll(journey({ token: token() }));
    expect({ changed, attempts: link?.attempts }).to.deep.equal({ changed: false, attempts: 1 });
    expect(paths()).to.deep.equal(['POST /control']);
    expect(await text('client.keys')).to.equal(key);
    expect(sandbox.agents()).to.deep.equal(before);
  });

  it('is proven by check, by the CA that lies beside its key', async () => {
    await manager();
    await enroll(journey({ token: token() }));
    requests = [];
    const { link } = await check(journey());
    expect(link).to.include({ protocol: 'https' });
    expect(paths()).to.include('POST /control');
  });

  it('is enrolled by a password and first use, which is noted', async () => {
    await manager();
    const run = journey({ password: new Secret(Buffer.from(PASSWORD)) });
    const { link } = await enroll(run);
    expect(link?.protocol).to.equal('https');
    const { managers } = await readNotes(agent, disk);
    expect([...managers.keys()]).to.deep.equal([endpointKey(sandbox.endpoints.https)]);
    expect(run.warnings().join()).to.match(/nothing vouched for|first use/);
  });

  it('finds a bare name to be a Wazuh 5 where its port shows it', async () => {
    await manager();
    const { host } = sandbox.endpoints.https;
    const bare = { agent: { host, port: 1 }, protocol: 'auto', enrollment: { host, port: 1 } } as const;
    // Its port there is one that the system has chosen.
    const dial = (timeoutMs: number): Dial => {
      const direct = directDial(timeoutMs);
      return (endpoint, signal) => direct(endpoint.port === HTTPS_PORT ? sandbox.endpoints.https : endpoint, signal);
    };
    const settings = { managers: [bare], method: { use: 'authd', why: 'auto', discover: true } } as const;
    const run = journey({ ...settings, password: new Secret(Buffer.from(PASSWORD)) }, MACHINE, { dial });
    const { link } = await enroll(run);
    expect(link?.protocol).to.equal('https');
    expect(run.told.filter(({ kind }) => kind === 'method').at(-1)).to.deep.include({ method: 'https' });
    const { links } = await readNotes(agent, disk);
    expect(links.get(endpointKey(bare.agent))).to.deep.equal({
      protocol: 'https',
      port: 1517,
      prefix: 'wazuh-manager',
    });
    requests = [];
    await enroll(journey(settings, MACHINE, { dial }));
    expect(paths()).to.deep.equal(['POST /control']);
  });

  describe('that does not know its key any more', () => {
    it('is given another one by its own secret, and keeps its id', async () => {
      await manager();
      const { record: first } = await enroll(journey({ token: token() }));
      sandbox.rotateKey(first.id);
      await rm(at('client.keys'));
      requests = [];
      const { record, changed } = await enroll(journey());
      expect({ id: record.id, changed }).to.deep.equal({ id: first.id, changed: true });
      expect(record.key.reveal()).to.not.equal(first.key.reveal());
      expect(requests.filter(({ path }) => path.endsWith('/enroll')).map(({ credential }) => credential)).to.deep.equal(
        ['re-enrollment secret'],
      );
    });

    it('is enrolled by the token where the secret is dead, which is removed', async () => {
      await manager();
      const { record: first } = await enroll(journey({ token: token() }));
      const dead = await text('reenroll.secret');
      sandbox.removeAgent(first.id);
      await sandbox.stopRemoted();
      await sandbox.startRemoted();
      const run = journey({ token: token() });
      const { record } = await enroll(run);
      expect(record.id).to.not.equal(first.id);
      expect(await text('reenroll.secret')).to.not.equal(dead);
      expect(run.kinds()).to.include('rejected');
      expect(run.warnings().join()).to.include('re-enrollment secret');
    });

    it('keeps its key where the manager says that it is signed wrongly: the manager knows the agent', async () => {
      await manager();
      const { record } = await enroll(journey({ token: token() }));
      const key = await text('client.keys');
      sandbox.rotateKey(record.id);
      await sandbox.stopRemoted();
      await sandbox.startRemoted();
      expect((await failure(enroll(journey({ token: token(), waitMs: 300 })))).exitCode).to.equal(7);
      expect(await text('client.keys')).to.equal(key);
    });
  });

  it('--force gets a new key by the secret', async () => {
    await manager();
    const { record: first } = await enroll(journey({ token: token() }));
    const { record, changed } = await enroll(journey({ token: token(), force: true }));
    expect({ id: record.id, changed }).to.deep.equal({ id: first.id, changed: true });
    expect(record.key.reveal()).to.not.equal(first.key.reveal());
  });

  it('enrolls as itself where it is a copy, and does not use the secret of the original', async () => {
    await manager();
    await enroll(journey({ token: token() }));
    requests = [];
    const elsewhere = { hostname: 'web-02', files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };
    const { record } = await enroll(journey({ token: token() }, elsewhere));
    expect([record.id, record.name]).to.deep.equal(['002', 'web-02']);
    expect(requests.filter(({ path }) => path.endsWith('/enroll')).map(({ credential }) => credential)).to.deep.equal([
      'token',
    ]);
  });

  it('never asks on the old port where it has what only a Wazuh 5 gives', async () => {
    await manager({ legacy: true });
    await enroll(journey({ token: token() }));
    await sandbox.stopRemoted();
    await writeFile(at('client.keys'), '');
    const { authd, agent: messages } = sandbox.endpoints;
    if (authd === undefined || messages === undefined) throw new Error('no legacy ports');
    const bare = { agent: messages, protocol: 'auto', enrollment: authd } as const;
    const run = journey({ managers: [bare], method: { use: 'authd', why: 'auto', discover: true } });
    expect((await failure(enroll(run))).exitCode).to.equal(3);
    expect(
      run.told
        .filter(({ kind }) => kind === 'asking')
        .every((event) => event.kind === 'asking' && event.method === 'https'),
    ).to.equal(true);
  });

  it('ends with 8 where the answer is lost, and the next run tells of it', async () => {
    await manager({ oddities: ['lost-answer'] });
    expect((await failure(enroll(journey({ token: token() })))).exitCode).to.equal(8);
    expect(await readNotes(agent, disk)).to.have.nested.property('request.name', 'web-01');
  });
});
