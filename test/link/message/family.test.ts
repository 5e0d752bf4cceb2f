import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { Cipher } from '../../../src/link/message/cipher.js';
import { type FamilyFacts, familyOf } from '../../../src/link/message/family.js';
import type { Protocol } from '../../../src/link/message/transport.js';
import { thrownBy } from '../../files/scratch.js';
import { ACK } from './handshake-run.js';
import { Line, type OtherEnd, racing, stopAfter } from './racing.js';

const closed = new EnrollError('CONNECTION_FAILED', 'Closed.');
const unwritable = new EnrollError('FILE_UNWRITABLE', 'No counters.');

interface Asked extends Partial<FamilyFacts> {
  readonly protocol: Protocol;
  readonly cipher: Cipher;
}

/** What comes out, what the manager was asked for it, and how long that took. */
async function told({ protocol, cipher, ...facts }: Asked, other: OtherEnd = {}, stopMs?: number) {
  const { clock, race } = racing();
  const line = new Line(protocol, clock, other);
  if (stopMs !== undefined) stopAfter({ clock, race }, stopMs);
  const known = await clock.run(familyOf(race, line, cipher, { setting: 'auto', pong: false, ...facts }));
  expect(clock.waits, 'waits that go on').to.equal(0);
  return { ...known, asked: line.sent, ms: clock.now() };
}

const silent: OtherEnd = {};
/** Its answer to each question: what it says to `#ping`, and to a startup. */
const answers = ({ ping, startup }: Record<'ping' | 'startup', ((line: Line) => void) | undefined>): OtherEnd => ({
  onMessage: (text, line) => (text === '#ping' ? ping : startup)?.(line),
});
const pongs = answers({ ping: (line) => line.pong(), startup: undefined });
const pongsTo = (question: number): OtherEnd => {
  let asked = 0;
  return { onMessage: (_, line) => (++asked === question ? line.pong() : undefined) };
};

