import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { type ApiLook, api, clock } from '../../../src/journey/checks/api.js';

const answered = { kind: 'answered', where: 'siem.example:55000', version: '4.x' } as const;
const failed: ApiLook = { kind: 'failed', error: new EnrollError('NOT_API', 'It is none.', { hint: 'Look.' }) };

describe('the check of the REST API', () => {
  for (const [look, finding] of [
    [undefined, { ok: null, detail: 'No REST API is named (--api-url).' }],
    [failed, { ok: false, detail: 'It is none.', hint: 'Look.' }],
    [
      answered,
      { ok: true, detail: "siem.example:55000 is a manager's API (4.x; without TLS). No credentials were sent." },
    ],
    [
      { ...answered, verdict: { by: 'ca', fingerprint: 'sha256:ab', subject: 'CN=siem' } },
      {
        ok: true,
        detail: "siem.example:55000 is a manager's API (4.x; trusted by ca, sha256:ab). No credentials were sent.",
      },
    ],
  ] satisfies [ApiLook | undefined, object][]) {
    it(`says: ${finding.detail}`, () => {
      expect(api(look)).to.deep.equal({ id: 'api', ...finding });
    });
  }
});

describe('the check of the clock', () => {
  const UNTOLD = 'Not told: of the managers only a REST API (--api-url) tells its time.';
  for (const [look, ok, detail] of [
    [undefined, null, UNTOLD],
    [failed, null, UNTOLD],
    [answered, null, UNTOLD],
    [{ ...answered, ahead: 2400 }, true, 'It agrees with the clock of the manager.'],
    [{ ...answered, ahead: -2400 }, true, 'It agrees with the clock of the manager.'],
    [{ ...answered, ahead: 3000 }, true, "The manager's clock is 3 s ahead of this host's."],
    [{ ...answered, ahead: -60_000 }, true, "The manager's clock is 60 s behind this host's."],
  ] satisfies [ApiLook | undefined, boolean | null, string][]) {
    it(`says of ${JSON.stringify(look)}: ${detail}`, () => {
      expect(clock(look)).to.deep.equal({ id: 'clock', ok, detail });
    });
  }
  it('is wrong where both are further apart than a message takes', () => {
    expect(clock({ ...answered, ahead: 61_000 })).to.deep.equal({
      id: 'clock',
      ok: false,
      detail: "The manager's clock is 61 s ahead of this host's.",
      hint: 'Set both clocks (NTP): certificates, tokens and the times of events depend on them.',
    });
  });
});
