import { expect } from 'chai';
import { describe, it } from 'mocha';
import { findAgent } from '../../src/host/agent-home.js';
import { unseenDaemon } from '../../src/host/unseen-daemon.js';
import { type FakeFacts, fakeSystem } from './fake-system.js';

const RUN = '/var/ossec/var/run';
const PID_FILE = { [`${RUN}/wazuh-agentd-42.pid`]: '42\n' };
const PROCESSES = { '/proc/self/stat': '', '/proc/1/stat': '' };

async function unseen(facts: FakeFacts) {
  const system = fakeSystem(facts);
  return await unseenDaemon(await findAgent({}, system), system);
}

describe('host/unseen-daemon', () => {
  it('has nothing to say where no daemon left its number', async () => {
    expect(await unseen({ files: PROCESSES })).to.equal(undefined);
    expect(await unseen({ files: { ...PROCESSES, [`${RUN}/wazuh-logcollector-42.pid`]: '42' } })).to.equal(undefined);
  });
  it('has nothing to say of a number that is nobody’s, or that of another program', async () => {
    expect(await unseen({ files: { ...PROCESSES, ...PID_FILE } })).to.equal(undefined);
    const others = { '/proc/42/stat': '', '/proc/42/comm': 'sleep\n' };
    expect(await unseen({ files: { ...PROCESSES, ...PID_FILE, ...others } })).to.equal(undefined);
  });
  it('says that the directory is closed', async () => {
    const times = { [`${RUN}/wazuh-agentd.state`]: 'unknown' as const };
    expect(await unseen({ files: PROCESSES, times })).to.equal(`${RUN} may not be looked into`);
  });
  it('says that the process may not be looked at (hidepid=1)', async () => {
    expect(await unseen({ files: { ...PROCESSES, ...PID_FILE, '/proc/42/stat': '' } })).to.equal(
      'process 42 is hidden',
    );
  });
  it('says that nobody’s processes can be seen (hidepid=2)', async () => {
    const files = { '/proc/self/stat': '', ...PID_FILE };
    expect(await unseen({ files })).to.equal('the processes of other users are hidden');
  });
  it('knows nothing where there is no /proc, and of Windows', async () => {
    expect(await unseen({ files: PID_FILE })).to.equal(undefined);
    expect(await unseen({ platform: 'windows', files: { ...PID_FILE, '/proc/self/stat': '' } })).to.equal(undefined);
  });
});
