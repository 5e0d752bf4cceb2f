import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { tcpLane, tcpLook } from '../../../src/link/message/tcp-lane.js';
import { ACK } from './handshake-run.js';
import { type Doorman, fault, hangs, never, scene, Wire } from './scripted.js';

const INTERRUPTED = new EnrollError('INTERRUPTED', 'Interrupted.');
const PUSH = '#!-up file x merged.mg\n';

/** What a manager does with the startup of this number (from 0). */
type Manager = (wire: Wire, number: number) => unknown;

/** A manager that answers `#ping` after a while: only startups are sent to it then, besides the one ping. */
function managed(manager: Manager, asked: Partial<HandshakeRequest> = {}, pongMs = 0) {
  /** The startups, and when they came. */
  const startups: { readonly wire: Wire; readonly atMs: number }[] = [];
  let pings = 0;
  const door: Doorman = (protocol) => {
    const wire = new Wire(protocol);
    wire.onMessage = (text) => {
      if (text === '#ping') {
        pings += 1;
        void made.wait(pongMs).then(() => wire.bring(Buffer.from('#pong')));
      } else if (text.includes('startup')) {
        startups.push({ wire, atMs: made.clock.now() });
        manager(wire, startups.length - 1);
      }
    };
    return wire;
  };
  const made = scene({ family: 'wazuh-4', protocol: 'tcp', ...asked }, { door });
  return {
    ...made,
    startups,
    times: () => startups.map(({ atMs }) => atMs),
    pings: () => pings,
    /** The lane until it is stopped, after so many milliseconds or earlier. */
    laneFor: async (ms: number, unanswered?: { readonly ended: Promise<void> }) => {
      const lane = tcpLane(made.race, unanswered);
      made.race.begin(lane);
      await made.clock.pause(ms, made.race.over);
      made.race.stop(INTERRUPTED);
      await made.race.settled();
      await lane;
    },
  };
}

const hangUp: Manager = (wire) => wire.hangUp();
const silence: Manager = () => {};

