import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type CandidateFacts,
  cipherWord,
  doubtfulWays,
  nextCipher,
  type Way,
  workingWay,
} from '../../../src/link/message/candidates.js';

const UDP = { protocol: 'udp', setting: 'auto', pong: false, round: 0 } as const;
const rounds = (facts: Partial<CandidateFacts>) => [0, 1, 2, 3].map((round) => nextCipher({ ...UDP, ...facts, round }));
const words = (ways: readonly Way[]) => ways.map(({ protocol, cipher }) => `${protocol} ${cipher}`);
const ANY = { protocol: 'auto', setting: 'auto' } as const;

describe('the cipher of the next message', () => {
  const wazuh = Array(4).fill('aes-wazuh');
  const blowfish = Array(4).fill('blowfish');

  it("is Wazuh's AES wherever the manager is one: over TCP, by its pong, by its family", () => {
    for (const facts of [{ protocol: 'tcp' }, { pong: true }, { family: 'wazuh-3' }, { family: 'wazuh-4' }] as const) {
      expect(rounds(facts), JSON.stringify(facts)).to.deep.equal(wazuh);
      expect(rounds({ ...facts, setting: 'aes' }), JSON.stringify(facts)).to.deep.equal(wazuh);
    }
  });

  it('is Blowfish where that is asked for, and for an OSSEC', () => {
    expect(rounds({ setting: 'blowfish', protocol: 'tcp' })).to.deep.equal(blowfish);
    expect(rounds({ family: 'ossec' })).to.deep.equal(blowfish);
  });

  it("is OSSEC's AES where AES is asked for and the manager is an OSSEC, and by turns where nobody knows", () => {
    expect(rounds({ family: 'ossec', setting: 'aes' })).to.deep.equal(Array(4).fill('aes-ossec'));
    expect(rounds({ setting: 'aes' })).to.deep.equal(['aes-wazuh', 'aes-ossec', 'aes-wazuh', 'aes-ossec']);
  });

  it("is Wazuh's AES once where nobody knows, and then what every manager takes", () => {
    expect(rounds({})).to.deep.equal(['aes-wazuh', 'blowfish', 'blowfish', 'blowfish']);
  });

  it('has one word for both kinds of AES', () => {
    expect((['aes-wazuh', 'aes-ossec', 'blowfish'] as const).map(cipherWord)).to.deep.equal(['aes', 'aes', 'blowfish']);
  });
});

describe('the ways that are tried in doubt', () => {
  it('are all of them but those that are tried already', () => {
    expect(words(doubtfulWays(ANY, []))).to.deep.equal([
      'udp blowfish',
      'udp aes-wazuh',
      'tcp aes-wazuh',
      'udp aes-ossec',
      'tcp blowfish',
    ]);
    const tried = [
      { protocol: 'tcp', cipher: 'aes-wazuh' },
      { protocol: 'udp', cipher: 'blowfish' },
    ] as const;
    expect(words(doubtfulWays(ANY, tried))).to.deep.equal(['udp aes-wazuh', 'udp aes-ossec', 'tcp blowfish']);
  });

  it('are none that the settings rule out', () => {
    expect(words(doubtfulWays({ ...ANY, protocol: 'tcp' }, []))).to.deep.equal(['tcp aes-wazuh', 'tcp blowfish']);
    expect(words(doubtfulWays({ ...ANY, setting: 'blowfish' }, []))).to.deep.equal(['udp blowfish', 'tcp blowfish']);
    expect(words(doubtfulWays({ protocol: 'udp', setting: 'aes' }, []))).to.deep.equal([
      'udp aes-wazuh',
      'udp aes-ossec',
    ]);
  });
});

describe('the way that worked before', () => {
  const worked = { protocol: 'udp', cipher: 'aes' } as const;

  it('has the AES of the family that it worked with', () => {
    expect(workingWay({ ...worked, family: 'ossec' }, ANY)?.cipher).to.equal('aes-ossec');
    expect(workingWay({ ...worked, family: 'wazuh-4' }, ANY)?.cipher).to.equal('aes-wazuh');
    expect(workingWay(worked, ANY)).to.deep.equal({ protocol: 'udp', cipher: 'aes-wazuh' });
    expect(workingWay({ ...worked, cipher: 'blowfish', family: 'ossec' }, ANY)?.cipher).to.equal('blowfish');
  });

  it('is none where the settings want another now', () => {
    expect(workingWay(worked, { ...ANY, protocol: 'udp' })?.protocol).to.equal('udp');
    expect(workingWay(worked, { ...ANY, protocol: 'tcp' })).to.equal(undefined);
    expect(workingWay(worked, { ...ANY, setting: 'aes' })?.cipher).to.equal('aes-wazuh');
    expect(workingWay(worked, { ...ANY, setting: 'blowfish' })).to.equal(undefined);
  });
});
