import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { agentLog, daemon, type LogLook } from '../../../src/journey/checks/daemon.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { agent } from './check-scene.js';

const wazuh: AgentInstallation = { ...agent, flavor: 'wazuh' };
const silent: LogLook = { word: undefined };
const unreadable: LogLook = { error: new EnrollError('FILE_UNREADABLE', 'The log cannot be read.') };
const running = { name: 'wazuh-agentd', facts: {}, status: 'connected' } as const;
const line = (time: string, text: string) => ({ time, program: 'wazuh-agentd', level: 'ERROR', text });
const LOST = line('2026/11/25 09:01:02', '(1137): Lost connection with manager. Setting lock.');
const STRANGE = line('2026/11/25 09:01:03', 'Something else..');
const WRONG_KEY = line('2026/11/25 09:01:04', '(1404): Authentication error. Wrong key.');

describe('the check of the agent daemon', () => {
  it('has nothing to say where no agent is found', () => {
    expect(daemon(agent, { daemon: undefined }, silent)).to.deep.equal({
      id: 'daemon',
      ok: null,
      detail: 'No agent is found in /var/ossec.',
    });
  });
  for (const [here, what, how] of [
    [wazuh, 'An agent', 'systemctl start wazuh-agent'],
    [{ ...wazuh, version: 'v4.14.7' }, 'An agent (v4.14.7)', 'systemctl start wazuh-agent'],
    [{ ...agent, flavor: 'ossec' }, 'An agent', '/var/ossec/bin/ossec-control start'],
    [{ ...wazuh, platform: 'windows' }, 'An agent', 'net start WazuhSvc'],
    [{ ...agent, flavor: 'ossec', platform: 'windows' }, 'An agent', 'net start OssecSvc'],
  ] satisfies [AgentInstallation, string, string][]) {
    it(`says how to start one that does not run: ${how}`, () => {
      for (const log of [silent, unreadable]) {
        expect(daemon(here, { daemon: undefined }, log)).to.deep.equal({
          id: 'daemon',
          ok: false,
          detail: `${what} is installed, and its daemon does not run.`,
          hint: `Start the agent: ${how}.`,
        });
      }
    });
  }
  it('shows the last words of its log beside that, with what they mean', () => {
    const log = (...troubles: (typeof LOST)[]): LogLook => ({ word: { troubles } });
    expect(daemon(wazuh, { daemon: undefined }, log(STRANGE, WRONG_KEY)).detail).to.equal(
      'An agent is installed, and its daemon does not run. Its log, 2026/11/25 09:01:04: the key differs from the one that the manager has ("(1404): Authentication error. Wrong key").',
    );
    const error = new EnrollError('AGENT_NOT_CONNECTED', 'It is pending.', { hint: 'Wait.' });
    expect(daemon(wazuh, { daemon: running, error }, log(WRONG_KEY, STRANGE))).to.deep.equal({
      id: 'daemon',
      ok: false,
      detail: 'It is pending. Its log, 2026/11/25 09:01:03: "Something else".',
      hint: 'Wait.',
      error,
    });
    expect(daemon(wazuh, { daemon: undefined }, log()).detail).to.match(/does not run\.$/);
  });
  it('says what one says that runs', () => {
    expect(daemon(wazuh, { daemon: running }, silent)).to.deep.equal({
      id: 'daemon',
      ok: true,
      detail: 'wazuh-agentd runs and says that it is connected.',
    });
    expect(daemon(wazuh, { daemon: { ...running, lastAck: '2026-11-25 09:01:02' } }, silent).detail).to.equal(
      'wazuh-agentd runs and says that it is connected; the manager last answered it at 2026-11-25 09:01:02.',
    );
  });
});

describe("the check of the agent's log", () => {
  const LOG = '/var/ossec/logs/ossec.log';
  const none = { daemon: undefined };
  for (const [what, log, ok, detail] of [
    ['cannot be read', unreadable, null, 'The log cannot be read.'],
    ['is not there', silent, null, `There is no ${LOG}.`],
    ['tells of nothing', { word: { troubles: [] } }, true, `${LOG} tells of no trouble.`],
    [
      'tells of nothing since the connection',
      { word: { troubles: [], connectedAt: '2026/11/25 09:00:00' } },
      true,
      `${LOG} tells of no trouble since it was connected at 2026/11/25 09:00:00.`,
    ],
  ] as const) {
    it(`says of one that ${what}: ${detail}`, () => {
      expect(agentLog(wazuh, log, none)).to.deep.equal({ id: 'agent-log', ok, detail });
    });
  }

  const told = `${LOG} since it was connected at 2026/11/25 09:00:00: 2026/11/25 09:01:02: the agent lost the manager and waits for it ("(1137): Lost connection with manager. Setting lock"); 2026/11/25 09:01:03: "Something else".`;
  const log: LogLook = {
    word: { troubles: [LOST, STRANGE], connectedAt: '2026/11/25 09:00:00', refusedConnections: 3 },
  };
  it('tells of its troubles, and what to do about the last that is known', () => {
    expect(agentLog(wazuh, log, none)).to.deep.equal({
      id: 'agent-log',
      ok: false,
      detail: told,
      hint: 'What keeps it from connecting again stands in the checks above.',
    });
    const two: LogLook = { word: { troubles: [LOST, WRONG_KEY] } };
    expect(agentLog(wazuh, two, none).hint).to.equal('Enroll again: agent-enroll --force.');
    const strange: LogLook = { word: { troubles: [STRANGE] } };
    expect(agentLog(wazuh, strange, none).hint).to.equal(`Look into ${LOG} for what was before.`);
  });
  it('knows of an agent that is not answered, which says nothing of it', () => {
    const refused: LogLook = { word: { troubles: [], refusedConnections: 3 } };
    expect(agentLog(wazuh, refused, none)).to.deep.equal({
      id: 'agent-log',
      ok: false,
      detail: `${LOG}: it connects and is not answered, again and again, as to a manager that does not take its key.`,
      hint: `Look into ${LOG} for what was before.`,
    });
  });
  it('takes troubles for over where the agent is connected, and for old where there is no agent', () => {
    expect(agentLog(wazuh, log, { daemon: running })).to.deep.equal({
      id: 'agent-log',
      ok: null,
      detail: `${told} The agent is connected now.`,
    });
    expect(agentLog(agent, log, none)).to.deep.equal({ id: 'agent-log', ok: null, detail: told });
    const error = new EnrollError('AGENT_NOT_CONNECTED', 'It is pending.');
    expect(agentLog(agent, log, { daemon: running, error })).to.include({ ok: false, detail: told });
  });
});
