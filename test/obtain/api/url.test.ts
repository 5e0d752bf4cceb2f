import { expect } from 'chai';
import { describe, it } from 'mocha';
import { apiAddress } from '../../../src/obtain/api/url.js';
import { failure } from '../../net/expect-error.js';

const EXAMPLE = 'Give it as https://MANAGER:55000.';
const NO_ZONE = 'A URL has no place for the interface that a link-local address needs.';

describe('the URL of an API', () => {
  for (const [url, port, prefix, host, secure] of [
    ['https://m.example/wazuh//', 443, '/wazuh', 'm.example', true],
    ['https://m.example/a//b', 443, '/a//b', 'm.example', true],
    ['http://m.example', 80, '', 'm.example', false],
    ['http://m.example:55000', 55_000, '', 'm.example', false],
    ['https://[2001:db8::1]', 443, '', '2001:db8::1', true],
  ] as const) {
    it(`${url} is one`, () => {
      expect(apiAddress(url, true)).to.deep.include({ endpoint: { host, port }, prefix, secure });
    });
  }

  for (const [url, message, hint] of [
    ['https://u@m', 'The API URL holds credentials.', 'Give them with --api-user and --api-password-file.'],
    ['https://:p@m', 'The API URL holds credentials.', 'Give them with --api-user and --api-password-file.'],
    ['ftp://m', 'The API URL begins with ftp: where https: is expected.', EXAMPLE],
    ['https://m/?a', 'The API URL has a query or a fragment.', EXAMPLE],
    ['https://m/#a', 'The API URL has a query or a fragment.', EXAMPLE],
    [
      'http://m:80',
      'The API URL http://m is plain http, which would show the API credentials to everybody on the way.',
      'Use https, or accept that with --insecure.',
    ],
    ['https://[fe80::1%25eth0]', NO_ZONE, 'Give the API another address or a name with --api-url.'],
    ['HTTPS://[FEB0::1%eth0]:55000', NO_ZONE, 'Give the API another address or a name with --api-url.'],
    ['x https://[fe80::1%25eth0]', 'The API URL is not a URL.', EXAMPLE],
    ['https://[fec0::1%25eth0]', 'The API URL is not a URL.', EXAMPLE],
    ['no url', 'The API URL is not a URL.', EXAMPLE],
  ] as const) {
    it(`${url} is refused in words`, async () => {
      const error = await failure('SETTING_INVALID', () => apiAddress(url, false));
      expect([error.message, error.hint]).to.deep.equal([message, hint]);
    });
  }
});
