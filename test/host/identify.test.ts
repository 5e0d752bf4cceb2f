import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type IdentifyRequest, identify } from '../../src/host/identify.js';
import type { FindRoutes } from '../../src/host/route.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type FakeFacts, fakeSystem, never } from './fake-system.js';

const agent: AgentInstallation = {
  platform: 'unix',
  home: '/var/ossec',
  keysFile: '/var/ossec/etc/client.keys',
  counterFile: '/var/ossec/queue/rids/sender_counter',
  configFile: '/var/ossec/etc/ossec.conf',
  passwordFile: '/var/ossec/etc/authd.pass',
};
const manager = { host: 'manager.example', port: 1514 };
const addresses = [{ interface: 'eth0', address: '10.0.0.5', prefix: 24 }];
const near: FindRoutes = async () => [{ local: '10.0.0.5', manager: '10.0.0.9' }];
const leasedTool = {
  files: { '/usr/sbin/ip': '' },
  programs: { '/usr/sbin/ip -j addr': '[{"addr_info":[{"local":"10.0.0.5","dynamic":true}]}]' },
};

function who(asked: Partial<IdentifyRequest>, facts: FakeFacts, findRoutes: FindRoutes = near, signal = never) {
  const system = fakeSystem({ addresses, ...facts });
  return identify({ ip: { kind: 'auto' }, manager, ...asked }, agent, { system, findRoutes }, signal);
}

async function code(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((thrown: unknown) => thrown);
  return error instanceof EnrollError ? error.code : 'none';
}

describe('host/identify', () => {
  it('puts name, address and agent together', async () => {
    const host = await who({}, { hostname: 'büro-pc' });
    expect(host.name).to.deep.equal({ name: 'b-ro-pc', changedFrom: 'büro-pc' });
    expect(host.address).to.deep.equal({
      local: '10.0.0.5',
      register: { kind: 'address', address: '10.0.0.5' },
      why: '10.0.0.5: the manager is on the same network',
    });
    expect(host.agent).to.equal(agent);
  });
  it('takes the name that is given, though the host has none', async () => {
    expect((await who({ name: 'web-01' }, { hostname: 'localhost' })).name).to.deep.equal({ name: 'web-01' });
    expect(await code(who({}, { hostname: 'localhost' }))).to.equal('NAME_UNUSABLE');
    expect(await code(who({ name: 'web 01' }, {}))).to.equal('NAME_UNUSABLE');
  });
  it('sees that the address is leased', async () => {
    expect((await who({}, leasedTool)).address.why).to.equal('any: 10.0.0.5 is leased for a time');
  });
  it('does not ask for the lease where the address would not be taken anyway', async () => {
    const system = fakeSystem({ addresses, ...leasedTool });
    const far: FindRoutes = async () => [{ local: '10.0.0.5', manager: '203.0.113.7' }];
    const { address } = await identify({ ip: { kind: 'auto' }, manager }, agent, { system, findRoutes: far }, never);
    expect(address.why).to.contain('address translation');
    expect(system.ran).to.deep.equal([]);
  });
  describe('with a REST API elsewhere', () => {
    const api = { host: 'api.example', port: 55_000 };
    const ways =
      (toApi: { local: string; manager: string } | undefined): FindRoutes =>
      async ({ host }) => {
        if (host === 'manager.example') return [{ local: '10.0.0.5', manager: '10.0.0.9' }];
        if (toApi === undefined) throw new EnrollError('HOST_UNRESOLVED', 'No such name.');
        return [toApi];
      };
    const fixed = { kind: 'address', address: '10.0.0.5' };

    it('takes the address where both are reached from it', async () => {
      const { address } = await who({ api }, {}, ways({ local: '10.0.0.5', manager: '192.0.2.1' }));
      expect(address.register).to.deep.equal(fixed);
    });
    it('takes none where the API sees another address than the manager', async () => {
      const { address } = await who({ api }, {}, ways({ local: '192.168.7.5', manager: '192.168.7.1' }));
      expect(address.register).to.deep.equal({ kind: 'any', unasked: true });
      expect(address.why).to.equal('any: this host reaches the manager from 10.0.0.5, and its API from 192.168.7.5');
    });
    it('leaves a tunnel to it out of account, and one to which there is no way', async () => {
      for (const way of [{ local: '127.0.0.1', manager: '127.0.0.1' }, undefined]) {
        expect((await who({ api }, {}, ways(way))).address.register).to.deep.equal(fixed);
      }
    });
  });
  describe('with more than one way that the agent may take', () => {
    const two: FindRoutes = async ({ host }) =>
      host === 'manager.example'
        ? [{ local: '10.0.0.5', manager: '10.0.0.9' }]
        : [{ local: host === 'beside.example' ? '10.0.0.5' : '192.168.7.5', manager: '192.168.7.9' }];
    const both: FindRoutes = async () => [
      { local: '10.0.0.5', manager: '10.0.0.9' },
      { local: '2001:db8::5', manager: '2001:db8::9' },
    ];

    it('takes the address where all managers see it', async () => {
      const others = [{ host: 'beside.example', port: 1514 }];
      expect((await who({ others }, {}, two)).address.register).to.include({ address: '10.0.0.5' });
    });
    it('takes none where another manager sees another one', async () => {
      const others = [{ host: 'far.example', port: 1514 }];
      const { address } = await who({ others }, {}, two);
      expect(address.register).to.deep.equal({ kind: 'any', unasked: true });
      expect(address.why).to.equal('any: this host reaches 10.0.0.9 from 10.0.0.5, and 192.168.7.9 from 192.168.7.5');
    });
    it('takes none where the manager has an address of the other family, to which there is a way', async () => {
      expect((await who({}, {}, both)).address.why).to.equal(
        'any: this host reaches 10.0.0.9 from 10.0.0.5, and 2001:db8::9 from 2001:db8::5',
      );
    });
    it('leaves another manager out of account to which no way is found', async () => {
      const lost: FindRoutes = async (manager, signal) => {
        if (manager.host === 'lost.example') throw new EnrollError('HOST_UNRESOLVED', 'No such name.');
        return await two(manager, signal);
      };
      const others = [{ host: 'lost.example', port: 1514 }];
      expect((await who({ others }, {}, lost)).address.register).to.include({ address: '10.0.0.5' });
    });
  });
  it('looks for no way where the address is not to be found out', async () => {
    const unexpected: FindRoutes = () => Promise.reject(new Error('looked up'));
    const { address } = await who({ ip: { kind: 'source' } }, {}, unexpected);
    expect(address.register).to.deep.equal({ kind: 'source' });
  });
  it('registers any where no way is found: connecting says what is wrong', async () => {
    const lost: FindRoutes = () => Promise.reject(new EnrollError('HOST_UNRESOLVED', 'No such name.'));
    expect((await who({}, {}, lost)).address.register).to.deep.equal({ kind: 'any', unasked: true });
  });
  it('stops when it is told to', async () => {
    const user = new AbortController();
    const stopping: FindRoutes = async () => {
      user.abort(new EnrollError('INTERRUPTED', 'Interrupted.'));
      throw new EnrollError('INTERRUPTED', 'Interrupted.');
    };
    expect(await code(who({}, {}, stopping, user.signal))).to.equal('INTERRUPTED');
    expect(await code(who({ ip: { kind: 'any' } }, {}, near, user.signal))).to.equal('INTERRUPTED');
  });
});
