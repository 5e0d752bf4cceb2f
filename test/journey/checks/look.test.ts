import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { Finding } from '../../../src/journey/checks/finding.js';
import { lookAtAll } from '../../../src/journey/checks/look.js';
import { boundTo } from '../../../src/journey/machine-binding.js';
import { NOTHING_KNOWN } from '../../../src/keystore/notes/notes.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../../src/sandbox/own-certificate.js';
import type { ManagerSettings, Settings } from '../../../src/settings/settings.js';
import { never } from '../../host/fake-system.js';
import { line, record, removeHome, scratchHome } from '../../keystore/scratch.js';
import { type Given, journeyOf, note } from '../journey-scene.js';

describe('a look at all that a host needs', () => {
  let sandbox: Sandbox;
  let agent: AgentInstallation;
  let names = 0;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate: await issueStockCertificate(), keyReloadMs: 10 });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
  });
  afterEach(() => removeHome(agent));

  const put = (key: AgentRecord) => writeFile(agent.keysFile, line(key), { mode: 0o640 });
  const there = (): ManagerSettings => ({
    agent: sandbox.endpoints.agent,
    protocol: 'tcp',
    enrollment: sandbox.endpoints.authd,
  });
  /** Over the other protocol of the internet, at which nobody is. */
  const sixth = (): ManagerSettings => ({ ...there(), agent: { host: '::1', port: 1 } });
  const look = async (settings: Partial<Settings>, given: Partial<Given> = {}) => {
    const journey = journeyOf({ agent, ...given, settings: { waitMs: 500, ...settings } });
    const found: Finding[] = [];
    const seen = await lookAtAll(journey, (...findings) => found.push(...findings));
    return { ...seen, of: (id: string) => found.find((finding) => finding.id === id) };
  };

  describe('judges the record by the address from which this host speaks', () => {
    const managers = () => [sixth(), there()];
    it('to the manager that acknowledges the key', async () => {
      await put(sandbox.addAgent({ name: `web-${names}`, ip: '127.0.0.1' }));
      const { link, of } = await look({ managers: managers() });
      expect(link.kind).to.equal('proved');
      expect(of('address')?.detail).to.equal('The record is for 127.0.0.1, and this host speaks from 127.0.0.1.');
    });
    it('to the manager that does not', async () => {
      await put(record('077', 'web-01', '127.0.0.1', 'a'.repeat(64)));
      const { link, of } = await look({ managers: managers() });
      expect(link).to.include({ kind: 'failed' });
      expect(of('address')).to.include({ ok: true });
      expect(of('key')).to.include({ ok: false });
    });
    it('and else by that to the first', async () => {
      const nobody = [{ ...there(), agent: { host: '127.0.0.1', port: 1 } }, sixth()];
      await put(record('077', 'web-01', '127.0.0.1', 'a'.repeat(64)));
      const hanging = () => (_endpoint: unknown, signal: AbortSignal) =>
        new Promise<never>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
        );
      const { of } = await look({ managers: nobody, timeoutMs: 200, cipher: 'aes' }, { edge: { dial: hanging } });
      expect(of('address')?.detail).to.equal('The record is for 127.0.0.1, and this host speaks from 127.0.0.1.');
    });
  });

  it('has no record where there is no key, and asks the manager without one', async () => {
    const { link, record: none } = await look({ managers: [there()] });
    expect(none).to.equal(undefined);
    expect(link.kind).to.equal('looked');
  });
  it('goes on without a key where the notes still speak of one', async () => {
    const key = sandbox.addAgent({ name: `web-${names}` });
    const binding = await boundTo(NOTHING_KNOWN, key, journeyOf({ agent }).edge, never);
    if (binding === undefined) throw new Error('Nothing is known of this machine.');
    await note(agent, { binding });
    const { of } = await look({ managers: [there()] });
    expect(of('machine')).to.include({ ok: null });
  });
  it('looks at this host alone where there is no manager', async () => {
    await put(sandbox.addAgent({ name: `web-${names}` }));
    const { link, of } = await look({ managers: [] });
    expect(link).to.deep.equal({ kind: 'none', why: 'Not looked at: no manager is named.' });
    expect(of('key')).to.include({ ok: null, detail: 'Not looked at: no manager is named.' });
    expect(of('key-file')).to.include({ ok: true });
  });
  it('asks for the enrollment of a Wazuh 5 where it takes its agents', async () => {
    const https = { host: '127.0.0.1', port: 1, prefix: '' };
    const { of } = await look({ managers: [{ ...there(), https }] });
    expect(of('enrollment')?.detail).to.contain('127.0.0.1:1 refused the connection');
  });
  it('does not say why an error of the enrollment is one of the link', async () => {
    await put(sandbox.addAgent({ name: `web-${names}` }));
    const fault = new EnrollError('SETTING_INVALID', 'The CA is none.', { hint: 'Give one.' });
    const { link, of } = await look({ managers: [there()], unsettled: { enrollment: fault } });
    expect(link.kind).to.equal('proved');
    expect(of('enrollment')).to.not.have.property('error');
  });
});
