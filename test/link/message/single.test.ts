import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import { tryWay } from '../../../src/link/message/single.js';
import { thrownBy } from '../../files/scratch.js';
import { ACK } from './handshake-run.js';
import { Line, racing, stopAfter } from './racing.js';

const UDP = { protocol: 'udp', cipher: 'aes-wazuh' } as const;
const TCP = { protocol: 'tcp', cipher: 'blowfish' } as const;

describe('link/single, over UDP', () => {
  it('is the proof where it is acknowledged, whatever came before that', async () => {
    const { clock, race, lines, sent } = racing(
      { family: 'wazuh-4' },
      {
        onMessage: (text, line) => {
          if (!text.includes('startup')) return;
          line.pong();
          line.says('#!-up file x merged.mg\n');
          line.after(100, () => line.says(ACK));
        },
      },
    );
    await clock.run(tryWay(race, UDP, 1000));
    expect(await race.ended).to.deep.equal({
      protocol: 'udp',
      cipher: 'aes',
      family: 'wazuh-4',
      attempts: 1,
      ms: 100,
      localAddress: '192.0.2.7',
    });
    expect(sent()).to.deep.equal(['udp startup aes-wazuh 0', 'udp shutdown aes-wazuh 100']);
    expect(lines.map(({ closed }) => closed)).to.deep.equal([true]);
    expect(race.sightings.of('udp')).to.deep.equal({ endings: {}, pong: 'then', answered: true, refusals: 0 });
    expect(race.sightings.localAddress).to.equal('192.0.2.7');
  });

  it('is silence once its time is over', async () => {
    const { clock, race, lines } = racing();
    await clock.run(tryWay(race, UDP, 700));
    expect(clock.now()).to.equal(700);
    expect(race.sightings.of('udp')).to.deep.equal({
      last: 'silent',
      endings: { silent: 1 },
      answered: false,
      refusals: 0,
    });
    expect(lines.map(({ closed }) => closed)).to.deep.equal([true]);
  });

  it('is what kept it from being sent, in words', async () => {
    for (const [code, last] of [
      ['HOST_UNRESOLVED', 'unresolved'],
      ['CONNECTION_REFUSED', 'refused'],
      ['CONNECTION_FAILED', 'unreachable'],
    ] as const) {
      const opening = racing({}, { onOpen: () => Promise.reject(new EnrollError(code, 'In words.')) });
      await opening.clock.run(tryWay(opening.race, UDP, 700));
      expect(opening.race.sightings.of('udp')).to.include({ last, why: 'In words.' });
      expect(opening.clock.now()).to.equal(0);
      const later = racing({}, { onMessage: (_, line) => line.fault(new EnrollError(code, 'In words.')) });
      await later.clock.run(tryWay(later.race, UDP, 700));
      expect(later.race.sightings.of('udp')).to.include({ last, why: 'In words.' });
      expect(later.lines.map(({ closed }) => closed)).to.deep.equal([true]);
    }
  });

  it('counts as tried while it is opened', async () => {
    const made = racing(
      {},
      { onOpen: () => void expect(made.race.sightings.of('udp')).to.include({ answered: false }) },
    );
    await made.clock.run(tryWay(made.race, UDP, 700));
    expect(made.lines).to.have.length(1);
  });

  it('fails with a refusal in words, with counters that cannot be kept, and with what nobody expected', async () => {
    const refused = racing({}, { onMessage: (_, line) => line.says('#!-err {"message":"No."}') });
    expect(await thrownBy(refused.clock.run(tryWay(refused.race, UDP, 700)))).to.be.instanceOf(LinkError);
    expect(refused.lines.map(({ closed }) => closed)).to.deep.equal([true]);
    for (const fault of [new EnrollError('FILE_UNWRITABLE', 'No counters.'), new TypeError('unexpected')]) {
      const { clock, race } = racing({}, { onOpen: () => Promise.reject(fault) });
      expect(await thrownBy(clock.run(tryWay(race, UDP, 700)))).to.equal(fault);
      expect(race.sightings.of('udp')).to.not.have.property('last');
    }
  });

  it('sends nothing where another way was acknowledged while the socket was opened', async () => {
    const made = racing(
      { family: 'wazuh-3' },
      { onOpen: () => void made.race.won(new Line('tcp', made.clock), 'aes-wazuh') },
    );
    await made.clock.run(tryWay(made.race, UDP, 700));
    expect(made.sent()).to.deep.equal([]);
    expect(made.lines.map(({ closed }) => closed)).to.deep.equal([true]);
  });

  it('says nothing of itself where the handshake ends first', async () => {
    const made = racing();
    stopAfter(made, 300);
    await made.clock.run(tryWay(made.race, UDP, 700));
    expect(made.clock.now()).to.equal(300);
    expect(made.race.sightings.of('udp')).to.deep.equal({ endings: {}, answered: false, refusals: 0 });
  });
});

describe('link/single, over TCP', () => {
  it('is one message on a connection of its own', async () => {
    const { clock, race, lines, sent } = racing({}, { onMessage: (_, line) => line.end() });
    await clock.run(tryWay(race, TCP, 700));
    expect(sent()).to.deep.equal(['tcp startup blowfish 0']);
    expect(race.sightings.of('tcp')).to.include({ last: 'closed' });
    expect(lines.map(({ closed }) => closed)).to.deep.equal([true]);
  });

  it('is nothing where there is no connection', async () => {
    const refused = new EnrollError('CONNECTION_REFUSED', 'Refused.');
    const { clock, race, sent } = racing({}, { onOpen: () => Promise.reject(refused) });
    await clock.run(tryWay(race, TCP, 700));
    expect(sent()).to.deep.equal([]);
    expect(race.sightings.of('tcp')).to.include({ last: 'refused', why: 'Refused.' });
  });
});
