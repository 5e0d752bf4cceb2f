import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { ping } from '../../../src/link/message/ping.js';
import type { Protocol } from '../../../src/link/message/transport.js';
import { type OtherEnd, racing } from './racing.js';

const never = new AbortController().signal;
const fault = new EnrollError('CONNECTION_REFUSED', 'Refused.');

async function pinged(protocol: Protocol, other: OtherEnd, signal = never) {
  const { clock, race, lines, sent } = racing({ timeoutMs: 5000 }, other);
  const answered = await clock.run(ping(race, protocol, signal));
  expect(clock.waits, 'waits that go on').to.equal(0);
  expect(lines.filter(({ closed }) => !closed)).to.deep.equal([]);
  return { answered, atMs: clock.now(), sent: sent() };
}

describe('link/ping', () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    it(`${protocol}: is answered by #pong, whatever else comes first`, async () => {
      const other: OtherEnd = {
        onMessage: (_, line) => {
          line.bytes(Buffer.from('something else'));
          line.after(100, () => line.pong());
        },
      };
      expect(await pinged(protocol, other)).to.deep.equal({
        answered: true,
        atMs: 100,
        sent: [`${protocol} #ping 0`],
      });
    });

    it(`${protocol}: is not where nothing comes about, or nothing can be sent`, async () => {
      const none = await pinged(protocol, { onOpen: () => Promise.reject(fault) });
      expect(none).to.deep.equal({ answered: false, atMs: 0, sent: [] });
      const mute: OtherEnd = {
        onOpen: (line) => {
          line.broken = fault;
        },
      };
      expect(await pinged(protocol, mute)).to.deep.equal({ answered: false, atMs: 0, sent: [] });
    });

    it(`${protocol}: has as long to be opened as every attempt, and two seconds to be answered`, async () => {
      const hangs: OtherEnd = {
        onOpen: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      };
      expect(await pinged(protocol, hangs)).to.deep.equal({ answered: false, atMs: 5000, sent: [] });
      expect(await pinged(protocol, {})).to.include({ answered: false, atMs: 2000 });
    });

    it(`${protocol}: ends with the signal`, async () => {
      const ending = new AbortController();
      const other: OtherEnd = { onMessage: (_, line) => line.after(100, () => ending.abort(fault)) };
      expect(await pinged(protocol, other, ending.signal)).to.include({ answered: false, atMs: 100 });
    });
  }

  it('is not answered by the end of the connection', async () => {
    const closes: OtherEnd = { onMessage: (_, line) => line.after(100, () => line.end()) };
    expect(await pinged('tcp', closes)).to.deep.equal({ answered: false, atMs: 100, sent: ['tcp #ping 0'] });
  });

  it('is said once over TCP, and three times over UDP, where it may be lost', async () => {
    expect((await pinged('tcp', {})).sent).to.deep.equal(['tcp #ping 0']);
    expect((await pinged('udp', {})).sent).to.deep.equal(['udp #ping 0', 'udp #ping 400', 'udp #ping 800']);
  });

  it('counts the answer though the port was closed when it was said again', async () => {
    const restarts: OtherEnd = {
      onMessage: (_, line) => {
        line.broken = fault;
        line.after(900, () => line.pong());
      },
    };
    expect(await pinged('udp', restarts)).to.deep.equal({ answered: true, atMs: 900, sent: ['udp #ping 0'] });
  });
});
