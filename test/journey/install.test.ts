import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { installersFiles } from '../../src/host/agent-home.js';
import { enroll } from '../../src/journey/enroll.js';
import { importKey } from '../../src/journey/import.js';
import { finishInstallation, install, type KeyToInstall } from '../../src/journey/install.js';
import { tryPresentKey } from '../../src/journey/present-key.js';
import { notesPath, readNotes } from '../../src/keystore/notes/notes-file.js';
import { formatRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation, Host } from '../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { systemError, watched } from '../files/faulty.js';
import { filesFound, filesOf, layBefore, NEW_KEY, OLD_KEY } from '../keystore/belongings-scene.js';
import { failure, filesBelow, line, NEW, OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, note, REQUEST, replacing, step, watchedStep } from './journey-scene.js';

const disk = nodeFileEdge();
const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;
const ISSUED: KeyToInstall = {
  key: {
    record: NEW,
    endpoint: { host: 'siem.example', port: 1515 },
    trust: { by: 'first use', fingerprint: FINGERPRINT, subject: 'CN=siem' },
  },
};

describe('installing a key on a journey', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const text = (path: string) => readFile(path, 'utf8').catch(() => '');
  /** What is on the disk of the key and of the request, at one moment. */
  const state = async () => ({
    key: (await text(agent.keysFile)) === '' ? 'none' : (await text(agent.keysFile)) === line(OLD) ? 'old' : 'new',
    request: (await text(notesPath(agent))).includes('"request"') ? 'open' : 'none',
  });
  /** A disk, and what was on it before each file got its new content. */
  const recorded = () => {
    const seen: string[] = [];
    const edge = replacing(async (path) => {
      const { key, request } = await state();
      seen.push(`${path.slice(agent.home.length + 1)}: ${key} key, ${request} request`);
    });
    return { seen, edge };
  };
  const put = async (given: Omit<Given, 'agent'> = {}, key: KeyToInstall = ISSUED) => {
    const journey = journeyOf({ agent, ...given });
    await step(journey, (ready) => install(ready, key, { record: OLD }));
    return journey;
  };

  it('has the key on the disk before anything else, and closes the request only then', async () => {
    await note(agent, { request: REQUEST });
    await writeFile(agent.counterFile, '3:17:');
    const { seen, edge } = recorded();
    await put({ disk: edge });
    expect(seen[0]).to.equal('etc/client.keys: none key, open request');
    expect(seen.slice(1)).to.have.length.greaterThan(1);
    for (const moment of seen.slice(1)) expect(moment).to.contain('new key');
    expect(seen.filter((moment) => moment.startsWith('.agent-enroll/'))[0]).to.contain('open request');
    expect(await state()).to.deep.equal({ key: 'new', request: 'none' });
  });

  it('leaves the request open where the key could not be put in its place', async () => {
    await note(agent, { request: REQUEST });
    await writeFile(agent.keysFile, line(OLD));
    const stuck = replacing((path) => {
      if (path === agent.keysFile) throw systemError('EIO');
    });
    const error = await failure(put({ disk: stuck }));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(await state()).to.deep.equal({ key: 'old', request: 'open' });
    expect((await readNotes(agent, disk)).managers.size).to.equal(0);
  });

  it('has the key in its place, and tells it, where what follows fails', async () => {
    await note(agent, { request: REQUEST });
    const stuck = replacing((path) => {
      if (path === notesPath(agent)) throw systemError('EIO');
    });
    const journey = journeyOf({ agent, disk: stuck });
    const error = await failure(step(journey, (ready) => install(ready, ISSUED, {})));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(journey.kinds()).to.deep.equal(['installed']);
    expect(await state()).to.deep.equal({ key: 'new', request: 'open' });
  });

  it('is not interrupted until key and notes are on the disk', async () => {
    await note(agent, { request: REQUEST });
    let inside = false;
    const outside: string[] = [];
    const edge = replacing((path) => {
      if (!inside) outside.push(path);
    });
    const uninterrupted = async <T>(work: () => Promise<T>): Promise<T> => {
      inside = true;
      try {
        return await work();
      } finally {
        inside = false;
        expect(await state()).to.deep.equal({ key: 'new', request: 'none' });
      }
    };
    await put({ disk: edge, edge: { uninterrupted }, settings: { machineBinding: false } });
    expect(outside).to.deep.equal([]);
  });

  it('starts the counters of the old and the new agent again', async () => {
    await writeFile(agent.counterFile, '3:17:');
    for (const id of ['001', '002', '003']) await writeFile(join(dirname(agent.counterFile), id), '9:9:');
    await put();
    expect(await text(agent.counterFile)).to.equal('0:0:');
    expect(await filesBelow(dirname(agent.counterFile))).to.deep.equal(['003', 'sender_counter']);
  });

  describe('remembers the manager', () => {
    const known = async () => (await readNotes(agent, disk)).managers.get('siem.example:1515');
    const by = (how: 'ca' | 'pin' | 'stored' | 'first use' | 'system' | 'nothing', fingerprint = FINGERPRINT) => ({
      key: { ...ISSUED.key, trust: { by: how, fingerprint, subject: 'CN=siem' } },
    });
    const at = (iso: string) => ({ disk: { ...disk, now: () => Date.parse(iso) } });

    it('as it was seen first, and not anew', async () => {
      await put(at('2026-01-02T03:04:05.000Z'));
      expect(await known()).to.deep.equal({
        fingerprint: FINGERPRINT,
        firstSeen: '2026-01-02T03:04:05.000Z',
        other: {},
      });
      await put(at('2026-02-02T03:04:05.000Z'), by('stored'));
      expect((await known())?.firstSeen).to.equal('2026-01-02T03:04:05.000Z');
      const other = `sha256:${'cd'.repeat(32)}`;
      await put(at('2026-03-02T03:04:05.000Z'), by('pin', other));
      expect(await known()).to.deep.equal({ fingerprint: other, firstSeen: '2026-03-02T03:04:05.000Z', other: {} });
    });

    it('with what another version of this program has noted of it, as long as it is the same', async () => {
      const seenBefore = { fingerprint: FINGERPRINT, firstSeen: '2026-01-02T03:04:05.000Z', other: { later: 1 } };
      const before = new Map([['siem.example:1515', seenBefore]]);
      await note(agent, { managers: before });
      await put();
      expect(await known()).to.deep.equal(seenBefore);
      await note(agent, { managers: new Map([['siem.example:1515', { ...seenBefore, hearsay: true }]]) });
      await put();
      expect(await known()).to.deep.equal(seenBefore);
      await put({}, by('pin', `sha256:${'cd'.repeat(32)}`));
      expect((await known())?.other).to.deep.equal({});
    });

    it('not where it showed no certificate, nor where nobody knows who showed one', async () => {
      const { endpoint, trust } = ISSUED.key;
      await put({}, { key: { record: NEW, ...(endpoint === undefined ? {} : { endpoint }) } });
      await put({}, { key: { record: NEW, ...(trust === undefined ? {} : { trust }) } });
      expect((await readNotes(agent, disk)).managers.size).to.equal(0);
    });

    it('not where it was trusted by nothing, or by the roots of this system', async () => {
      for (const how of ['nothing', 'system'] as const) await put({}, by(how));
      expect(await known()).to.equal(undefined);
    });

    it('as hearsay where only a file has named it that others can change, until somebody names it', async () => {
      const origin = { kind: 'file', path: agent.configFile, line: 3 } as const;
      const said = (host: string) => [{ endpoint: { host, port: 1515 }, origin, secrets: [] }];
      await put({ settings: { hearsay: said('another.example') } });
      expect(await known()).to.not.have.property('hearsay');
      await note(agent, { managers: new Map() });
      const hearsay = said('SIEM.example');
      for (const _ of ['first', 'again']) {
        await put({ settings: { hearsay } });
        expect((await known())?.hearsay).to.equal(true);
      }
      await put();
      expect(await known()).to.not.have.property('hearsay');
      await put({ settings: { hearsay } });
      expect(await known()).to.not.have.property('hearsay');
    });
  });

  it('remembers what was asked for, where a manager was', async () => {
    await put();
    expect(await readNotes(agent, disk)).to.not.have.property('asked');
    const host: Host = { name: { name: 'web-01' }, address: { register: { kind: 'any' }, why: '' }, agent };
    await put({ settings: { groups: ['linux'] } }, { ...ISSUED, host });
    expect((await readNotes(agent, disk)).asked).to.deep.equal({
      agent: '002 web-01',
      name: 'web-01',
      ip: 'any',
      groups: ['linux'],
    });
  });

  it('remembers the machine, unless that is not wanted', async () => {
    await put({ settings: { machineBinding: false } });
    expect((await readNotes(agent, disk)).binding).to.equal(undefined);
    await put();
    expect((await readNotes(agent, disk)).binding?.agentId).to.equal(NEW.id);
  });

  describe('with what belongs to a key of a Wazuh 5', () => {
    const { record: of, belongings } = NEW_KEY;
    const WHOLE: KeyToInstall = { key: { ...ISSUED.key, record: of, belongings } };

    it('has all of it on the disk before the request is closed, and is not interrupted meanwhile', async () => {
      await note(agent, { request: REQUEST });
      const held = watchedStep();
      const order: string[] = [];
      const edge = replacing(async (path) => {
        order.push(
          `${path.slice(agent.home.length + 1)}: ${held.inside ? 'in' : 'out'}, ${(await state()).request} request`,
        );
      });
      const journey = await put(
        { disk: edge, edge: { uninterrupted: held.uninterrupted }, settings: { machineBinding: false } },
        WHOLE,
      );
      expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
      expect(order).to.deep.equal([
        'etc/reenroll.secret: in, open request',
        'etc/client.keys: in, open request',
        'etc/certs/root-ca.pem: in, open request',
        'etc/certs/.anchor-committed: in, open request',
        '.agent-enroll/notes.json: in, open request',
      ]);
      expect([journey.kinds(), journey.warnings()]).to.deep.equal([['installed'], []]);
    });

    it('tells that the key is there where the rest could not be written, and leaves the request open', async () => {
      await note(agent, { request: REQUEST });
      const stuck = watched(disk, (operation, path) => {
        if (operation === 'open wx' && path.includes('root-ca.pem')) throw systemError('ENOSPC');
      });
      const journey = journeyOf({ agent, disk: stuck });
      const error = await failure(step(journey, (ready) => install(ready, WHOLE, {})));
      expect(error.message).to.contain('root-ca.pem').and.to.contain('no space is left');
      expect(journey.kinds()).to.deep.equal(['installed']);
      expect(await filesFound(agent)).to.deep.equal({ ...filesOf(NEW_KEY), anchor: undefined, marker: undefined });
      expect((await state()).request).to.equal('open');
    });

    it('leaves that of an earlier key alone, where the new one has none', async () => {
      await layBefore(agent, OLD_KEY);
      const journey = await put();
      expect(await filesFound(agent)).to.deep.equal({ ...filesOf(OLD_KEY), keys: line(NEW) });
      expect(journey.warnings()).to.deep.equal([]);
      const told = await put({}, { key: { ...ISSUED.key, belongings: {} } });
      expect(told.warnings()).to.have.length(1);
      expect(told.warnings()[0]).to.contain('root-ca.pem').and.to.contain('earlier enrollment');
    });

    it("removes the installer's token if that was used, and tells where it cannot", async () => {
      const { token } = installersFiles(agent);
      await writeFile(token, 'token', { mode: 0o600 });
      await put({}, WHOLE);
      await put({ settings: { tokenOfInstaller: true } });
      expect(await text(token)).to.equal('token');
      const stuck = watched(disk, (operation, path) => {
        if (operation === 'unlink' && path === token) throw systemError('EROFS');
      });
      expect((await put({ disk: stuck, settings: { tokenOfInstaller: true } }, WHOLE)).warnings()[0]).to.contain(token);
      expect((await put({ settings: { tokenOfInstaller: true } }, WHOLE)).warnings()).to.deep.equal([]);
      expect(await text(token)).to.equal('');
    });

    it('has nothing to be finished where no request is open', async () => {
      let held = 0;
      const uninterrupted = async <T>(work: () => Promise<T>): Promise<T> => {
        held += 1;
        return await work();
      };
      await step(journeyOf({ agent, edge: { uninterrupted } }), finishInstallation);
      expect(held).to.equal(0);
      await note(agent, { request: REQUEST });
      await step(journeyOf({ agent, edge: { uninterrupted } }), finishInstallation);
      expect(held).to.equal(1);
    });

    it('is finished by the next run, before the key is tried', async () => {
      const request = { ...REQUEST, startedAt: new Date().toISOString() };
      await note(agent, { request });
      let dead = false;
      const killed = watched(disk, (operation, path) => {
        dead ||= operation === 'rename' && path.endsWith('root-ca.pem');
        if (dead) throw systemError('EIO');
      });
      await failure(
        step(journeyOf({ agent }), (ready) => install({ ...ready, edge: { ...ready.edge, disk: killed } }, WHOLE, {})),
      );
      expect(await filesFound(agent)).to.deep.equal({ ...filesOf(NEW_KEY), anchor: undefined, marker: undefined });
      const next = journeyOf({ agent, settings: { handshake: false } });
      expect(await step(next, tryPresentKey)).to.include({ works: true, changed: false });
      expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
    });

    it('is finished with a key that had not come into its place', async () => {
      const request = { ...REQUEST, startedAt: new Date().toISOString() };
      await note(agent, { request });
      let dead = false;
      const killed = watched(disk, (operation, path) => {
        dead ||= operation === 'rename' && path === agent.keysFile;
        if (dead) throw systemError('EIO');
      });
      await failure(
        step(journeyOf({ agent }), (ready) => install({ ...ready, edge: { ...ready.edge, disk: killed } }, WHOLE, {})),
      );
      expect((await filesFound(agent)).keys).to.equal(undefined);
      const next = journeyOf({ agent, settings: { handshake: false } });
      expect(await step(next, tryPresentKey)).to.include({ works: true, changed: true });
      expect(next.kinds()).to.deep.equal(['left', 'installed', 'present']);
      expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
      expect((await filesBelow(join(agent.home, 'etc'))).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
    });
  });

  describe('by an import', () => {
    const given = { settings: { handshake: false } };
    const agreed = { mayReplace: async () => true };

    it('closes the request of an earlier run that the key is the answer to', async () => {
      await note(agent, { request: REQUEST });
      const journey = journeyOf({ agent, ...given });
      await importKey(journey, formatRecord(NEW), agreed);
      expect(journey.warnings()).to.deep.equal([]);
      expect(await state()).to.deep.equal({ key: 'new', request: 'none' });
    });

    it('tells of a request for another, once', async () => {
      await note(agent, { request: REQUEST });
      const other = record('009', 'db-07', 'any', 'c'.repeat(64));
      const journey = journeyOf({ agent, ...given });
      await importKey(journey, formatRecord(other), agreed);
      expect(journey.warnings()).to.have.length(1);
      expect(journey.warnings()[0]).to.contain(REQUEST.name).and.contain(REQUEST.manager);
      expect((await state()).request).to.equal('none');
      const again = journeyOf({ agent, ...given });
      await importKey(again, formatRecord(other), agreed);
      expect(again.warnings()).to.deep.equal([]);
    });

    it('leaves the request open where the present key may not be replaced', async () => {
      await note(agent, { request: REQUEST });
      await writeFile(agent.keysFile, line(OLD));
      const journey = journeyOf({ agent, ...given });
      const refused = importKey(journey, formatRecord(NEW), { mayReplace: async () => false });
      expect((await failure(refused)).code).to.equal('KEY_PRESENT');
      expect(journey.warnings()).to.deep.equal([]);
      expect(await state()).to.deep.equal({ key: 'old', request: 'open' });
    });
  });

  describe('that a manager has issued', function () {
    this.timeout(15_000);
    let certificate: IssuedCertificate;
    let sandbox: Sandbox;
    let onEvent: (event: SandboxEvent) => void = () => {};

    before(async () => {
      certificate = await issueStockCertificate();
      sandbox = await startSandbox({
        family: 'wazuh-4',
        certificate,
        keyReloadMs: 30,
        onEvent: (event) => onEvent(event),
      });
    });
    after(() => sandbox.close());
    beforeEach(() => {
      onEvent = () => {};
    });

    const given = (more: Omit<Given, 'agent'> = {}): Given => {
      const { authd, agent: remoted } = sandbox.endpoints;
      return { agent, authd, remoted, ...more };
    };

    it('has the request noted before it is sent, and the key on the disk before it is used', async () => {
      const { seen, edge } = recorded();
      const messages: string[] = [];
      let asked: Promise<unknown> = Promise.resolve();
      const journey = journeyOf(given({ disk: edge, settings: { name: 'order', trust: { insecure: false } } }));
      onEvent = ({ type }) => {
        if (type === 'registered') asked = state().then((now) => messages.push(`registered, ${now.request} request`));
        if (type === 'acknowledged') messages.push('acknowledged');
      };
      await enroll(journey);
      await asked;
      expect(messages).to.deep.equal(['registered, open request', 'acknowledged']);
      const notes = seen.filter((moment) => moment.startsWith('.agent-enroll/'));
      const installed = seen.findIndex((moment) => moment.startsWith('etc/client.keys'));
      expect(seen[0]).to.equal('.agent-enroll/notes.json: none key, none request');
      expect(seen[installed]).to.equal('etc/client.keys: none key, open request');
      expect(notes[1]).to.equal('.agent-enroll/notes.json: new key, open request');
      expect(journey.kinds().slice(-6)).to.deep.equal([
        ...['asking', 'certificate', 'obtained', 'installed', 'proving', 'proved'],
      ]);
      expect(await state()).to.deep.equal({ key: 'new', request: 'none' });
    });

    it('is as safe where the run is stopped as soon as the manager has answered', async () => {
      const stop = new AbortController();
      const journey = journeyOf(given({ settings: { name: 'stopped' }, signal: stop.signal }));
      const observe = journey.observe;
      const stopping = {
        ...journey,
        observe: (event: Parameters<typeof observe>[0]) => {
          observe(event);
          if (event.kind === 'obtained') stop.abort(new EnrollError('TERMINATED', 'Terminated.'));
        },
      };
      expect((await failure(enroll(stopping))).code).to.equal('TERMINATED');
      expect(await text(agent.keysFile)).to.match(/^\d+ stopped any [0-9a-f]{64}\n$/);
      expect((await stat(agent.keysFile)).mode & 0o777).to.equal(0o640);
      expect((await state()).request).to.equal('none');
    });

    it('is not asked for where it could not be kept, and no request is noted then', async () => {
      const asked: string[] = [];
      onEvent = ({ type }) => {
        // What the manager does by itself is nobody's request.
        if (type !== 'keys loaded') asked.push(type);
      };
      const full = watched(disk, (operation, path) => {
        if (operation === 'write' && path.includes('client.keys')) throw systemError('ENOSPC');
      });
      const error = await failure(enroll(journeyOf(given({ disk: full }))));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(asked).to.deep.equal([]);
      expect(await filesBelow(agent.home)).to.deep.equal([]);
    });
  });
});
