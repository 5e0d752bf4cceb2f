import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { enrollment, type ServiceLook } from '../../../src/journey/checks/enrollment.js';

const endpoint = { host: 'siem.example', port: 1515 };
const shown = (by: Extract<ServiceLook, { kind: 'shown' }>['verdict']['by']): ServiceLook => ({
  kind: 'shown',
  endpoint,
  verdict: { by, fingerprint: 'sha256:ab', subject: 'CN=siem' },
  version: 'TLSv1.3',
});
const failed = (code: 'HOST_UNRESOLVED' | 'CONNECTION_REFUSED', message: string): ServiceLook => ({
  kind: 'failed',
  endpoint,
  error: new EnrollError(code, message, { hint: `About ${message}` }),
});

describe('the check of the enrollment port', () => {
  for (const [by, words] of [
    ['ca', 'is signed by the CA given'],
    ['system', "is trusted by the system's CAs"],
    ['pin', 'has the pinned key'],
    ['stored', 'has the same key as at the first enrollment'],
    ['first use', 'is not known yet: an enrollment would trust and remember it'],
    ['nothing', 'is not checked (--insecure)'],
  ] as const) {
    it(`says that its certificate ${words}`, () => {
      expect(enrollment([shown(by)])).to.deep.equal({
        id: 'enrollment',
        ok: true,
        detail: `siem.example:1515 speaks TLSv1.3; its certificate ("CN=siem", sha256:ab) ${words}. Nothing was asked.`,
      });
    });
  }
  it('is wrong where one of several is not reached, and says that a key that works does not need it', () => {
    const looks = [
      shown('ca'),
      failed('HOST_UNRESOLVED', 'No name.'),
      failed('CONNECTION_REFUSED', 'One.'),
      failed('CONNECTION_REFUSED', 'Two.'),
    ];
    expect(enrollment(looks)).to.deep.equal({
      id: 'enrollment',
      ok: false,
      detail: 'The enrollment port: One. The enrollment port: Two.',
      hint: 'About One. A key that works does not need it.',
    });
  });
  it('is not looked at where a name has no address', () => {
    expect(enrollment([shown('ca'), failed('HOST_UNRESOLVED', 'No name.')])).to.deep.equal({
      id: 'enrollment',
      ok: null,
      detail: 'Not looked at: the name of the enrollment service has no address.',
    });
  });
  it('shows each of several', () => {
    expect(enrollment([shown('ca'), shown('pin')]).detail).to.match(
      /^siem.*CA given\. Nothing was asked\. siem.*pinned key\. Nothing was asked\.$/,
    );
  });
});
