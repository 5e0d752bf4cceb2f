import { expect } from 'chai';
import { describe, it } from 'mocha';
import { doubts } from '../../../src/link/message/doubts.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import type { Race } from '../../../src/link/message/race.js';
import { thrownBy } from '../../files/scratch.js';
import { racing, stopAfter } from './racing.js';

/** The messages that doubt in the first 45 s, with their milliseconds. */
async function doubted(asked: Partial<HandshakeRequest>, seen: (race: Race) => void = () => {}) {
  const made = racing(asked);
  seen(made.race);
  stopAfter(made, 45_000);
  await made.clock.run(doubts(made.race).then(() => made.race.settled()));
  expect(await thrownBy(made.race.ended)).to.have.property('code', 'INTERRUPTED');
  expect(made.lines.filter(({ closed }) => !closed)).to.deep.equal([]);
  return made.sent();
}

describe('link/doubts', () => {
  it('tries what is not tried all the time, one way after the other, and then again', async () => {
    expect(await doubted({})).to.deep.equal([
      'udp startup aes-wazuh 15000',
      'udp startup aes-ossec 24000',
      'tcp startup blowfish 33000',
      'udp startup aes-wazuh 42000',
    ]);
  });

  it('tries UDP with Blowfish too where a pong has made TCP alone the way', async () => {
    expect(await doubted({}, ({ sightings }) => sightings.notePong('tcp'))).to.deep.equal([
      'udp startup blowfish 15000',
      'udp startup aes-wazuh 24000',
      'udp startup aes-ossec 33000',
      'tcp startup blowfish 42000',
    ]);
  });

  it('tries TCP too where the manager was said to be an OSSEC', async () => {
    expect(await doubted({ family: 'ossec' })).to.deep.equal([
      'udp startup aes-wazuh 15000',
      'tcp startup aes-wazuh 24000',
      'udp startup aes-ossec 33000',
      'tcp startup blowfish 42000',
    ]);
  });

  it('keeps to the protocol and the cipher that were asked for', async () => {
    expect(await doubted({ protocol: 'tcp' })).to.deep.equal([
      'tcp startup blowfish 15000',
      'tcp startup blowfish 24000',
      'tcp startup blowfish 33000',
      'tcp startup blowfish 42000',
    ]);
    expect(await doubted({ cipher: 'aes' }), 'all that is allowed is tried').to.deep.equal([]);
  });

  it('gives a datagram a second to be answered', async () => {
    const { clock, race, lines } = racing({}, { onMessage: (_, line) => line.after(1100, () => line.says('late')) });
    stopAfter({ clock, race }, 16_500);
    await clock.run(doubts(race).then(() => race.settled()));
    expect(lines).to.have.length(1);
    expect(race.sightings.of('udp')).to.deep.equal({
      last: 'silent',
      endings: { silent: 1 },
      answered: false,
      refusals: 0,
    });
  });
});
