import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { workingWay } from '../../../src/link/message/candidates.js';
import type { Protocol } from '../../../src/link/message/transport.js';
import { tryWorked } from '../../../src/link/message/worked.js';
import { acknowledge, proof, run } from './handshake-run.js';
import { racing } from './racing.js';

const WAZUH = { ciphers: ['aes-wazuh', 'blowfish'], pong: true, answer: acknowledge } as const;
const WAZUH_3 = { ...WAZUH, pong: false } as const;
const OSSEC = { tcp: 'closed', ciphers: ['blowfish', 'aes-ossec'], answer: acknowledge } as const;

describe('what worked before', () => {
  const right = [
    ['Wazuh 4', WAZUH, { protocol: 'tcp', cipher: 'aes', family: 'wazuh-4' }, true],
    ['Wazuh 4, Blowfish', WAZUH, { protocol: 'tcp', cipher: 'blowfish', family: 'wazuh-4' }, true],
    ['Wazuh 4 over UDP', WAZUH, { protocol: 'udp', cipher: 'aes', family: 'wazuh-4' }, true],
    ['Wazuh 3', WAZUH_3, { protocol: 'tcp', cipher: 'aes', family: 'wazuh-3' }, false],
    ['Wazuh 3 over UDP', WAZUH_3, { protocol: 'udp', cipher: 'aes', family: 'wazuh-3' }, false],
    ['OSSEC', OSSEC, { protocol: 'udp', cipher: 'blowfish', family: 'ossec' }, false],
    ['OSSEC with AES', OSSEC, { protocol: 'udp', cipher: 'aes', family: 'ossec' }, false],
  ] as const;
  for (const [who, manager, worked, shutdown] of right) {
    it(`is the only message where it is still right: ${who}`, async () => {
      const { outcome, heard, manager: asked, endedMs } = await run(manager, { worked });
      expect(proof(outcome)).to.include({ ...worked, attempts: 1, ms: 0 });
      expect(heard.map(({ text }) => text)).to.deep.equal([
        '#!-agent startup ',
        ...(shutdown ? ['#!-agent shutdown '] : []),
      ]);
      expect(asked.messages).to.equal(heard.length);
      expect(asked.pings).to.equal(0);
      expect(endedMs).to.equal(0);
    });
  }

  it('is given up after half a second of silence on UDP, and the rest begins', async () => {
    const { outcome, heard, manager } = await run(WAZUH, {
      worked: { protocol: 'udp', cipher: 'aes', family: 'ossec' },
    });
    expect(proof(outcome)).to.include({ protocol: 'tcp', cipher: 'aes', family: 'wazuh-4', attempts: 2 });
    expect(manager.messages).to.equal(3);
    expect(heard[0]?.atMs).to.be.within(450, 700);
  });

  it('is given up where the port is closed now, at once', async () => {
    const { outcome } = await run(OSSEC, { worked: { protocol: 'tcp', cipher: 'aes', family: 'wazuh-4' } });
    expect(proof(outcome)).to.include({ protocol: 'udp', family: 'ossec' });
    expect(proof(outcome).ms).to.be.below(300);
  });

  it('is given up where its connection is closed, and the rest begins', async () => {
    const manager = { ...WAZUH, ciphers: ['aes-wazuh'] } as const;
    const { outcome } = await run(manager, { worked: { protocol: 'tcp', cipher: 'blowfish', family: 'wazuh-4' } });
    expect(proof(outcome)).to.include({ cipher: 'aes', attempts: 2 });
    expect(proof(outcome).ms).to.be.below(300);
  });

  it('is heard out where it is slow, while the rest goes on', async () => {
    const { outcome, manager } = await run(
      { ...WAZUH, udp: 'closed', tcpDelayMs: 3000 },
      { worked: { protocol: 'tcp', cipher: 'aes', family: 'wazuh-4' } },
    );
    expect(proof(outcome).ms).to.be.within(2900, 3200);
    expect(manager.mostOpen).to.be.at.most(4);
  });

  it('is not tried where something else is asked for', async () => {
    const worked = { protocol: 'tcp', cipher: 'aes', family: 'wazuh-4' } as const;
    const { heard } = await run(WAZUH, { worked, protocol: 'udp', family: 'wazuh-4' });
    expect(heard.map(({ protocol }) => protocol)).to.not.include('tcp');
    expect(workingWay(worked, { protocol: 'auto', setting: 'blowfish' })).to.equal(undefined);
    expect(workingWay({ ...worked, cipher: 'blowfish' }, { protocol: 'auto', setting: 'aes' })).to.equal(undefined);
    expect(workingWay(undefined, { protocol: 'auto', setting: 'auto' })).to.equal(undefined);
  });

  it('has the time of a round trip for itself, and over TCP it tells then when its connection ends', async () => {
    const way = (protocol: Protocol) => ({ worked: { protocol, cipher: 'aes', family: 'wazuh-4' } as const });
    for (const [protocol, ms] of [
      ['tcp', 1000],
      ['udp', 500],
    ] as const) {
      const { clock, race } = racing(way(protocol));
      const silent = await clock.run(tryWorked(race));
      expect(clock.now(), protocol).to.equal(ms);
      if (protocol === 'udp') expect(silent).to.equal(undefined);
      else expect(silent).to.have.property('ended').that.is.a('promise');
      race.stop(new EnrollError('INTERRUPTED', 'Interrupted.'));
      await silent?.ended;
      await race.settled();
    }
    const { clock, race } = racing(way('tcp'), { onMessage: (_, line) => line.end() });
    expect(await clock.run(tryWorked(race))).to.equal(undefined);
    expect(clock.now()).to.equal(0);
  });

  it('takes its turn, and nothing where nothing is known', async () => {
    const { clock, race, sent } = racing({ worked: { protocol: 'udp', cipher: 'blowfish' } });
    void race.turns.next(race.over);
    await clock.run(tryWorked(race));
    expect(sent()).to.deep.equal(['udp startup blowfish 130']);
    const unknown = racing();
    expect(await unknown.clock.run(tryWorked(unknown.race))).to.equal(undefined);
    expect(unknown.sent()).to.deep.equal([]);
  });

  it('does not vouch for the family where another way is acknowledged', async () => {
    const { outcome, heard } = await run(
      { ...WAZUH, udp: 'closed' },
      { worked: { protocol: 'udp', cipher: 'aes', family: 'wazuh-3' } },
    );
    expect(proof(outcome)).to.include({ protocol: 'tcp', family: 'wazuh-4' });
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });
});
