import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { refusedInWords } from '../../../src/link/message/refusal.js';
import { Sightings } from '../../../src/link/message/sightings.js';
import { RECORD } from './handshake-run.js';

const request: HandshakeRequest = {
  record: RECORD,
  endpoint: { host: '192.0.2.1', port: 1514 },
  protocol: 'auto',
  cipher: 'auto',
  waitMs: 60_000,
  timeoutMs: 10_000,
};

describe('link/refusal', () => {
  it('gives the words of the manager, and tells a version from every other reason', () => {
    for (const [words, code] of [
      ['Agent version must be lower or equal to manager version', 'LINK_VERSION_REFUSED'],
      ['Incompatible VERSION', 'LINK_VERSION_REFUSED'],
      ['Agent key already in use', 'LINK_REFUSED'],
    ] as const) {
      const error = refusedInWords(request, new Sightings(() => 0), { attempts: 1, elapsedMs: 0 }, 'tcp', words);
      expect(error.code, words).to.equal(code);
      expect(error.managerSaid).to.equal(words);
      expect(error.message).to.equal(`The manager (192.0.2.1:1514) knows the key and refuses this agent: "${words}".`);
    }
  });

  it('is a remoted, seen where it spoke', () => {
    const sightings = new Sightings(() => 0);
    const told = { attempts: 3, elapsedMs: 412 };
    const { evidence } = refusedInWords(request, sightings, told, 'udp', 'No.');
    expect(evidence).to.deep.equal({
      conclusion: { kind: 'remoted', by: 'words' },
      udp: { endings: {}, answered: true, refusals: 0 },
      messages: 3,
      waitedMs: 412,
    });
  });
});
