import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import { testRefusal } from '../../../src/link/message/refusal-test.js';
import { thrownBy } from '../../files/scratch.js';
import { ACK } from './handshake-run.js';
import { type Line, type OtherEnd, type Racing, racing, stopAfter } from './racing.js';

const never = new AbortController().signal;
const reset = new EnrollError('CONNECTION_FAILED', 'Broke.');
const unwritable = new EnrollError('FILE_UNWRITABLE', 'No counters.');

/** One refusal has been seen before: a second one makes two, a connection that closes otherwise none, and nothing one. */
async function tested(other: OtherEnd, prepare: (made: Racing) => Promise<void> | void = () => {}) {
  const made = racing({ family: 'wazuh-3' }, other);
  made.race.sightings.noteRefusal(true);
  await made.clock.run(Promise.resolve(prepare(made)).then(() => testRefusal(made.race)));
  expect(made.lines.filter(({ closed }) => !closed)).to.deep.equal([]);
  expect(made.race.outstanding.size).to.equal(0);
  const { refusals, stranger, pong, answered } = made.race.sightings.of('tcp') ?? {};
  return { refusals, stranger, pong, answered, sent: made.sent(), atMs: made.clock.now() };
}

const REFUSED = 2;
const CLOSED = 0;
const UNSAID = 1;

