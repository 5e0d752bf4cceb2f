import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { Sightings } from '../../../src/link/message/sightings.js';
import { isUdpWanted } from '../../../src/link/message/udp-wanted.js';
import { RECORD } from './handshake-run.js';

interface Scene extends Partial<Pick<HandshakeRequest, 'protocol' | 'family'>> {
  readonly ms?: number;
  readonly tcpOpened?: boolean;
  readonly seen?: (sightings: Sightings) => void;
}

function wanted({ ms = 0, tcpOpened = false, seen, ...asked }: Scene): boolean {
  const sightings = new Sightings(() => ms);
  seen?.(sightings);
  const endpoint = { host: '192.0.2.1', port: 1514 };
  const request: HandshakeRequest = {
    record: RECORD,
    endpoint,
    protocol: 'auto',
    cipher: 'auto',
    waitMs: 60_000,
    timeoutMs: 10_000,
    ...asked,
  };
  return isUdpWanted({ request, sightings, tcpOpened, elapsedMs: ms });
}

/** Three messages in a row that connections were closed for: a Wazuh 3. */
const refusals = (count: number) => (sightings: Sightings) => {
  for (let at = 0; at < count; at += 1) sightings.noteRefusal(true);
};

describe('link/udp-wanted', () => {
  it('is from the first where it was asked for, or the manager is an OSSEC', () => {
    expect(wanted({ protocol: 'udp' })).to.equal(true);
    expect(wanted({ family: 'ossec' })).to.equal(true);
    expect(wanted({}), 'nothing known').to.equal(false);
    expect(wanted({ family: 'wazuh-4' })).to.equal(false);
  });

  it('is after 0.3 s of a TCP that does not connect, and 3 s of one that leaves all unanswered', () => {
    for (const [tcpOpened, ms, expected] of [
      [false, 300, false],
      [false, 301, true],
      [true, 301, false],
      [true, 3000, false],
      [true, 3001, true],
    ] as const) {
      expect(wanted({ tcpOpened, ms }), `${ms} ms`).to.equal(expected);
      expect(wanted({ tcpOpened, ms, seen: (sightings) => sightings.note('tcp') }), `${ms} ms`).to.equal(expected);
    }
  });

  it('is at once where TCP is refused, or somebody else has answered there', () => {
    expect(wanted({ seen: (sightings) => sightings.note('tcp', 'refused') })).to.equal(true);
    expect(wanted({ seen: (sightings) => sightings.note('tcp', 'closed') })).to.equal(false);
    expect(wanted({ seen: (sightings) => sightings.noteStranger('tcp', { service: 'ssh' }) })).to.equal(true);
  });

  it('is not where a remoted has shown itself on TCP, however long that lasts', () => {
    expect(wanted({ ms: 50_000, seen: (sightings) => sightings.notePong('tcp') })).to.equal(false);
    expect(wanted({ ms: 50_000, tcpOpened: true, seen: refusals(3) })).to.equal(false);
    expect(wanted({ ms: 50_000, tcpOpened: true, seen: refusals(2) })).to.equal(true);
  });

  it('is where a remoted has shown itself on UDP', () => {
    expect(wanted({ seen: (sightings) => sightings.notePong('udp') })).to.equal(true);
    const both = (sightings: Sightings) => {
      refusals(3)(sightings);
      sightings.notePong('udp');
    };
    expect(wanted({ seen: both })).to.equal(true);
  });

  it('is not while the name is not found: TCP looks it up for both', () => {
    expect(wanted({ ms: 50_000, seen: (sightings) => sightings.note('tcp', 'unresolved') })).to.equal(false);
  });
});
