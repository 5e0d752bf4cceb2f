import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import { emptyReport, withEvent } from '../../src/journey/report.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

type Requested = Extract<SandboxEvent, { type: 'request' }>;

describe('a host that enrolls again', function () {
  this.timeout(30_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let agent: AgentInstallation;
  let requests: Requested[] = [];

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    requests = [];
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 30,
      onEvent: (event) => {
        if (event.type === 'request') requests.push(event);
      },
    });
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(async () => {
    await sandbox.close();
    await removeHome(agent);
  });

  const removed = async (id: string) => {
    expect(sandbox.removeAgent(id)).to.equal(true);
    await sandbox.restartRemoted();
  };
  const journey = (settings: Partial<Settings> = {}) => {
    const managers = [
      { agent: sandbox.endpoints.agent, protocol: 'tcp', enrollment: sandbox.endpoints.authd },
    ] as const;
    return journeyOf({ agent, settings: { managers, waitMs: 1500, ip: { kind: 'auto' }, ...settings } });
  };

  it('goes on under the name in its key, and says so', async () => {
    await enroll(journey({ name: 'hold1' }));
    await removed('001');
    const run = journey();
    const { record, changed } = await enroll(run);
    expect({ name: record.name, changed }).to.deep.equal({ name: 'hold1', changed: true });
    const report = run.told.reduce(withEvent, emptyReport('enroll'));
    expect(report.warnings.join()).to.include(
      'does not acknowledge this key (agent 001 hold1), so this host enrolls again',
    );
    const identified = run.told.find(({ kind }) => kind === 'identified');
    expect(identified).to.have.nested.property('host.name').that.deep.equals({ name: 'hold1', ofKey: true });
  });
  it('takes another name where one is asked for', async () => {
    await enroll(journey({ name: 'hold1' }));
    await removed('001');
    expect((await enroll(journey({ name: 'hold2' }))).record.name).to.equal('hold2');
  });
  it('shows the manager the key that it has, but not with --force, which is to replace one that the manager knows', async () => {
    await enroll(journey());
    await removed('001');
    await enroll(journey());
    await removed('002');
    await enroll(journey({ force: true }));
    expect(requests.map(({ hadKeyHash }) => hadKeyHash)).to.deep.equal([false, true, false]);
  });
  it('--force is refused, and changes nothing, where the manager still has an agent of that name that it will not replace', async () => {
    await enroll(journey());
    const key = await readFile(agent.keysFile, 'utf8');
    const run = journey({ force: true });
    expect((await failure(enroll(run))).code).to.equal('NAME_DUPLICATE');
    expect(run.kinds()).to.not.include('proving');
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(key);
  });

  it('remembers what it asked for, so that the same is not told to be left undone', async () => {
    await enroll(journey({ name: 'web-01', groups: [] }));
    expect((await readNotes(agent, nodeFileEdge())).asked).to.deep.equal({
      agent: '001 web-01',
      name: 'web-01',
      ip: 'any',
      groups: [],
    });
    const run = journey({ name: 'web-02' });
    await enroll(run);
    expect(run.warnings().join()).to.include('the name web-02');
  });
});
