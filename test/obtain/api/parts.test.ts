import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { isRecordAddress } from '../../../src/model/agent-record.js';
import { decideTrust } from '../../../src/net/trust.js';
import { addressFor, storedForm } from '../../../src/obtain/api/address-field.js';
import { foundAgents } from '../../../src/obtain/api/agents.js';
import { readAnswer } from '../../../src/obtain/api/answer.js';
import { apiInfo, isAtLeast, kindOf } from '../../../src/obtain/api/api-version.js';
import { dialect3, dialect4 } from '../../../src/obtain/api/dialect.js';
import { readIssued } from '../../../src/obtain/api/issued.js';
import { apiAddress } from '../../../src/obtain/api/url.js';
import { patience } from '../../../src/obtain/patience.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { recorded } from './api-server.js';

const LATEST = { major: 4, minor: 14, text: '4.14.7' };

describe('apiAddress', () => {
  it('takes the parts of a URL', () => {
    expect(apiAddress('https://[::1]:55000/', false)).to.deep.equal({
      origin: 'https://[::1]:55000',
      endpoint: { host: '::1', port: 55_000 },
      secure: true,
      prefix: '',
    });
    expect(apiAddress(new URL('https://proxy.example/wazuh/'), false)).to.include({ prefix: '/wazuh' });
    expect(apiAddress('https://proxy.example', false).endpoint.port).to.equal(443);
    expect(apiAddress('http://m:80', true)).to.include({ secure: false });
  });

  for (const url of [
    'manager:55000',
    '',
    'ftp://manager',
    'https://',
    'http://manager',
    'https://m/?a=b',
    'https://m/#a',
  ]) {
    it(`refuses ${JSON.stringify(url)}`, () => failure('SETTING_INVALID', () => apiAddress(url, false)));
  }

  it('refuses credentials in it, and does not repeat them', async () => {
    const error = await failure('SETTING_INVALID', () => apiAddress('https://enroll:s3cret@m', true));
    expect(`${error.message} ${error.hint}`).not.to.include('s3cret');
  });
});

describe('which API it is', () => {
  it('is told by the recorded answers to GET /', () => {
    const kind = (version: '3.13.6-authd' | '4.3.11' | '4.14.7', name: string) => {
      const { status, headers = {}, body } = recorded(version, name);
      return kindOf(status, (header) => headers[header], body);
    };
    expect(kind('3.13.6-authd', 'no-credentials')).to.equal('3.x');
    expect(kind('4.3.11', 'no-token')).to.equal('4.x');
    expect(kind('4.14.7', 'no-token')).to.equal('4.x');
    expect(kind('3.13.6-authd', 'server-info')).to.equal('3.x');
    expect(kind('4.14.7', 'server-info')).to.equal(undefined);
  });

  it('and its version by data.api_version', () => {
    expect(apiInfo({ api_version: 'v3.13.6' })).to.deep.equal({ major: 3, minor: 13, text: '3.13.6' });
    expect(apiInfo({ api_version: '5.0.0-beta4' })).to.include({ major: 5, text: '5.0.0' });
    for (const version of ['', 'x', 4, '4', null, '9999.1'])
      expect(apiInfo({ api_version: version })).to.equal(undefined);
    expect(isAtLeast({ major: 5, minor: 0, text: '5.0.0' }, 4, 9)).to.equal(true);
    expect(isAtLeast(LATEST, 4, 15)).to.equal(false);
  });
});

describe('addressFor', () => {
  const ip = (address: string, info = LATEST) => addressFor({ kind: 'address', address }, info).ip;

  it('writes an address as the API takes it', () => {
    expect(ip('10.0.0.9')).to.equal('10.0.0.9');
    expect(ip('192.168.0.1/24')).to.equal('192.168.0.0/24');
    expect(ip('10.1.2.3/255.255.0.0')).to.equal('10.1.0.0/16');
    expect(ip('10.0.0.9/32', { major: 4, minor: 0, text: '4.0.4' })).to.equal('10.0.0.9');
    expect(ip('2001:db8::1/128')).to.equal('2001:db8::1');
    expect(ip('2001:db8::1/64')).to.equal('2001:db8::/64');
    expect(ip('10.1.0.0/16', { major: 3, minor: 13, text: '3.13.6' })).to.equal('10.1.0.0/16');
    expect(storedForm('2001:db8::/64')).to.equal('2001:0DB8:0000:0000:0000:0000:0000:0000/64');
  });

  it('lets nothing out but an address, a range without host bits, or any in lower case', () => {
    const text = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.constantFrom('ANY', '0.0.0.0/0'));
    fc.assert(
      fc.property(text, fc.option(fc.nat(140)), (host, bits) => {
        let sent: string | undefined;
        try {
          sent = ip(bits === null ? host : `${host}/${bits}`);
        } catch (thrown) {
          if (!(thrown instanceof EnrollError)) throw thrown;
          return thrown.code === 'IP_REFUSED';
        }
        return sent !== undefined && isRecordAddress(sent) && ip(sent) === sent;
      }),
    );
  });
});

