import { readFileSync } from 'node:fs';
import type { CipherChoice } from '../../../src/link/message/cipher.js';
import { deriveKey, type MessageKey } from '../../../src/link/message/key.js';
import { parseRecord } from '../../../src/model/agent-record.js';

/** One recorded message, in the terms of the codec. */
export interface Recording {
  readonly title: string;
  readonly key: MessageKey;
  /** What the recording says the 47 characters of the key are. */
  readonly derivedKey: string;
  readonly wire: Buffer;
  readonly choice: CipherChoice;
  /** Without an id in front: null. */
  readonly id: string | null;
  readonly random: string;
  readonly global: number;
  readonly local: number;
  readonly payload: Buffer;
}

/** Messages of OSSEC 4.3 daemons. */
export function ossecRecordings(): Recording[] {
  return list(load('ossec')['secure_messages']).flatMap((session) =>
    list(session['datagrams']).map((message, index) => {
      const iv = Buffer.from(text(message, 'iv_hex'), 'hex');
      const aes = text(message, 'cipher') === 'AES-256-CBC';
      return {
        title: `OSSEC ${text(session, 'label')} ${index + 1} ${text(message, 'kind')}`,
        key: keyOf(session),
        derivedKey: text(session, 'derived_key'),
        wire: Buffer.from(text(message, 'datagram_hex'), 'hex'),
        choice: aes ? { cipher: 'aes-ossec', iv } : { cipher: 'blowfish' },
        id: idOf(message),
        random: text(message, 'random'),
        global: count(message, 'global'),
        local: count(message, 'local'),
        payload: Buffer.from(text(message, 'message_hex'), 'hex'),
      } satisfies Recording;
    }),
  );
}

/** Messages of Wazuh 4.14 daemons. */
export function wazuhRecordings(): Recording[] {
  return Object.entries(object(load('wazuh4')['secure_messages'])).flatMap(([label, value]) => {
    const session = object(value);
    return list(session['messages']).map((message, index) => ({
      title: `Wazuh ${label} ${index + 1} ${text(message, 'kind')}`,
      key: keyOf(session),
      derivedKey: text(session, 'derived_key'),
      wire: Buffer.from(text(message, 'message_hex'), 'hex'),
      choice: wazuhCipher(message),
      id: idOf(message),
      random: text(message, 'random'),
      global: count(message, 'global'),
      local: count(message, 'local'),
      payload: Buffer.from(text(message, 'payload'), 'utf8'),
    }));
  });
}

/** Answers of a Wazuh 4.14 remoted over TCP, with the question; the frames still have their length in front. */
export interface RecordedReply {
  readonly name: string;
  readonly sentFrame: Buffer;
  readonly replyFrame: Buffer;
  /** Absent where both went in the clear. */
  readonly secure?: {
    readonly key: MessageKey;
    readonly derivedKey: string;
    readonly choice: CipherChoice;
    readonly sentPayload: string;
    readonly replyPayload: string;
    readonly random: string;
    readonly global: number;
    readonly local: number;
  };
}

export function recordedReplies(): RecordedReply[] {
  return list(load('wazuh4')['remoted_replies']).map((reply) => ({
    name: text(reply, 'name'),
    sentFrame: Buffer.from(text(reply, 'sent_frame_hex'), 'hex'),
    replyFrame: Buffer.from(text(reply, 'reply_frame_hex'), 'hex'),
    ...('cipher' in reply && {
      secure: {
        key: keyOf(reply),
        derivedKey: text(reply, 'encryption_key_47'),
        choice: wazuhCipher(reply),
        sentPayload: text(reply, 'sent_payload'),
        replyPayload: text(reply, 'reply_payload'),
        random: text(reply, 'reply_random'),
        global: count(reply, 'reply_global'),
        local: count(reply, 'reply_local'),
      },
    }),
  }));
}

function wazuhCipher(message: Record<string, unknown>): CipherChoice {
  return { cipher: text(message, 'cipher') === 'aes' ? 'aes-wazuh' : 'blowfish' };
}

function keyOf(session: Record<string, unknown>): MessageKey {
  const parsed = parseRecord(text(session, 'client_keys_line'));
  if (!parsed.ok) throw new Error(`The recording has no record: ${parsed.fault}.`);
  return deriveKey(parsed.record);
}

function idOf(message: Record<string, unknown>): string | null {
  return message['id_prefix'] === null ? null : text(message, 'id_prefix');
}

function load(name: string): Record<string, unknown> {
  const json: unknown = JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8'));
  return object(json);
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error('The recording has no object here.');
  return { ...value };
}

function list(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error('The recording has no list here.');
  return value.map(object);
}

function text(from: Record<string, unknown>, name: string): string {
  const value = from[name];
  if (typeof value !== 'string') throw new Error(`The recording has no text ${name}.`);
  return value;
}

function count(from: Record<string, unknown>, name: string): number {
  const value = from[name];
  if (typeof value !== 'number') throw new Error(`The recording has no number ${name}.`);
  return value;
}