describe('link/tcp-lane', () => {
  it('sends a message a connection, at the common pace, until the end', async () => {
    const { run, laneFor, times, wires } = managed(hangUp);
    await run(() => laneFor(650));
    expect(times()).to.deep.equal([0, 130, 260, 390, 520]);
    // The ping has a connection too.
    expect(wires).to.have.length(6);
    for (const { closed, sent } of wires) expect([closed, sent.length]).to.deep.equal([true, 1]);
  });

  it('asks beside the second message who is there, once', async () => {
    const { run, laneFor, opened, pings } = managed(hangUp);
    await run(() => laneFor(1500));
    expect(opened.slice(0, 3).map(({ atMs }) => atMs)).to.deep.equal([0, 0, 130]);
    expect(pings()).to.equal(1);
  });

  it('asks nothing where the first message is acknowledged', async () => {
    const { run, laneFor, pings, race, times } = managed((wire) => wire.say(ACK));
    await run(() => laneFor(1500));
    expect(await race.ended).to.include({ protocol: 'tcp', attempts: 1 });
    expect(pings()).to.equal(0);
    expect(times()).to.deep.equal([0]);
  });

  it('opens nothing more once it is over while it waits for its turn', async () => {
    const { run, laneFor, opened } = managed(hangUp);
    await run(() => laneFor(60));
    expect(opened).to.have.length(2);
  });

  describe('where there is no connection', () => {
    const closed = (answer: EnrollError) => {
      const made = scene({}, { door: () => answer });
      return {
        ...made,
        triedFor: async (ms: number) => {
          const lane = tcpLane(made.race);
          await made.wait(ms);
          made.race.stop(INTERRUPTED);
          await lane;
          return made.opened.map(({ atMs }) => atMs);
        },
      };
    };

    it('tries again at the common pace', async () => {
      const { run, triedFor } = closed(fault('CONNECTION_REFUSED'));
      expect(await run(() => triedFor(400))).to.deep.equal([0, 130, 260, 390]);
    });

    it('asks the name servers more rarely where the name is not found', async () => {
      const { run, triedFor } = closed(fault('HOST_UNRESOLVED'));
      expect(await run(() => triedFor(800))).to.deep.equal([0, 250, 500, 750]);
    });

    it('leaves its turn to the next', async () => {
      const { race, run, triedFor, clock, wait } = closed(fault('CONNECTION_REFUSED'));
      await run(async () => {
        const tried = triedFor(50);
        await wait(10);
        await race.turns.next(never);
        expect(clock.now()).to.equal(10);
        await tried;
      });
    });
  });

  it('sends a message every five seconds only to what is no manager', async () => {
    const { run, laneFor, times, race } = managed((wire) => {
      wire.firstBytes = Buffer.from('SSH-2.0-x\r\n');
      wire.hangUp();
    }, {});
    await run(() => laneFor(10_500));
    expect(times()).to.deep.equal([0, 5000, 10_000]);
    expect(race.sightings.of('tcp')?.stranger?.service).to.equal('ssh');
  });

  describe('where a connection is neither answered nor closed', () => {
    it('waits for it, since the manager may be slow', async () => {
      const { run, laneFor, times, race } = managed(silence, { timeoutMs: 4000 }, 1500);
      await run(() => laneFor(5000));
      expect(times()).to.deep.equal([0, 4000]);
      expect(race.quick).to.equal(false);
    });

    it('opens another beside it after a second where the manager is quick, and never a third', async () => {
      const { run, laneFor, startups, times, wait, race } = managed(silence);
      const isOpen = () => startups.map(({ wire }) => !wire.closed);
      await run(async () => {
        const lane = laneFor(4000);
        await wait(1040);
        expect(isOpen()).to.deep.equal([true]);
        await wait(1050);
        expect(isOpen()).to.deep.equal([true, true]);
        await wait(20);
        expect(isOpen()).to.deep.equal([true, false, true]);
        expect(race.sightings.of('tcp')).to.deep.include({ last: 'silent', endings: { silent: 1 } });
        await lane;
      });
      expect(times()).to.deep.equal([0, 1050, 2100, 3150]);
    });

    it('keeps the next silent one when the first has had its time', async () => {
      const { run, laneFor, startups, wait } = managed(silence, { timeoutMs: 4000 });
      await run(async () => {
        const lane = laneFor(6000);
        // Of those at 0, 1050, 2100, 3150 and 4200 the first ends at 4000.
        await wait(4230);
        expect(startups.map(({ wire }) => !wire.closed)).to.deep.equal([false, false, false, true, true]);
        await lane;
      });
    });

    it('keeps it no longer than it is silent', async () => {
      const { run, laneFor, startups, wait } = managed(silence);
      await run(async () => {
        const lane = laneFor(4000);
        await wait(1500);
        startups[0]?.wire.hangUp();
        await wait(650);
        // The second one is the silent one now, and the third is beside it.
        expect(startups.map(({ wire }) => !wire.closed)).to.deep.equal([false, true, true]);
        await lane;
      });
    });

    it('keeps it while others are closed, which are not silent', async () => {
      const { run, laneFor, startups, wait, race } = managed((wire, number) => {
        if (number === 1) wire.hangUp();
      });
      await run(async () => {
        const lane = laneFor(4000);
        await wait(1100);
        expect(race.sightings.of('tcp')).to.deep.include({ endings: { closed: 1 } });
        await wait(1200);
        // The third, sent at 1180, is given up after a second: the first is silent still.
        expect(startups.map(({ wire }) => !wire.closed)).to.deep.equal([true, false, false, true]);
        await lane;
      });
    });

    it('hears the late answer', async () => {
      const { run, laneFor, race, clock } = managed((wire, number) => {
        if (number === 0) void clock.pause(2500, never).then(() => wire.say(ACK));
      });
      await run(() => laneFor(20_000));
      expect(await race.ended).to.include({ ms: 2500, attempts: 3 });
    });

    it('counts the silence of none that ends with the wait before it had a second', async () => {
      const { run, laneFor, race } = managed(silence);
      await run(() => laneFor(1500));
      // The first had a second and a half, the second less than one half.
      expect(race.sightings.of('tcp')).to.deep.include({ endings: { silent: 1 } });
    });

    it('goes on at once when one that was slow has been answered', async () => {
      const { run, laneFor, times, clock } = managed(
        (wire) => {
          void clock.pause(1500, never).then(() => wire.hangUp());
        },
        {},
        1900,
      );
      await run(() => laneFor(4000));
      expect(times()).to.deep.equal([0, 1500, 3000]);
    });

    for (const how of ['ends', 'fails'] as const) {
      it(`has one beside it already where what worked before is silent, until that ${how}`, async () => {
        const { run, laneFor, startups, wait } = managed(silence);
        await run(async () => {
          const ended = wait(3000).then(() => {
            if (how === 'fails') throw INTERRUPTED;
          });
          const lane = laneFor(6000, { ended });
          await wait(1060);
          expect(startups.map(({ wire }) => !wire.closed)).to.deep.equal([false, true]);
          await wait(3200);
          // The third is kept: it was the first to be silent after that.
          expect(startups.map(({ wire }) => !wire.closed)).to.deep.equal([false, false, true, false, true]);
          await lane;
        });
      });
    }
  });

  it('shows a manager that is quick by any answer within a second', async () => {
    const { run, laneFor, race, times } = managed(
      (wire, number) => {
        if (number === 0) wire.say(PUSH);
      },
      {},
      1900,
    );
    await run(() => laneFor(2000));
    expect(race.quick).to.equal(true);
    expect(times()).to.deep.equal([0, 1050]);
  });
});

