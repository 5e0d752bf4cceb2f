import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { watchTcp } from '../../../src/link/message/watch.js';
import { type Line, type OtherEnd, racing, stopAfter } from './racing.js';

/** Watches for so long at most: what was sent, when, and what is known then. */
async function watched(ms: number, other: OtherEnd, asked: Partial<HandshakeRequest> = {}) {
  const made = racing(asked, other);
  stopAfter(made, ms);
  await made.clock.run(watchTcp(made.race));
  const { refusals, pong, stranger } = made.race.sightings.of('tcp') ?? {};
  const said = made.sent().map((message) => message.replace(/^tcp /, ''));
  return { said, endedMs: made.clock.now(), quick: made.race.quick, refusals, pong, stranger };
}

const isPing = (text: string) => text === '#ping';
/** What a Wazuh 3 does: whatever comes, it closes. */
const closes: OtherEnd = { onMessage: (_, line) => line.end() };
/** What a Wazuh 4 does that takes so many milliseconds. */
const pongsAfter = (ms: number): OtherEnd => ({
  onMessage: (text, line) => line.after(ms, () => (isPing(text) ? line.pong() : line.end())),
});

describe('link/watch', () => {
  it('ends with the first pong, which tells that the manager is quick where it came within a second', async () => {
    for (const [ms, quick] of [
      [0, true],
      [990, true],
      [1000, false],
      [1500, false],
    ] as const) {
      expect(await watched(60_000, pongsAfter(ms)), `${ms} ms`).to.deep.include({
        said: ['#ping 0'],
        endedMs: ms,
        quick,
        pong: 'then',
      });
    }
  });

  it('tests three messages in a row where #ping was not answered, and then one every two seconds', async () => {
    const { said, refusals, pong } = await watched(12_000, closes);
    expect(said).to.deep.equal([
      '#ping 0',
      'startup aes-wazuh 1250',
      'startup aes-wazuh 2500',
      'startup aes-wazuh 3750',
      'startup aes-wazuh 7000',
      'startup aes-wazuh 10250',
    ]);
    expect(refusals).to.equal(5);
    expect(pong).to.equal(undefined);
  });

  it('does not say #ping to a manager that has none', async () => {
    for (const family of ['wazuh-3', 'ossec'] as const) {
      const { said } = await watched(3000, closes, { family });
      expect(said, family).to.deep.equal(['startup aes-wazuh 1250', 'startup aes-wazuh 2500']);
    }
  });

  it('says #ping again after five seconds, and then after twice as long each time: a manager may be starting', async () => {
    const idle: OtherEnd = { onOpen: (line) => line.end() };
    const { said, refusals } = await watched(45_000, idle);
    expect(said).to.deep.equal(['#ping 0', '#ping 6000', '#ping 12000', '#ping 24000']);
    expect(refusals).to.equal(0);
  });

  it('tells the pong of a manager that has come up meanwhile', async () => {
    let opened = 0;
    const starting: OtherEnd = {
      onOpen: (line) => (++opened < 5 ? line.end() : undefined),
      onMessage: (_, line) => line.pong(),
    };
    expect(await watched(60_000, starting)).to.deep.include({
      said: ['#ping 0', '#ping 6000'],
      pong: 'then',
      quick: true,
    });
  });

  it('ends where somebody else has spoken', async () => {
    const ssh: OtherEnd = { onOpen: (line: Line) => line.bytes(Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')) };
    const { said, stranger, endedMs } = await watched(60_000, ssh);
    expect(stranger).to.include({ service: 'ssh' });
    expect(said).to.deep.equal(['#ping 0']);
    expect(endedMs).to.equal(2000);
  });

  it('sends nothing more once the handshake is over', async () => {
    expect(await watched(500, {}))
      .to.include({ endedMs: 500 })
      .and.deep.include({ said: ['#ping 0'] });
  });
});
