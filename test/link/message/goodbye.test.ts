import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { sayGoodbye } from '../../../src/link/message/goodbye.js';
import { thrownBy } from '../../files/scratch.js';
import { ACK, acknowledge, type Given, proof, run } from './handshake-run.js';
import { Line, racing, stopAfter } from './racing.js';

const BOTH = ['aes-wazuh', 'blowfish'] as const;
const SHUTDOWN = '#!-agent shutdown ';

describe('the goodbye', () => {
  const cases: readonly (readonly [string, Parameters<typeof run>[0], Given, string | undefined, boolean])[] = [
    ['Wazuh 4', { ciphers: BOTH, pong: true, answer: acknowledge }, { family: 'wazuh-4' }, 'wazuh-4', true],
    ['Wazuh 4 that nobody has named', { ciphers: BOTH, pong: true, answer: acknowledge }, {}, 'wazuh-4', true],
    ['Wazuh 5', { ciphers: BOTH, pong: true, answer: acknowledge }, { family: 'wazuh-5' }, 'wazuh-5', true],
    ['Wazuh 3, by its authd', { ciphers: BOTH, answer: acknowledge }, { family: 'wazuh-3' }, 'wazuh-3', false],
    ['Wazuh 3, by its silence to #ping over TCP', { ciphers: BOTH, answer: acknowledge }, {}, 'wazuh-3', false],
    [
      'Wazuh 3 over UDP',
      { tcp: 'closed', ciphers: BOTH, answer: acknowledge },
      { family: 'wazuh-3' },
      'wazuh-3',
      false,
    ],
    ['OSSEC', { tcp: 'closed', ciphers: ['blowfish'], answer: () => ACK }, { family: 'ossec' }, 'ossec', false],
    ['OSSEC that nobody has named', { tcp: 'closed', ciphers: ['blowfish'], answer: () => ACK }, {}, 'ossec', false],
    [
      'OSSEC with AES',
      { tcp: 'closed', ciphers: ['aes-ossec'], answer: () => ACK },
      { cipher: 'aes', family: 'ossec' },
      'ossec',
      false,
    ],
    [
      'OSSEC with Blowfish asked for',
      { tcp: 'closed', ciphers: ['blowfish'], answer: () => ACK },
      { cipher: 'blowfish' },
      undefined,
      false,
    ],
    [
      'Wazuh 4 with Blowfish asked for, over UDP',
      { tcp: 'closed', ciphers: BOTH, pong: true, answer: acknowledge },
      { cipher: 'blowfish' },
      'wazuh-4',
      true,
    ],
  ];
  for (const [who, manager, given, family, said] of cases) {
    it(`is ${said ? '' : 'not '}said to ${who}`, async () => {
      const { outcome, heard } = await run(manager, given);
      expect(proof(outcome).family).to.equal(family);
      expect(heard.filter(({ text }) => text === SHUTDOWN)).to.have.length(said ? 1 : 0);
      if (said) expect(heard.at(-1)?.text).to.equal(SHUTDOWN);
    });
  }

  it('does not wait for a pong where the enrollment told that there is none', async () => {
    const { manager, endedMs } = await run({ ciphers: BOTH, answer: acknowledge }, { family: 'wazuh-3' });
    expect(manager.pings).to.equal(0);
    expect(endedMs).to.equal(0);
  });
});

describe('a TCP connection that is neither answered nor closed', () => {
  const stalls = (stalled: readonly number[], delayMs = Number.POSITIVE_INFINITY) => ({
    ciphers: BOTH,
    pong: true,
    udp: 'closed' as const,
    tcpDelayMs: (connection: number) => (stalled.includes(connection) ? delayMs : 0),
  });
  let asked = 0;
  /** Learns the key with the message of this number. */
  const from = (number: number) => {
    asked = 0;
    return ({ text }: { text: string }) => {
      if (text === SHUTDOWN) return undefined;
      asked += 1;
      return asked < number ? undefined : ACK;
    };
  };

  it('gets another beside it after a second, where others were closed at once', async () => {
    // Connections 1 and 2 are the first message and the ping, 5 is on its way in the quick time.
    const { outcome, heard } = await run({ ...stalls([5]), answer: from(5) }, { waitMs: 12_000 });
    expect(proof(outcome).ms).to.be.below(2500);
    expect(heard.at(-1)?.text).to.equal(SHUTDOWN);
  });

  it('gets another beside it where it is the first of all, once #ping was answered', async () => {
    const { outcome } = await run({ ...stalls([1]), answer: acknowledge }, { waitMs: 12_000 });
    expect(proof(outcome).ms).to.be.below(2500);
  });

  it('is heard out: its late answer counts, and the goodbye comes last', async () => {
    const { outcome, heard } = await run({ ...stalls([5], 2200), answer: from(8) }, { waitMs: 12_000 });
    expect(proof(outcome)).to.include({ protocol: 'tcp' });
    expect(heard.at(-1)?.text).to.equal(SHUTDOWN);
    expect(heard.filter(({ text }) => text === SHUTDOWN)).to.have.length(1);
  });

  it('never has more than one beside it', async () => {
    const all = Array.from({ length: 100 }, (_, index) => index + 3);
    const { outcome, manager } = await run({ ...stalls(all), answer: acknowledge, ciphers: [] }, { waitMs: 30_000 });
    expect(outcome).to.be.instanceOf(Error);
    expect(manager.mostOpen).to.equal(2);
  });

  it('is given its time where all are slow', async () => {
    const all = Array.from({ length: 100 }, (_, index) => index + 3);
    const { outcome } = await run({ ...stalls(all, 5000), answer: from(2) }, { waitMs: 30_000 });
    expect(proof(outcome).ms).to.be.below(7000);
  });
});