describe('link/refusal-test', () => {
  const cases: readonly (readonly [string, OtherEnd, number])[] = [
    ['closed for the message', { onMessage: (_, line) => line.end() }, REFUSED],
    ['reset for the message', { onMessage: (_, line) => line.end(reset) }, REFUSED],
    ['closed 0.19 s after the message', { onMessage: (_, line) => line.after(190, () => line.end()) }, REFUSED],
    ['closed 0.21 s after the message', { onMessage: (_, line) => line.after(210, () => line.end()) }, CLOSED],
    ['closed 1.1 s after the message', { onMessage: (_, line) => line.after(1100, () => line.end()) }, CLOSED],
    ['closed 1.3 s after the message', { onMessage: (_, line) => line.after(1300, () => line.end()) }, UNSAID],
    ['never closed', {}, UNSAID],
    ['closed at once', { onOpen: (line) => line.end() }, CLOSED],
    ['reset at once', { onOpen: (line) => line.end(reset) }, CLOSED],
    ['closed after 0.9 s without a word', { onOpen: (line) => line.after(900, () => line.end()) }, CLOSED],
    ['closed for the first part of the message', { onPart: (line) => line.end() }, CLOSED],
    ['closed 0.24 s after the first part', { onPart: (line) => line.after(240, () => line.end()) }, CLOSED],
    ['answered with something else', { onMessage: (_, line) => line.says('#!-up file x merged.mg\n') }, CLOSED],
    [
      'closed for the message, after bytes that came to none',
      {
        onMessage: (_, line) => {
          line.firstBytes = Buffer.from('HT');
          line.end();
        },
      },
      CLOSED,
    ],
    ['not made', { onOpen: () => Promise.reject(new EnrollError('CONNECTION_REFUSED', 'Refused.')) }, UNSAID],
  ];
  for (const [what, other, refusals] of cases) {
    const verdict = { [REFUSED]: 'is a refusal', [CLOSED]: 'is none', [UNSAID]: 'says nothing' }[refusals];
    it(`${verdict}: a connection that is ${what}`, async () => {
      expect((await tested(other)).refusals).to.equal(refusals);
    });
  }

  it('keeps the connection idle for a second, and the last byte back for a quarter of one', async () => {
    expect(await tested({ onMessage: (_, line) => line.end() })).to.deep.include({
      sent: ['tcp startup aes-wazuh 1250'],
      atMs: 1250,
    });
  });

  it('keeps the last byte back for longer where the way is long, and twice as long as that', async () => {
    const far: Racing[] = [];
    const { sent, refusals } = await tested(
      {
        onOpen: () => far[0]?.clock.pause(100, never),
        onMessage: (_, line) => line.end(),
      },
      async (made) => {
        far.push(made);
        await made.clock.pause(2000, never);
      },
    );
    expect(sent).to.deep.equal(['tcp startup aes-wazuh 3550']);
    expect(refusals).to.equal(REFUSED);
  });

  it('waits for its turn', async () => {
    const { sent } = await tested({ onMessage: (_, line) => line.end() }, ({ race }) => {
      for (let before = 0; before < 10; before += 1) void race.turns.next(never);
    });
    expect(sent).to.deep.equal(['tcp startup aes-wazuh 1550']);
  });

  it('says nothing where the turn came so late that the connection was given up', async () => {
    const { refusals } = await tested({}, ({ race }) => {
      for (let before = 0; before < 40; before += 1) void race.turns.next(never);
    });
    expect(refusals).to.equal(UNSAID);
  });

  it('is heard before goodbye is said: its message may be on its way', async () => {
    const made: Racing[] = [];
    const outstanding: number[] = [];
    await tested(
      {
        onMessage: (_, line) => {
          outstanding.push(made[0]?.race.outstanding.size ?? 0);
          line.end();
        },
      },
      (racing) => void made.push(racing),
    );
    expect(outstanding).to.deep.equal([1]);
  });

  it('is the proof where the message is acknowledged', async () => {
    const { clock, race } = racing({ family: 'wazuh-3' }, { onMessage: (_, line) => line.says(ACK) });
    await clock.run(testRefusal(race));
    expect(await race.ended).to.include({ protocol: 'tcp', cipher: 'aes', attempts: 1 });
    expect(race.sightings.of('tcp')).to.include({ refusals: 0 }).and.not.have.property('stranger');
  });

  it('takes note of what the manager says, and of its refusal in words', async () => {
    const pong = await tested({ onMessage: (_, line) => line.pong() });
    expect(pong).to.include({ refusals: CLOSED, stranger: undefined, pong: 'then' });
    const { clock, race, lines } = racing({}, { onMessage: (_, line) => line.says('#!-err {"message":"No."}') });
    expect(await thrownBy(clock.run(testRefusal(race)))).to.be.instanceOf(LinkError);
    expect(lines.map(({ closed }) => closed)).to.deep.equal([true]);
  });

  it('tells who speaks while the connection is idle, or in place of an answer', async () => {
    const ssh = Buffer.from('SSH-2.0-OpenSSH_9.6\r\n');
    for (const other of [
      { onOpen: (line: Line) => line.bytes(ssh) },
      { onMessage: (_: string, line: Line) => line.bytes(ssh) },
      {
        onOpen: (line: Line) => {
          line.firstBytes = ssh;
          line.end();
        },
      },
      {
        onOpen: (line: Line) => {
          line.firstBytes = ssh;
          line.end(reset);
        },
      },
    ]) {
      const { refusals, stranger } = await tested(other);
      expect(refusals).to.equal(CLOSED);
      expect(stranger).to.deep.equal({ service: 'ssh', said: 'SSH-2.0-OpenSSH_9.6' });
    }
  });

  it('does not take a manager for somebody else that has spoken with the key', async () => {
    for (const payload of ['#!-up file x merged.mg\n', ACK]) {
      expect(await tested({ onOpen: (line) => line.says(payload) })).to.include({ stranger: undefined });
    }
  });

  it('says nothing where the message could not be sent', async () => {
    const breaks: OtherEnd = {
      onPart: (line) => {
        line.broken = reset;
      },
    };
    expect(await tested(breaks)).to.include({ refusals: UNSAID });
  });

  it('fails with counters that cannot be kept', async () => {
    const broken: OtherEnd = {
      onPart: (line) => {
        line.broken = unwritable;
      },
    };
    const { clock, race, lines } = racing({}, broken);
    expect(await thrownBy(clock.run(testRefusal(race)))).to.equal(unwritable);
    expect(lines.map(({ closed }) => closed)).to.deep.equal([true]);
    const faulty = racing({}, { onOpen: (line) => line.end(unwritable) });
    expect(await thrownBy(faulty.clock.run(testRefusal(faulty.race)))).to.equal(unwritable);
  });

  it('sends nothing and says nothing where the handshake ends first', async () => {
    for (const ms of [500, 1100]) {
      const { refusals, sent, atMs } = await tested({}, (made) => {
        // The turn comes after the end.
        for (let before = 0; before < 10; before += 1) void made.race.turns.next(made.race.over);
        stopAfter(made, ms);
      });
      expect({ refusals, sent, atMs }).to.deep.equal({ refusals: UNSAID, sent: [], atMs: ms });
    }
  });

  it('says nothing where the handshake ends while the answer is waited for', async () => {
    const { refusals, sent } = await tested({}, (made) => stopAfter(made, 1300));
    expect(refusals).to.equal(UNSAID);
    expect(sent).to.have.length(1);
  });
});