describe('readAnswer', () => {
  it('never throws, and never takes for done what is not', () => {
    fc.assert(
      fc.property(fc.nat(599), fc.jsonValue(), (status, body) => {
        const answer = readAnswer(status, body);
        return answer.kind !== 'done' || status === 200;
      }),
    );
  });

  it('finds the codes of a list that failed in HTTP 200', () => {
    const { status, body } = recorded('4.14.7', 'key-unknown-agent');
    const answer = readAnswer(status, body);
    expect(answer).to.deep.include({
      kind: 'done',
      failed: [{ code: 1701, said: 'Agent does not exist', ids: ['999'] }],
    });
  });
});

describe('foundAgents', () => {
  it('reads the recorded lists, and passes over what is no agent', () => {
    const data = (version: '3.13.6-authd' | '4.14.7', name: string) => {
      const { body } = recorded(version, name);
      return typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
    };
    const one = { id: '001', name: 'web01', ip: 'any' };
    expect(foundAgents(data('4.14.7', 'find-by-name'))[0]).to.include(one);
    expect(foundAgents(data('3.13.6-authd', 'find-by-name'))[0]).to.include(one);
    expect(foundAgents(data('3.13.6-authd', 'find-by-query'))[0]).to.include(one);
    fc.assert(fc.property(fc.jsonValue(), (value) => Array.isArray(foundAgents(value))));
  });
});

describe('readIssued', () => {
  it('takes nothing but the one key', () => {
    const line = `001 web01 any ${'ab'.repeat(32)}`;
    const expected = { name: 'web01', asked: { kind: 'any' }, where: 'm:55000' } as const;
    const key = Buffer.from(line).toString('base64');
    expect(readIssued({ id: '001', key }, expected).record.id).to.equal('001');
    // Any other text of the same letters must fail or be the same record.
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.base64String({ minLength: 4, maxLength: 4 }), (at, [letter = 'A']) => {
        const other = key.slice(0, at) + letter + key.slice(at + 1);
        try {
          const { record } = readIssued({ id: '001', key: other }, expected);
          return record.id === '001' && record.name === 'web01' && record.ip === 'any';
        } catch (thrown) {
          return thrown instanceof EnrollError && thrown.code === 'REPLY_INVALID';
        }
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        try {
          readIssued(data, expected);
          return false;
        } catch (thrown) {
          return thrown instanceof EnrollError && thrown.code === 'REPLY_INVALID';
        }
      }),
    );
  });
});

describe('the paths of the calls', () => {
  for (const dialect of [dialect3, dialect4(LATEST)]) {
    it('have ids of three digits and no path but their own', () => {
      expect(dialect.key('1').path).to.equal('/agents/001/key');
      expect(dialect.assign('1024', 'a%b').path).to.equal('/agents/1024/group/a%25b');
      expect(dialect.find('a&b').path).to.match(/a%26b$/);
    });
  }
});

describe('patience', () => {
  const make = (random: () => number, waits: number[]) =>
    patience({
      budgetMs: 60_000,
      random,
      now: () => waits.reduce((sum, ms) => sum + ms, 0),
      pause: async (ms) => {
        waits.push(ms);
      },
    });

  it('doubles the span that a wait is drawn from, up to 15 s, and keeps within its budget', async () => {
    const waits: number[] = [];
    const waiting = make(() => 0.999_999, waits);
    while (await waiting.wait(new AbortController().signal));
    expect(waits.map((ms) => Math.round(ms))).to.deep.equal([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  });

  it('never asks again at once', async () => {
    const waits: number[] = [];
    await make(() => 0, waits).wait(new AbortController().signal);
    expect(waits).to.deep.equal([100]);
  });
});

describe('trust by the roots of this host', () => {
  const presented = (pem: string, chainFault?: string) => ({
    certificate: new X509Certificate(pem),
    above: [],
    ...(chainFault === undefined ? {} : { chainFault }),
  });
  const system = { insecure: false, system: true };

  it('takes a chain that leads there and names the host', () => {
    const { server } = certificates();
    expect(decideTrust(system, 'localhost', presented(server.certificate)).by).to.equal('system');
  });

  it('takes no other, and no stored first use in its place', async () => {
    const { server, otherName, expired, stock } = certificates();
    await failure('CERTIFICATE_NAME_MISMATCH', () =>
      decideTrust(system, 'localhost', presented(otherName.certificate)),
    );
    await failure('CERTIFICATE_EXPIRED', () =>
      decideTrust(system, 'localhost', presented(expired.certificate, 'CERT_HAS_EXPIRED')),
    );
    for (const { certificate } of [stock, server]) {
      const fault = 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
      const { fingerprint } = decideTrust({ insecure: true }, 'localhost', presented(certificate));
      const trust = { ...system, firstUse: fingerprint.slice('sha256:'.length) };
      const error = await failure('CERTIFICATE_UNTRUSTED', () =>
        decideTrust(trust, 'localhost', presented(certificate, fault)),
      );
      expect(error.hint).to.include(`--pin ${fingerprint}`);
    }
  });
});