describe('a name that does not resolve at first', () => {
  it('is looked up again, and the key is proven', async () => {
    let looked = 0;
    const { outcome } = await run(
      {
        ciphers: BOTH,
        pong: true,
        tcp: () => (++looked > 2 ? 'open' : 'unresolved'),
        udp: 'unresolved',
        answer: acknowledge,
      },
      { waitMs: 30_000 },
    );
    expect(proof(outcome)).to.include({ protocol: 'tcp', attempts: 1 });
    expect(looked).to.be.within(3, 4);
  });

  it('over UDP as well', async () => {
    let looked = 0;
    const { outcome } = await run(
      {
        ciphers: ['blowfish'],
        tcp: 'closed',
        udp: () => (++looked > 2 ? 'open' : 'unresolved'),
        answer: () => ACK,
      },
      { waitMs: 30_000, protocol: 'udp', family: 'ossec' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', attempts: 1 });
  });
});

describe('link/goodbye', () => {
  /** A manager that has acknowledged on `line`, while startups are on their way on `others`. */
  function parting(ends: readonly Promise<unknown>[] = []) {
    const { clock, race } = racing();
    const line = new Line('tcp', clock);
    for (const end of ends) race.outstanding.set(new Line('tcp', clock), end);
    // Its own is answered, and ends after the goodbye only.
    race.outstanding.set(line, new Promise(() => {}));
    return { clock, race, line };
  }

  it('is said at once where nothing else is on its way', async () => {
    const { clock, race, line } = parting();
    expect(await clock.run(sayGoodbye(race, line, 'aes-wazuh', 'wazuh-4'))).to.equal('wazuh-4');
    expect(line.sent).to.deep.equal(['shutdown aes-wazuh 0']);
  });

  it('is said once every other startup has come to an end, well or not', async () => {
    const never = new AbortController().signal;
    const ends: Promise<unknown>[] = [];
    const { clock, race, line } = parting();
    ends.push(
      clock.pause(100, never),
      clock.pause(200, never).then(() => Promise.reject(new Error('broke'))),
    );
    for (const end of ends) race.outstanding.set(new Line('tcp', clock), end);
    await clock.run(sayGoodbye(race, line, 'blowfish', 'wazuh-5'));
    expect(line.sent).to.deep.equal(['shutdown blowfish 200']);
  });

  it('is said after half a second all the same, or where no time is left', async () => {
    const slow = parting([new Promise(() => {})]);
    await slow.clock.run(sayGoodbye(slow.race, slow.line, 'aes-wazuh', 'wazuh-4'));
    expect(slow.line.sent).to.deep.equal(['shutdown aes-wazuh 500']);
    const ending = parting([new Promise(() => {})]);
    stopAfter(ending, 100);
    await ending.clock.run(sayGoodbye(ending.race, ending.line, 'aes-wazuh', 'wazuh-4'));
    expect(ending.line.sent).to.deep.equal(['shutdown aes-wazuh 100']);
    const over = parting([new Promise(() => {})]);
    over.race.stop(new EnrollError('INTERRUPTED', 'Interrupted.'));
    await over.clock.run(sayGoodbye(over.race, over.line, 'aes-wazuh', 'wazuh-4'));
    expect(over.line.sent).to.deep.equal(['shutdown aes-wazuh 0']);
  });

  it('need not arrive, and fails with counters that cannot be kept', async () => {
    const { clock, race, line } = parting();
    line.broken = new EnrollError('CONNECTION_FAILED', 'Closed.');
    expect(await clock.run(sayGoodbye(race, line, 'aes-wazuh', 'wazuh-4'))).to.equal('wazuh-4');
    line.broken = new EnrollError('FILE_UNWRITABLE', 'No counters.');
    expect(await thrownBy(clock.run(sayGoodbye(race, line, 'aes-wazuh', 'wazuh-4')))).to.equal(line.broken);
  });

  it('goes by a pong that was seen, and by the cipher that was asked for', async () => {
    const seen = parting();
    seen.race.sightings.notePong('udp');
    expect(await seen.clock.run(sayGoodbye(seen.race, seen.line, 'aes-wazuh', undefined))).to.equal('wazuh-4');
    const { clock, race } = racing({ cipher: 'blowfish' });
    const line = new Line('udp', clock);
    expect(await clock.run(sayGoodbye(race, line, 'blowfish', undefined))).to.equal(undefined);
    expect(line.sent).to.deep.equal(['#ping 0', '#ping 250']);
  });
});
