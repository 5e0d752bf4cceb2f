import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { HTTPS_ODDITIES, ODDITIES } from '../../src/sandbox/oddities.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { LOAD } from '../load.js';
import { type AgentSocket, type Outcome, tcpAgent, udpAgent } from './clients.js';
import { udpOpen } from './connections.js';
import { EventLog } from './event-log.js';
import { framedGreeting, greeting } from './messages.js';

const SILENCE_MS = 80 * LOAD;

let certificate: IssuedCertificate;
let sandbox: Sandbox;
let log: EventLog;
const clients: AgentSocket[] = [];

async function start(options: SandboxOptions): Promise<void> {
  log = new EventLog();
  sandbox = await startSandbox({ certificate, keyReloadMs: 5, ...options, onEvent: log.onEvent });
}

async function client(open: typeof tcpAgent | typeof udpAgent): Promise<AgentSocket> {
  const opened = await open(sandbox.endpoints.agent);
  clients.push(opened);
  return opened;
}

const answered = (outcome: Outcome) => typeof outcome === 'object';

describe('oddities of real managers', () => {
  before(async () => {
    certificate = await issueStockCertificate();
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((opened) => opened.close()));
    await sandbox.close();
  });

  describe('missed-second', () => {
    let now: number;
    let local: number;
    const clock = () => new Date(now);
    /** Whether remoted acknowledges a startup. */
    const greets = async (record: AgentRecord) => {
      local += 1;
      const udp = await client(udpAgent);
      udp.send(greeting(record, { counter: { global: 0, local } }));
      return answered(await udp.next(SILENCE_MS));
    };
    const odd = async (more: Partial<SandboxOptions> = {}) => {
      now = 5_400;
      local = 0;
      await start({ family: 'ossec', oddities: ['missed-second'], clock, ...more });
    };

    it('leaves a key unknown that was added in the second of the change before it', async () => {
      await odd();
      const set = sandbox.addAgent({ name: 'web-01' });
      expect([await greets(set), await greets(set)]).to.deep.equal([false, false]);
      now = 6_100;
      const later = sandbox.addAgent({ name: 'web-02' });
      expect(await greets(later)).to.equal(true);
      const missed = sandbox.addAgent({ name: 'web-03' });
      expect([await greets(missed), await greets(missed), await greets(later)]).to.deep.equal([false, false, true]);
      // Time alone does not heal it.
      now = 60_000;
      expect(await greets(missed)).to.equal(false);
    });

    it('ends with the next key of another second', async () => {
      await odd();
      const missed = sandbox.addAgent({ name: 'web-01' });
      expect(await greets(missed)).to.equal(false);
      now = 7_000;
      sandbox.addAgent({ name: 'web-02' });
      expect(await greets(missed)).to.equal(true);
    });

    it('ends when the file is touched, and when remoted is restarted', async () => {
      for (const heal of [async () => sandbox.touchKeys(), () => sandbox.restartRemoted()]) {
        await odd();
        const missed = sandbox.addAgent({ name: 'web-01' });
        expect(await greets(missed)).to.equal(false);
        await heal();
        expect(await greets(missed)).to.equal(true);
        await Promise.all(clients.splice(0).map((opened) => opened.close()));
        await sandbox.close();
      }
    });

    it('is not there unless it is asked for', async () => {
      await odd({ oddities: [] });
      for (const name of ['web-01', 'web-02']) expect(await greets(sandbox.addAgent({ name })), name).to.equal(true);
    });
  });

  describe('OSSEC reads its keys anew', () => {
    it('when an agent speaks from another address than that of its record, too', async () => {
      await start({ family: 'ossec' });
      const record = sandbox.addAgent({ name: 'web-01', ip: '10.0.0.1' });
      const udp = await client(udpAgent);
      udp.send(greeting(record));
      await log.until((event) => event.type === 'dropped' && event.why === 'address not allowed');
      expect(log.all).to.deep.include({ type: 'keys loaded', agents: 1 });
      const other = sandbox.addAgent({ name: 'web-02' });
      udp.send(greeting(record));
      await log.until((event) => event.type === 'keys loaded' && event.agents === 2);
      sandbox.removeAgent(other.id);
      expect(sandbox.log().filter((line) => line.includes('(1408)'))).to.have.length(2);
    });
  });

  describe('stalled-connection', () => {
    const greets = async (record: AgentRecord) => {
      const tcp = await client(tcpAgent);
      tcp.send(framedGreeting(record));
      return { tcp, outcome: await tcp.next(SILENCE_MS) };
    };

    it('takes the connection that it is told to, and neither answers nor closes it', async () => {
      for (const family of ['wazuh-4', 'wazuh-3'] as const) {
        await start({ family, stalledConnections: [2] });
        const record = sandbox.addAgent({ name: 'web-01' });
        await log.until((event) => event.type === 'keys loaded');
        const first = await greets(record);
        expect(answered(first.outcome)).to.equal(true);
        await first.tcp.close();
        const second = await greets(record);
        expect(second.outcome).to.equal('timeout');
        second.tcp.send(framedGreeting({ ...record, id: '999' }));
        expect(await second.tcp.next(SILENCE_MS)).to.equal('timeout');
        expect(answered((await greets(record)).outcome), 'the next one').to.equal(true);
        const text = "ERROR: IP address family '0':'AF_UNSPEC' not supported.";
        expect(sandbox.log().filter((line) => line.endsWith(text))).to.have.length(2);
        expect(log.all.filter(({ type }) => type === 'connection lost')).to.have.length(1);
        // It is gone when the client goes.
        await second.tcp.close();
        await sandbox.close();
      }
    });

    it('counts on when remoted is restarted', async () => {
      await start({ family: 'wazuh-4', stalledConnections: [2] });
      const record = sandbox.addAgent({ name: 'web-01' });
      await sandbox.restartRemoted();
      expect(answered((await greets(record)).outcome)).to.equal(true);
      await sandbox.restartRemoted();
      expect((await greets(record)).outcome).to.equal('timeout');
    });

    it('is every 20th where nothing else is said, and none without the oddity', async () => {
      for (const [oddities, lost] of [
        [['stalled-connection'], [20, 40]],
        [[], []],
      ] as const) {
        await start({ family: 'wazuh-4', oddities });
        const stalled: number[] = [];
        for (let at = 1; at <= 40; at += 1) {
          const tcp = await tcpAgent(sandbox.endpoints.agent);
          tcp.send(framedGreeting({ id: '999', name: 'nobody', ip: 'any', key: new Secret('ab'.repeat(32)) }));
          if ((await tcp.next(SILENCE_MS)) === 'timeout') stalled.push(at);
          await tcp.close();
        }
        await sandbox.close();
        expect(stalled).to.deep.equal(lost);
      }
    });
  });

  describe('empty-keys-exit', () => {
    const ends = () => log.all.filter((event) => event.type === 'stopped' && event.how === 'by itself').length;
    const exits = () =>
      sandbox.log().filter((line) => line.includes('(1751): ERROR: File client.keys not found or empty.'));

    it('closes the agent port until there is an agent and remoted is started again', async () => {
      await start({ family: 'ossec', oddities: ['empty-keys-exit'] });
      expect(await udpOpen(sandbox.endpoints.agent)).to.equal(false);
      expect(exits()).to.have.length(1);
      await sandbox.restartRemoted();
      expect(await udpOpen(sandbox.endpoints.agent)).to.equal(false);
      expect(exits()).to.have.length(2);
      const record = sandbox.addAgent({ name: 'web-01' });
      expect(await udpOpen(sandbox.endpoints.agent), 'before the restart').to.equal(false);
      await sandbox.restartRemoted();
      const udp = await client(udpAgent);
      udp.send(greeting(record));
      expect(answered(await udp.next())).to.equal(true);
    });

    it('ends when the last agent is removed, with its next reading', async () => {
      await start({ family: 'ossec', oddities: ['empty-keys-exit'] });
      const record = sandbox.addAgent({ name: 'web-01' });
      await sandbox.startRemoted();
      sandbox.removeAgent(record.id);
      const udp = await client(udpAgent);
      udp.send(greeting({ ...record, id: '9999' }));
      await log.until(() => ends() === 2);
      expect(await udpOpen(sandbox.endpoints.agent)).to.equal(false);
    });

    it('is started again after the first key where that is asked for', async () => {
      await start({ family: 'ossec', oddities: ['empty-keys-exit'], remotedRestartMs: 40 });
      const added = performance.now();
      const record = sandbox.addAgent({ name: 'web-01' });
      sandbox.addAgent({ name: 'web-02' });
      await log.until((event) => event.type === 'listening' && event.service === 'remoted');
      expect(performance.now() - added).to.be.above(35);
      const udp = await client(udpAgent);
      udp.send(greeting(record));
      expect(answered(await udp.next())).to.equal(true);
      expect(log.all.filter((event) => event.type === 'listening' && event.service === 'remoted')).to.have.length(1);
    });

    it('leaves no timer when the sandbox is closed before that', async () => {
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      await start({ family: 'ossec', oddities: ['empty-keys-exit'], remotedRestartMs: 60_000 });
      const before = timers();
      for (const name of ['web-01', 'web-02']) sandbox.addAgent({ name });
      expect(timers()).to.equal(before + 1);
      await sandbox.close();
      expect(timers()).to.be.at.most(before);
    });

    it('is not there unless it is asked for', async () => {
      await start({ family: 'ossec' });
      expect(await udpOpen(sandbox.endpoints.agent)).to.equal(true);
    });
  });

  describe('each', () => {
    it('is refused for a family whose managers do not have it', async () => {
      const refused: string[] = [];
      for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
        for (const oddity of ODDITIES) {
          try {
            await start({ family, oddities: [oddity] });
            await sandbox.close();
          } catch (thrown) {
            if (!(thrown instanceof EnrollError)) throw thrown;
            expect(thrown.code).to.equal('SETTING_INVALID');
            expect(thrown.message).to.contain(oddity).and.contain(family);
            refused.push(`${family} ${oddity}`);
          }
        }
      }
      const ofWazuh5 = (family: string) => HTTPS_ODDITIES.map((oddity) => `${family} ${oddity}`);
      expect(refused).to.deep.equal([
        'wazuh-4 missed-second',
        'wazuh-4 empty-keys-exit',
        ...ofWazuh5('wazuh-4'),
        'wazuh-3 missed-second',
        'wazuh-3 empty-keys-exit',
        ...ofWazuh5('wazuh-3'),
        'ossec stalled-connection',
        ...ofWazuh5('ossec'),
      ]);
    });
  });
});
