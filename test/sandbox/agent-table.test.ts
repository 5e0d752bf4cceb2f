import { expect } from 'chai';
import { describe, it } from 'mocha';
import { keyHash } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { type Agent, AgentStore, type DuplicateRules } from '../../src/sandbox/agent-table.js';

const MINUTE = 60_000;
const STOCK: DuplicateRules = {
  kind: 'replace',
  evenConnected: false,
  disconnectedForMs: 60 * MINUTE,
  registeredForMs: 60 * MINUTE,
  evenSameKey: false,
};

function storeWith(duplicates: DuplicateRules, firstId = 1) {
  let now = 0;
  let keys = 0;
  const store = new AgentStore({
    firstId,
    duplicates,
    clock: () => new Date(now),
    newKey: () => {
      keys += 1;
      return new Secret(String(keys).padStart(64, '0'));
    },
  });
  const add = (name: string, more: { ip?: string; keyHash?: string } = {}) =>
    store.register({ name, ip: more.ip ?? 'any', groups: [], ...more });
  return {
    store,
    add,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

function agentOf(outcome: ReturnType<AgentStore['register']>): Agent {
  if (!outcome.ok) throw new Error(outcome.why);
  return outcome.agent;
}

describe('duplicates on a stock Wazuh 4 manager', () => {
  const cases: readonly [string, (made: ReturnType<typeof storeWith>) => unknown, 'replaced' | 'refused'][] = [
    ['never connected, registered an hour ago', ({ pass }) => pass(60 * MINUTE), 'replaced'],
    ['never connected, registered a minute less ago', ({ pass }) => pass(59 * MINUTE), 'refused'],
    ['pending', ({ store, pass }) => [store.setState('001', 'pending'), pass(600 * MINUTE)], 'refused'],
    ['active', ({ store, pass }) => [store.setState('001', 'active'), pass(600 * MINUTE)], 'refused'],
    [
      'disconnected for an hour',
      ({ store, pass }) => [store.setState('001', 'disconnected'), pass(60 * MINUTE)],
      'replaced',
    ],
    [
      'disconnected for less, registered long ago',
      ({ store, pass }) => [pass(600 * MINUTE), store.setState('001', 'disconnected'), pass(59 * MINUTE)],
      'refused',
    ],
  ];
  for (const [title, prepare, wanted] of cases) {
    for (const by of ['name', 'IP'] as const) {
      it(`the same ${by}: ${title}: ${wanted}`, () => {
        const made = storeWith(STOCK);
        made.add('web-01', { ip: '10.0.0.1' });
        prepare(made);
        const again = by === 'name' ? made.add('web-01') : made.add('web-02', { ip: '10.0.0.1' });
        if (wanted === 'refused') {
          expect(again).to.include({ ok: false, why: `duplicate ${by}` });
          expect(made.store.list().map(({ id }) => id)).to.deep.equal(['001']);
        } else {
          expect(agentOf(again).id).to.equal('002');
          expect(made.store.list().map(({ id }) => id)).to.deep.equal(['002']);
        }
      });
    }
  }

  it('is refused to a host that shows that it has the present key', () => {
    const { add, pass } = storeWith(STOCK);
    const { record } = agentOf(add('web-01'));
    pass(600 * MINUTE);
    expect(add('web-01', { keyHash: keyHash(record) })).to.include({ ok: false, why: 'duplicate name' });
    expect(add('web-01', { keyHash: keyHash(record).toUpperCase() })).to.include({ ok: true });
  });

  it('replaces two agents where one has the name and one the address', () => {
    const { add, pass, store } = storeWith(STOCK);
    add('web-01');
    add('web-02', { ip: '10.0.0.1' });
    pass(60 * MINUTE);
    const outcome = add('web-01', { ip: '10.0.0.1' });
    expect(outcome.ok && outcome.replaced.map(({ id }) => id)).to.deep.equal(['002', '001']);
    expect(store.list().map(({ id }) => id)).to.deep.equal(['003']);
  });
});

describe('duplicates elsewhere', () => {
  it('OSSEC appends 2 to 255 and then gives up', () => {
    const { add } = storeWith({ kind: 'rename' }, 1024);
    const names = Array.from({ length: 255 }, () => agentOf(add('web-01')).name);
    expect([names[0], names[1], names[2], names[254]]).to.deep.equal(['web-01', 'web-012', 'web-013', 'web-01255']);
    expect(new Set(names).size).to.equal(255);
    expect(add('web-01')).to.include({ ok: false, why: 'no free name' });
  });

  it('OSSEC refuses an address that an agent has, and names that agent', () => {
    const { add } = storeWith({ kind: 'rename' }, 1024);
    add('web-01', { ip: '10.0.0.1' });
    const outcome = add('web-02', { ip: '10.0.0.1' });
    expect(outcome.ok ? undefined : [outcome.why, outcome.existing.id]).to.deep.equal(['duplicate IP', '1024']);
  });

  it('never gives an id twice, also after a removal', () => {
    const { add, store } = storeWith(STOCK);
    expect(agentOf(add('web-01')).id).to.equal('001');
    store.remove('001');
    expect(agentOf(add('web-01')).id).to.equal('002');
  });
});
