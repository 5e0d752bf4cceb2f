import { expect } from 'chai';
import { describe, it } from 'mocha';
import { connectError } from '../../src/net/connect.js';
import type { Lookup } from '../../src/net/lookup.js';
import { lookupProcess } from '../../src/net/lookup-process.js';

const nobody: Lookup = async () => [{ address: '192.0.2.1', family: 4 }];
const runtime = { program: process.execPath, environment: process.env };
const failed = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work.then(() => undefined);
  } catch (thrown) {
    return thrown;
  }
};

describe('a look-up in a process of its own', function () {
  this.timeout(20_000);

  it('finds what the system finds, for several at once', async () => {
    const lookup = lookupProcess(runtime, nobody);
    const found = await Promise.all(['localhost', 'localhost', '127.0.0.9'].map(lookup));
    expect(found[0]?.map(({ address }) => address)).to.include.oneOf(['127.0.0.1', '::1']);
    expect(found[1]).to.deep.equal(found[0]);
    // An address is nothing to look up.
    expect(found[2]).to.deep.equal(await nobody(''));
  });

  it('fails as the system does', async () => {
    const thrown = await failed(lookupProcess(runtime, nobody)('no-such-name.invalid'));
    expect(connectError(thrown, { host: 'no-such-name.invalid', port: 1 }).code).to.equal('HOST_UNRESOLVED');
  });

  it('is not for the variables of this process', async () => {
    const environment = { ...process.env, NODE_OPTIONS: '--no-such-option' };
    expect(await lookupProcess({ ...runtime, environment }, nobody)('localhost')).to.not.deep.equal(await nobody(''));
  });

  it('is asked of this process where there can be no other', async () => {
    const lookup = lookupProcess({ ...runtime, program: '/nowhere/at/all' }, nobody);
    expect(await lookup('localhost')).to.deep.equal(await nobody(''));
    expect(await lookup('localhost')).to.deep.equal(await nobody(''));
  });
});
