import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isExempt, isLoopback, noProxyEntries } from '../../src/net/no-proxy.js';
import { proxyFor } from '../../src/net/proxy.js';
import type { ProxySettings } from '../../src/net/proxy-settings.js';

const CASES: readonly (readonly [entry: string, host: string, exempt: boolean, port?: number])[] = [
  ['*', 'manager.example.org', true],
  ['*', '2001:db8::1', true],
  ['example.org', 'example.org', true],
  ['example.org', 'manager.example.org', true],
  ['example.org', 'badexample.org', false],
  ['example.org', 'example.org.evil.net', false],
  ['EXAMPLE.org.', 'Manager.Example.ORG', true],
  ['example.org', 'manager.example.org.', true],
  ['.example.org', 'manager.example.org', true],
  ['.example.org', 'example.org', false],
  ['*.example.org', 'manager.example.org', true],
  ['*.example.org', 'example.org', false],
  ['example.org:1515', 'manager.example.org', true, 1515],
  ['example.org:1515', 'manager.example.org', false, 1514],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.70', false],
  ['2.7', '192.0.2.7', false],
  ['192.0.2.7:1515', '192.0.2.7', true, 1515],
  ['192.0.2.7:1515', '192.0.2.7', false, 1514],
  ['10.0.0.0/8', '10.200.3.4', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.0.0.0/8', 'ten.example.org', false],
  ['10.0.0.0/8', '::ffff:10.0.0.1', true],
  ['2001:db8::/32', '2001:db8:7::1', true],
  ['2001:db8::/32', '10.0.0.1', false],
  ['2001:db8::1', '2001:0DB8:0::1', true],
  ['[2001:db8::1]', '2001:db8::1', true],
  ['[2001:db8::1]:1515', '2001:db8::1', true, 1515],
  ['[2001:db8::1]:1515', '2001:db8::1', false, 1514],
  ['.', 'manager.example.org', false],
  ['10.0.0.0/99', '10.0.0.1', false],
  ['http://example.org', 'example.org', false],
];

describe('NO_PROXY', () => {
  for (const [entry, host, exempt, port = 1514] of CASES) {
    it(`${entry} ${exempt ? 'keeps' : 'does not keep'} ${host}, port ${port}, from the proxy`, () => {
      expect(isExempt({ host, port }, [entry])).to.equal(exempt);
    });
  }

  it('is a list with commas, blanks and holes', () => {
    expect(noProxyEntries(' a.example ,,b.example\t10.0.0.0/8,')).to.deep.equal([
      'a.example',
      'b.example',
      '10.0.0.0/8',
    ]);
    expect(noProxyEntries('')).to.deep.equal([]);
  });
});

describe('The proxy that applies', () => {
  const found: ProxySettings = {
    endpoint: { host: 'proxy.example', port: 3128 },
    secure: false,
    explicit: false,
    except: ['10.0.0.0/8'],
  };
  const at = (host: string, proxy: ProxySettings | undefined) => proxyFor({ host, port: 1515 }, proxy) !== undefined;

  it('is none for this host when it was found in the environment', () => {
    for (const host of [
      'localhost',
      'LOCALHOST.',
      'one.localhost',
      '127.0.0.1',
      '127.3.2.1',
      '::1',
      '::ffff:127.0.0.1',
    ]) {
      expect(isLoopback({ host, port: 1 }), host).to.equal(true);
      expect(at(host, found), host).to.equal(false);
    }
  });

  it('is none for a host in NO_PROXY, and the proxy for any other', () => {
    expect(at('10.1.2.3', found)).to.equal(false);
    expect(at('192.0.2.1', found)).to.equal(true);
    expect(at('localhost.example.org', found)).to.equal(true);
  });

  it('is the one that was named for the run, for every host', () => {
    const named = { ...found, explicit: true };
    for (const host of ['localhost', '10.1.2.3', '192.0.2.1']) expect(at(host, named), host).to.equal(true);
    expect(at('192.0.2.1', undefined)).to.equal(false);
  });
});
