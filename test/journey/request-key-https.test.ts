import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import type { KeyToReplace } from '../../src/journey/present-key.js';
import { requestKey } from '../../src/journey/request-key.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { AgentInstallation, Host } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import type { Discovery } from '../../src/obtain/https/discovery.js';
import { decodeToken } from '../../src/obtain/https/token.js';
import { json } from '../../src/sandbox/https/answers.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox } from '../../src/sandbox/https/options.js';
import { type IssuedCertificate, issueCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, NOBODY, note, step } from './journey-scene.js';

type Requested = Extract<SandboxEvent, { type: 'https request' }>;

const PASSWORD = 'correct horse';
const NONE: KeyToReplace = { works: false };
const strict = { trust: { insecure: false } };

describe('a Wazuh 5 that is asked for a key', function () {
  this.timeout(20_000);
  let certificates: HttpsCertificates;
  let clients: IssuedCertificate;
  let sandbox: HttpsSandbox;
  let agent: AgentInstallation;
  let requests: Requested[] = [];
  let names = 0;
  const onEvent = (event: SandboxEvent) => {
    if (event.type === 'https request' && event.path.endsWith('/enroll')) requests.push(event);
  };
  before(async () => {
    certificates = await issueHttpsCertificates();
    clients = await issueCertificate({ commonName: 'the clients', authority: true });
    sandbox = await startHttpsSandbox({ certificates, password: new Secret(PASSWORD), onEvent, legacy: true });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    requests = [];
    names += 1;
  });
  afterEach(() => removeHome(agent));

  const httpsOf = ({ endpoints: { https } }: HttpsSandbox) => ({ ...https, prefix: 'wazuh-manager' });
  const asking = (settings: Partial<Settings> = {}, replaced = NONE, found?: Discovery | Promise<Discovery>) => {
    const manager = { agent: NOBODY, protocol: 'auto', enrollment: NOBODY, https: httpsOf(sandbox) } as const;
    const journey = journeyOf({
      agent,
      settings: {
        managers: [manager],
        method: { use: 'https', why: 'it is said' },
        password: new Secret(Buffer.from(PASSWORD)),
        ...settings,
      },
    });
    const discoveries = new (class extends Discoveries {
      override of(...given: Parameters<Discoveries['of']>) {
        return found === undefined ? super.of(...given) : Promise.resolve(found);
      }
    })();
    const host: Host = { name: { name: `new-${names}` }, address: { register: { kind: 'any' }, why: '' }, agent };
    const came = step({ ...journey, discoveries }, (ready) => requestKey(ready, host, replaced));
    return {
      journey,
      came,
      by: () => journey.told.flatMap((each) => (each.kind === 'certificate' ? [each.seen.by] : [])),
    };
  };
  const credentials = () => requests.map(({ credential }) => credential);
  const token = (wanted: { anchor?: 'pin' | 'ca'; credential?: boolean } = {}) => {
    const decoded = decodeToken(sandbox.mintToken(wanted).text);
    if (!decoded.ok) throw new Error(decoded.fault);
    return decoded.token;
  };
  const notes = () => readNotes(agent, nodeFileEdge());
  const secretFile = () => join(agent.home, 'etc/reenroll.secret');
  /** An agent of this host, whose own secret and CA lie beside its key. */
  const own = async (ca = sandbox.ca): Promise<AgentRecord> => {
    const first = await asking({ token: token() }).came;
    if (first.kind !== 'issued') throw new Error('It was to be issued.');
    const { record } = first.key;
    const secret = sandbox.reenrollSecret(record.id)?.reveal();
    await writeFile(secretFile(), `${record.id} ${secret}\n`, { mode: 0o640 });
    await mkdir(join(agent.home, 'etc/certs'), { recursive: true });
    await writeFile(join(agent.home, 'etc/certs/root-ca.pem'), ca, { mode: 0o640 });
    requests = [];
    return record;
  };
  /** A port where something else answers than what is looked for. */
  const stranger = async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.9\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    return { at: { host: '127.0.0.1', port }, close: () => server.close() };
  };

  it('is shown the token, and trusted as that says, whatever else is set', async () => {
    for (const anchor of ['pin', 'ca'] as const) {
      names += 1;
      const { came, journey } = asking({ token: token({ anchor }), trust: { pin: 'ab'.repeat(32), insecure: false } });
      expect((await came).kind).to.equal('issued');
      // Connected to more than once.
      expect(journey.kinds()).to.deep.equal(['method', 'asking', 'certificate', 'obtained']);
    }
    expect(credentials()).to.deep.equal(['token', 'token']);
  });
  it('is where the token says', async () => {
    const managers = [{ agent: NOBODY, protocol: 'auto', enrollment: NOBODY } as const];
    const { came } = asking({ token: token(), managers });
    expect((await came).kind).to.equal('issued');
  });
  it('is shown no password beside a token without a credential', async () => {
    await failure(asking({ token: token({ credential: false }) }).came);
    expect(credentials()).to.not.include('password');
  });
  it('is shown the password, and trusted by first use, or by what was seen then', async () => {
    const { came, by, journey } = asking(strict);
    expect((await came).kind).to.equal('issued');
    expect(by()).to.deep.equal(['first use']);
    expect(journey.warnings()).to.have.length(1);
    expect(credentials()).to.deep.equal(['password']);
    const fingerprint = `sha256:${'ab'.repeat(32)}`;
    const { host, port } = sandbox.endpoints.https;
    const seen = { fingerprint, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
    await note(agent, { managers: new Map([[`${host}:${port}`, seen]]) });
    expect(await failure(asking(strict).came)).to.include({ code: 'FIRST_USE_MISMATCH' });
  });
  it('is shown nothing where there is nothing to be shown', async () => {
    const manager = { agent: NOBODY, protocol: 'auto', enrollment: NOBODY, https: httpsOf(sandbox) } as const;
    const journey = journeyOf({ agent, settings: { managers: [manager], method: { use: 'https', why: 'x' } } });
    const host: Host = { name: { name: `new-${names}` }, address: { register: { kind: 'any' }, why: '' }, agent };
    expect(await failure(step(journey, (ready) => requestKey(ready, host, NONE)))).to.include({ exitCode: 5 });
    expect(credentials()).to.deep.equal(['none']);
  });
  it('is shown the certificate of this host where it wants one', async () => {
    const mutual = await startHttpsSandbox({
      certificates,
      password: new Secret(PASSWORD),
      clientCa: clients.certificate,
    });
    try {
      const managers = [{ agent: NOBODY, protocol: 'auto', enrollment: NOBODY, https: httpsOf(mutual) } as const];
      const { certificate, key } = await issueCertificate({ commonName: 'web-01', issuer: clients });
      const { came } = asking({ managers, clientCertificate: { certificate, key } });
      expect((await came).kind).to.equal('issued');
      expect(await failure(asking({ managers }).came)).to.include({ code: 'CLIENT_CERTIFICATE_REQUIRED' });
    } finally {
      await mutual.close();
    }
  });
  it('may have made an agent where its answer is lost: the request stays noted', async () => {
    sandbox.interfere({ route: 'enroll', answer: 'lost', when: 'after' });
    const { came } = asking();
    expect(await failure(came)).to.include({ code: 'ANSWER_LOST' });
    expect((await notes()).request).to.include({ name: `new-${names}` });
  });

  describe('by the own secret of an agent', () => {
    it('gives it another key, over a connection that is trusted by the CA beside its key alone', async () => {
      const record = await own();
      const { came, by } = asking(strict, { works: false, record });
      expect(await came).to.have.nested.property('key.record.id', record.id);
      expect(by()).to.deep.equal(['ca']);
      expect(credentials()).to.deep.equal(['re-enrollment secret']);
    });
    it('is shown nothing where that CA does not vouch for it, nor by another way', async () => {
      const record = await own(clients.certificate);
      expect(await failure(asking({}, { works: false, record }).came)).to.include({ code: 'CERTIFICATE_UNTRUSTED' });
      expect(credentials()).to.deep.equal([]);
    });
    it('takes it for a new agent where the secret is dead, which is removed and told', async () => {
      const record = await own();
      expect(sandbox.removeAgent(record.id)).to.equal(true);
      await sandbox.stopRemoted();
      await sandbox.startRemoted();
      const { came, journey } = asking({}, { works: false, record });
      expect((await came).kind).to.equal('issued');
      expect(credentials()).to.deep.equal(['re-enrollment secret', 'password']);
      expect(await readFile(secretFile(), 'utf8').catch(() => 'removed')).to.equal('removed');
      const told = journey.warnings().filter((text) => text.endsWith('. It was removed, and the host enrolls anew.'));
      expect(told).to.have.length(1);
    });
    it('keeps the secret where another thing was refused', async () => {
      const record = await own();
      sandbox.interfere({ route: 'enroll', answer: json(413, {}) });
      expect(await failure(asking({}, { works: false, record }).came)).to.include({ code: 'REQUEST_REFUSED' });
      expect(requests).to.have.length(1);
      expect(await readFile(secretFile(), 'utf8')).to.contain(record.id);
    });
  });

  describe('that shows itself beside another port', () => {
    const discover = { use: 'authd', why: 'the default', discover: true } as const;
    const found = (at = httpsOf(sandbox)): Discovery => ({
      kind: 'wazuh-5',
      manager: at,
      generation: 'tokens',
      ca: 'published',
    });
    const late = (discovery: Discovery) =>
      new Promise<Discovery>((resolve) => setTimeout(() => resolve(discovery), 150));
    const managersAt = (enrollment: Endpoint) => [{ agent: NOBODY, protocol: 'auto', enrollment } as const];

    it('is asked where the other is no authd', async () => {
      const { at, close } = await stranger();
      const { came, journey } = asking({ managers: managersAt(at), method: discover }, NONE, late(found()));
      expect(await came).to.have.nested.property('key.method', 'https');
      expect(journey.told.flatMap((each) => (each.kind === 'asking' ? [each.method] : []))).to.deep.equal([
        'authd',
        'https',
      ]);
      close();
    });
    it('leaves what was wrong with the first way to be told, where both fail', async () => {
      const { at, close } = await stranger();
      const nowhere = found({ ...NOBODY, prefix: '' });
      const { came } = asking({ managers: managersAt(at), method: discover }, NONE, late(nowhere));
      expect(await failure(came)).to.include({ code: 'TLS_FAILED' });
      close();
    });
    it('is not asked where authd has refused', async () => {
      const { authd } = sandbox.endpoints;
      if (authd === undefined) throw new Error('There is no authd.');
      const settings = { managers: managersAt(authd), method: discover, password: new Secret(Buffer.from('wrong')) };
      expect(await failure(asking(settings, NONE, late(found())).came)).to.include({ code: 'PASSWORD_REFUSED' });
      expect(requests).to.deep.equal([]);
    });
  });
});
