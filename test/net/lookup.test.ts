import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { addressAlone, type Lookup, lookupOnce, systemLookup } from '../../src/net/lookup.js';

describe('a look-up that asks once', () => {
  let asked: string[];
  let timeMs: number;
  let lookup: Lookup;
  let works: boolean;

  beforeEach(() => {
    asked = [];
    timeMs = 0;
    works = true;
    const answers: Lookup = async (host) => {
      asked.push(host);
      if (!works) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [{ address: `192.0.2.${asked.length}`, family: 4 }];
    };
    lookup = lookupOnce(answers, () => timeMs);
  });

  it('gives the answer to all that ask, at the same time and afterwards', async () => {
    const [one, two] = await Promise.all([lookup('manager.example'), lookup('manager.example')]);
    expect(await lookup('manager.example')).to.equal(one);
    expect(two).to.equal(one);
    expect(asked).to.deep.equal(['manager.example']);
  });

  it('asks about each name', async () => {
    await lookup('manager.example');
    await lookup('api.example');
    await lookup('manager.example');
    expect(asked).to.deep.equal(['manager.example', 'api.example']);
  });

  it('asks again after half a minute', async () => {
    const first = await lookup('manager.example');
    timeMs = 29_999;
    expect(await lookup('manager.example')).to.equal(first);
    timeMs = 30_000;
    expect(await lookup('manager.example')).to.not.equal(first);
    expect(asked).to.have.length(2);
  });

  it('keeps no failure', async () => {
    works = false;
    const failure = await lookup('manager.example').catch((thrown: unknown) => thrown);
    expect(failure).to.be.an('error');
    works = true;
    expect(await lookup('manager.example')).to.have.length(1);
    expect(asked).to.have.length(2);
  });
});

describe('an address that is looked up', () => {
  const addresses = [
    { address: '192.0.2.1', family: 4 },
    { address: '2001:db8::1', family: 6 },
    { address: '::ffff:192.0.2.1', family: 6 },
    { address: 'fe80::1%eth0', family: 6 },
  ];

  it('is its own, as the system says too', async () => {
    for (const found of addresses) expect(await systemLookup(found.address)).to.deep.equal([found]);
  });

  it('is its own for a datagram socket, which is told later', async () => {
    for (const found of addresses) {
      let told: unknown;
      const answered = new Promise<void>((resolve) => {
        addressAlone(found.address, 4, (error, address, family) => {
          told = { error, address, family };
          resolve();
        });
      });
      expect(told).to.equal(undefined);
      await answered;
      expect(told).to.deep.equal({ error: null, ...found });
    }
  });
});
