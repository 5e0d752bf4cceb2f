import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { LinkError } from '../../../src/link/link-error.js';
import type { Cipher } from '../../../src/link/message/cipher.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { Race } from '../../../src/link/message/race.js';
import type { Protocol } from '../../../src/link/message/transport.js';
import { fault, IV, never, scene, Wire } from './scripted.js';

const INTERRUPTED = new EnrollError('INTERRUPTED', 'Interrupted.');
const COUNTERS = new EnrollError('FILE_UNWRITABLE', 'The counters cannot be kept.');
const STARTUP = '#!-agent startup ';
const SHUTDOWN = '#!-agent shutdown ';

const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  );

describe('link/race', () => {
  describe('its startup', () => {
    const named = `${STARTUP}{"version":"v4.14.7"}`;
    const cases: readonly (readonly [string, Protocol, Cipher, Partial<HandshakeRequest>, boolean, string])[] = [
      ['over TCP, which only Wazuh has', 'tcp', 'aes-wazuh', { version: 'v4.14.7' }, false, named],
      ['over TCP in Blowfish', 'tcp', 'blowfish', { version: 'v4.14.7' }, false, named],
      ["over UDP in Wazuh's AES", 'udp', 'aes-wazuh', { version: 'v4.14.7' }, false, named],
      ['in what may be read by an OSSEC', 'udp', 'blowfish', { version: 'v4.14.7' }, false, STARTUP],
      ["in OSSEC's AES", 'udp', 'aes-ossec', { version: 'v4.14.7' }, false, STARTUP],
      ['in Blowfish to what has said #pong', 'udp', 'blowfish', { version: 'v4.14.7' }, true, named],
      ['to an OSSEC, as it was told', 'tcp', 'aes-wazuh', { version: 'v4.14.7', family: 'ossec' }, false, STARTUP],
      ['to a Wazuh, as it was told', 'tcp', 'aes-wazuh', { version: 'v4.14.7', family: 'wazuh-4' }, false, named],
      ['of an agent before 4.6', 'tcp', 'aes-wazuh', { version: 'v4.5.4' }, false, STARTUP],
      ['where no agent is installed', 'tcp', 'aes-wazuh', {}, false, STARTUP],
    ];
    for (const [where, protocol, cipher, asked, pong, text] of cases) {
      it(`${text === STARTUP ? 'is bare' : 'names the version'} ${where}`, async () => {
        const { race } = scene(asked);
        if (pong) race.sightings.notePong('udp');
        const wire = new Wire(protocol);
        await race.sendStartup(wire, cipher);
        expect(wire.heard).to.deep.equal([`${cipher}: ${text}`]);
      });
    }

    it('is counted, and told for the progress before it goes out', async () => {
      const { race, attempts } = scene();
      expect(race.attempts).to.equal(0);
      const wire = new Wire('tcp');
      let toldFirst = 0;
      wire.onMessage = () => {
        toldFirst = attempts.length;
      };
      await race.sendStartup(wire, 'aes-wazuh');
      await race.sendStartup(new Wire('udp'), 'blowfish');
      expect(race.attempts).to.equal(2);
      expect(toldFirst).to.equal(1);
      expect(attempts).to.deep.equal([
        { number: 1, protocol: 'tcp' },
        { number: 2, protocol: 'udp' },
      ]);
    });

    it('lacks its last byte until what it waits for has come', async () => {
      const { race } = scene();
      const wire = new Wire('tcp');
      const steps: string[] = [];
      wire.onMessage = () => steps.push('whole');
      await race.sendStartup(wire, 'aes-wazuh', async () => steps.push('waited'));
      expect(steps).to.deep.equal(['waited', 'whole']);
    });
  });

  describe('its ciphers', () => {
    it('follow what is known of the manager', () => {
      expect(scene().race.cipherFor('tcp', 0)).to.equal('aes-wazuh');
      expect(scene({ cipher: 'blowfish' }).race.cipherFor('tcp', 0)).to.equal('blowfish');
      expect(scene().race.cipherFor('udp', 0)).to.equal('aes-wazuh');
      expect(scene().race.cipherFor('udp', 1)).to.equal('blowfish');
      expect(scene({ family: 'ossec' }).race.cipherFor('udp', 0)).to.equal('blowfish');
      const { race } = scene();
      race.sightings.notePong('udp');
      expect(race.cipherFor('udp', 1)).to.equal('aes-wazuh');
    });

    it('are those that worked before, where they may be used', () => {
      const worked = { protocol: 'tcp', cipher: 'blowfish' } as const;
      expect(scene({ worked }).race.worked).to.deep.equal(worked);
      expect(scene({ worked, protocol: 'udp' }).race.worked).to.equal(undefined);
      expect(scene({ worked, cipher: 'aes' }).race.worked).to.equal(undefined);
      expect(scene().race.worked).to.equal(undefined);
    });
  });

  describe('a reply that is no acknowledgement', () => {
    const nothing = { endings: {}, answered: false, refusals: 0 };

    it('is seen for what it is', () => {
      const { race } = scene();
      race.heed('udp', { kind: 'pong' });
      expect(race.sightings.of('udp')).to.deep.equal({ ...nothing, pong: 'then' });
      for (const kind of ['other', 'garbled'] as const) {
        const { race: another } = scene();
        another.heed('tcp', { kind });
        expect(another.sightings.of('tcp'), kind).to.deep.equal({ ...nothing, answered: true });
      }
      const { race: third } = scene();
      third.heed('tcp', { kind: 'unreadable', bytes: Buffer.from('SSH-2.0-x\r\n') });
      const stranger = { service: 'ssh', said: 'SSH-2.0-x' };
      expect(third.sightings.of('tcp')).to.deep.equal({ ...nothing, stranger });
      const { race: fourth } = scene();
      fourth.heed('tcp', { kind: 'closed' });
      expect(fourth.sightings.of('tcp')).to.equal(undefined);
    });

    it("is an error with the manager's words, where it refuses", async () => {
      const { race } = scene();
      await race.sendStartup(new Wire('tcp'), 'aes-wazuh');
      expect(() => race.heed('tcp', { kind: 'refused', words: 'Not you.' }))
        .to.throw(LinkError, '"Not you."')
        .with.nested.property('evidence.messages', 1);
    });
  });

  describe('its end', () => {
    const wazuh4 = { family: 'wazuh-4' } as const;

    it('is a proof, and goodbye is said to who has acknowledged', async () => {
      const { race, wait, run } = scene(wazuh4);
      const wire = new Wire('tcp', '192.0.2.7');
      await run(async () => {
        await wait(1000.6);
        await race.sendStartup(wire, 'aes-wazuh');
        await race.won(wire, 'aes-wazuh');
      });
      expect(await race.ended).to.deep.equal({
        protocol: 'tcp',
        cipher: 'aes',
        family: 'wazuh-4',
        attempts: 1,
        ms: 1001,
        localAddress: '192.0.2.7',
      });
      expect(wire.heard.at(-1)).to.equal(`aes-wazuh: ${SHUTDOWN}`);
      expect(race.over.aborted).to.equal(true);
      expect(race.parted.aborted).to.equal(true);
    });

    it('is a proof without what is not known', async () => {
      const { race, run } = scene();
      // Wazuh's AES over UDP, without a word of which Wazuh it is.
      await run(() => race.won(new Wire('udp'), 'aes-wazuh'));
      expect(await race.ended).to.deep.equal({ protocol: 'udp', cipher: 'aes', attempts: 0, ms: 0 });
    });

    it('counts neither the messages nor the time of the goodbye', async () => {
      const { race, wait, run } = scene(wazuh4);
      const wire = new Wire('tcp');
      wire.onMessage = () => wait(300);
      await run(() => race.won(wire, 'aes-wazuh'));
      expect(await race.ended).to.include({ attempts: 0, ms: 0 });
    });

    it('is the first acknowledgement: others send nothing more, and say no goodbye', async () => {
      const { race, wait, run } = scene(wazuh4);
      const [first, second] = [new Wire('tcp'), new Wire('udp')];
      first.onMessage = () => wait(100);
      await run(async () => {
        const won = race.won(first, 'aes-wazuh');
        expect(race.over.aborted, 'over').to.equal(true);
        expect(race.parted.aborted, 'parted').to.equal(false);
        await race.won(second, 'blowfish');
        expect(race.parted.aborted, 'parted').to.equal(false);
        await won;
      });
      expect(second.heard).to.deep.equal([]);
      expect(await race.ended).to.include({ protocol: 'tcp', cipher: 'aes' });
    });

    it('is no proof any more once it was stopped', async () => {
      const { race, run } = scene(wazuh4);
      const wire = new Wire('tcp');
      race.stop(INTERRUPTED);
      expect(race.over.reason).to.equal(INTERRUPTED);
      expect(race.parted.reason).to.equal(INTERRUPTED);
      await run(() => race.won(wire, 'aes-wazuh'));
      expect(wire.heard).to.deep.equal([]);
      expect(await reasonOf(race.ended)).to.equal(INTERRUPTED);
    });

    it('is a proof all the same where it is stopped while goodbye is said', async () => {
      const { race, wait, run } = scene(wazuh4);
      const wire = new Wire('tcp');
      wire.onMessage = () => wait(100);
      await run(async () => {
        const won = race.won(wire, 'aes-wazuh');
        race.stop(INTERRUPTED);
        expect(race.parted.aborted).to.equal(true);
        await won;
      });
      expect(await race.ended).to.include({ protocol: 'tcp' });
    });

    it('is what the work beside fails with, and all else is stopped', async () => {
      const { race } = scene();
      race.begin(Promise.reject(COUNTERS));
      expect(await reasonOf(race.ended)).to.equal(COUNTERS);
      expect(race.over.reason).to.equal(COUNTERS);
      expect(race.parted.reason).to.equal(COUNTERS);
    });

    it('is a failure where the goodbye cannot be counted', async () => {
      const next = () => Promise.reject(COUNTERS);
      const { race, run } = scene(wazuh4, { counters: { next } });
      const won = race.won(new Wire('tcp'), 'aes-wazuh');
      race.begin(won);
      await run(() => race.settled());
      expect(await reasonOf(race.ended)).to.equal(COUNTERS);
    });

    it('settles when all that was begun has ended, and what that has begun', async () => {
      const { race, clock, wait, run } = scene();
      race.begin(wait(100).then(() => race.begin(wait(200))));
      race.begin(wait(50).then(() => Promise.reject(INTERRUPTED)));
      await run(() => race.settled());
      expect(clock.now()).to.equal(300);
    });
  });

  describe('the family in the proof', () => {
    const worked = { protocol: 'udp', cipher: 'blowfish', family: 'ossec' } as const;
    const familyAfter = async (asked: Partial<HandshakeRequest>, protocol: Protocol, cipher: Cipher) => {
      const { race, run } = scene(asked);
      const wire = new Wire(protocol);
      await run(() => race.won(wire, cipher));
      return { family: (await race.ended).family, pings: wire.heard.filter((text) => text === '#ping').length };
    };

    it('is vouched for by what worked before, where that works again, without a question', async () => {
      expect(await familyAfter({ worked }, 'udp', 'blowfish')).to.deep.equal({ family: 'ossec', pings: 0 });
      const before = { worked: { ...worked, protocol: 'tcp', family: 'wazuh-3' } } as const;
      expect(await familyAfter(before, 'tcp', 'blowfish')).to.deep.equal({ family: 'wazuh-3', pings: 0 });
    });

    it('is what the enrollment told, rather', async () => {
      const asked = { worked: { ...worked, family: 'wazuh-4' }, family: 'wazuh-3' } as const;
      expect(await familyAfter(asked, 'udp', 'blowfish')).to.deep.equal({ family: 'wazuh-3', pings: 0 });
    });

    it('is asked for where it is another protocol or cipher that works', async () => {
      const overUdp = { worked: { ...worked, family: 'wazuh-5' } } as const;
      expect(await familyAfter(overUdp, 'tcp', 'blowfish')).to.deep.equal({ family: 'wazuh-3', pings: 1 });
      const inAes = { worked: { ...worked, cipher: 'aes', family: 'wazuh-5' } } as const;
      expect(await familyAfter(inAes, 'udp', 'blowfish')).to.deep.equal({ family: 'ossec', pings: 1 });
    });
  });

  it('has its turns and its sightings by the same clock', async () => {
    const { race, clock, wait, run } = scene();
    await run(async () => {
      await race.turns.next(never);
      await race.turns.next(never);
      expect(clock.now()).to.equal(130);
      race.sightings.note('udp', 'refused');
      await wait(1000);
      race.sightings.note('udp', 'silent');
      expect(race.sightings.of('udp')).to.include({ last: 'refused' });
      await wait(5000);
      race.sightings.note('udp', 'silent');
      expect(race.sightings.of('udp')).to.include({ last: 'silent' });
    });
  });

  it('waits by its clock, until its end where nobody says otherwise', async () => {
    const { race, clock, run } = scene();
    await run(async () => {
      await race.pause(700);
      expect(race.elapsedMs).to.equal(700);
      const waiting = race.pause(100_000);
      race.stop(INTERRUPTED);
      await waiting;
      await race.pause(300, never);
    });
    expect(clock.now()).to.equal(1000);
  });

  it('counts the time from its beginning, by the real clock where it is given no other', async () => {
    const nowMs = 5000 - performance.now();
    const race = new Race(scene().race.request, {
      open: () => Promise.reject(fault()),
      counters: { next: () => Promise.reject(COUNTERS) },
      random: { digits: () => '00042', iv: () => IV },
      now: () => nowMs + performance.now(),
    });
    expect(await reasonOf(race.sendStartup(new Wire('tcp'), 'aes-wazuh'))).to.equal(COUNTERS);
    await race.pause(3, never);
    expect(race.elapsedMs).to.be.within(2, 2000);
  });
});
