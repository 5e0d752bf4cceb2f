import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ACK, code, type Given, proof, run } from './handshake-run.js';
import type { MemoryManagerOptions } from './memory-manager.js';
import type { VirtualClock } from './virtual-clock.js';

type Kind = Omit<MemoryManagerOptions, 'record' | 'clock' | 'answer'>;

/** The managers that there are, and what is known of each when it is asked. */
const MANAGERS: readonly (readonly [string, Kind, Given])[] = [
  ['Wazuh 4', { ciphers: ['aes-wazuh', 'blowfish'], pong: true }, { family: 'wazuh-4' }],
  ['Wazuh 4, not known', { ciphers: ['aes-wazuh', 'blowfish'], pong: true }, {}],
  ['Wazuh 4 over UDP alone', { tcp: 'closed', ciphers: ['aes-wazuh', 'blowfish'], pong: true }, {}],
  ['Wazuh 4 over UDP alone, TCP dropped', { tcp: 'hangs', ciphers: ['aes-wazuh', 'blowfish'], pong: true }, {}],
  ['Wazuh 3', { ciphers: ['aes-wazuh', 'blowfish'] }, { family: 'wazuh-3' }],
  ['Wazuh 3 over UDP alone', { tcp: 'closed', ciphers: ['aes-wazuh', 'blowfish'] }, { family: 'wazuh-3' }],
  ['Wazuh 3 over UDP alone, not known', { tcp: 'closed', ciphers: ['aes-wazuh', 'blowfish'] }, {}],
  ['OSSEC', { tcp: 'closed', ciphers: ['blowfish', 'aes-ossec'] }, { family: 'ossec' }],
  ['OSSEC, not known', { tcp: 'closed', ciphers: ['blowfish', 'aes-ossec'] }, {}],
  ['OSSEC, AES asked for', { tcp: 'closed', ciphers: ['blowfish', 'aes-ossec'] }, { family: 'ossec', cipher: 'aes' }],
  ['Wazuh 4, Blowfish asked for', { ciphers: ['aes-wazuh', 'blowfish'], pong: true }, { cipher: 'blowfish' }],
];

/** A manager that learns the key after so many milliseconds. */
const learning = (kind: Kind, learnedMs: number) => (clock: VirtualClock) => ({
  ...kind,
  answer: ({ text }: { text: string }) => (clock.now() >= learnedMs && text.includes('startup') ? ACK : undefined),
});

describe('a quiet proof', () => {
  for (const [who, kind, given] of MANAGERS) {
    it(`${who}: 30 messages at most until it learns the key after 10 s, and a second until it is heard`, async () => {
      const { outcome } = await run(learning(kind, 10_000), { ...given, waitMs: 60_000 });
      const { attempts, ms } = proof(outcome);
      // The last one is answered.
      expect(attempts - 1).to.be.at.most(30);
      expect(ms).to.be.within(10_000, 11_000);
    });

    it(`${who}: 90 messages at most in a minute without an answer`, async () => {
      const { outcome, manager } = await run(learning(kind, Number.POSITIVE_INFINITY), { ...given, waitMs: 60_000 });
      expect(code(outcome)).to.not.equal('proved');
      expect(manager.messages).to.be.within(60, 90);
      expect(manager.pings).to.be.at.most(8);
    });

    it(`${who}: heard a tenth of the wait after it learned the key, whenever that was`, async () => {
      for (const learnedMs of [40, 500, 1010, 3000, 5700, 21_000, 44_444]) {
        const { outcome } = await run(learning(kind, learnedMs), { ...given, waitMs: 60_000 });
        const { ms } = proof(outcome);
        expect(ms - learnedMs, `${learnedMs}`).to.be.at.most(learnedMs > 1500 ? Math.min(1000, ms / 10) : 400);
      }
    });
  }

  it('sends 90 messages at most too where it looks as if several things might be there', async () => {
    const odd: readonly Kind[] = [
      { ciphers: [], hasty: 'idle' },
      { ciphers: [], tcpDelayMs: Number.POSITIVE_INFINITY },
      { ciphers: [], tcp: 'hangs' },
      { ciphers: [], greeting: Buffer.from('220 mail ESMTP\r\n') },
    ];
    for (const kind of odd) {
      for (const cipher of ['auto', 'aes', 'blowfish'] as const) {
        const { outcome } = await run(learning(kind, Number.POSITIVE_INFINITY), { cipher, waitMs: 60_000 });
        if (!(outcome instanceof Error)) throw new Error('a proof of nothing');
        expect(outcome).to.have.nested.property('evidence.messages').that.is.at.most(90);
      }
    }
  });

  it('finds a manager in the end that takes its agents by another way than was told', async () => {
    const ossec: Kind = { tcp: 'closed', ciphers: ['blowfish'] };
    const told = await run(learning(ossec, 0), { family: 'wazuh-4', waitMs: 60_000 });
    expect(proof(told.outcome)).to.include({ protocol: 'udp', cipher: 'blowfish' });
    const wazuh: Kind = { udp: 'closed', ciphers: ['aes-wazuh'], pong: true };
    const other = await run(learning(wazuh, 0), { family: 'ossec', waitMs: 60_000 });
    expect(proof(other.outcome)).to.include({ protocol: 'tcp', cipher: 'aes' });
    expect(other.heard.at(-1)?.text).to.equal('#!-agent shutdown ');
    const blowfishAlone: Kind = { ciphers: ['blowfish'], pong: true };
    const third = await run(learning(blowfishAlone, 0), { waitMs: 60_000, protocol: 'tcp' });
    expect(proof(third.outcome)).to.include({ protocol: 'tcp', cipher: 'blowfish' });
  });
});
