import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Sightings } from '../../../src/link/message/sightings.js';

const NOTHING = { endings: {}, answered: false, refusals: 0 };

/** Sightings whose time the test tells. */
function made() {
  const time = { ms: 0 };
  return { time, sightings: new Sightings(() => time.ms) };
}

describe('link/sightings', () => {
  it('know nothing of what was not tried', () => {
    const { sightings } = made();
    expect(sightings.of('tcp')).to.equal(undefined);
    expect(sightings.of('udp')).to.equal(undefined);
    expect(sightings.pong).to.equal(false);
    expect(sightings.pongs).to.deep.equal([]);
    expect(sightings.localAddress).to.equal(undefined);
  });

  it('tell that something is being tried before it has come to anything', () => {
    const { sightings } = made();
    sightings.note('tcp');
    expect(sightings.of('tcp')).to.deep.equal(NOTHING);
    expect(sightings.of('udp')).to.equal(undefined);
  });

  it('count what attempts came to, and keep the words of the last alone', () => {
    const { sightings } = made();
    sightings.note('tcp', 'unresolved', 'No such name.');
    expect(sightings.of('tcp')).to.deep.equal({
      ...NOTHING,
      last: 'unresolved',
      why: 'No such name.',
      endings: { unresolved: 1 },
    });
    sightings.note('tcp', 'closed');
    sightings.note('tcp', 'closed');
    sightings.note('tcp');
    expect(sightings.of('tcp')).to.deep.equal({ ...NOTHING, last: 'closed', endings: { unresolved: 1, closed: 2 } });
  });

  it('gives what was seen so far, which does not change with what is seen later', () => {
    const { sightings } = made();
    sightings.note('udp', 'silent');
    const before = sightings.of('udp');
    sightings.note('udp', 'silent');
    expect(before?.endings).to.deep.equal({ silent: 1 });
  });

  describe('of a UDP port that was closed', () => {
    const silentAfter = (ms: number) => {
      const { time, sightings } = made();
      time.ms = 100_000;
      sightings.note('udp', 'refused', 'closed');
      time.ms += ms;
      sightings.note('udp', 'silent');
      return sightings.of('udp');
    };

    it('take no silence of the next five seconds for an open one: hosts send few notices', () => {
      for (const ms of [0, 130, 4999]) {
        expect(silentAfter(ms)).to.deep.equal({
          ...NOTHING,
          last: 'refused',
          why: 'closed',
          endings: { refused: 1, silent: 1 },
        });
      }
    });

    it('believe the silence after five seconds', () => {
      for (const ms of [5000, 60_000]) expect(silentAfter(ms)).to.have.property('last', 'silent');
    });

    it('count the five seconds from the last notice', () => {
      const { time, sightings } = made();
      for (const ending of ['refused', 'silent', 'refused', 'silent'] as const) {
        sightings.note('udp', ending);
        time.ms += 3000;
      }
      expect(sightings.of('udp')).to.have.property('last', 'refused');
    });

    it('believe at once that it ended in any other way', () => {
      const { sightings } = made();
      sightings.note('udp', 'refused');
      sightings.note('udp', 'unreachable');
      sightings.note('udp', 'silent');
      expect(sightings.of('udp')).to.have.property('last', 'silent');
    });

    it('believe the silence of TCP at once: a connection was made', () => {
      const { sightings } = made();
      sightings.note('tcp', 'refused');
      sightings.note('tcp', 'silent');
      expect(sightings.of('tcp')).to.have.property('last', 'silent');
    });
  });

  it('believe the first silence of all', () => {
    const { sightings } = made();
    sightings.note('udp', 'silent');
    expect(sightings.of('udp')).to.have.property('last', 'silent');
  });

  it('tell where #ping was answered, and whether it was at the end', () => {
    const { sightings } = made();
    sightings.notePong('udp');
    expect(sightings.pong).to.equal(true);
    expect(sightings.pongs).to.deep.equal(['udp']);
    expect(sightings.of('udp')).to.deep.equal({ ...NOTHING, pong: 'then' });
    sightings.notePongAtTheEnd('udp');
    sightings.notePong('tcp');
    expect(sightings.pongs).to.deep.equal(['tcp', 'udp']);
    expect(sightings.of('udp')).to.deep.equal({ ...NOTHING, pong: 'now' });
    expect(sightings.of('tcp')).to.deep.equal({ ...NOTHING, pong: 'then' });
  });

  it('keep the first stranger, and that there was an answer', () => {
    const { sightings } = made();
    sightings.noteStranger('tcp', { service: 'ssh', said: 'SSH-2.0' });
    sightings.noteStranger('tcp', { service: 'unknown' });
    sightings.noteAnswer('udp');
    expect(sightings.of('tcp')).to.deep.equal({ ...NOTHING, stranger: { service: 'ssh', said: 'SSH-2.0' } });
    expect(sightings.of('udp')).to.deep.equal({ ...NOTHING, answered: true });
  });

  it('count the refusals in a row: one case of another kind shows that it was not the message', () => {
    const { sightings } = made();
    for (const refused of [true, true, false, true]) sightings.noteRefusal(refused);
    expect(sightings.of('tcp')).to.deep.equal({ ...NOTHING, refusals: 1 });
    sightings.noteRefusal(true);
    expect(sightings.of('tcp')).to.have.property('refusals', 2);
  });

  it('keep the first address of this host', () => {
    const { sightings } = made();
    for (const address of [undefined, '192.0.2.7', '192.0.2.8']) sightings.noteLocalAddress(address);
    expect(sightings.localAddress).to.equal('192.0.2.7');
  });

  it('come to evidence in which nothing stands that was not seen', () => {
    const { sightings } = made();
    expect(sightings.evidence({ authd: false, messages: 0, waitedMs: 0 })).to.deep.equal({
      conclusion: { kind: 'silent' },
      messages: 0,
      waitedMs: 0,
    });
    sightings.note('udp', 'refused', 'The port is closed.');
    sightings.noteLocalAddress('192.0.2.7');
    const udp = { ...NOTHING, last: 'refused', why: 'The port is closed.', endings: { refused: 1 } };
    expect(sightings.evidence({ authd: false, messages: 3, waitedMs: 1500.6 })).to.deep.equal({
      conclusion: { kind: 'closed' },
      udp,
      localAddress: '192.0.2.7',
      messages: 3,
      waitedMs: 1501,
    });
    sightings.note('tcp', 'closed');
    expect(sightings.evidence({ authd: true, messages: 3, waitedMs: 2000 })).to.deep.equal({
      conclusion: { kind: 'other-service', protocol: 'tcp', service: 'authd' },
      tcp: { ...NOTHING, last: 'closed', endings: { closed: 1 } },
      udp,
      localAddress: '192.0.2.7',
      messages: 3,
      waitedMs: 2000,
    });
  });
});
