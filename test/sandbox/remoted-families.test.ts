import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { encodeMessage } from '../../src/link/message/codec.js';
import { deriveKey } from '../../src/link/message/key.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { SandboxFamily } from '../../src/sandbox/authd-protocol.js';
import { type Manager, managerWith, recordOf, stopManagers } from './remoted-manager.js';

const AGENT: Readonly<Record<SandboxFamily, AgentRecord>> = {
  'wazuh-4': recordOf(`001 web-01 any ${'a'.repeat(64)}`),
  'wazuh-3': recordOf(`001 web-01 any ${'a'.repeat(64)}`),
  ossec: recordOf(`1024 web-01 any ${'a'.repeat(64)}`),
};

function say(
  family: SandboxFamily,
  payload: string,
  local = 1,
  cipher: 'blowfish' | 'aes-wazuh' = 'blowfish',
): Uint8Array {
  const { id } = AGENT[family];
  return encodeMessage(
    { cipher, id, random: '12345', counter: { global: 0, local }, payload },
    deriveKey(AGENT[family]),
  );
}

function droppedWhy({ log }: Manager): readonly string[] {
  return log.all.flatMap((event) => (event.type === 'dropped' ? [event.why] : []));
}

describe('sandbox remoted, by family', () => {
  afterEach(stopManagers);

  it("OSSEC drops Wazuh's AES and Wazuh drops OSSEC's", async () => {
    const key = deriveKey(AGENT['ossec']);
    const ossecManager = await managerWith('ossec', [AGENT['ossec']]);
    await ossecManager.exchange(say('ossec', '#!-agent startup ', 1, 'aes-wazuh'), AGENT['ossec'], 0);
    await ossecManager.log.until(({ type }) => type === 'dropped');
    expect(droppedWhy(ossecManager)).to.deep.equal(['wrong key']);
    ossecManager.core.stop();

    const wazuhManager = await managerWith('wazuh-4', [AGENT['wazuh-4']]);
    const bytes = encodeMessage(
      {
        cipher: 'aes-ossec',
        iv: Buffer.alloc(16, 1),
        id: '001',
        random: '12345',
        counter: { global: 0, local: 1 },
        payload: '#!-agent startup ',
      },
      key,
    );
    expect(await wazuhManager.exchange(bytes, AGENT['wazuh-4'], 0)).to.deep.equal([]);
    expect(droppedWhy(wazuhManager)).to.deep.equal(['wrong key']);
  });

  it('OSSEC acknowledges whatever begins with #!-, never twice with one counter, and knows no ping', async () => {
    const manager = await managerWith('ossec', [AGENT['ossec']]);
    const ask = (payload: string, local: number, answers: number) =>
      manager.exchange(say('ossec', payload, local), AGENT['ossec'], answers);
    expect(await ask('#!-agent startup ', 1, 1)).to.deep.equal(['blowfish 0:1 #!-agent ack ']);
    expect(await ask('#!-garbage', 2, 1)).to.deep.equal(['blowfish 0:2 #!-agent ack ']);
    expect(await ask('#!-agent shutdown ', 3, 1)).to.deep.equal(['blowfish 0:3 #!-agent ack ']);
    expect(await ask('#!-agent startup ', 3, 0)).to.deep.equal([]);
    await manager.log.until(({ type }) => type === 'dropped');
    await manager.exchange(Buffer.from('#ping'), AGENT['ossec'], 0);
    await manager.log.until((event) => event.type === 'dropped' && event.why === 'unknown source');
    expect(droppedWhy(manager)).to.deep.equal(['old counter', 'unknown source']);
  });

  it('Wazuh 3 acknowledges a version that is too high, and knows no ping', async () => {
    const manager = await managerWith('wazuh-3', [AGENT['wazuh-3']]);
    const startup = say('wazuh-3', '#!-agent startup {"version":"v4.99.0"}');
    expect(await manager.exchange(startup, AGENT['wazuh-3'], 1)).to.deep.equal(['blowfish 0:1 #!-agent ack ']);
    expect(await manager.exchange(Buffer.from('#ping'), AGENT['wazuh-3'], 0)).to.deep.equal([]);
  });

  it('OSSEC and Wazuh 3 acknowledge a shutdown and a startup with a version, warn, and leave the agent as it was', async () => {
    for (const family of ['ossec', 'wazuh-3'] as const) {
      const manager = await managerWith(family, [AGENT[family]]);
      const { id, name } = AGENT[family];
      const speak = (payload: string, local: number) => manager.exchange(say(family, payload, local), AGENT[family], 1);
      const text =
        family === 'ossec'
          ? "Invalid message from agent id: '0'(uname)"
          : `Invalid message from agent: '${name}' (${id})`;
      expect(await speak('#!-agent startup {"version":"v4.14.7"}', 1)).to.have.length(1);
      expect(manager.store.get(id)?.state).to.equal('never_connected');
      expect(await speak('#!-agent startup ', 2)).to.have.length(1);
      const greeted = manager.store.get(id)?.state;
      expect(greeted).to.equal(family === 'ossec' ? 'never_connected' : 'pending');
      expect(await speak('#!-agent shutdown ', 3)).to.have.length(1);
      expect(manager.store.get(id)?.state).to.equal(greeted);
      expect(manager.logged, family).to.deep.equal([
        { level: 'WARNING', text },
        { level: 'WARNING', text },
      ]);
      manager.core.stop();
    }
  });

  it('an OSSEC before 4.0 knows no AES', async () => {
    const manager = await managerWith('ossec', [AGENT['ossec']], { version: 'v3.7.0' });
    const bytes = encodeMessage(
      {
        cipher: 'aes-ossec',
        iv: Buffer.alloc(16, 1),
        id: '1024',
        random: '12345',
        counter: { global: 0, local: 1 },
        payload: '#!-agent startup ',
      },
      deriveKey(AGENT['ossec']),
    );
    await manager.exchange(bytes, AGENT['ossec'], 0);
    await manager.log.until(({ type }) => type === 'dropped');
    expect(droppedWhy(manager)).to.deep.equal(['malformed']);
    expect(manager.logged).to.deep.equal([
      { level: 'ERROR', code: 1403, text: "Incorrectly formatted message from '1024'." },
    ]);
    expect(await manager.exchange(say('ossec', '#!-agent startup '), AGENT['ossec'], 1)).to.have.length(1);
  });

  it('checks counters with OSSEC, and on Wazuh not unless told to', async () => {
    for (const family of ['ossec', 'wazuh-3', 'wazuh-4'] as const) {
      const manager = await managerWith(family, [AGENT[family]]);
      await manager.exchange(say(family, '#!-agent startup ', 2), AGENT[family], 1);
      await manager.exchange(say(family, '#!-agent startup ', 2), AGENT[family], family === 'ossec' ? 0 : 1);
      await manager.log.until(
        family === 'ossec'
          ? ({ type }) => type === 'dropped'
          : () => manager.log.all.filter(({ type }) => type === 'acknowledged').length === 2,
      );
      expect(droppedWhy(manager), family).to.deep.equal(family === 'ossec' ? ['old counter'] : []);
      manager.core.stop();
    }
  });

  it('checks counters where it is told to', async () => {
    const manager = await managerWith('wazuh-4', [AGENT['wazuh-4']], { verifyMsgId: true });
    const ask = (local: number, answers: number) =>
      manager.exchange(say('wazuh-4', '#!-agent startup ', local), AGENT['wazuh-4'], answers);
    expect(await ask(2, 1)).to.have.length(1);
    expect(await ask(2, 0)).to.deep.equal([]);
    expect(await ask(1, 0)).to.deep.equal([]);
    expect(droppedWhy(manager)).to.deep.equal(['old counter', 'old counter']);
  });

  it('takes a higher version where it is allowed', async () => {
    const manager = await managerWith('wazuh-4', [AGENT['wazuh-4']], { allowHigherVersions: true });
    const startup = say('wazuh-4', '#!-agent startup {"version":"v4.99.0"}');
    expect(await manager.exchange(startup, AGENT['wazuh-4'], 1)).to.deep.equal(['blowfish 0:1 #!-agent ack ']);
  });

  it('notes pending, active and disconnected', async () => {
    const { exchange, store } = await managerWith('wazuh-4', [AGENT['wazuh-4']]);
    const state = async (payload: string) => {
      await exchange(say('wazuh-4', payload), AGENT['wazuh-4'], payload.includes('shutdown') ? 0 : 1);
      return store.get('001')?.state;
    };
    expect(store.get('001')?.state).to.equal('never_connected');
    expect(await state('#!-agent startup ')).to.equal('pending');
    expect(await state('#!-Linux - Wazuh v4.14.7\nx merged.mg\n')).to.equal('active');
    expect(await state('#!-agent shutdown ')).to.equal('disconnected');
  });
});
