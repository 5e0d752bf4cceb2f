import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { managerWith, recordOf, stopManagers } from './remoted-manager.js';

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

describe('sandbox remoted takes what real agents sent', () => {
  afterEach(stopManagers);

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
