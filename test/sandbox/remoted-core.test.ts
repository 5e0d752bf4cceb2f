import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { decodeMessage, encodeMessage } from '../../src/link/message/codec.js';
import { deriveKey } from '../../src/link/message/key.js';
import { type AgentRecord, parseRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { AgentStore } from '../../src/sandbox/agent-table.js';
import type { SandboxFamily } from '../../src/sandbox/authd-protocol.js';
import { Counters } from '../../src/sandbox/counters.js';
import type { LogLine } from '../../src/sandbox/log-lines.js';
import { type Peer, RemotedCore } from '../../src/sandbox/remoted-core.js';
import type { RemotedRules } from '../../src/sandbox/remoted-protocol.js';
import { EventLog } from './event-log.js';

interface WazuhSession {
  readonly client_keys_line: string;
  readonly messages: readonly {
    readonly to: string;
    readonly message_hex: string;
    readonly payload: string;
    readonly kind: string;
  }[];
}
interface WazuhReply {
  readonly name: string;
  readonly client_keys_line?: string;
  readonly sent_frame_hex: string;
  readonly reply_payload?: string;
  readonly reply_global?: number;
  readonly reply_local?: number;
}
interface OssecSession {
  readonly client_keys_line: string;
  readonly datagrams: readonly {
    readonly direction: string;
    readonly datagram_hex: string;
    readonly message: string;
    readonly global: number;
    readonly local: number;
  }[];
}

const wazuh: { secure_messages: Record<string, WazuhSession>; remoted_replies: WazuhReply[] } = JSON.parse(
  readFileSync(new URL('../vectors/wazuh4.json', import.meta.url), 'utf8'),
);
const ossec: { secure_messages: OssecSession[] } = JSON.parse(
  readFileSync(new URL('../vectors/ossec.json', import.meta.url), 'utf8'),
);

const VERSIONS = { 'wazuh-4': 'v4.14.7', 'wazuh-3': 'v3.13.6', ossec: 'v4.3.0' } as const;

function recordOf(line: string): AgentRecord {
  const parsed = parseRecord(line);
  if (!parsed.ok) throw new Error(`${line}: ${parsed.fault}`);
  return parsed.record;
}

interface Manager {
  readonly core: RemotedCore;
  readonly log: EventLog;
  readonly store: AgentStore;
  /** What it wrote to the manager's log. */
  readonly logged: readonly LogLine[];
  /** Gives it one message, waits for as many answers, and reads them. */
  exchange(bytes: Uint8Array, record: AgentRecord, answers: number): Promise<readonly string[]>;
}

let running: RemotedCore | undefined;

/** A remoted without sockets that has these agents. Their ids must go up by one. */
async function managerWith(
  family: SandboxFamily,
  records: readonly AgentRecord[],
  rules: Partial<RemotedRules> = {},
): Promise<Manager> {
  const keys = records.map(({ key }) => new Secret(key.reveal()));
  const store = new AgentStore({
    firstId: Number(records[0]?.id),
    duplicates: { kind: 'refuse' },
    clock: () => new Date(),
    newKey: () => keys.shift() ?? new Secret(''),
  });
  for (const { name, ip } of records) store.register({ name, ip, groups: [] });
  expect(store.list().map(({ id }) => id)).to.deep.equal(records.map(({ id }) => id));
  const log = new EventLog();
  const logged: LogLine[] = [];
  const core = new RemotedCore({
    rules: { family, verifyMsgId: family === 'ossec', version: VERSIONS[family], allowHigherVersions: false, ...rules },
    keyReloadMs: 1,
    wholeSeconds: false,
    store,
    counters: new Counters(),
    onEmptyKeys: () => {},
    log: (lines) => logged.push(...lines),
    emit: log.onEvent,
  });
  running = core;
  const sent: Uint8Array[] = [];
  const peer: Peer = {
    protocol: 'udp',
    from: { host: '127.0.0.1', port: 40000 },
    send: (bytes) => sent.push(bytes),
    close: () => {},
    inUse: () => false,
    claim: () => {},
  };
  if (family !== 'ossec') await log.until(({ type }) => type === 'keys loaded');
  return {
    core,
    log,
    store,
    logged,
    exchange: async (bytes, record, answers) => {
      sent.length = 0;
      core.receive(bytes, peer);
      const end = Date.now() + 2_000;
      while (sent.length < answers && Date.now() < end) await new Promise((resolve) => setImmediate(resolve));
      return sent.map((answer) => {
        const decoded = decodeMessage(answer, deriveKey(record));
        if (!decoded.ok) throw new Error(decoded.fault);
        return `${decoded.cipher} ${decoded.counter.global}:${decoded.counter.local} ${decoded.text}`;
      });
    },
  };
}

afterEach(() => running?.stop());

describe('sandbox remoted takes what real agents sent', () => {
  it('Wazuh agents: every message is read, and answered as it was', async () => {
    const sessions = Object.values(wazuh.secure_messages).sort((a, b) =>
      a.client_keys_line < b.client_keys_line ? -1 : 1,
    );
    const records = sessions.map((session) => recordOf(session.client_keys_line));
    const { exchange, store, log } = await managerWith('wazuh-4', records);
    for (const [at, { messages }] of sessions.entries()) {
      const record = records[at];
      if (record === undefined) throw new Error('no record');
      for (const message of messages) {
        if (message.to !== 'manager') continue;
        const acknowledged = message.kind === 'startup' || message.kind === 'keepalive';
        const answers = await exchange(Buffer.from(message.message_hex, 'hex'), record, acknowledged ? 1 : 0);
        expect(log.all.at(-1), message.kind).to.not.include({ type: 'dropped' });
        expect(answers[0]?.slice(-13), message.kind).to.equal(acknowledged ? '#!-agent ack ' : undefined);
      }
      expect(store.get(record.id)?.state).to.equal('disconnected');
    }
    expect(log.all.filter(({ type }) => type === 'dropped')).to.deep.equal([]);
  });

  it('Wazuh: the recorded answers come with the recorded counters', async () => {
    const replies = wazuh.remoted_replies.filter((reply) => reply.client_keys_line !== undefined);
    const lines = [...new Set(replies.map((reply) => reply.client_keys_line ?? ''))].sort();
    const { exchange } = await managerWith('wazuh-4', lines.map(recordOf));
    for (const reply of replies) {
      const record = recordOf(reply.client_keys_line ?? '');
      const [answer] = await exchange(Buffer.from(reply.sent_frame_hex, 'hex').subarray(4), record, 1);
      const wanted = `${reply.reply_global}:${reply.reply_local} ${reply.reply_payload}`;
      expect(answer?.replace(/^\S+ /, ''), reply.name).to.equal(wanted);
    }
  });

  it('OSSEC agents: answers, counters and the pushed file as recorded', async () => {
    const records = ossec.secure_messages.map((session) => recordOf(session.client_keys_line));
    const { exchange, log } = await managerWith('ossec', records);
    for (const [at, { datagrams }] of ossec.secure_messages.entries()) {
      const record = records[at];
      if (record === undefined) throw new Error('no record');
      for (const [index, sent] of datagrams.entries()) {
        if (sent.direction !== 'agent->manager') continue;
        const next = datagrams.findIndex((other, from) => from > index && other.direction === 'agent->manager');
        const wanted = datagrams
          .slice(index + 1, next === -1 ? undefined : next)
          .map(({ global, local, message }) => `${global}:${local} ${message}`);
        const answers = await exchange(Buffer.from(sent.datagram_hex, 'hex'), record, wanted.length);
        expect(answers.map((answer) => answer.replace(/^\S+ /, ''))).to.deep.equal(wanted);
      }
    }
    expect(log.all.filter(({ type }) => type === 'dropped')).to.deep.equal([]);
  });
});

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
