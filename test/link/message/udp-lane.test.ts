import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { udpLane } from '../../../src/link/message/udp-lane.js';
import { ACK } from './handshake-run.js';
import { type Doorman, fault, hangs, never, scene, Wire } from './scripted.js';

const INTERRUPTED = new EnrollError('INTERRUPTED', 'Interrupted.');
const NOTHING = { endings: {}, answered: false, refusals: 0 };
const UDP = { protocol: 'udp' } as const;
const OSSEC = { ...UDP, family: 'ossec' } as const;

/** A UDP lane whose manager the test plays: what is sent to it, and when. */
function laned(
  asked: Partial<HandshakeRequest>,
  play: (wire: Wire, text: string) => unknown = () => {},
  door: Doorman = (protocol) => new Wire(protocol, '192.0.2.7'),
) {
  const heard: string[] = [];
  const made = scene(asked, {
    door: async (protocol, count, signal) => {
      const wire = await door(protocol, count, signal);
      if (wire instanceof EnrollError) throw wire;
      wire.onMessage = (text) => {
        heard.push(`${made.clock.now()} ${text.trim()}`);
        return play(wire, text);
      };
      return wire;
    },
  });
  return {
    ...made,
    heard,
    openedAt: () => made.opened.map(({ atMs }) => atMs),
    /** The lane until it is stopped, after so many milliseconds or earlier; what was seen of UDP. */
    laneFor: async (ms: number) => {
      const lane = udpLane(made.race);
      made.race.begin(lane);
      await made.clock.pause(ms, made.race.over);
      made.race.stop(INTERRUPTED);
      await made.race.settled();
      await lane;
      return made.race.sightings.of('udp');
    },
  };
}

const startup = (ms: number, cipher: string) => `${ms} ${cipher}: #!-agent startup`;

