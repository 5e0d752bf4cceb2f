import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import type { Race } from '../../../src/link/message/race.js';
import { endingOf, exchange, noteFirstBytes, openTcpTo } from '../../../src/link/message/tcp-attempt.js';
import { ACK } from './handshake-run.js';
import { fault, hangs, scene, Wire } from './scripted.js';

const NOTHING = { endings: {}, answered: false, refusals: 0 };
const INTERRUPTED = new EnrollError('INTERRUPTED', 'Interrupted.');
/** A Wazuh 4, so that no question is asked before the proof. */
const WAZUH = { family: 'wazuh-4' } as const;
const GREETING = Buffer.from('SSH-2.0-x\r\n');

const tcp = ({ sightings }: Race) => sightings.of('tcp');
const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  );

/** An exchange on a wire that the manager plays on, begun after a while. */
async function exchanged(
  manager: (wire: Wire, made: ReturnType<typeof scene>) => unknown,
  { asked = WAZUH, given }: { asked?: Parameters<typeof scene>[0]; given?: AbortSignal } = {},
) {
  const made = scene(asked);
  const { race, wait, run } = made;
  const wire = new Wire('tcp', '192.0.2.7');
  const thrown = await run(async () => {
    await wait(2000);
    const work = exchange(race, {
      transport: wire,
      cipher: 'aes-wazuh',
      ...(given === undefined ? {} : { given }),
    });
    expect([...race.outstanding.keys()]).to.deep.equal([wire]);
    const played = manager(wire, made);
    const outcome = await thrownBy(work);
    await played;
    return outcome;
  });
  expect(wire.closed, 'closed').to.equal(true);
  expect([...race.outstanding]).to.deep.equal([]);
  return { ...made, wire, thrown, seen: tcp(race) };
}

