import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type ErrorCode, MEANINGS } from '../../../src/errors.js';
import { readCacerts } from '../../../src/obtain/https/cacerts.js';
import type { WaitTerms } from '../../../src/obtain/patience.js';
import { certificates } from '../../net/certificates.js';
import { answerOf } from '../../wazuh5.js';
import { pinOf } from '../../wazuh5-manager.js';

const REMOTED = { server: 'wazuh-manager-remoted' };
const PIN = '5e'.repeat(32);
const ca = () => certificates().ca.certificate;

const read = (status: number, headers: Readonly<Record<string, string>> = REMOTED, body = '', pin = PIN) =>
  readCacerts(answerOf({ status, headers, body }), Buffer.from(body), pin, 'manager:1517');

interface Missing {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly wait?: WaitTerms;
}

const NO_MANAGER = 'What answers at manager:1517 is not the remoted of a Wazuh 5';

const MISSING: readonly (readonly [what: string, answer: () => ReturnType<typeof read>, wanted: Missing])[] = [
  [
    'a path that is not there',
    () => read(404, {}),
    {
      code: 'NOT_MANAGER',
      message: 'manager:1517 publishes no CA below this prefix.',
      hint: 'Check the prefix and the port in the address of the manager. A pre-release of Wazuh 5 from before September 2026 knows neither tokens nor a published CA: upgrade it, or use its password and --ca.',
    },
  ],
  [
    'a manager without a CA',
    () => read(404),
    {
      code: 'CERTIFICATE_UNTRUSTED',
      message: 'manager:1517 has no CA to publish, so its certificate cannot be checked.',
      hint: 'Give the manager its CA (certificates of its deployment), or use a token that holds the CA itself.',
    },
  ],
  [
    'a manager whose CA is another one’s',
    () => read(503),
    {
      code: 'CERTIFICATE_UNTRUSTED',
      message: 'manager:1517 has a certificate that its own CA did not sign (HTTP 503), so it cannot be checked.',
      hint: "Correct the manager's certificate or its CA: they do not belong together.",
      wait: {},
    },
  ],
  [
    'something before a manager that is not up',
    () => read(503, {}),
    {
      code: 'MANAGER_NOT_READY',
      message: 'manager:1517 does not give its CA at the moment (HTTP 503).',
      wait: {},
    },
  ],
  [
    'a fault of a manager',
    () => read(500),
    { code: 'MANAGER_NOT_READY', message: 'manager:1517 does not give its CA at the moment (HTTP 500).', wait: {} },
  ],
  [
    'a manager with too much to do',
    () => read(429, { ...REMOTED, 'retry-after': '2' }),
    {
      code: 'MANAGER_NOT_READY',
      message: 'manager:1517 does not give its CA at the moment (HTTP 429).',
      wait: { atLeastMs: 2000 },
    },
  ],
  ['anything else', () => read(403), { code: 'NOT_MANAGER', message: `${NO_MANAGER} (HTTP 403).` }],
  [
    'a web page',
    () => read(200, { 'content-type': 'text/HTML; charset=utf-8' }, '<p>'),
    { code: 'NOT_MANAGER', message: `${NO_MANAGER}: it shows a web page.` },
  ],
  [
    'another CA',
    () => read(200, REMOTED, certificates().strangerCa.certificate),
    {
      code: 'PIN_MISMATCH',
      message: `manager:1517 publishes no CA with the pinned key (sha256:${PIN}).`,
      hint: 'It is another manager, its CA was exchanged, or somebody stands between. Find out which; if the CA was exchanged, make another token.',
    },
  ],
  [
    'half a certificate',
    () => read(200, REMOTED, ca().slice(0, 200)),
    {
      code: 'CONNECTION_FAILED',
      message: 'What manager:1517 sent as its CA ends within a certificate.',
      hint: 'Try again. If it stays like this, look at what is between this host and the manager.',
    },
  ],
  [
    'a NUL',
    () => read(200, REMOTED, `${ca()}\0`),
    {
      code: 'CERTIFICATE_UNTRUSTED',
      message: 'What manager:1517 sent as its CA is not PEM: it holds a NUL byte.',
      hint: 'Somebody may stand between this host and the manager.',
    },
  ],
];

describe('the CA that a manager publishes', () => {
  it('is the one with the pinned key, whatever the page is called', () => {
    const pem = ca().replaceAll('\r', '');
    for (const type of ['application/x-pem-file', 'text/xhtmlx']) {
      const found = read(200, { 'content-type': type }, ca(), pinOf(ca()));
      expect(found).to.deep.equal({ kind: 'found', pem });
    }
  });

  for (const [what, answer, wanted] of MISSING) {
    it(`is not there: ${what}`, () => {
      const found = answer();
      if (found.kind !== 'missing') throw new Error('found');
      const { error, wait } = found;
      const { code, message, hint } = error;
      expect({
        code,
        message,
        ...(hint === MEANINGS[code].hint ? {} : { hint }),
        ...(wait === undefined ? {} : { wait }),
      }).to.deep.equal(wanted);
    });
  }
});
