import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { Secret } from '../../../src/model/secret.js';
import type { TrustVerdict } from '../../../src/net/trust.js';
import { tellingOfExposure } from '../../../src/obtain/api/exposure.js';

const live = new AbortController().signal;
const authorization = new Secret('Basic x');
const GET = { method: 'GET', path: '/' } as const;
const lost = { kind: 'lost', error: new EnrollError('CONNECTION_FAILED', 'x') } as const;
const fingerprint = `sha256:${'ab'.repeat(32)}`;
const PLAIN = 'The API credentials were sent over plain http: everybody on the way could read them.';
const UNCHECKED = `The API credentials were sent to a server whose certificate was not checked. Use --ca or --pin ${fingerprint}.`;

/** HTTP to one that is trusted so; it fails where that is wanted. */
function telling(secure: boolean, by?: TrustVerdict['by'], fails = false) {
  const told: string[] = [];
  let closed = 0;
  const verdict = by === undefined ? undefined : { by, fingerprint, subject: 'CN=m' };
  const http = {
    verdict,
    request: async () => {
      if (fails) throw lost.error;
      return lost;
    },
    close: async () => {
      closed += 1;
    },
  };
  const address = { origin: '', endpoint: { host: 'm', port: 1 }, secure, prefix: '' };
  const wrapped = tellingOfExposure(http, address, { onWarning: (text) => told.push(text) });
  return { told, wrapped, verdict, closed: () => closed, quiet: tellingOfExposure(http, address, {}) };
}

describe('credentials of an API that others can read', () => {
  for (const [what, secure, by, words] of [
    ['over plain http', false, undefined, [PLAIN]],
    ['to a server that nobody checked', true, 'nothing', [UNCHECKED]],
    ['to one that is trusted', true, 'ca', []],
    ['to one that nothing is known of', true, undefined, []],
  ] as const) {
    it(`are told once, with the first request that has them: ${what}`, async () => {
      const { told, wrapped, verdict, closed, quiet } = telling(secure, by);
      await wrapped.request(GET, undefined, live);
      expect(told).to.deep.equal([]);
      expect(await wrapped.request(GET, authorization, live)).to.equal(lost);
      await wrapped.request(GET, authorization, live);
      expect(told).to.deep.equal(words);
      expect(wrapped.verdict).to.equal(verdict);
      await wrapped.close();
      expect(closed()).to.equal(1);
      await quiet.request(GET, authorization, live);
    });
  }

  it('were not sent where the connection failed, and may have been where it was cut off', async () => {
    const { told, wrapped } = telling(false, undefined, true);
    const thrown = (signal: AbortSignal) =>
      wrapped.request(GET, authorization, signal).catch((error: unknown) => error);
    expect(await thrown(live)).to.equal(lost.error);
    expect(told).to.deep.equal([]);
    expect(await thrown(AbortSignal.abort())).to.equal(lost.error);
    expect(told).to.deep.equal([PLAIN]);
  });
});