describe('link/tcp-attempt', () => {
  describe('a connection', () => {
    it('is known to be tried while it is being made', async () => {
      const { race } = scene({}, { door: (_protocol, _count, signal) => hangs(signal) });
      void openTcpTo(race);
      expect(tcp(race)).to.deep.equal(NOTHING);
      race.stop(INTERRUPTED);
    });

    it('is handed on, with the address that this host has on it', async () => {
      const { race, wires, opened } = scene();
      expect(race.tcpOpened).to.equal(false);
      expect(await openTcpTo(race)).to.equal(wires[0]);
      expect(opened).to.deep.equal([{ protocol: 'tcp', atMs: 0 }]);
      expect(race.tcpOpened).to.equal(true);
      expect(race.sightings.localAddress).to.equal('192.0.2.7');
      expect(tcp(race)).to.deep.equal(NOTHING);
    });

    for (const [code, last] of [
      ['CONNECTION_REFUSED', 'refused'],
      ['HOST_UNRESOLVED', 'unresolved'],
      ['CONNECTION_TIMED_OUT', 'unreachable'],
    ] as const) {
      it(`that is not made is noted with its words (${last})`, async () => {
        const { race } = scene({}, { door: () => fault(code, 'It cannot be reached.') });
        expect(await openTcpTo(race)).to.equal(undefined);
        expect(tcp(race)).to.deep.equal({ ...NOTHING, last, why: 'It cannot be reached.', endings: { [last]: 1 } });
        expect(race.tcpOpened).to.equal(false);
      });
    }

    it('that is reset before it is made is closed, as by a balancer', async () => {
      const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      const { race } = scene({}, { door: () => new EnrollError('CONNECTION_FAILED', 'Reset.', { cause }) });
      expect(await openTcpTo(race)).to.equal(undefined);
      expect(tcp(race)).to.include({ last: 'closed', why: 'Reset.' });
    });

    it('throws a fault of the program as it is', async () => {
      const broken = new TypeError('a fault of the program');
      const { race } = scene({}, { door: () => Promise.reject(broken) });
      expect(await thrownBy(openTcpTo(race))).to.equal(broken);
      expect(tcp(race)).to.deep.equal(NOTHING);
    });

    describe('that is given up at the end of the wait', () => {
      const givenUpAfter = async (ms: number, before?: EnrollError) => {
        const made = scene(
          {},
          { door: (_protocol, count, signal) => (count === 0 && before !== undefined ? before : hangs(signal)) },
        );
        const { race, wait, run } = made;
        return run(async () => {
          await wait(800);
          if (before !== undefined) await openTcpTo(race);
          const opening = openTcpTo(race);
          await wait(ms);
          race.stop(INTERRUPTED);
          expect(await opening).to.equal(undefined);
          return tcp(race);
        });
      };

      it('was in a black hole where it took more than a second', async () => {
        expect(await givenUpAfter(1001)).to.deep.equal({
          ...NOTHING,
          last: 'unreachable',
          endings: { unreachable: 1 },
        });
      });

      it('says nothing where it has had a second or less', async () => {
        for (const ms of [300, 1000]) expect(await givenUpAfter(ms)).to.deep.equal(NOTHING);
      });

      it('is a name that did not resolve, where it did not before', async () => {
        const unresolved = fault('HOST_UNRESOLVED');
        expect(await givenUpAfter(5000, unresolved)).to.deep.include({ endings: { unresolved: 1 } });
        expect(await givenUpAfter(5000, fault('CONNECTION_REFUSED'))).to.deep.include({
          endings: { refused: 1, unreachable: 1 },
        });
      });
    });

    describe('through a proxy', () => {
      const faults: readonly ErrorCode[] = [
        'PROXY_REFUSED',
        'PROXY_CREDENTIALS_REFUSED',
        'NOT_PROXY',
        'CERTIFICATE_UNTRUSTED',
      ];
      for (const code of faults) {
        it(`is over at once where no waiting helps: ${code}`, async () => {
          const cause = new EnrollError(code, 'The proxy stands in the way.', { hint: 'Ask the proxy.' });
          const { race, wait, run } = scene({ enrollmentPort: 1514 }, { door: () => cause });
          await run(async () => {
            await wait(40);
            const thrown = await thrownBy(openTcpTo(race));
            if (!(thrown instanceof LinkError)) throw new Error(`no LinkError: ${String(thrown)}`);
            expect(thrown).to.include({
              code: 'LINK_SILENT',
              message: 'The agent port of the manager (192.0.2.1:1514) was not reached. The proxy stands in the way.',
              hint: 'Ask the proxy.',
              cause,
            });
            expect(thrown.evidence).to.deep.equal({
              conclusion: { kind: 'silent' },
              tcp: { ...NOTHING, last: 'unreachable', endings: { unreachable: 1 } },
              messages: 0,
              waitedMs: 40,
            });
          });
        });
      }

      it('is tried again where the proxy is not there, and where it has let one through before', async () => {
        const away = scene({}, { door: () => fault('PROXY_UNREACHABLE', 'No proxy.') });
        expect(await openTcpTo(away.race)).to.equal(undefined);
        const { race } = scene(
          {},
          { door: (protocol, count) => (count === 0 ? new Wire(protocol) : fault('PROXY_REFUSED', 'Not now.')) },
        );
        expect(await openTcpTo(race)).to.be.instanceOf(Wire);
        expect(await openTcpTo(race)).to.equal(undefined);
        expect(tcp(race)).to.include({ last: 'unreachable', why: 'Not now.' });
      });
    });
  });

  it('tells what a connection or datagram came to by the code, and by what the system said', () => {
    const reset = new EnrollError('CONNECTION_FAILED', 'reset', {
      cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    });
    const other = new EnrollError('CONNECTION_FAILED', 'pipe', {
      cause: Object.assign(new Error('pipe'), { code: 'EPIPE' }),
    });
    expect(endingOf(reset, 'tcp')).to.equal('closed');
    expect(endingOf(reset, 'udp')).to.equal('refused');
    for (const protocol of ['tcp', 'udp'] as const) {
      expect(endingOf(other, protocol)).to.equal('unreachable');
      expect(endingOf(fault('HOST_UNRESOLVED'), protocol)).to.equal('unresolved');
      expect(endingOf(fault('CONNECTION_REFUSED'), protocol)).to.equal('refused');
      expect(endingOf(fault('CONNECTION_TIMED_OUT'), protocol)).to.equal('unreachable');
    }
  });

  describe('a startup on a connection of its own', () => {
    it('is the proof where it is acknowledged', async () => {
      const { race, wire, seen } = await exchanged((wire) => wire.say(ACK));
      expect(await race.ended).to.include({ protocol: 'tcp', cipher: 'aes', ms: 2000 });
      expect(wire.heard).to.deep.equal(['aes-wazuh: #!-agent startup ', 'aes-wazuh: #!-agent shutdown ']);
      expect(seen).to.equal(undefined);
    });

    it('is the proof in the cipher that the manager answers in', async () => {
      const { race } = await exchanged((wire) => wire.say(ACK, 'blowfish'));
      expect(await race.ended).to.include({ cipher: 'blowfish' });
    });

    it('is waited for by the goodbye on another connection, until it ends', async () => {
      const { race, wait, clock, run } = scene();
      const wire = new Wire('tcp');
      await run(async () => {
        const work = exchange(race, { transport: wire, cipher: 'aes-wazuh' });
        const [[, ending] = []] = [...race.outstanding];
        void wait(70).then(() => wire.hangUp());
        await ending;
        expect(clock.now()).to.equal(70);
        await work;
      });
    });

    it('is not sent once it is over, for goodbye may have been said', async () => {
      const made = scene(WAZUH);
      const { race, run } = made;
      const other = new Wire('udp');
      const wire = new Wire('tcp');
      await run(async () => {
        other.onMessage = () => made.wait(100);
        const won = race.won(other, 'aes-wazuh');
        await exchange(race, { transport: wire, cipher: 'aes-wazuh' });
        await won;
      });
      expect(wire.heard).to.deep.equal([]);
      expect(wire.closed).to.equal(true);
    });

    describe('that is closed', () => {
      const closedAfter = (ms: number) =>
        exchanged(async (wire, { wait }) => {
          await wait(ms);
          wire.hangUp();
        });

      it('is noted; a manager that does so within a second is a quick one', async () => {
        const { race, seen } = await closedAfter(999);
        expect(seen).to.deep.equal({ ...NOTHING, last: 'closed', endings: { closed: 1 } });
        expect(race.quick).to.equal(true);
      });

      it('is noted of a slow one too', async () => {
        const { race, seen } = await closedAfter(1000);
        expect(seen).to.deep.include({ last: 'closed' });
        expect(race.quick).to.equal(false);
      });
    });

    it('that breaks is closed as well, since a reset says no more', async () => {
      const { race, seen, thrown } = await exchanged(async (wire, { wait }) => {
        await wait(10);
        wire.break(fault());
      });
      expect(thrown).to.equal('nothing');
      expect(seen).to.deep.equal({ ...NOTHING, last: 'closed', endings: { closed: 1 } });
      expect(race.quick).to.equal(true);
    });

    describe('that is answered without an acknowledgement', () => {
      const answeredAfter = (ms: number) =>
        exchanged(async (wire, { wait }) => {
          await wait(ms);
          wire.say('#!-up file x merged.mg\n');
          await wait(2000);
          wire.hangUp();
        });

      it('is heard out, and the answer noted', async () => {
        const { race, seen } = await answeredAfter(999);
        expect(seen).to.deep.equal({ ...NOTHING, last: 'closed', endings: { closed: 1 }, answered: true });
        expect(race.quick).to.equal(true);
      });

      it('shows no quick manager where the answer took a second', async () => {
        expect((await answeredAfter(1000)).race.quick).to.equal(false);
      });
    });

    it('that is refused in words ends the handshake with them', async () => {
      const { thrown } = await exchanged((wire) => wire.say('#!-err {"message":"Not you."}'));
      expect(thrown).to.be.instanceOf(LinkError).and.have.property('code', 'LINK_REFUSED');
    });

    it('ends the handshake where the message cannot be counted', async () => {
      const cannot = new EnrollError('FILE_UNWRITABLE', 'The counters cannot be kept.');
      const { race, run } = scene({}, { counters: { next: () => Promise.reject(cannot) } });
      const wire = new Wire('tcp');
      expect(await run(() => thrownBy(exchange(race, { transport: wire, cipher: 'aes-wazuh' })))).to.equal(cannot);
      expect(wire.closed).to.equal(true);
    });

    describe('that stays without an answer', () => {
      it('is given its time and then closed, and silence noted', async () => {
        const { clock, seen, race } = await exchanged(() => {}, { asked: { ...WAZUH, timeoutMs: 3000 } });
        expect(clock.now()).to.equal(5000);
        expect(seen).to.deep.equal({ ...NOTHING, last: 'silent', endings: { silent: 1 } });
        expect(race.quick).to.equal(false);
      });

      it('is closed as soon as it is given up, which whoever gives it up notes', async () => {
        const given = new AbortController();
        const { clock, seen, thrown } = await exchanged(
          async (_wire, { wait }) => {
            await wait(1500);
            given.abort();
          },
          { given: given.signal },
        );
        expect(clock.now()).to.equal(3500);
        expect(thrown).to.equal('nothing');
        expect(seen).to.equal(undefined);
      });

      const stoppedAfter = (ms: number, given?: AbortController) =>
        exchanged(
          async (_wire, { race, wait }) => {
            await wait(ms);
            given?.abort();
            race.stop(INTERRUPTED);
          },
          given === undefined ? {} : { given: given.signal },
        );

      it('was silent at the end of the wait where it had more than a second', async () => {
        const { clock, seen, thrown } = await stoppedAfter(1001);
        expect(thrown).to.equal('nothing');
        expect(clock.now()).to.equal(3001);
        expect(seen).to.deep.equal({ ...NOTHING, last: 'silent', endings: { silent: 1 } });
      });

      it('says nothing where it had less', async () => {
        for (const ms of [10, 1000]) expect((await stoppedAfter(ms)).seen, `${ms}`).to.equal(undefined);
      });

      it('ends with the wait too where it may be given up before', async () => {
        const { seen } = await stoppedAfter(1200, new AbortController());
        expect(seen).to.deep.include({ last: 'silent' });
      });
    });

    it('lets go of what may give it up when it has ended', async () => {
      const given = new AbortController();
      const { wire } = await exchanged((one) => one.hangUp(), { given: given.signal });
      let closes = 0;
      wire.close = () => {
        closes += 1;
      };
      given.abort();
      expect(closes).to.equal(0);
    });
  });

  describe('what comes first on a connection', () => {
    it('shows who is there, where nothing of it is a message of the key', async () => {
      const { race, run } = scene(WAZUH);
      const wire = new Wire('tcp');
      wire.firstBytes = GREETING;
      await run(async () => {
        const work = exchange(race, { transport: wire, cipher: 'aes-wazuh' });
        wire.hangUp();
        await work;
      });
      expect(tcp(race)).to.deep.include({ stranger: { service: 'ssh', said: 'SSH-2.0-x' } });
    });

    it('is no stranger where a message was understood', async () => {
      const { seen } = await exchanged((wire) => {
        wire.say('#!-up file x merged.mg\n');
        wire.firstBytes = GREETING;
        wire.hangUp();
      });
      expect(seen).to.not.have.property('stranger');
    });

    it('is told by the message that cannot be read, where there is one', async () => {
      const { seen } = await exchanged((wire) => {
        wire.bring(Buffer.from('HTTP/1.1 400 Bad Request\r\n'));
        wire.firstBytes = GREETING;
        wire.hangUp();
      });
      expect(seen?.stranger).to.deep.equal({ service: 'http', said: 'HTTP/1.1 400 Bad Request' });
    });

    it('is a stranger by its first bytes where all that came cannot be read', async () => {
      const { race } = scene();
      noteFirstBytes(race, wireWith(GREETING), false);
      expect(tcp(race)?.stranger).to.deep.equal({ service: 'ssh', said: 'SSH-2.0-x' });
    });

    it('is nobody where nothing came, where it was understood, and where a message was cut off', () => {
      const { race } = scene();
      noteFirstBytes(race, wireWith(new Uint8Array()), false);
      noteFirstBytes(race, wireWith(GREETING), true);
      noteFirstBytes(race, wireWith(Buffer.from('\x40\0\0\0:1234', 'latin1')), false);
      noteFirstBytes(race, wireWith(new Uint8Array()), true);
      expect(tcp(race)).to.equal(undefined);
    });
  });
});

function wireWith(firstBytes: Uint8Array): Wire {
  const wire = new Wire('tcp');
  wire.firstBytes = firstBytes;
  return wire;
}
