import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { agentDaemon, isServiceRunning, parseAgentState } from '../../src/host/agent-daemon.js';
import { findAgent } from '../../src/host/agent-home.js';
import { type FakeFacts, fakeSystem, never, procStat } from './fake-system.js';

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
    const files = { ...wazuh, '/proc/42/comm': 'wazuh-agentd\n' };
    const times = { [`${run}/wazuh-agentd.state`]: { modified: 1_790_000_000_000 } };
    expect(await daemon({ files, times })).to.deep.equal({
      name: 'wazuh-agentd',
      pid: 42,
      facts: {},
      saidAt: 1_790_000_000_000,
      ...connected,
    });
  });
  it('knows when it was started, as whom, and that it is halted', async () => {
    const files = {
      ...wazuh,
      '/proc/42/comm': 'wazuh-agentd\n',
      '/proc/42/stat': procStat(42, 'a) R (b', 1500, 'T'),
      '/proc/42/status': 'Name:\twazuh-agentd\nUid:\t0\t998\t998\t998\n',
      '/proc/self/stat': procStat(77, 'node', 4000),
      '/proc/sys/kernel/random/boot_id': '0f1e\n',
    };
    const { facts } = (await daemon({ files, startedAt: 1_790_000_100_000 })) ?? {};
    expect(facts).to.deep.equal({ uid: 998, halted: true, startedAt: 1_790_000_075_000, instance: '0f1e 42 1500' });
  });
  describe('of OSSEC, which keeps no state file', () => {
    const files = { [`${run}/ossec-agentd-7.pid`]: '7', '/proc/7/comm': 'ossec-agentd\n' };
    const queue = '/var/ossec/queue/ossec';

    it('is connected where nothing says that it waits', async () => {
      const facts = { files: { ...files, [`${queue}/queue`]: '' } };
      expect(await daemon(facts)).to.deep.equal({ name: 'ossec-agentd', pid: 7, facts: {}, status: 'connected' });
    });
    it('is not while it waits', async () => {
      expect(await daemon({ files: { ...files, [`${queue}/.wait`]: '' } })).to.include({ status: 'disconnected' });
    });
    it('tells nothing where its queue is not there, or may not be looked into, nor as an agent of Wazuh 3', async () => {
      expect(await daemon({ files })).to.include({ status: 'unknown' });
      const times = { [`${queue}/.wait`]: 'unknown' } as const;
      expect(await daemon({ files: { ...files, [`${queue}/queue`]: '' }, times })).to.include({ status: 'unknown' });
      const wazuh3 = {
        '/var/ossec/bin/ossec-agentd': '',
        '/etc/ossec-init.conf': 'NAME="Wazuh"\nDIRECTORY="/var/ossec"\nVERSION="v3.13.6"\n',
      };
      expect(await daemon({ files: { ...files, ...wazuh3, [`${queue}/queue`]: '' } })).to.include({
        status: 'unknown',
      });
    });
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
    const times = { [`${home}\\wazuh-agent.state`]: { modified: 1_790_000_000_000 } };
    expect(await daemon({ platform: 'windows', files, times, programs: running })).to.deep.equal({
      name: 'WazuhSvc',
      facts: {},
      saidAt: 1_790_000_000_000,
      ...connected,
    });
    expect(await daemon({ platform: 'windows', programs: running })).to.deep.equal({
      name: 'WazuhSvc',
      facts: {},
      status: 'unknown',
    });
  });
  it('asks PowerShell when the service was started', async () => {
    const shell = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';
    const script =
      "[int64]((Get-Process -Id 4711).StartTime.ToUniversalTime() - [datetime]'1970-01-01').TotalMilliseconds";
    const programs = {
      ...running,
      [`${sc} queryex WazuhSvc`]: `${query(4, 'RUNNING')}        PID                : 4711\r\n        FLAGS              :\r\n`,
      [`${shell} -NoProfile -NonInteractive -Command ${script}`]: '1790000000000\r\n',
    };
    const { facts } = (await daemon({ platform: 'windows', files, programs })) ?? {};
    expect(facts).to.deep.equal({ startedAt: 1_790_000_000_000, instance: '4711 1790000000000' });
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
