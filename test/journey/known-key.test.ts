import { chmod, readFile, rm, stat } from 'node:fs/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Gate, openGate } from './gate.js';
import { journeyOf, MACHINE, type ToldJourney, withDaemon } from './journey-scene.js';

const disk = nodeFileEdge();

/**
 * The manager refuses a name because of an agent that has it, which is this very host: its authd knows the key that its
 * remoted does not know (yet). A remoted that knows no agent stands for the one of before.
 */
describe('a name that the manager refuses to a host with a key', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let unknowing: Sandbox;
  let gate: Gate;
  let agent: AgentInstallation;
  let onRequest: (event: Extract<SandboxEvent, { type: 'request' }>) => void;

  before(async () => {
    certificate = await issueStockCertificate();
    unknowing = await startSandbox({ family: 'wazuh-4', certificate });
  });
  after(() => unknowing.close());
  beforeEach(async () => {
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 30,
      onEvent: (event) => {
        if (event.type === 'request') onRequest(event);
      },
    });
    gate = await openGate(sandbox.endpoints.agent);
    agent = await scratchHome(['etc', 'queue/rids']);
    onRequest = () => {};
    // The host enrolls; from then on its agent port leads to a remoted that does not know it.
    await enroll(journey());
    gate.leadTo(unknowing.endpoints.agent);
  });
  afterEach(async () => {
    await gate.close();
    await sandbox.close();
    await removeHome(agent);
  });

  const journey = (settings: Partial<Settings> = {}, facts = MACHINE): ToldJourney => {
    const managers = [{ agent: gate.endpoint, protocol: 'tcp', enrollment: sandbox.endpoints.authd }] as const;
    return journeyOf({ agent, facts, settings: { managers, waitMs: 800, ...settings } });
  };
  const text = () => readFile(agent.keysFile, 'utf8');
  const knows = () => gate.leadTo(sandbox.endpoints.agent);
  /** The key was kept, no agent was made, and nothing is open. */
  const unchanged = async (key: string) => {
    expect(await text()).to.equal(key);
    expect(sandbox.agents()).to.have.length(1);
    expect(await readNotes(agent, disk)).to.not.have.property('request');
  };

  it('is tried with that key again, which is kept once it is acknowledged', async () => {
    const key = await text();
    const shown: boolean[] = [];
    onRequest = ({ hadKeyHash }) => {
      shown.push(hadKeyHash);
      knows();
    };
    const run = journey();
    const { changed, record, link } = await enroll(run);
    expect({ changed, id: record.id }).to.deep.equal({ changed: false, id: '001' });
    expect(link?.attempts).to.be.greaterThan(0);
    expect(shown).to.deep.equal([true]);
    expect(run.kinds()).to.deep.equal([
      ...['present', 'proving', 'rejected', 'identified', 'method', 'asking', 'certificate'],
      ...['proving', 'proved'],
    ]);
    await unchanged(key);
    expect((await readNotes(agent, disk)).acknowledged).to.equal('001 web-01');
  });

  it('is what the run ends with where that key is not acknowledged then either', async () => {
    const key = await text();
    const run = journey();
    const error = await failure(enroll(run));
    expect(error).to.include({ code: 'NAME_DUPLICATE', exitCode: 5 });
    expect(run.kinds().filter((kind) => kind === 'proving')).to.have.length(2);
    await unchanged(key);
  });

  it('leads to a key that is narrowed, and this is told, where others could use it', async () => {
    await chmod(agent.keysFile, 0o644);
    onRequest = knows;
    const run = journey();
    await enroll(run);
    expect((await stat(agent.keysFile)).mode & 0o7777).to.equal(0o640);
    expect(run.warnings().join()).to.contain('mode 0644');
  });

  it('is a refusal where there is no key: nothing could be tried', async () => {
    await rm(agent.keysFile);
    const shown: boolean[] = [];
    onRequest = ({ hadKeyHash }) => {
      shown.push(hadKeyHash);
      knows();
    };
    const run = journey();
    const error = await failure(enroll(run));
    expect(error).to.include({ code: 'NAME_DUPLICATE', exitCode: 5 });
    expect(shown).to.deep.equal([false]);
    expect(run.kinds()).to.not.include('proving');
    expect(await readNotes(agent, disk)).to.not.have.property('request');
  });

  it('is a refusal where the key is of another machine: it is neither shown nor tried', async () => {
    const key = await text();
    const shown: boolean[] = [];
    onRequest = ({ hadKeyHash }) => {
      shown.push(hadKeyHash);
      knows();
    };
    const elsewhere = { hostname: 'web-01', files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };
    const run = journey({ name: 'web-01' }, elsewhere);
    expect((await failure(enroll(run))).code).to.equal('NAME_DUPLICATE');
    expect(shown).to.deep.equal([false]);
    expect(run.kinds()).to.not.include('proving');
    await unchanged(key);
  });

  it('is a refusal where no handshake is wanted, or an agent daemon has the link', async () => {
    const key = await text();
    onRequest = knows;
    for (const [settings, facts] of [
      [{ handshake: false, force: true }, MACHINE],
      [{ force: true }, withDaemon(agent, 'connected')],
    ] as const) {
      gate.leadTo(unknowing.endpoints.agent);
      const run = journey(settings, facts);
      expect((await failure(enroll(run))).code).to.equal('NAME_DUPLICATE');
      expect(run.kinds()).to.not.include('proving');
      await unchanged(key);
    }
  });

  it('is the end, and no refusal, where the run is stopped while the key is tried again', async () => {
    const key = await text();
    const stop = new AbortController();
    const run = journey();
    const stopped = {
      ...run,
      signal: stop.signal,
      observe: (event: Parameters<typeof run.observe>[0]) => {
        run.observe(event);
        const proofs = run.kinds().filter((kind) => kind === 'proving');
        if (event.kind === 'attempt' && proofs.length === 2) stop.abort();
      },
    };
    expect((await failure(enroll(stopped))).code).to.not.equal('NAME_DUPLICATE');
    await unchanged(key);
  });
});

describe('an address that the manager refuses to a host with a key', function () {
  this.timeout(20_000);

  it('is tried with that key again too', async () => {
    const certificate = await issueStockCertificate();
    const unknowing = await startSandbox({ family: 'wazuh-4', certificate });
    let knows = () => {};
    const sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 30,
      onEvent: ({ type }) => {
        if (type === 'request') knows();
      },
    });
    const gate = await openGate(sandbox.endpoints.agent);
    const agent = await scratchHome(['etc', 'queue/rids']);
    try {
      const managers = [{ agent: gate.endpoint, protocol: 'tcp', enrollment: sandbox.endpoints.authd }] as const;
      const settings = { managers, waitMs: 800, ip: { kind: 'address', address: '127.0.0.1' } as const };
      await enroll(journeyOf({ agent, settings }));
      gate.leadTo(unknowing.endpoints.agent);
      knows = () => gate.leadTo(sandbox.endpoints.agent);
      const run = journeyOf({ agent, settings: { ...settings, name: 'renamed' } });
      const { changed, record } = await enroll(run);
      expect({ changed, name: record.name }).to.deep.equal({ changed: false, name: 'web-01' });
      expect(sandbox.agents()).to.have.length(1);
    } finally {
      await gate.close();
      await Promise.all([sandbox.close(), unknowing.close()]);
      await removeHome(agent);
    }
  });
});
