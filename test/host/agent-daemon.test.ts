import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { agentDaemon, isServiceRunning, parseAgentState } from '../../src/host/agent-daemon.js';
import { findAgent } from '../../src/host/agent-home.js';
import { type FakeFacts, fakeSystem, never } from './fake-system.js';

const state = `# State file for wazuh-agentd

# Agent status:
# - connected:    connection established with manager in the last 60 seconds.
status='connected'

# Last time a keepalive was sent
last_keepalive='2026-09-03 17:23:49'

# Last time a control message was received
last_ack='2026-09-03 17:23:48'

msg_count='12'
`;
const connected = { status: 'connected', lastAck: '2026-09-03 17:23:48', lastKeepalive: '2026-09-03 17:23:49' };

async function daemon(facts: FakeFacts, home?: string) {
  const system = fakeSystem(facts);
  return agentDaemon(await findAgent(home === undefined ? {} : { home }, system), system, never);
}

describe('host/agent-daemon: state file', () => {
  it('is read', () => expect(parseAgentState(state)).to.deep.equal(connected));
  it('knows an agent that was never acknowledged', () => {
    expect(parseAgentState("status='pending'\r\nlast_keepalive=''\r\nlast_ack=''\r\n")).to.deep.equal({
      status: 'pending',
    });
    expect(parseAgentState("status='disconnected'")).to.deep.equal({ status: 'disconnected' });
  });
  it('knows nothing from other text', () => {
    for (const text of ['', "# status='connected'", "status='online'", "status='connected", "last_ack='\u001b[31m'"]) {
      expect(parseAgentState(text)).to.deep.equal({ status: 'unknown' });
    }
  });
  it('never fails', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseAgentState(`status='${text}'\n${text}`)));
  });
});

describe('host/agent-daemon on Unix', () => {
  const run = '/var/ossec/var/run';
  const wazuh = { [`${run}/wazuh-agentd-42.pid`]: '42\n', [`${run}/wazuh-agentd.state`]: state };

  it('finds a running Wazuh agent and what it says', async () => {
    expect(await daemon({ files: { ...wazuh, '/proc/42/comm': 'wazuh-agentd\n' } })).to.deep.equal({
      name: 'wazuh-agentd',
      pid: 42,
      ...connected,
    });
  });
  it('finds a running OSSEC agent, which keeps no state file', async () => {
    const files = { [`${run}/ossec-agentd-7.pid`]: '7', '/proc/7/comm': 'ossec-agentd\n' };
    expect(await daemon({ files })).to.deep.equal({ name: 'ossec-agentd', pid: 7, status: 'unknown' });
  });
  it('is not misled by a stale pid file, a reused pid or another daemon', async () => {
    expect(await daemon({ files: { ...wazuh, '/proc/self/comm': 'node\n' } })).to.equal(undefined);
    expect(await daemon({ files: { ...wazuh, '/proc/42/comm': 'sshd\n' } })).to.equal(undefined);
    const execd = { [`${run}/wazuh-execd-42.pid`]: '42', '/proc/42/comm': 'wazuh-execd\n' };
    expect(await daemon({ files: execd })).to.equal(undefined);
    expect(await daemon({})).to.equal(undefined);
  });
  it('looks past a stale pid file to the living one', async () => {
    const files = { ...wazuh, [`${run}/wazuh-agentd-43.pid`]: '43', '/proc/43/comm': 'wazuh-agentd\n' };
    expect(await daemon({ files })).to.include({ pid: 43, status: 'connected' });
  });
  it('looks in this home only', async () => {
    const files = { ...wazuh, '/proc/42/comm': 'wazuh-agentd\n' };
    expect(await daemon({ files }, '/srv/scratch')).to.equal(undefined);
  });
  it('asks ps where there is no /proc', async () => {
    const programs = { '/bin/ps -p 42 -o comm=': '/var/ossec/bin/wazuh-agentd\n' };
    expect(await daemon({ files: wazuh, programs })).to.include({ pid: 42 });
  });
});

describe('host/agent-daemon on Windows', () => {
  const home = 'C:\\Program Files (x86)\\ossec-agent';
  const sc = 'C:\\Windows\\System32\\sc.exe';
  const query = (number: number, word: string) =>
    `\r\nSERVICE_NAME: WazuhSvc \r\n        TYPE               : 10  WIN32_OWN_PROCESS  \r\n        STATE              : ${number}  ${word} \r\n                                (STOPPABLE)\r\n        WIN32_EXIT_CODE    : 0  (0x0)\r\n`;
  const qc = `        BINARY_PATH_NAME   : "${home}\\wazuh-agent.exe"\r\n`;
  const files = { [`${home}\\wazuh-agent.state`]: state };
  const running = { [`${sc} query WazuhSvc`]: query(4, 'RUNNING'), [`${sc} qc WazuhSvc`]: qc };

  it('reads the number of the state, whatever the language', () => {
    expect(isServiceRunning(query(4, 'RUNNING'))).to.equal(true);
    expect(isServiceRunning(query(2, 'START_PENDING'))).to.equal(true);
    expect(isServiceRunning(query(1, 'STOPPED'))).to.equal(false);
    expect(isServiceRunning(query(3, 'STOP_PENDING'))).to.equal(false);
    expect(isServiceRunning(query(4, 'RUNNING').replace('STATE ', 'STATUS').replace('TYPE', 'TYP '))).to.equal(true);
    expect(isServiceRunning(query(4, 'RUNNING').replace('WIN32_OWN_PROCESS', ''))).to.equal(true);
    expect(isServiceRunning('[SC] EnumQueryServicesStatus:OpenService FAILED 1060:\r\n')).to.equal(false);
    expect(isServiceRunning('')).to.equal(false);
  });
  it('finds the running service and its state file', async () => {
    expect(await daemon({ platform: 'windows', files, programs: running })).to.deep.equal({
      name: 'WazuhSvc',
      ...connected,
    });
    expect(await daemon({ platform: 'windows', programs: running })).to.deep.equal({
      name: 'WazuhSvc',
      status: 'unknown',
    });
  });
  it('finds the service of older versions', async () => {
    const programs = { [`${sc} query OssecSvc`]: query(4, 'RUNNING'), [`${sc} qc OssecSvc`]: qc.toUpperCase() };
    expect(await daemon({ platform: 'windows', programs })).to.include({ name: 'OssecSvc' });
  });
  it('finds none where it is stopped, missing, or of another home', async () => {
    const stopped = { ...running, [`${sc} query WazuhSvc`]: query(1, 'STOPPED') };
    expect(await daemon({ platform: 'windows', files, programs: stopped })).to.equal(undefined);
    expect(await daemon({ platform: 'windows', files })).to.equal(undefined);
    expect(await daemon({ platform: 'windows', files, programs: running }, 'D:\\scratch')).to.equal(undefined);
  });
});
