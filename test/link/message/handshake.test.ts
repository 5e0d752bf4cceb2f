import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { prove } from '../../../src/link/message/handshake.js';
import { isNewer, NOTHING_SENT } from '../../../src/model/message-counter.js';
import { ACK, acknowledge, code, proof, run } from './handshake-run.js';
import { type Doorman, scene, Wire } from './scripted.js';

describe('the handshake', () => {
  it('finds TCP and AES on a Wazuh manager, and says goodbye', async () => {
    const { outcome, heard } = await run(
      { ciphers: ['aes-wazuh', 'blowfish'], pong: true, answer: acknowledge },
      { version: 'v4.14.7' },
    );
    expect(proof(outcome)).to.include({ protocol: 'tcp', cipher: 'aes', attempts: 1, family: 'wazuh-4' });
    expect(heard.map(({ text }) => text)).to.deep.equal([
      '#!-agent startup {"version":"v4.14.7"}',
      '#!-agent shutdown ',
    ]);
  });

  it('greets without a version where the installed agent is one that names none (before 4.6)', async () => {
    for (const version of ['v4.3.11', 'v3.13.6', 'v4.5.4']) {
      const { heard } = await run({ ciphers: ['aes-wazuh'], answer: acknowledge }, { version });
      expect(heard[0]?.text, version).to.equal('#!-agent startup ');
    }
    const { heard } = await run({ ciphers: ['aes-wazuh'], answer: acknowledge }, { version: 'v4.6.0' });
    expect(heard[0]?.text).to.equal('#!-agent startup {"version":"v4.6.0"}');
  });

  it('sends again with fresh counters until the manager has learned the key', async () => {
    let asked = 0;
    const answer = (message: { text: string }) => {
      if (message.text.includes('shutdown')) return undefined;
      asked += 1;
      return asked < 5 ? undefined : ACK;
    };
    const { outcome, heard } = await run({ ciphers: ['aes-wazuh'], answer });
    expect(proof(outcome).attempts).to.equal(5);
    for (const [index, { counter }] of heard.entries()) {
      const before = heard[index - 1]?.counter ?? NOTHING_SENT;
      expect(isNewer(counter, before), `counter ${index}`).to.equal(true);
    }
  });

  it('finds UDP on a Wazuh manager that has no TCP, and sends nothing twice once #pong told the family', async () => {
    const { outcome, heard } = await run({
      tcp: 'closed',
      ciphers: ['aes-wazuh', 'blowfish'],
      pong: true,
      answer: acknowledge,
    });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'aes', family: 'wazuh-4' });
    expect(heard.map(({ cipher }) => cipher)).to.not.include('blowfish');
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  it('finds Blowfish on an OSSEC manager, with the bare startup and no shutdown, which OSSEC does not know', async () => {
    const { outcome, heard } = await run(
      { tcp: 'closed', ciphers: ['blowfish'], answer: () => ACK },
      { version: 'v3.7.0' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish', family: 'ossec' });
    expect(new Set(heard.map(({ text }) => text))).to.deep.equal(new Set(['#!-agent startup ']));
  });

  it("finds OSSEC's own AES where AES is asked for", async () => {
    const { outcome, heard } = await run(
      { tcp: 'closed', ciphers: ['aes-ossec'], answer: () => ACK },
      { cipher: 'aes' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'aes', family: 'ossec' });
    expect(heard.every(({ text }) => text === '#!-agent startup ')).to.equal(true);
  });

  it('tries UDP when TCP hangs, as behind a firewall that drops', async () => {
    const { outcome } = await run({ tcp: 'hangs', ciphers: ['aes-wazuh'], answer: acknowledge });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'aes' });
  });

  it('tries UDP where something else than a manager takes the TCP connection', async () => {
    const { outcome } = await run(
      { tcpDelayMs: Number.POSITIVE_INFINITY, ciphers: ['blowfish'], answer: () => ACK },
      // Before the key of a second run is given up (12 s), and before what is certain is doubted (15 s).
      { waitMs: 12_000 },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', family: 'ossec' });
  });

  it('says goodbye only when the startup that is on its way over TCP has come in', async () => {
    const { outcome, heard } = await run({ tcpDelayMs: 3400, ciphers: ['aes-wazuh'], answer: acknowledge });
    expect(proof(outcome).protocol).to.equal('udp');
    expect(heard.filter(({ protocol }) => protocol === 'tcp')).to.have.length(1);
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  it('says goodbye to a Wazuh manager too that acknowledged Blowfish first', async () => {
    let lost = 1;
    const answer = (message: { text: string; cipher: string }) => {
      if (message.cipher === 'aes-wazuh' && lost-- > 0) return undefined;
      return acknowledge(message);
    };
    const { outcome, heard } = await run({ tcp: 'closed', ciphers: ['aes-wazuh', 'blowfish'], answer });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish' }).and.not.have.property('family');
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  it('says goodbye to a Wazuh manager whose answers get lost all the time', async () => {
    let [lost, pings] = [2, 0];
    const answer = (message: { text: string; cipher: string }) => {
      if (message.cipher === 'aes-wazuh' && lost-- > 0) return undefined;
      return acknowledge(message);
    };
    const pong = () => ++pings > 2;
    const { outcome, heard } = await run({ tcp: 'closed', pong, ciphers: ['aes-wazuh', 'blowfish'], answer });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish', family: 'wazuh-4' });
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  for (const protocol of ['tcp', 'udp'] as const) {
    it(`has its proof where the manager is gone when goodbye is said (${protocol})`, async () => {
      const { outcome } = await run(
        { ciphers: ['aes-wazuh'], hangsUp: true, answer: acknowledge },
        { protocol, family: 'wazuh-4', waitMs: 1000 },
      );
      expect(proof(outcome)).to.include({ protocol });
    });
  }

  it('keeps to the protocol and cipher that were asked for', async () => {
    const { outcome, heard } = await run(
      { ciphers: ['aes-wazuh', 'blowfish'], answer: acknowledge },
      { protocol: 'udp', cipher: 'blowfish', family: 'wazuh-4' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish' });
    expect(new Set(heard.map(({ protocol, cipher }) => `${protocol} ${cipher}`))).to.deep.equal(
      new Set(['udp blowfish']),
    );
  });

  it("ends at once with the manager's words where the version is refused", async () => {
    const answer = () => '#!-err {"message":"Agent version must be lower or equal to manager version"}';
    const { outcome, heard } = await run({ ciphers: ['aes-wazuh'], answer }, { version: 'v4.99.0' });
    expect(code(outcome)).to.equal('LINK_VERSION_REFUSED');
    expect(outcome)
      .to.have.property('message')
      .that.includes('Agent version must be lower or equal to manager version');
    expect(heard).to.have.length(1);
  });

  it('passes over what the manager pushes before it acknowledges', async () => {
    let first = true;
    const answer = (message: { text: string }) => {
      if (!first) return acknowledge(message);
      first = false;
      return '#!-up file 02ea4768484e5c146ccee503f04c06ba merged.mg\n';
    };
    const { outcome } = await run({ ciphers: ['aes-wazuh'], answer }, {});
    expect(code(outcome)).to.equal('proved');
  });

  it('ends with the reason of an interruption, and sends nothing after it', async () => {
    const interrupt = new AbortController();
    const answer = () => {
      interrupt.abort(new EnrollError('INTERRUPTED', 'Interrupted.'));
      return undefined;
    };
    const { outcome, heard } = await run({ ciphers: ['aes-wazuh'], answer }, { signal: interrupt.signal });
    expect(code(outcome)).to.equal('INTERRUPTED');
    expect(heard).to.have.length(1);
  });

  it('sends nothing where it is interrupted before it begins', async () => {
    const interrupted = AbortSignal.abort(new EnrollError('INTERRUPTED', 'Interrupted.'));
    const { outcome, manager, endedMs } = await run(
      { ciphers: ['aes-wazuh'], answer: acknowledge },
      { signal: interrupted },
    );
    expect(code(outcome)).to.equal('INTERRUPTED');
    expect(manager.messages).to.equal(0);
    expect(endedMs).to.equal(0);
  });

  it('ends with the reason of an interruption while it looks once more whether the manager is there', async () => {
    const interrupt = new AbortController();
    const { outcome, endedMs } = await run(
      (clock) => {
        const atTheEnd = clock.pause(5700, new AbortController().signal);
        void atTheEnd.then(() => interrupt.abort(new EnrollError('INTERRUPTED', 'Interrupted.')));
        return { ciphers: [], pong: true, answer: () => undefined, tcp: () => (clock.now() < 4900 ? 'open' : 'hangs') };
      },
      { signal: interrupt.signal },
    );
    expect(code(outcome)).to.equal('INTERRUPTED');
    expect(endedMs).to.equal(5700);
  });

  it('lets go of the signal when it has ended, well or not', async () => {
    for (const answer of [acknowledge, () => undefined]) {
      const { signal } = new AbortController();
      await run({ ciphers: ['aes-wazuh'], pong: true, answer }, { signal });
      expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
    }
  });

  it('has its proof when all is closed that was being opened beside', async () => {
    const door: Doorman = async (protocol) => {
      const wire = new Wire(protocol);
      wire.onMessage = () => wire.say(ACK);
      await wait(protocol === 'tcp' ? 400 : 1000);
      return wire;
    };
    const { race, wires, wait, clock } = scene({ family: 'wazuh-4' }, { door });
    const proven = await clock.run(prove(race.request, race.edge, new AbortController().signal));
    expect(proven).to.include({ protocol: 'tcp', ms: 400 });
    expect(wires.map(({ protocol, closed }) => [protocol, closed])).to.deep.equal([
      ['tcp', true],
      ['udp', true],
    ]);
  });
});
