import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { type Attempt, endingOf, Sightings } from '../../../src/link/https/sightings.js';

const FACTS = { messages: 2, waitedMs: 3000, localAddress: '192.0.2.7' } as const;

/** What a handshake comes to whose last attempt was this. */
function evidenceOf(...attempts: readonly Attempt[]) {
  const sightings = new Sightings();
  for (const attempt of attempts) sightings.note(attempt);
  expect(sightings.last).to.equal(attempts.at(-1));
  return sightings.evidence(FACTS);
}
const unanswered = (ending: Extract<Attempt, { kind: 'unanswered' }>['ending']) =>
  ({ kind: 'unanswered', ending, why: `because of ${ending}` }) as const;

describe('what is seen of a Wazuh 5 that did not acknowledge the key', () => {
  it('is a remoted, where it refuses in words', () => {
    for (const attempt of [
      { kind: 'unknown agent', said: '' },
      { kind: 'invalid signature', said: '' },
      { kind: 'stale', said: '' },
      { kind: 'refused', said: '', which: 'HTTP 403' },
      { kind: 'version refused', said: '' },
      { kind: 'not understood', said: '' },
      { kind: 'pre-release', said: '' },
    ] as const) {
      const { conclusion, tcp } = evidenceOf(attempt);
      expect(conclusion, attempt.kind).to.deep.equal({ kind: 'remoted', by: 'words' });
      expect(tcp?.answered, attempt.kind).to.equal(attempt.kind === 'version refused');
    }
  });

  it('is a remoted that has answered, where it accepted the key and is not ready', () => {
    const { conclusion, tcp } = evidenceOf({ kind: 'accepted, not ready', missing: 'its database' });
    expect(conclusion).to.deep.equal({ kind: 'remoted', by: 'answer' });
    expect(tcp).to.deep.equal({ endings: {}, answered: true, refusals: 0 });
  });

  it('is another service, where what answers is none', () => {
    const { conclusion, tcp } = evidenceOf({ kind: 'stranger', noRoute: false, which: 'HTTP 404' });
    expect(conclusion).to.deep.equal({ kind: 'other-service', protocol: 'tcp', service: 'http' });
    expect(tcp).to.deep.equal({ endings: {}, answered: false, refusals: 0, stranger: { service: 'http' } });
  });

  it('is how the last attempt ended, where no answer came', () => {
    for (const [ending, kind] of [
      ['refused', 'closed'],
      ['closed', 'closes'],
      ['unresolved', 'unresolved'],
      ['unreachable', 'silent'],
      ['silent', 'silent'],
    ] as const) {
      const { conclusion, tcp } = evidenceOf(unanswered(ending));
      expect(conclusion).to.deep.equal({ kind });
      expect(tcp).to.deep.equal({
        endings: { [ending]: 1 },
        answered: false,
        refusals: 0,
        last: ending,
        why: `because of ${ending}`,
      });
    }
  });

  it('is silence, where a manager took no request, and where nothing was tried', () => {
    expect(evidenceOf({ kind: 'not ready', which: 'HTTP 503' }).conclusion).to.deep.equal({ kind: 'silent' });
    expect(evidenceOf()).to.deep.equal({
      conclusion: { kind: 'silent' },
      tcp: { endings: {}, answered: false, refusals: 0 },
      ...FACTS,
    });
  });

  it('counts how attempts ended, and goes by the last one', () => {
    const { conclusion, tcp } = evidenceOf(unanswered('refused'), unanswered('silent'), unanswered('silent'), {
      kind: 'unknown agent',
      said: '',
    });
    expect(tcp?.endings).to.deep.equal({ refused: 1, silent: 2 });
    expect(tcp).to.not.have.any.keys('last', 'why');
    expect(conclusion.kind).to.equal('remoted');
  });

  it('is an ending that may pass, or an error that is told at once', () => {
    const ending = (...[code]: ConstructorParameters<typeof EnrollError>) => endingOf(new EnrollError(code, ''));
    expect(ending('CONNECTION_REFUSED', '')).to.equal('refused');
    expect(ending('CONNECTION_FAILED', '')).to.equal('unreachable');
    expect(ending('CONNECTION_TIMED_OUT', '')).to.equal('silent');
    expect(ending('HOST_UNRESOLVED', '')).to.equal('unresolved');
    expect(ending('FILE_UNREADABLE', '')).to.equal(undefined);
  });
});
