import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { bindingOf, saltedHash } from '../../src/host/binding.js';
import { type CheckedLink, check } from '../../src/journey/check.js';
import { CHECK_IDS, type Check, type CheckId } from '../../src/journey/checks/finding.js';
import { notesDirectory } from '../../src/keystore/notes/notes-directory.js';
import { notesPath, readNotes } from '../../src/keystore/notes/notes-file.js';
import { type AgentRecord, keyHash } from '../../src/model/agent-record.js';
import { endpointKey } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { directDial } from '../../src/net/connect.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { ManagerSettings, Settings } from '../../src/settings/settings.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, OTHER } from '../files/scratch.js';
import { line, OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { LOAD } from '../load.js';
import { connectProxy, type TestProxy } from '../net/connect-proxy.js';
import { type Given, journeyOf, MACHINE, note, type ToldJourney, withDaemon } from './journey-scene.js';

/** A port that nobody listens on. */
const CLOSED = 1;

interface Checked {
  readonly journey: ToldJourney;
  readonly result?: CheckedLink;
  readonly error?: EnrollError;
  /** By the id of the check. */
  readonly seen: Readonly<Record<CheckId, Check>>;
}

describe('checking a host', () => {
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let agent: AgentInstallation;
  let known: AgentRecord;
  let names = 0;

  before(async () => {
    certificate = await issueStockCertificate();
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 10, api: {} });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids', 'logs']);
    names += 1;
    known = sandbox.addAgent({ name: `web-${names}` });
    await writeFile(agent.keysFile, line(known), { mode: 0o640 });
  });
  afterEach(() => removeHome(agent));

  const manager = (more: Partial<ManagerSettings> = {}): ManagerSettings => ({
    agent: sandbox.endpoints.agent,
    protocol: 'tcp',
    enrollment: sandbox.endpoints.authd,
    ...more,
  });
  const checked = async (settings: Partial<Settings> = {}, given: Partial<Given> = {}): Promise<Checked> => {
    const journey = journeyOf({
      agent,
      settings: { managers: [manager()], waitMs: 2000, ...settings },
      ...given,
    });
    const outcome = await check(journey).then(
      (result) => ({ result }),
      (error: unknown) => {
        if (!(error instanceof EnrollError)) throw error;
        return { error };
      },
    );
    const told = journey.told.flatMap((event) => (event.kind === 'checked' ? [event.checks] : []));
    expect(told).to.have.length(1);
    const [checks = []] = told;
    expect(checks.map(({ id }) => id)).to.deep.equal(CHECK_IDS);
    const seen = Object.fromEntries(checks.map((each) => [each.id, each])) as Record<CheckId, Check>;
    return { journey, seen, ...outcome };
  };
  const oks = (seen: Checked['seen'], ...ids: CheckId[]) => ids.map((id) => seen[id].ok);

  it('tells of each thing that a host with a key which works needs', async () => {
    const { journey, result, seen } = await checked();
    expect(result).to.include({ changed: false });
    expect(result?.record.id).to.equal(known.id);
    expect(result?.link).to.include({ protocol: 'tcp', cipher: 'aes' });
    expect(result?.checks).to.deep.equal(Object.values(seen));
    const { host, port } = sandbox.endpoints.agent;
    expect(Object.entries(seen).map(([id, { ok }]) => `${id} ${ok}`)).to.deep.equal([
      ...['key-file true', 'key-access true', 'machine null', 'ossec-conf null', 'manager-name true', 'route true'],
      ...['agent-port true', 'remoted true', 'address true', 'version null', 'counter true', 'key true'],
      ...['daemon null', 'agent-log null', 'enrollment true', 'api null', 'clock null'],
    ]);
    expect(seen['manager-name'].detail).to.equal(`${host} is an address.`);
    expect(seen.route.detail).to.equal(`This host reaches ${host}:${port} from 127.0.0.1.`);
    expect(seen.enrollment.detail)
      .to.match(/speaks TLSv1\.3; its certificate \(".+", sha256:[0-9a-f]{64}\) is not checked \(--insecure\)/)
      .and.contain(sandbox.fingerprint);
    expect(seen['agent-log'].detail).to.equal(`There is no ${join(agent.home, 'logs/ossec.log')}.`);
    expect(journey.kinds()).to.deep.equal(['present', 'proving', 'proved', 'checked']);
    expect(journey.warnings()).to.deep.equal([]);
  });

  it('changes nothing but the counters, and asks for nothing', async () => {
    const before = sandbox.agents().length;
    await checked();
    expect(await readNotes(agent, nodeFileEdge())).to.not.have.any.keys('acknowledged', 'request');
    expect(sandbox.agents()).to.have.length(before);
  });

  describe('of what lies on it', () => {
    it('warns of a key that others can read', async () => {
      await chmod(agent.keysFile, 0o644);
      const { journey, seen } = await checked();
      expect(oks(seen, 'key-access', 'key')).to.deep.equal([false, true]);
      expect(journey.warnings()).to.have.length(1);
      expect(journey.warnings()[0]).to.match(/mode 0644.* Run agent-enroll to set this right\.$/);
    });

    it('looks at the manager without a message where there is no key', async () => {
      await rm(agent.keysFile);
      const { journey, error, seen } = await checked();
      expect(error).to.include({ code: 'KEY_MISSING', message: `There is no key in ${agent.keysFile}.` });
      expect(oks(seen, 'key-file', 'machine', 'agent-port', 'address')).to.deep.equal([false, null, true, null]);
      expect(seen.key.detail).to.equal('Not tested: there is no key to be used.');
      expect(seen.remoted.detail).to.equal('It answers #ping.');
      expect(journey.kinds()).to.deep.equal(['checked']);
    });

    it('reads the log and the configuration of the agent', async () => {
      await writeFile(
        agent.configFile,
        '<ossec_config><client><server><address>old.example</address></server></client></ossec_config>',
      );
      await writeFile(
        join(agent.home, 'logs/ossec.log'),
        '2026/11/25 09:01:04 wazuh-agentd: ERROR: (1404): Authentication error. Wrong key.\n',
      );
      // It decides nothing here, whoever's it is.
      if (isRoot) await chown(agent.configFile, OTHER.uid, OTHER.gid);
      const { seen } = await checked();
      expect(seen['ossec-conf'].detail).to.match(/names old\.example \(line 1\), and not/);
      expect(seen['agent-log'].detail).to.contain('(1404)');
    });

    it('says which file cannot be read, and that the counter is what it ends with', async () => {
      const broken = [agent.configFile, agent.counterFile, join(agent.home, 'logs/ossec.log')];
      for (const path of broken) await writeFile(path, '');
      const disk = watched(nodeFileEdge(), (operation, path) => {
        if (operation === 'open r' && broken.includes(path)) throw systemError('EIO');
      });
      const { error, seen } = await checked({}, { disk });
      const words = (path = '') => `${path} cannot be read: the disk reports an input/output error (EIO).`;
      expect([seen['ossec-conf'].detail, seen.counter.detail, seen['agent-log'].detail]).to.deep.equal(
        broken.map(words),
      );
      expect(oks(seen, 'ossec-conf', 'counter', 'agent-log')).to.deep.equal([null, null, null]);
      expect(error).to.include({ code: 'FILE_UNREADABLE', message: words(broken[1]) });
    });

    it('sends no message with the key of another machine', async () => {
      const salt = '5'.repeat(32);
      const binding = {
        agentId: known.id,
        key: saltedHash('key', keyHash(known), salt),
        salt,
        hashes: bindingOf({ machineId: '2'.repeat(32) }, salt).hashes,
        othersNames: [],
        other: {},
      };
      await note(agent, { binding });
      const { journey, error, seen } = await checked();
      expect(error).to.include({ code: 'KEY_OF_ANOTHER_MACHINE' });
      expect(oks(seen, 'machine', 'agent-port', 'key')).to.deep.equal([false, null, null]);
      expect(seen.key.detail).to.equal('Not looked at: the key is that of another machine.');
      expect(journey.kinds()).to.deep.equal(['present', 'checked']);
    });

    it('goes on without notes that are broken', async () => {
      await mkdir(notesDirectory(agent), { mode: 0o700 });
      await writeFile(notesPath(agent), '{"version":2,"managers":7}', { mode: 0o600 });
      const { seen } = await checked();
      expect(oks(seen, 'machine', 'key')).to.deep.equal([null, true]);
    });

    it('does not ask for the machine where that is not wanted', async () => {
      expect((await checked({ machineBinding: false })).seen.machine.detail).to.equal(
        'Not looked at (--no-machine-binding).',
      );
      expect((await checked()).seen.machine.detail).to.match(/^Not told/);
    });
  });

  describe('of the key', () => {
    const forgotten = async () => {
      await writeFile(agent.keysFile, line(OLD), { mode: 0o640 });
    };
    it('says what a refusal means', async () => {
      await forgotten();
      const { error, seen } = await checked({ waitMs: 300 * LOAD });
      expect(error).to.include({ code: 'LINK_NOT_ACKNOWLEDGED' });
      expect(oks(seen, 'agent-port', 'remoted', 'key')).to.deep.equal([true, true, false]);
      expect(seen.key.detail).to.match(/agent 001 is not in the manager's client\.keys.* behind\.$/);
    });
    it('says that a manager knew it once, or that its counter is lost', async () => {
      await forgotten();
      await note(agent, { acknowledged: `${OLD.id} ${OLD.name}` });
      await writeFile(agent.counterFile, '0:7:');
      const { seen } = await checked({ waitMs: 300 * LOAD });
      expect(seen.key.detail).to.match(
        /behind\. A manager has acknowledged this key before: it may have been removed there\.$/,
      );
      await rm(agent.counterFile);
      const lost = await checked({ waitMs: 300 * LOAD });
      expect(oks(lost.seen, 'counter', 'key')).to.deep.equal([false, null]);
      expect(lost.seen.counter.detail).to.match(/though a manager has acknowledged this key before/);
    });
    it('says that it is for another address', async () => {
      await writeFile(agent.keysFile, line(record('001', 'web-01', '192.0.2.7', 'a'.repeat(64))), { mode: 0o640 });
      const addresses = [{ interface: 'eth0', address: '192.0.2.7', prefix: 24 }];
      const { error, seen } = await checked({ waitMs: 300 * LOAD }, { facts: { ...MACHINE, addresses } });
      expect(error).to.include({ code: 'LINK_NOT_ACKNOWLEDGED' });
      expect(oks(seen, 'address', 'key')).to.deep.equal([false, null]);
      expect(seen.address.detail).to.match(/192\.0\.2\.7.* 127\.0\.0\.1\. It has that address as well\./);
    });
    it('is not tested while another run is at work', async () => {
      const disk = watched(nodeFileEdge(), (operation, path) => {
        if (operation === 'makeDirectory' && dirname(path) === notesDirectory(agent)) throw systemError('ENOSPC');
      });
      const { error, seen } = await checked({}, { disk });
      expect(error).to.include({ code: 'FILE_UNWRITABLE' });
      expect(seen['agent-port'].detail).to.equal('Not looked at: no message could be sent.');
      expect(seen.key.detail).to.match(/^Not tested: .*no space is left/);
    });
  });

  describe('of the protocol that alone is set', () => {
    for (const [set, other] of [
      ['tcp', 'udp'],
      ['udp', 'tcp'],
    ] as const) {
      it(`finds that ${other}, and not ${set}, leads to the manager`, async () => {
        const one = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 10, protocols: [other] });
        try {
          one.addAgent({ id: known.id, name: known.name, key: known.key });
          const managers = [manager({ agent: one.endpoints.agent, protocol: set, enrollment: one.endpoints.authd })];
          const { journey, error, seen } = await checked({ managers, waitMs: 500 * LOAD });
          expect(error?.code).to.be.oneOf(['LINK_PORT_CLOSED', 'LINK_SILENT']);
          expect(seen['agent-port'].detail).to.contain(
            `Over ${other.toUpperCase()} the manager acknowledges this key, and ${set.toUpperCase()} alone is set.`,
          );
          expect(journey.kinds().filter((kind) => kind === 'proved' || kind === 'proving')).to.deep.equal(['proving']);
        } finally {
          await one.close();
        }
      });
    }
    it('says no more than that nobody is there where neither does', async () => {
      for (const protocol of ['auto', 'tcp'] as const) {
        const managers = [manager({ agent: { host: '127.0.0.1', port: CLOSED }, protocol })];
        const { error, seen } = await checked({ managers, waitMs: 200 * LOAD });
        expect(error?.code).to.be.oneOf(['LINK_PORT_CLOSED', 'LINK_SILENT']);
        expect(seen['agent-port'].detail).to.not.match(/acknowledges/);
      }
    });
  });

  describe('on which an agent runs', () => {
    it('takes its fresh word, and sends no message', async () => {
      const { journey, result, seen } = await checked({}, { facts: withDaemon(agent, 'connected') });
      expect(result).to.not.have.property('link');
      expect(oks(seen, 'agent-port', 'remoted', 'key', 'daemon')).to.deep.equal([true, true, true, true]);
      expect(seen.key.detail).to.equal('The agent daemon is connected with it, so no test message was sent.');
      expect(journey.kinds()).to.deep.equal(['present', 'daemon', 'checked']);
    });
    it('looks at the port without a message where its word proves nothing', async () => {
      const { journey, error, seen } = await checked({}, { facts: withDaemon(agent, 'pending') });
      expect(error).to.include({ code: 'AGENT_NOT_CONNECTED' });
      expect(oks(seen, 'agent-port', 'remoted', 'key', 'daemon')).to.deep.equal([true, true, null, false]);
      expect(seen.key.detail).to.equal(
        'Not tested: no test message is sent beside an agent daemon, whose counters and connection it would disturb.',
      );
      expect(journey.kinds()).to.not.include('proving');
    });
    it('says that its record is for another address, which explains why it is not connected', async () => {
      await writeFile(agent.keysFile, line(record('001', 'web-01', '192.0.2.7', 'a'.repeat(64))), { mode: 0o640 });
      const { seen } = await checked({}, { facts: withDaemon(agent, 'pending') });
      expect(seen.address).to.include({ ok: false });
      const nobody = [manager({ agent: { host: '127.0.0.1', port: CLOSED } })];
      const closed = await checked({ managers: nobody }, { facts: withDaemon(agent, 'pending') });
      expect(closed.seen.address).to.include({ ok: null });
      // That it has to be restarted is explained already.
      const restart = await checked({}, { facts: withDaemon(agent, 'connected', MACHINE, 1) });
      expect(restart.error).to.include({ code: 'AGENT_RESTART_NEEDED' });
      expect(restart.seen.address).to.include({ ok: null });
    });
    it('is told of where there is no key', async () => {
      await rm(agent.keysFile);
      const { error, seen } = await checked({}, { facts: withDaemon(agent, 'pending') });
      expect(error).to.include({ code: 'KEY_MISSING' });
      expect(seen.daemon.detail).to.equal('wazuh-agentd runs and says that it is pending.');
    });
  });

  describe('of the managers', () => {
    it('looks at the host alone where none is named', async () => {
      const missing = new EnrollError('MANAGER_MISSING', 'No manager.', { hint: 'Name one.' });
      const { error, seen } = await checked({ managers: [], unsettled: { managers: missing } });
      expect(error).to.equal(missing);
      expect(seen['manager-name']).to.deep.equal({
        id: 'manager-name',
        ok: false,
        detail: 'No manager.',
        hint: 'Name one.',
      });
      const others = ['route', 'agent-port', 'remoted', 'address', 'version', 'counter', 'key', 'enrollment'] as const;
      for (const id of others) {
        expect(seen[id]).to.deep.equal({ id, ok: null, detail: 'Not looked at: no manager is named.' });
      }
      expect(seen['key-file'].ok).to.equal(true);
    });
    it('says why the enrollment service cannot be judged', async () => {
      const fault = new EnrollError('SETTING_INVALID', 'The CA is none.', { hint: 'Give one.' });
      const { result, seen } = await checked({ unsettled: { enrollment: fault } });
      expect(result?.changed).to.equal(false);
      expect(seen.enrollment).to.deep.equal({
        id: 'enrollment',
        ok: false,
        detail: 'The CA is none.',
        hint: 'Give one.',
      });
    });
    it('looks at each enrollment service once', async () => {
      const { seen } = await checked({ managers: [manager(), manager()] });
      expect(seen.enrollment.detail.match(/Nothing was asked/g)).to.have.length(1);
    });
    it('says that one is closed, which a key that works does not need', async () => {
      const { result, seen } = await checked({
        managers: [manager({ enrollment: { host: '127.0.0.1', port: CLOSED } })],
      });
      expect(result?.changed).to.equal(false);
      expect(seen.enrollment).to.include({ ok: false });
      expect(seen.enrollment.detail).to.match(/^The enrollment port: .*refused the connection/);
      expect(seen.enrollment.hint).to.match(/A key that works does not need it\.$/);
    });
    it('knows the key of the enrollment service again', async () => {
      const noted = (fingerprint: string) =>
        note(agent, {
          managers: new Map([
            [endpointKey(sandbox.endpoints.authd), { fingerprint, firstSeen: '2026-01-02T03:04:05.000Z', other: {} }],
          ]),
        });
      await noted(sandbox.fingerprint);
      const same = await checked({ trust: { insecure: false } });
      expect(same.seen.enrollment.detail).to.contain('has the same key as at the first enrollment');
      await noted(`sha256:${'ab'.repeat(32)}`);
      const other = await checked({ trust: { insecure: false } });
      expect(other.seen.enrollment.ok).to.equal(false);
    });
    it('looks at a Wazuh 5 at the port that it takes its agents at', async () => {
      const key = endpointKey(sandbox.endpoints.agent);
      const settings = { trust: { insecure: true } };
      await note(agent, {
        acknowledged: `${known.id} ${known.name}`,
        links: new Map([[key, { protocol: 'https', port: CLOSED, prefix: 'wazuh-manager' }]]),
      });
      expect((await checked(settings)).seen.enrollment.detail).to.match(/127\.0\.0\.1:1 refused/);
      const https = { host: '127.0.0.1', port: CLOSED, prefix: '' };
      const named = await checked({ ...settings, managers: [manager({ https })], waitMs: 100 * LOAD });
      expect(named.seen.enrollment.detail).to.match(/127\.0\.0\.1:1 refused/);
    });
  });

  describe('of the REST API', () => {
    let server: Server | undefined;
    afterEach(() => {
      server?.close();
      server?.closeAllConnections();
      server = undefined;
    });
    const answering = async (headers: Record<string, string>) => {
      server = createServer((_request, response) => {
        response.sendDate = false;
        response.writeHead(200, headers).end('hello');
      });
      await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };

    it('asks it who it is and what time it is', async () => {
      const { api } = sandbox.endpoints;
      const where = `127.0.0.1:${api?.port}`;
      const { seen } = await checked({ apiUrl: `https://${where}` });
      expect(seen.api.ok).to.equal(true);
      expect(seen.api.detail).to.match(
        / is a manager's API \(.+; trusted by nothing, sha256:[0-9a-f]{64}\)\. No credentials were sent\.$/,
      );
      expect(seen.api.detail).to.contain(where);
      expect(seen.clock).to.include({ ok: true, detail: 'It agrees with the clock of the manager.' });
      const behind = { ...nodeFileEdge(), now: () => Date.now() - 3_600_000 };
      expect((await checked({ apiUrl: `https://${where}` }, { disk: behind })).seen.clock.detail).to.match(
        /3600 s ahead of|3599 s ahead of/,
      );
    });
    it('says that it is none', async () => {
      const url = await answering({});
      const { seen } = await checked({ apiUrl: url });
      expect(seen.api).to.include({
        ok: false,
        detail: `What answers at ${url.slice('http://'.length)} is not a manager's API (HTTP 200).`,
      });
      expect(seen.clock.ok).to.equal(null);
    });
    it('says that nobody is there', async () => {
      const { result, seen } = await checked({ apiUrl: 'https://127.0.0.1:1' });
      expect(result?.changed).to.equal(false);
      expect(seen.api.ok).to.equal(false);
      expect(seen.api.detail).to.contain('127.0.0.1:1');
    });
  });

  describe('behind a proxy', () => {
    let proxy: TestProxy;
    beforeEach(async () => {
      proxy = await connectProxy();
    });
    afterEach(() => proxy.close());

    it('leaves the name to the proxy', async () => {
      const { seen } = await checked({ proxy: proxy.settings });
      expect(oks(seen, 'manager-name', 'route', 'agent-port', 'key', 'enrollment')).to.deep.equal([
        ...[true, null, true, true, true],
      ]);
      expect(seen['manager-name'].detail).to.match(/is reached through the proxy/);
    });
    it('ends with the agent port where the proxy does not let it through', async () => {
      proxy.forbid(sandbox.endpoints.agent.port);
      const { error, seen } = await checked({ proxy: proxy.settings });
      expect(error?.exitCode).to.equal(7);
      expect(oks(seen, 'agent-port', 'key')).to.deep.equal([false, null]);
    });
    it('ends with the port of a Wazuh 5 likewise', async () => {
      proxy.forbid(CLOSED);
      const https = { host: '127.0.0.1', port: CLOSED, prefix: '' };
      const { error, seen } = await checked({ proxy: proxy.settings, managers: [manager({ https })] });
      expect(error?.exitCode).to.equal(7);
      expect(oks(seen, 'agent-port', 'key')).to.deep.equal([false, null]);
    });
  });

  describe('of a manager that is named', () => {
    const at = (...addresses: string[]): Partial<Given> => {
      const lookup = async () => addresses.map((address) => ({ address, family: 4 as const }));
      return { edge: { lookup, dial: (timeoutMs) => directDial(timeoutMs, lookup) } };
    };
    const named = () => [manager({ agent: { ...sandbox.endpoints.agent, host: 'siem.example' } })];
    it('says which address it has', async () => {
      const { seen } = await checked({ managers: named() }, at('127.0.0.1'));
      expect(seen['manager-name']).to.include({ ok: true, detail: 'siem.example is 127.0.0.1.' });
    });
    it('says which of several addresses answer', async () => {
      const { seen } = await checked({ managers: named() }, at('127.0.0.1', '127.0.0.2'));
      expect(seen['manager-name']).to.include({
        ok: true,
        detail:
          'siem.example is 127.0.0.1 (answers on the agent port over TCP), 127.0.0.2 (no answer on the agent port over TCP).',
      });
    });
    it('says that its name has no address', async () => {
      const lookup = () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
      const edge = { lookup, dial: (timeoutMs: number) => directDial(timeoutMs, lookup) };
      const { error, seen } = await checked({ managers: named(), waitMs: 200 * LOAD }, { edge });
      expect(error).to.include({ code: 'LINK_SILENT' });
      expect(oks(seen, 'manager-name', 'route', 'agent-port', 'key')).to.deep.equal([false, null, null, null]);
    });
  });

  it('ends where it is stopped, and tells what was not looked at any more', async () => {
    await rm(agent.keysFile);
    const stop = new AbortController();
    const reason = new EnrollError('INTERRUPTED', 'Stop.');
    const journey = journeyOf({ agent, settings: { managers: [manager()] }, signal: stop.signal });
    stop.abort(reason);
    const told: Check[] = [];
    const observe: typeof journey.observe = (event) => {
      if (event.kind === 'checked') told.push(...event.checks);
    };
    const ended = await check({ ...journey, observe }).catch((error: unknown) => error);
    expect(ended).to.equal(reason);
    expect(told).to.have.length(CHECK_IDS.length);
    expect(told.find(({ id }) => id === 'key')).to.deep.equal({
      id: 'key',
      ok: null,
      detail: 'Not looked at: the run was ended before.',
    });
  });
});
