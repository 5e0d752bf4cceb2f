import { expect } from 'chai';
import { describe, it } from 'mocha';
import { endpointKey, endpointKeyOf } from '../../src/model/endpoint.js';

describe('what an endpoint is remembered by', () => {
  it('is the same for every way to write one host', () => {
    const hosts: readonly (readonly string[])[] = [
      ['localhost', 'LOCALHOST', 'localhost.', 'LocalHost.'],
      ['2001:db8::1', '2001:DB8:0:0::1', '2001:0db8:0000::0001'],
      ['10.0.0.5', '::ffff:10.0.0.5', '::FFFF:a00:5'],
    ];
    for (const [first = '', ...others] of hosts) {
      const key = endpointKey({ host: first, port: 1515 });
      for (const host of others) expect(endpointKey({ host, port: 1515 }), host).to.equal(key);
      expect(endpointKey({ host: first, port: 1516 })).to.not.equal(key);
    }
  });

  it('is another one for another host', () => {
    const keys = ['localhost', 'localhost.example', '127.0.0.1', '::1', 'fe80::1%eth0', 'fe80::1%eth1'].map((host) =>
      endpointKey({ host, port: 1515 }),
    );
    expect(new Set(keys).size).to.equal(keys.length);
  });

  it('is read from what was written before', () => {
    expect(endpointKeyOf('LOCALHOST:1515')).to.equal('localhost:1515');
    expect(endpointKeyOf('[2001:DB8::0:1]:1515')).to.equal('[2001:db8::1]:1515');
    expect(endpointKeyOf('siem.example:1515')).to.equal('siem.example:1515');
    expect(endpointKeyOf('something else')).to.equal('something else');
  });
});
