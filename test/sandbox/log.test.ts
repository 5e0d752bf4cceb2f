import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import type { AgentRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import type { SandboxFamily } from '../../src/sandbox/authd-protocol.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { formatLine, ManagerLog } from '../../src/sandbox/manager-log.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { type AgentSocket, tcpAgent, udpAgent } from './clients.js';
import { EventLog } from './event-log.js';
import { framedGreeting, greeting, type Sent } from './messages.js';

const UNKNOWN: AgentRecord = { id: '2000', name: 'nobody', ip: 'any', key: new Secret('ab'.repeat(32)) };
const AT = new Date(2026, 10, 25, 9, 1, 2);

let certificate: IssuedCertificate;
async function withLog<T>(
  options: SandboxOptions,
  run: (sandbox: Sandbox, udp: AgentSocket, log: EventLog) => Promise<T>,
): Promise<T> {
  const log = new EventLog();
  const sandbox = await startSandbox({
    certificate,
    keyReloadMs: 5,
    clock: () => AT,
    ...options,
    onEvent: log.onEvent,
  });
  const udp = await udpAgent(sandbox.endpoints.agent);
  try {
    return await run(sandbox, udp, log);
  } finally {
    await udp.close();
    await sandbox.close();
  }
}

const lines = (log: EventLog) => log.all.flatMap((event) => (event.type === 'log' ? [event.line] : []));

describe("the log of the sandbox's remoted", () => {
  before(async () => {
    certificate = await issueStockCertificate();
  });

  const unknown: Readonly<Record<SandboxFamily, string>> = {
    'wazuh-4': "wazuh-remoted: WARNING: (1408): Invalid ID 2000 for the source ip: '127.0.0.1' (name 'unknown').",
    'wazuh-3': "ossec-remoted: WARNING: (1408): Invalid ID 2000 for the source ip: '127.0.0.1' (name 'unknown').",
    ossec: "ossec-remoted(1408): ERROR: Invalid ID 2000 for the source ip: '127.0.0.1'.",
  };
  for (const [family, text] of Object.entries(unknown)) {
    it(`${family}: has one line for each message of a key that it does not know`, () =>
      withLog(
        { family: family === 'ossec' || family === 'wazuh-3' ? family : 'wazuh-4' },
        async (sandbox, udp, log) => {
          for (let sent = 0; sent < 7; sent += 1) udp.send(greeting(UNKNOWN));
          await log.until(() => lines(log).length >= 7);
          expect(sandbox.log()).to.deep.equal(Array.from({ length: 7 }, () => `2026/11/25 09:01:02 ${text}`));
          expect(lines(log)).to.deep.equal(sandbox.log());
          expect(log.all.filter((event) => event.type === 'dropped' && event.why === 'unknown id')).to.have.length(7);
        },
      ));
  }

  it('has nothing to say of messages that are taken', () =>
    withLog({ family: 'wazuh-4' }, async (sandbox, udp, log) => {
      const record = sandbox.addAgent({ name: 'web-01' });
      await log.until((event) => event.type === 'keys loaded');
      udp.send(greeting(record));
      await udp.next();
      udp.send(greeting(record, { payload: '#!-agent shutdown ' }));
      await log.until((event) => event.type === 'state' && event.agent.state === 'disconnected');
      expect(sandbox.log()).to.deep.equal([]);
    }));

  it('tells a key in use before it looks whether the message is good', () =>
    withLog({ family: 'wazuh-4' }, async (sandbox, udp, log) => {
      const record = sandbox.addAgent({ name: 'web-01' });
      await log.until((event) => event.type === 'keys loaded');
      const daemon = await tcpAgent(sandbox.endpoints.agent);
      daemon.send(framedGreeting(record));
      await daemon.next();
      const clone = await tcpAgent(sandbox.endpoints.agent);
      clone.send(framedGreeting({ ...record, key: new Secret('cd'.repeat(32)) }));
      expect(await clone.next()).to.equal('EOF');
      udp.send(greeting(record));
      await log.until(() => lines(log).length === 2);
      const line = "2026/11/25 09:01:02 wazuh-remoted: WARNING: Agent key already in use: agent ID '001'";
      expect(sandbox.log()).to.deep.equal([line, line]);
      await daemon.close();
    }));

  it('an event makes no connection the one of its agent', () =>
    withLog({ family: 'wazuh-4' }, async (sandbox, _udp, log) => {
      const record = sandbox.addAgent({ name: 'web-01' });
      await log.until((event) => event.type === 'keys loaded');
      const first = await tcpAgent(sandbox.endpoints.agent);
      first.send(framedGreeting(record, { payload: '1:test:an event' }));
      await log.until((event) => event.type === 'message');
      const second = await tcpAgent(sandbox.endpoints.agent);
      second.send(framedGreeting(record));
      expect(await second.next()).to.have.property('message');
      await Promise.all([first.close(), second.close()]);
    }));

  const behind: readonly [string, SandboxFamily, Sent, string][] = [
    [
      'a counter behind in its local part',
      'wazuh-4',
      { counter: { global: 25, local: 7 } },
      "wazuh-remoted: WARNING: (1407): Duplicated counter for 'web-01'.",
    ],
    [
      'a counter behind in its global part',
      'wazuh-4',
      { counter: { global: 0, local: 1 } },
      "wazuh-remoted: WARNING: (1404): Authentication error. Wrong key or corrupt payload. Message received from agent '001' at '127.0.0.1'.",
    ],
    [
      'a counter behind in its local part',
      'ossec',
      { counter: { global: 25, local: 7 } },
      "ossec-remoted(1407): ERROR: Duplicated counter for 'web-01'.",
    ],
    [
      'a counter behind in its global part',
      'ossec',
      { counter: { global: 0, local: 1 } },
      "ossec-remoted(1404): ERROR: Authentication error. Wrong key from '127.0.0.1'.",
    ],
  ];
  for (const [title, family, sent, text] of behind) {
    it(`${family}: ${title}`, () =>
      withLog({ family, verifyMsgId: true }, async (sandbox, udp, log) => {
        const record = sandbox.addAgent({ name: 'web-01' });
        if (family === 'wazuh-4') await log.until((event) => event.type === 'keys loaded');
        udp.send(greeting(record, { counter: { global: 25, local: 105 } }));
        expect(await udp.next()).to.have.property('message');
        udp.send(greeting(record, sent));
        await log.until((event) => event.type === 'log');
        expect(sandbox.log()).to.deep.equal([`2026/11/25 09:01:02 ${text}`]);
      }));
  }

  it('OSSEC tells a wrong key, a message without an id, and a broken one', () =>
    withLog({ family: 'ossec' }, async (sandbox, udp, log) => {
      const record = sandbox.addAgent({ name: 'web-01' });
      udp.send(greeting(record));
      await udp.next();
      udp.send(greeting({ ...record, key: new Secret('cd'.repeat(32)) }));
      udp.send(greeting(record).subarray(6));
      udp.send(Buffer.from('!12:nonsense'));
      udp.send(Buffer.from('!1024!nonsense'));
      await log.until(() => lines(log).length === 4);
      expect(sandbox.log().map((line) => line.slice('2026/11/25 09:01:02 '.length))).to.deep.equal([
        "ossec-remoted(1404): ERROR: Authentication error. Wrong key from '127.0.0.1'.",
        'ossec-remoted(1213): WARN: Message from 127.0.0.1 not allowed.',
        "ossec-remoted(1403): ERROR: Incorrectly formatted message from '127.0.0.1'.",
        "ossec-remoted(1403): ERROR: Incorrectly formatted message from '1024'.",
      ]);
    }));

  it('keeps the newest 20,000 lines', () => {
    const log = new ManagerLog(
      'ossec',
      () => AT,
      () => {},
    );
    for (let at = 0; at < 45_000; at += 1) log.write([{ level: 'ERROR', text: String(at) }]);
    expect(log.lines).to.have.length(20_000);
    expect(log.lines[0]).to.match(/ERROR: 25000$/);
    expect(log.lines.at(-1)).to.match(/ERROR: 44999$/);
  });

  it('writes single digits of a date with a zero in front', () => {
    const at = new Date(2027, 0, 2, 3, 4, 5);
    expect(formatLine({ level: 'WARNING', text: 'x' }, 'ossec', at)).to.equal(
      '2027/01/02 03:04:05 ossec-remoted: WARN: x',
    );
  });
});
