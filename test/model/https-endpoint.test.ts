import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  formatHttpsEndpoint,
  httpsUrl,
  parseHttpsEndpoint,
  parseHttpsUrl,
  pathAt,
  sameHttpsEndpoint,
} from '../../src/model/https-endpoint.js';
import { wazuh5 } from '../wazuh5.js';

describe('the address of a Wazuh 5 manager', () => {
  for (const { adr, host, port, prefix, normalised } of wazuh5.adr_valid) {
    it(`takes ${adr}`, () => {
      const endpoint = parseHttpsEndpoint(adr);
      // The zone is written without its escape where a socket takes the host.
      expect(endpoint).to.deep.equal({ host: host.replace('%25', '%'), port, prefix });
      if (endpoint === undefined) return;
      // The slash behind a prefix says nothing.
      expect(formatHttpsEndpoint(endpoint)).to.equal(prefix === '' ? normalised : normalised.replace(/\/$/, ''));
      expect(parseHttpsEndpoint(formatHttpsEndpoint(endpoint))).to.deep.equal(endpoint);
    });
  }

  for (const { adr } of wazuh5.adr_invalid) {
    it(`refuses ${JSON.stringify(adr)}`, () => expect(parseHttpsEndpoint(adr)).to.equal(undefined));
  }

  it('is taken with the scheme where ossec.conf or --manager name it, and with no other', () => {
    const endpoint = { host: 'siem.example.org', port: 8443, prefix: 'gw' };
    expect(parseHttpsUrl('https://siem.example.org:8443/gw')).to.deep.equal(endpoint);
    expect(parseHttpsUrl('HTTPS://siem.example.org:8443/gw/')).to.deep.equal(endpoint);
    expect(parseHttpsUrl('siem.example.org:8443/gw')).to.deep.equal(endpoint);
    for (const text of ['http://siem.example.org', 'https://', '', 'https://https://siem.example.org', 'ftp://h']) {
      expect(parseHttpsUrl(text), text).to.equal(undefined);
    }
  });

  it('gives the path of what is asked for, and a URL for people', () => {
    const endpoint = { host: '2001:db8::1', port: 1517, prefix: 'a/b' };
    expect(pathAt(endpoint, 'enroll')).to.equal('/a/b/enroll');
    expect(pathAt({ ...endpoint, prefix: '' }, 'enroll')).to.equal('/enroll');
    expect(pathAt({ ...endpoint, prefix: '' })).to.equal('/');
    expect(httpsUrl(endpoint)).to.equal('https://[2001:db8::1]:1517/a/b/');
  });

  it('is the same whatever the case of the name', () => {
    const a = { host: 'Siem.Example', port: 1517, prefix: 'gw' };
    expect(sameHttpsEndpoint(a, { ...a, host: 'siem.example' })).to.equal(true);
    expect(sameHttpsEndpoint(a, { ...a, prefix: 'GW' })).to.equal(false);
    expect(sameHttpsEndpoint(a, { ...a, port: 1518 })).to.equal(false);
  });

  it('is read back from its short form, whatever it is', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
    const host = fc.oneof(
      fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
      fc.ipV4(),
      fc.ipV6(),
    );
    const prefix = fc.stringMatching(/^([A-Za-z0-9._~-]{1,8}(\/[A-Za-z0-9._~-]{1,8}){0,2})?$/);
    const endpoints = fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }), prefix });
    fc.assert(
      fc.property(endpoints, (endpoint) => {
        expect(parseHttpsEndpoint(formatHttpsEndpoint(endpoint))).to.deep.equal(endpoint);
      }),
    );
  });
});
