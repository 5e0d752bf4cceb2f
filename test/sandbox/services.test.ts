import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { EnrollError, systemCode } from '../../src/errors.js';
import { frame } from '../../src/link/message/framing.js';
import { parseRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { type NewAgent, type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { LOAD } from '../load.js';
import { type AgentSocket, askAuthd, type Outcome, tcpAgent, udpAgent } from './clients.js';
import { tcpOpen, udpOpen } from './connections.js';
import { EventLog } from './event-log.js';
import { framedGreeting, greeting } from './messages.js';

const SILENCE_MS = 80 * LOAD;

describe('the services of the sandbox', () => {
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let log: EventLog;
  const clients: AgentSocket[] = [];

  const start = async (options: SandboxOptions) => {
    log = new EventLog();
    sandbox = await startSandbox({ certificate, ...options, onEvent: log.onEvent });
  };
  const client = async (open: typeof tcpAgent | typeof udpAgent) => {
    const opened = await open(sandbox.endpoints.agent);
    clients.push(opened);
    return opened;
  };
  const ask = async (name: string, fields = '') =>
    (await askAuthd(sandbox.endpoints.authd, [`OSSEC A:'${name}'${fields}\n`])).records.join('');
  const enroll = async (name: string) => {
    const parsed = parseRecord(/'(.*)'/.exec(await ask(name))?.[1] ?? '');
    if (!parsed.ok) throw new Error(parsed.fault);
    return parsed.record;
  };
  const loaded = (agents: number) => log.until((event) => event.type === 'keys loaded' && event.agents === agents);
  const stops = () => log.all.flatMap((event) => (event.type === 'stopped' ? [[event.service, event.how]] : []));
  const answered = (outcome: Outcome) => typeof outcome === 'object';

  before(async () => {
    certificate = await issueStockCertificate();
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((opened) => opened.close()));
    await sandbox.close();
  });

  describe('remoted', () => {
    it('is closed while authd answers, and comes up on the port that was told, with the keys that are there', async () => {
      await start({ family: 'wazuh-4', remoted: 'closed' });
      const { port } = sandbox.endpoints.agent;
      expect(port).to.be.above(0);
      expect([await tcpOpen(sandbox.endpoints.agent), await udpOpen(sandbox.endpoints.agent)]).to.deep.equal([
        false,
        false,
      ]);
      const record = await enroll('web-01');
      await sandbox.startRemoted();
      const listening = { type: 'listening', service: 'remoted', endpoint: { host: '127.0.0.1', port } } as const;
      expect(log.all).to.deep.include({ ...listening, over: 'tcp, udp' });
      // Not after the 10 s of a look at client.keys.
      const tcp = await client(tcpAgent);
      tcp.send(framedGreeting(record));
      expect(answered(await tcp.next())).to.equal(true);
    });

    it('goes down with its connections and comes back on its port, more than once', async () => {
      await start({ family: 'wazuh-4' });
      const record = sandbox.addAgent({ name: 'web-01' });
      await sandbox.restartRemoted();
      for (let round = 1; round <= 3; round += 1) {
        const tcp = await client(tcpAgent);
        tcp.send(framedGreeting(record));
        expect(answered(await tcp.next()), `round ${round}`).to.equal(true);
        await Promise.all([sandbox.stopRemoted(), sandbox.stopRemoted()]);
        expect(await tcp.next()).to.equal('EOF');
        expect([await tcpOpen(sandbox.endpoints.agent), await udpOpen(sandbox.endpoints.agent)]).to.deep.equal([
          false,
          false,
        ]);
        await Promise.all([sandbox.startRemoted(), sandbox.startRemoted()]);
      }
      // One for the restart; what is down already does not go down.
      expect(stops()).to.deep.equal(Array.from({ length: 4 }, () => ['remoted', 'by request']));
    });

    it('keeps the counters when it goes down, and forgets those of an agent that is removed', async () => {
      await start({ family: 'ossec', keyReloadMs: 5 });
      const key = new Secret('ab'.repeat(32));
      const record = sandbox.addAgent({ name: 'web-01', id: '1024', key });
      const udp = await client(udpAgent);
      const greets = async (local: number) => {
        udp.send(greeting(record, { counter: { global: 0, local } }));
        return answered(await udp.next(SILENCE_MS));
      };
      expect([await greets(5), await greets(5)]).to.deep.equal([true, false]);
      await sandbox.restartRemoted();
      expect([await greets(5), await greets(6)]).to.deep.equal([false, true]);
      sandbox.removeAgent('1024');
      sandbox.addAgent({ name: 'web-02', id: '1025' });
      await sandbox.restartRemoted();
      sandbox.addAgent({ name: 'web-01', id: '1024', key });
      expect(await greets(1)).to.equal(true);
    });

    it('resets the TCP connections that it has no room for, and takes others when there is room again', async () => {
      await start({ family: 'wazuh-4', servesAtOnce: 1 });
      const record = sandbox.addAgent({ name: 'web-01' });
      await sandbox.restartRemoted();
      const first = await client(tcpAgent);
      first.send(framedGreeting(record));
      expect(answered(await first.next())).to.equal(true);
      const beyond = connect(sandbox.endpoints.agent);
      const [error] = await once(beyond, 'error');
      expect(systemCode(error)).to.equal('ECONNRESET');
      await first.close();
      await log.until(({ type }) => type === 'connection reset');
      let again: Outcome = 'EOF';
      while (!answered(again)) {
        const next = await client(tcpAgent);
        next.send(framedGreeting(record));
        again = await next.next().catch(() => 'EOF' as const);
      }
    });

    it('cannot be started again when the sandbox is closed', async () => {
      await start({ family: 'wazuh-4' });
      await sandbox.close();
      await Promise.all([sandbox.startRemoted(), sandbox.startAuthd()]);
      expect([await tcpOpen(sandbox.endpoints.agent), await tcpOpen(sandbox.endpoints.authd)]).to.deep.equal([
        false,
        false,
      ]);
    });
  });

  describe('authd', () => {
    it('resets the connections that it has no room for', async () => {
      await start({ family: 'wazuh-4', servesAtOnce: 1 });
      const first = connect(sandbox.endpoints.authd);
      await once(first, 'connect');
      const [error] = await once(connect(sandbox.endpoints.authd), 'error');
      expect(systemCode(error)).to.equal('ECONNRESET');
      expect(log.all.filter(({ type }) => type === 'connection reset')).to.have.length(1);
      const over = once(first, 'close');
      first.destroy();
      await over;
      while (sandbox.agents().length === 0) await ask('web-01').catch(() => undefined);
    });

    it('is closed while remoted answers, and comes up on the port that was told', async () => {
      await start({ family: 'wazuh-4', authd: 'closed' });
      expect(await tcpOpen(sandbox.endpoints.authd)).to.equal(false);
      const udp = await client(udpAgent);
      udp.send(Buffer.from('#ping'));
      expect(answered(await udp.next())).to.equal(true);
      await sandbox.startAuthd();
      expect(await ask('web-01')).to.match(/^OSSEC K:'001 web-01 any /);
      await sandbox.stopAuthd();
      expect(await tcpOpen(sandbox.endpoints.authd)).to.equal(false);
      expect(stops()).to.deep.equal([['authd', 'by request']]);
    });

    for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
      for (const when of ['before', 'after'] as const) {
        it(`dies over a request ${when} it registered the agent (${family})`, async () => {
          await start({ family, authdDies: { when, times: 1 } });
          const { records, end } = await askAuthd(sandbox.endpoints.authd, ["OSSEC A:'web-01'\n"]);
          expect([records, end]).to.deep.equal([[], 'TCP FIN without close_notify']);
          expect(log.all.flatMap((event) => (event.type === 'closed silently' ? [event.why] : []))).to.deep.equal([
            'died',
          ]);
          expect(sandbox.agents().map(({ name }) => name)).to.deep.equal(when === 'after' ? ['web-01'] : []);
          // It answers the next one.
          expect(await ask('web-02')).to.match(/^OSSEC K:'\d+ web-02 any /);
        });
      }
    }

    it('dies over each request where no number is said', async () => {
      await start({ family: 'wazuh-4', authdDies: { when: 'before' } });
      for (let request = 0; request < 3; request += 1) expect(await ask('web-01')).to.equal('');
    });

    it('refuses an address that another record has', async () => {
      await start({ family: 'wazuh-4' });
      sandbox.addAgent({ name: 'old', ip: '127.0.0.1' });
      const refusal = 'ERROR: Duplicate IP: 127.0.0.1. Unable to add agent';
      expect(await ask('web-01', " IP:'src'")).to.equal(refusal);
      expect(await ask('web-01', " IP:'127.0.0.1'")).to.equal(refusal);
      expect(await ask('web-01', " IP:'any'")).to.match(/^OSSEC K:'002 web-01 any /);
      await sandbox.close();
      await start({ family: 'ossec', useSourceIp: true });
      sandbox.addAgent({ name: 'old', ip: '127.0.0.1' });
      expect(await ask('web-01')).to.equal('ERROR: Invalid IP address: 1024\n\nERROR: Unable to add agent.\n\n');
    });

    it('gives a name that exists a number on OSSEC', async () => {
      await start({ family: 'ossec' });
      sandbox.addAgent({ name: 'web-01' });
      expect([await ask('web-01'), await ask('web-01')].map((reply) => reply.split(' ')[2])).to.deep.equal([
        'web-012',
        'web-013',
      ]);
    });
  });

  describe('an agent that is added or removed by hand', () => {
    it('is served until the next reading of the keys, and then unknown', async () => {
      await start({ family: 'wazuh-4', keyReloadMs: 60 });
      const record = sandbox.addAgent({ name: 'web-01' });
      await loaded(1);
      expect(sandbox.removeAgent(record.id)).to.equal(true);
      const udp = await client(udpAgent);
      udp.send(greeting(record));
      expect(answered(await udp.next())).to.equal(true);
      await loaded(0);
      udp.send(greeting(record));
      await log.until((event) => event.type === 'dropped' && event.why === 'unknown id');
    });

    it('on OSSEC is served until an unknown agent speaks, or until a restart', async () => {
      await start({ family: 'ossec', keyReloadMs: 5 });
      const [first, second] = [sandbox.addAgent({ name: 'web-01' }), sandbox.addAgent({ name: 'web-02' })];
      await sandbox.restartRemoted();
      sandbox.removeAgent(first.id);
      const udp = await client(udpAgent);
      const greets = async (record: typeof first, local: number) => {
        udp.send(greeting(record, { counter: { global: 0, local } }));
        return answered(await udp.next(SILENCE_MS));
      };
      expect(await greets(first, 1)).to.equal(true);
      expect(await greets({ ...second, id: '9999' }, 1)).to.equal(false);
      expect(await greets(first, 2)).to.equal(false);
      sandbox.removeAgent(second.id);
      expect(await greets(second, 1)).to.equal(true);
      await sandbox.restartRemoted();
      expect(await greets(second, 2)).to.equal(false);
    });

    it('with the address of another host is unknown to remoted', async () => {
      for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
        await start({ family, keyReloadMs: 5 });
        const record = sandbox.addAgent({ name: 'web-01', ip: '10.9.9.9' });
        await sandbox.restartRemoted();
        const agent = await client(family === 'ossec' ? udpAgent : tcpAgent);
        agent.send(family === 'ossec' ? greeting(record) : framedGreeting(record));
        expect(await agent.next(family === 'ossec' ? SILENCE_MS : undefined)).to.equal(
          family === 'ossec' ? 'timeout' : 'EOF',
        );
        const name = family === 'ossec' ? '.' : " (name 'web-01').";
        expect(sandbox.log().map((line) => line.replace(/^.*Invalid/, 'Invalid'))).to.deep.equal([
          `Invalid ID ${record.id} for the source ip: '127.0.0.1'${name}`,
        ]);
        await sandbox.close();
      }
    });

    it('is refused where another one is in its way, or where it is none', async () => {
      await start({ family: 'wazuh-4' });
      sandbox.addAgent({ name: 'web-01', ip: '10.0.0.1', id: '007' });
      const faults: readonly [NewAgent, RegExp][] = [
        [{ name: 'web-01' }, /agent 007 is in its way \(duplicate name\)/],
        [{ name: 'web-02', ip: '10.0.0.1' }, /agent 007 is in its way \(duplicate IP\)/],
        [{ name: 'web-02', id: '007' }, /agent 007 is in its way \(duplicate ID\)/],
        [{ name: 'a b' }, /"a b" is not the name/],
        [{ name: 'web-02', ip: '10.0.0' }, /"10\.0\.0" is not an address/],
        [{ name: 'web-02', id: '7' }, /"7" is not the id/],
      ];
      for (const [agent, fault] of faults) {
        expect(() => sandbox.addAgent(agent))
          .to.throw(EnrollError, fault)
          .with.property('code', 'SETTING_INVALID');
      }
      expect(sandbox.agents().map(({ id }) => id)).to.deep.equal(['007']);
      expect(sandbox.addAgent({ name: 'web-02' }).id).to.equal('008');
    });
  });

  describe('Wazuh 3', () => {
    it('has no #pong, and refuses messages, not connections', async () => {
      await start({ family: 'wazuh-3', keyReloadMs: 5 });
      const idle = await client(tcpAgent);
      const pinging = await client(tcpAgent);
      pinging.send(frame(Buffer.from('#ping')));
      expect(await pinging.next()).to.equal('EOF');
      const took: number[] = [];
      for (let at = 0; at < 5; at += 1) {
        const unknown = await client(tcpAgent);
        const sent = performance.now();
        unknown.send(framedGreeting({ id: '999', name: 'nobody', ip: 'any', key: new Secret('ab'.repeat(32)) }));
        expect(await unknown.next(), 'closed without a byte').to.equal('EOF');
        took.push(performance.now() - sent);
      }
      // Real ones take 2 ms; one of five may be let wait by a busy machine, not all.
      expect(Math.min(...took)).to.be.below(50);
      expect(await idle.next(SILENCE_MS), 'the idle one').to.equal('timeout');
    });
  });
});