describe('link/udp-lane', () => {
  it('sends a message a turn on one socket, and counts each silence', async () => {
    const { run, laneFor, heard, openedAt, wires, race } = laned(OSSEC);
    const seen = await run(() => laneFor(300));
    expect(heard).to.deep.equal([startup(0, 'blowfish'), startup(130, 'blowfish'), startup(260, 'blowfish')]);
    expect(openedAt()).to.deep.equal([0]);
    expect(wires[0]?.closed).to.equal(true);
    expect(race.sightings.localAddress).to.equal('192.0.2.7');
    // The third was not given its time.
    expect(seen).to.deep.equal({ ...NOTHING, last: 'silent', endings: { silent: 2 } });
  });

  it('asks with #ping twice, and tries one cipher after the other', async () => {
    const { run, laneFor, heard } = laned(UDP);
    await run(() => laneFor(300));
    expect(heard).to.deep.equal([
      '0 #ping',
      startup(0, 'aes-wazuh'),
      '130 #ping',
      startup(130, 'blowfish'),
      startup(260, 'blowfish'),
    ]);
  });

  it('asks no OSSEC and no Wazuh 3, which do not know #ping', async () => {
    for (const family of ['ossec', 'wazuh-3'] as const) {
      const { run, laneFor, heard } = laned({ ...UDP, family });
      await run(() => laneFor(50));
      expect(heard, family).to.have.length(1);
    }
  });

  it('asks no more where #ping was answered, and keeps to the cipher of a Wazuh then', async () => {
    const { run, laneFor, heard } = laned(UDP, (wire, text) => {
      if (text === '#ping') wire.bring(Buffer.from('#pong'));
    });
    const seen = await run(() => laneFor(300));
    expect(heard).to.deep.equal(['0 #ping', ...[0, 130, 260].map((ms) => startup(ms, 'aes-wazuh'))]);
    expect(seen).to.deep.include({ pong: 'then' });
  });

  it('sends nothing after the end that comes between #ping and its message', async () => {
    const { run, laneFor, heard, race } = laned(UDP, () => race.stop(INTERRUPTED));
    await run(() => laneFor(300));
    expect(heard).to.deep.equal(['0 #ping']);
  });

  it('is the proof where it is acknowledged', async () => {
    const { run, laneFor, race, heard } = laned({ ...UDP, family: 'wazuh-3' }, (wire, text) => {
      if (text.startsWith('blowfish')) return;
      wire.say('#!-up file x merged.mg\n');
      wire.say(ACK);
    });
    const seen = await run(() => laneFor(300));
    expect(await race.ended).to.include({ protocol: 'udp', cipher: 'aes', family: 'wazuh-3', attempts: 1 });
    expect(heard).to.have.length(1);
    expect(seen).to.deep.equal({ ...NOTHING, answered: true });
  });

  it('hears an acknowledgement that comes late, in the turn of another message', async () => {
    const { run, laneFor, race, clock } = laned(OSSEC, (wire) => {
      if (race.attempts === 1) void clock.pause(200, never).then(() => wire.say(ACK, 'blowfish'));
    });
    await run(() => laneFor(1000));
    expect(await race.ended).to.include({ cipher: 'blowfish', attempts: 2, ms: 200 });
  });

  it('ends the handshake where the manager refuses in words', async () => {
    const { run, laneFor, race } = laned({ ...UDP, family: 'wazuh-4' }, (wire, text) => {
      if (text !== '#ping') wire.say('#!-err {"message":"Not you."}');
    });
    const thrown = await run(() => laneFor(1000)).catch((reason: unknown) => reason);
    expect(thrown).to.be.instanceOf(LinkError).and.have.property('code', 'LINK_REFUSED');
    expect(race.over.reason).to.equal(thrown);
  });

  it('ends the handshake with a fault of the program', async () => {
    const broken = new TypeError('a fault of the program');
    const { run, laneFor, wires } = laned(OSSEC, () => Promise.reject(broken));
    expect(await run(() => laneFor(1000)).catch((reason: unknown) => reason)).to.equal(broken);
    expect(wires[0]?.closed).to.equal(true);
  });

  describe('where the port is closed', () => {
    it('takes another socket for the next message, a pause after the notice', async () => {
      const { run, laneFor, openedAt, heard, wires, clock } = laned(OSSEC, (wire) => {
        void clock.pause(20, never).then(() => wire.break(fault('CONNECTION_REFUSED', 'Refused.')));
      });
      const seen = await run(() => laneFor(400));
      expect(heard).to.deep.equal([0, 150, 300].map((ms) => startup(ms, 'blowfish')));
      expect(openedAt()).to.deep.equal([0, 150, 300]);
      expect(wires.every(({ closed }) => closed)).to.equal(true);
      expect(seen).to.deep.equal({ ...NOTHING, last: 'refused', why: 'Refused.', endings: { refused: 3 } });
    });

    it('is told so by Windows as a reset', async () => {
      const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      const reset = new EnrollError('CONNECTION_FAILED', 'Reset.', { cause });
      const { run, laneFor } = laned(OSSEC, (wire) => wire.break(reset));
      expect(await run(() => laneFor(10))).to.include({ last: 'refused', why: 'Reset.' });
    });

    it('goes on with the ciphers and pings where it was', async () => {
      const { run, laneFor, heard } = laned(UDP, (wire, text) => {
        if (text !== '#ping') wire.break(fault('CONNECTION_REFUSED', 'Refused.'));
      });
      await run(() => laneFor(300));
      expect(heard.map((text) => text.replace(/^\d+ /, ''))).to.deep.equal([
        '#ping',
        'aes-wazuh: #!-agent startup',
        '#ping',
        'blowfish: #!-agent startup',
        'blowfish: #!-agent startup',
      ]);
    });

    it('leaves a turn that it has not begun in its order, and one that came to nothing to the next', async () => {
      const { run, laneFor, race, clock, wait } = laned(OSSEC, undefined, () => fault('CONNECTION_FAILED'));
      await run(async () => {
        const lane = laneFor(60);
        await wait(10);
        await race.turns.next(never);
        expect(clock.now()).to.equal(10);
        await lane;
      });
    });
  });

  describe('where no socket comes about', () => {
    it('tries again at the common pace', async () => {
      const { run, laneFor, openedAt, heard } = laned(OSSEC, undefined, () => fault('CONNECTION_FAILED', 'No route.'));
      const seen = await run(() => laneFor(300));
      expect(openedAt()).to.deep.equal([0, 130, 260]);
      expect(heard).to.deep.equal([]);
      expect(seen).to.deep.equal({ ...NOTHING, last: 'unreachable', why: 'No route.', endings: { unreachable: 3 } });
    });

    it('asks the name servers more rarely where the name is not found', async () => {
      const { run, laneFor, openedAt } = laned(OSSEC, undefined, () => fault('HOST_UNRESOLVED'));
      expect(await run(() => laneFor(600))).to.include({ last: 'unresolved' });
      expect(openedAt()).to.deep.equal([0, 250, 500]);
    });

    it('is known to be tried all the same, and ends with the wait', async () => {
      const { run, laneFor, race, heard } = laned(OSSEC, undefined, (_protocol, _count, signal) => hangs(signal));
      expect(await run(() => laneFor(2000))).to.deep.equal(NOTHING);
      expect(race.over.reason).to.equal(INTERRUPTED);
      expect(heard).to.deep.equal([]);
    });
  });

  describe('beside TCP', () => {
    it('waits until UDP is wanted, without a turn of its own', async () => {
      const { run, laneFor, openedAt, race, wait, clock } = laned({ family: 'wazuh-3' });
      await run(async () => {
        const lane = laneFor(500);
        race.sightings.note('tcp');
        await wait(10);
        await race.turns.next(never);
        expect(clock.now()).to.equal(10);
        await lane;
      });
      // After 300 ms without a connection, as it looks every 20.
      expect(openedAt()).to.deep.equal([320]);
    });

    it('stops where it is wanted no more, gives its turn back, and begins again later', async () => {
      const { run, laneFor, heard, race, wait, clock } = laned({ family: 'wazuh-3' });
      await run(async () => {
        race.sightings.note('tcp', 'refused');
        const lane = laneFor(800);
        await wait(50);
        race.tcpOpened = true;
        race.sightings.note('tcp', 'closed');
        // It hears until its next turn, at 130, and then that is given to others.
        await wait(90);
        await race.turns.next(never);
        expect(clock.now()).to.equal(140);
        await wait(360);
        race.sightings.note('tcp', 'refused');
        await lane;
      });
      expect(heard.map((text) => Number(text.split(' ')[0]))).to.deep.equal([0, 510, 640, 770]);
    });

    it('takes turns with it', async () => {
      const { run, laneFor, heard, race, wait, clock } = laned(OSSEC);
      const others: number[] = [];
      await run(async () => {
        const lane = laneFor(600);
        await wait(1);
        for (let count = 0; count < 2; count += 1) {
          await race.turns.next(never);
          others.push(clock.now());
        }
        await lane;
      });
      expect(others).to.deep.equal([260, 520]);
      expect(heard.map((text) => Number(text.split(' ')[0]))).to.deep.equal([0, 130, 390]);
    });
  });

  it('sends nothing once it is over while it waits for its turn', async () => {
    const { run, laneFor, race, openedAt } = laned(OSSEC);
    await run(async () => {
      await race.turns.next(never);
      await laneFor(60);
    });
    expect(openedAt()).to.deep.equal([]);
  });
});