describe('the look at the TCP port of an OSSEC', () => {
  function looked(play: (wire: Wire) => unknown, door: Doorman = (protocol) => new Wire(protocol)) {
    const made = scene(
      { family: 'ossec' },
      {
        door: (protocol, count, signal) => {
          const wire = door(protocol, count, signal);
          if (wire instanceof Wire) play(wire);
          return wire;
        },
      },
    );
    return {
      ...made,
      lookFor: async (ms: number) => {
        const look = tcpLook(made.race);
        await made.wait(ms);
        made.race.stop(INTERRUPTED);
        await look;
        return made.race.sightings.of('tcp');
      },
    };
  }

  it('sends nothing, and closes what was silent for a second', async () => {
    const { run, lookFor, wires, opened } = looked(() => {});
    expect(await run(() => lookFor(2200))).to.deep.include({ last: 'silent', endings: { silent: 1 } });
    // A second of silence, and a quarter of the time that has passed: then again.
    expect(opened.map(({ atMs }) => atMs)).to.deep.equal([0, 1250]);
    for (const { sent, closed } of wires) expect([sent.length, closed]).to.deep.equal([0, true]);
  });

  it('notes what is closed', async () => {
    const { run, lookFor, opened } = looked((wire) => wire.hangUp());
    expect(await run(() => lookFor(300))).to.deep.include({ last: 'closed', endings: { closed: 2 } });
    expect(opened.map(({ atMs }) => atMs)).to.deep.equal([0, 250]);
  });

  it('notes what breaks as closed too', async () => {
    const { run, lookFor } = looked((wire) => wire.break(fault()));
    expect(await run(() => lookFor(100))).to.deep.include({ last: 'closed' });
  });

  it('notes who speaks there', async () => {
    const { run, lookFor } = looked((wire) => wire.bring(Buffer.from('SSH-2.0-x\r\n')));
    expect(await run(() => lookFor(100))).to.deep.include({ stranger: { service: 'ssh', said: 'SSH-2.0-x' } });
  });

  it('notes a closed port, which shows that the host is up', async () => {
    const { run, lookFor, opened } = looked(
      () => {},
      () => fault('CONNECTION_REFUSED', 'Refused.'),
    );
    const seen = await run(() => lookFor(300));
    expect(seen).to.deep.include({ last: 'refused', why: 'Refused.', endings: { refused: 2 } });
    expect(opened).to.have.length(2);
  });

  it('says nothing of a connection that it gave up itself', async () => {
    const { run, lookFor } = looked(() => {});
    expect(await run(() => lookFor(500))).to.deep.include({ endings: {} });
    const other = looked(
      () => {},
      (_protocol, _count, signal) => hangs(signal),
    );
    expect(await other.run(() => other.lookFor(500))).to.deep.include({ endings: {} });
  });
});