describe('link/family', () => {
  it('is an OSSEC where its AES was acknowledged, which no other has', async () => {
    for (const family of [undefined, 'wazuh-4'] as const) {
      const facts = { protocol: 'udp', cipher: 'aes-ossec', pong: true, ...(family && { family }) } as const;
      expect(await told(facts)).to.deep.equal({ family: 'ossec', knowsShutdown: false, asked: [], ms: 0 });
    }
  });

  it('is a Wazuh 4 where #ping was answered, or the Wazuh 5 that the enrollment told', async () => {
    for (const [given, family] of [
      [undefined, 'wazuh-4'],
      ['ossec', 'wazuh-4'],
      ['wazuh-3', 'wazuh-4'],
      ['wazuh-4', 'wazuh-4'],
      ['wazuh-5', 'wazuh-5'],
    ] as const) {
      const facts = { protocol: 'tcp', cipher: 'aes-wazuh', pong: true, ...(given && { family: given }) } as const;
      expect(await told(facts), given).to.deep.equal({ family, knowsShutdown: true, asked: [], ms: 0 });
    }
  });

  it('is what was told, and nothing is asked', async () => {
    for (const [protocol, cipher, family, knowsShutdown] of [
      ['tcp', 'aes-wazuh', 'wazuh-3', false],
      ['tcp', 'blowfish', 'wazuh-4', true],
      ['udp', 'aes-wazuh', 'wazuh-5', true],
      ['udp', 'blowfish', 'ossec', false],
    ] as const) {
      const facts = { protocol, cipher, family };
      expect(await told(facts)).to.deep.equal({ family, knowsShutdown, asked: [], ms: 0 });
    }
  });

  it('is no OSSEC, though that was told, where TCP or the AES of Wazuh was acknowledged', async () => {
    for (const cipher of ['aes-wazuh', 'blowfish'] as const) {
      const facts = { protocol: 'tcp', cipher, family: 'ossec' } as const;
      expect(await told(facts, pongs)).to.include({ family: 'wazuh-4', knowsShutdown: true });
      expect(await told(facts)).to.include({ family: 'wazuh-3', knowsShutdown: false });
    }
    const known = await told({ protocol: 'udp', cipher: 'aes-wazuh', family: 'ossec' });
    expect(known).to.deep.equal({ knowsShutdown: true, asked: [], ms: 0 });
  });

  it('over TCP, is a Wazuh 3 where #ping is not answered for a second', async () => {
    const asked = ['#ping 0'];
    const facts = { protocol: 'tcp', cipher: 'aes-wazuh' } as const;
    expect(await told(facts, silent)).to.deep.equal({ family: 'wazuh-3', knowsShutdown: false, asked, ms: 1000 });
    const slow = answers({ ping: (line) => line.after(900, () => line.pong()), startup: undefined });
    expect(await told(facts, slow)).to.deep.equal({ family: 'wazuh-4', knowsShutdown: true, asked, ms: 900 });
    const ends = answers({ ping: (line) => line.end(), startup: undefined });
    expect(await told(facts, ends)).to.deep.equal({ family: 'wazuh-3', knowsShutdown: false, asked, ms: 0 });
    const breaks = answers({ ping: (line) => line.end(closed), startup: undefined });
    expect(await told(facts, breaks)).to.deep.equal({ family: 'wazuh-3', knowsShutdown: false, asked, ms: 0 });
  });

  it('passes over what else the manager says', async () => {
    const busy = answers({
      ping: (line) => {
        line.says('#!-up file x merged.mg\n');
        line.says(ACK);
        line.pong();
      },
      startup: undefined,
    });
    expect(await told({ protocol: 'tcp', cipher: 'aes-wazuh' }, busy)).to.include({ family: 'wazuh-4', ms: 0 });
  });

  it('over UDP, is a Wazuh of which the generation is open, where its AES was acknowledged', async () => {
    const known = await told({ protocol: 'udp', cipher: 'aes-wazuh' });
    expect(known).to.deep.equal({ knowsShutdown: true, asked: [], ms: 0 });
  });

  describe('with Blowfish over UDP, which both have', () => {
    const facts = { protocol: 'udp', cipher: 'blowfish' } as const;

    it('is an OSSEC where neither the AES of Wazuh nor #ping is answered', async () => {
      expect(await told(facts)).to.deep.equal({
        family: 'ossec',
        knowsShutdown: false,
        asked: ['startup aes-wazuh 0', '#ping 250'],
        ms: 500,
      });
    });

    it('is a Wazuh where its AES is acknowledged in it', async () => {
      const acknowledges = answers({ ping: undefined, startup: (line) => line.says(ACK, 'aes-wazuh') });
      expect(await told(facts, acknowledges)).to.deep.equal({
        knowsShutdown: true,
        asked: ['startup aes-wazuh 0'],
        ms: 0,
      });
    });

    it('does not take a late acknowledgement in Blowfish for that', async () => {
      const late = answers({ ping: undefined, startup: (line) => line.says(ACK, 'blowfish') });
      expect(await told(facts, late)).to.include({ family: 'ossec', ms: 500 });
      const other = answers({ ping: undefined, startup: (line) => line.says('#!-up file x merged.mg\n') });
      expect(await told(facts, other)).to.include({ family: 'ossec', ms: 500 });
    });

    it('is a Wazuh 4 where a late pong comes, or one to #ping', async () => {
      expect(await told(facts, pongsTo(1))).to.deep.include({ family: 'wazuh-4', asked: ['startup aes-wazuh 0'] });
      const second = await told(facts, pongsTo(2));
      expect(second).to.deep.include({ family: 'wazuh-4', asked: ['startup aes-wazuh 0', '#ping 250'] });
    });

    it('where Blowfish alone may be spoken, is a Wazuh 4 or not known: #ping is said twice', async () => {
      const asked = { ...facts, setting: 'blowfish' } as const;
      const twice = ['#ping 0', '#ping 250'];
      expect(await told(asked)).to.deep.equal({ knowsShutdown: false, asked: twice, ms: 500 });
      const first = await told(asked, pongsTo(1));
      expect(first).to.deep.equal({ family: 'wazuh-4', knowsShutdown: true, asked: ['#ping 0'], ms: 0 });
      const second = await told(asked, pongsTo(2));
      expect(second).to.deep.equal({ family: 'wazuh-4', knowsShutdown: true, asked: twice, ms: 250 });
    });
  });

  it('waits no longer than the handshake', async () => {
    expect(await told({ protocol: 'tcp', cipher: 'aes-wazuh' }, silent, 300)).to.include({
      family: 'wazuh-3',
      ms: 300,
    });
  });

  it('fails with counters that cannot be kept', async () => {
    const fails = answers({ ping: undefined, startup: (line) => line.end(unwritable) });
    expect(await thrownBy(told({ protocol: 'udp', cipher: 'blowfish' }, fails))).to.equal(unwritable);
  });
});
