import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { apiAccess } from '../../src/journey/key-sources.js';
import type { KeyToReplace } from '../../src/journey/present-key.js';
import { requestKey } from '../../src/journey/request-key.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import { type Endpoint, endpointKey } from '../../src/model/endpoint.js';
import type { AgentInstallation, Host } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { issueCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, NEW, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, NOBODY, note, step } from './journey-scene.js';

const NONE: KeyToReplace = { works: false };
const PASSWORD = 'correct horse';

describe('an authd that is asked for a key', () => {
  let sandbox: Sandbox;
  let agent: AgentInstallation;
  let names = 0;
  let requests: Extract<SandboxEvent, { type: 'request' }>[] = [];
  before(async () => {
    const password = new Secret(PASSWORD);
    const onEvent = (event: SandboxEvent) => {
      if (event.type === 'request') requests.push(event);
    };
    sandbox = await startSandbox({ family: 'wazuh-4', certificate: await issueStockCertificate(), password, onEvent });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
    requests = [];
  });
  afterEach(() => removeHome(agent));

  const asking = (settings: Partial<Settings> = {}, replaced = NONE, asked: Partial<Host> = {}) => {
    const manager = { agent: NOBODY, protocol: 'auto', enrollment: sandbox.endpoints.authd } as const;
    const second = { ...manager, enrollment: NOBODY };
    const journey = journeyOf({
      agent,
      settings: { managers: [manager, second], password: new Secret(Buffer.from(PASSWORD)), ...settings },
    });
    const host: Host = {
      name: { name: `new-${names}` },
      address: { register: { kind: 'any' }, why: '' },
      agent,
      ...asked,
    };
    const by = () => journey.told.flatMap((event) => (event.kind === 'certificate' ? [event.seen.by] : []));
    return { journey, by, came: step(journey, (ready) => requestKey(ready, host, replaced)) };
  };
  const seen = (fingerprint = sandbox.fingerprint) => {
    const known = { fingerprint, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
    return note(agent, {
      managers: new Map([
        [endpointKey(sandbox.endpoints.authd), known],
        ['127.0.0.1:7', known],
      ]),
    });
  };
  const strict = { trust: { insecure: false } };
  const origin = { kind: 'file', path: '/etc/conf' } as const;
  const hearsay = (secrets: readonly string[], at = sandbox.endpoints.authd) => [
    { endpoint: at, origin, secrets: secrets.map((value) => ({ value, origin })) },
  ];

  it('gives one, and the request stays noted until that is on the disk', async () => {
    const { journey, came } = asking();
    const answer = await came;
    expect(answer.kind).to.equal('issued');
    expect(answer).to.have.nested.property('key.record.name', `new-${names}`);
    expect(answer).to.have.deep.nested.property('manager.enrollment', sandbox.endpoints.authd);
    expect(journey.kinds()).to.deep.equal(['method', 'asking', 'certificate', 'obtained']);
    expect((await readNotes(agent, nodeFileEdge())).request).to.include({ name: `new-${names}` });
  });
  it('is told once by its certificate, and that a password went to one that nobody has checked', async () => {
    const taken = sandbox.addAgent({ name: `old-${names}`, ip: `192.0.2.${100 + names}` });
    const address = { register: { kind: 'address', address: taken.ip } as const, why: '' };
    const { journey, came } = asking({ ip: { kind: 'auto' } }, NONE, { address });
    expect(await came).to.have.nested.property('key.record.ip', 'any');
    // Connected to twice: the second time without the address.
    expect(requests).to.have.length(2);
    expect(journey.kinds()).to.deep.equal(['method', 'asking', 'certificate', 'obtained']);
    expect(journey.warnings().join()).to.contain('password').and.contain('not checked');
  });
  it('is shown the present key, unless it is to be replaced by force', async () => {
    const shown = async (settings: Partial<Settings>, replaced: KeyToReplace) => {
      names += 1;
      await asking(settings, replaced).came;
    };
    await shown({}, { works: false, record: NEW });
    await shown({ force: true }, { works: false, record: NEW });
    await shown({}, NONE);
    expect(requests.map(({ hadKeyHash }) => hadKeyHash)).to.deep.equal([true, false, false]);
  });
  it('is shown the certificate of this host where it wants one', async () => {
    const ca = await issueCertificate({ commonName: 'the clients', authority: true });
    const client = await issueCertificate({ commonName: 'web-01', issuer: ca });
    const mutual = await startSandbox({ family: 'wazuh-4', clientCa: ca.certificate, password: new Secret(PASSWORD) });
    try {
      const managers = [{ agent: NOBODY, protocol: 'auto', enrollment: mutual.endpoints.authd } as const];
      const clientCertificate = { certificate: client.certificate, key: client.key };
      const { came } = asking({ managers, clientCertificate });
      expect((await came).kind).to.equal('issued');
      expect(await failure(asking({ managers }).came)).to.include({ code: 'CLIENT_CERTIFICATE_REQUIRED' });
    } finally {
      await mutual.close();
    }
  });
  it('leaves it to the next where another one cannot be what it should', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.9\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const at = (enrollment: Endpoint) => ({ agent: NOBODY, protocol: 'auto', enrollment }) as const;
    const managers = [at({ host: '127.0.0.1', port }), at(sandbox.endpoints.authd)];
    expect((await asking({ managers }).came).kind).to.equal('issued');
    server.close();
  });
  it('refuses for all managers', async () => {
    const { journey, came } = asking({ password: new Secret(Buffer.from('wrong')) });
    expect(await failure(came)).to.include({ code: 'PASSWORD_REFUSED' });
    expect(journey.kinds().filter((kind) => kind === 'asking')).to.have.length(1);
    expect(await readNotes(agent, nodeFileEdge())).to.not.have.property('request');
  });

  describe('is trusted', () => {
    it('by first use, and then by what was seen', async () => {
      const first = asking(strict);
      await first.came;
      expect(first.by()).to.deep.equal(['first use']);
      await seen();
      names += 1;
      const second = asking(strict);
      await second.came;
      expect(second.by()).to.deep.equal(['stored']);
    });
    it('no more where it shows another key than it did', async () => {
      await seen(`sha256:${'ab'.repeat(32)}`);
      expect(await failure(asking(strict).came)).to.include({ code: 'FIRST_USE_MISMATCH' });
    });
    it('by the key that was seen alone, where only a file of others names it and a secret goes there', async () => {
      await seen();
      const guarded = asking({ ...strict, hearsay: hearsay(['the password']) });
      await guarded.came;
      expect(guarded.by()).to.deep.equal(['pin']);
    });
    it('as it would be else, where no secret goes there or it is another service', async () => {
      await seen();
      for (const said of [hearsay([]), hearsay(['the password'], { host: '127.0.0.1', port: 7 })]) {
        names += 1;
        const { by, came } = asking({ ...strict, hearsay: said });
        await came;
        expect(by()).to.deep.equal(['stored']);
      }
    });
  });

  describe('that has the name or the address already', () => {
    let known: AgentRecord;
    beforeEach(() => {
      known = sandbox.addAgent({ name: `old-${names}`, ip: `192.0.2.${names}` });
    });
    const replaced = () => ({ works: false, record: known, tooWide: 'It was open.' }) as const;
    const named = () => ({ name: { name: known.name } });
    const address = (ip: string) => ({
      name: { name: `renamed-${names}` },
      address: { register: { kind: 'address', address: ip } as const, why: '' },
    });

    it('may speak of this very host, where the key is of that name', async () => {
      const { came } = asking({}, replaced(), named());
      const answer = await came;
      expect(answer.kind).to.equal('known');
      expect(answer).to.have.deep.property('outcome', { changed: false, record: known, tooWide: 'It was open.' });
      expect(answer).to.have.nested.property('refusal.code', 'NAME_DUPLICATE');
      const put = await asking({}, { works: false, record: known, changed: true }, named()).came;
      expect(put).to.have.deep.property('outcome', { changed: true, record: known, tooWide: undefined });
    });
    it('may speak of this very host, where the key is for that address', async () => {
      const answer = await asking({}, replaced(), address(known.ip)).came;
      expect(answer).to.have.nested.property('refusal.code', 'IP_DUPLICATE');
    });
    it('may say something else, which is no word of this host', async () => {
      const password = new Secret(Buffer.from('wrong'));
      expect(await failure(asking({ password }, replaced(), address(known.ip)).came)).to.include({
        code: 'PASSWORD_REFUSED',
      });
    });
    it('refuses it to another', async () => {
      const other = { works: false, record: NEW } as const;
      expect(await failure(asking({}, other, named()).came)).to.include({ code: 'NAME_DUPLICATE' });
      expect(await failure(asking({}, other, address(known.ip)).came)).to.include({ code: 'IP_DUPLICATE' });
      expect(await failure(asking({}, NONE, named()).came)).to.include({ code: 'NAME_DUPLICATE' });
    });
    it('refuses it for good with --force', async () => {
      expect(await failure(asking({ force: true }, replaced(), named()).came)).to.include({ code: 'NAME_DUPLICATE' });
    });
  });
});

describe('what a REST API tells of itself', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  it('is told once, until it shows another certificate or is trusted by something else', async () => {
    const journey = journeyOf({ agent });
    const api = { user: 'wazuh', password: new Secret(Buffer.from('x')) };
    const access = await step(journey, async (ready) => apiAccess(ready, 'https://api.example:55000', api));
    const one = { by: 'pin', fingerprint: `sha256:${'ab'.repeat(32)}`, subject: 'CN=api' } as const;
    const other = { ...one, fingerprint: `sha256:${'cd'.repeat(32)}` };
    const refused = { ...other, by: 'refused' } as const;
    for (const seen of [one, one, other, other, refused]) access.onCertificate?.(seen);
    expect(journey.told).to.deep.equal([one, other, refused].map((seen) => ({ kind: 'certificate', seen })));
    access.onWarning?.('Mind.');
    expect(journey.warnings()).to.deep.equal(['Mind.']);
  });
});
