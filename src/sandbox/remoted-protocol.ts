import type { Cipher } from '../link/message/cipher.js';
import { type DecodedMessage, decodeMessage, peekId } from '../link/message/codec.js';
import { isControl } from '../link/message/control.js';
import { memberOf, parseJson, textOf } from '../model/json.js';
import { type Counter, isNewer as isNewerCounter, NOTHING_SENT } from '../model/message-counter.js';
import type { AgentState } from './agent-table.js';
import type { SandboxFamily } from './authd-protocol.js';
import type { KeyEntry, KeyTable } from './key-table.js';
import { MERGED, type SharedFile } from './merged.js';
import type { DropReason, MessageKind } from './sandbox-events.js';
import { isNewer } from './versions.js';

/** What a remoted was configured with. */
export interface RemotedRules {
  readonly family: SandboxFamily;
  /** Messages whose counter is not above the agent's last one are dropped. */
  readonly verifyMsgId: boolean;
  readonly version: string;
  readonly allowHigherVersions: boolean;
}

/** What remoted does with bytes that arrived as one message. */
export type Verdict =
  | { readonly kind: 'pong' }
  /** `close`: on TCP the connection ends. */
  | { readonly kind: 'drop'; readonly why: DropReason; readonly close: boolean; readonly id?: string }
  | {
      readonly kind: 'accept';
      readonly entry: KeyEntry;
      readonly message: DecodedMessage;
      readonly reading: Reading;
    };

/** What a decrypted message means to the manager. */
export interface Reading {
  readonly is: MessageKind;
  readonly valid: boolean;
  /** The payload of the answer; absent: none is given. */
  readonly answer?: string;
  /** True: `answer` is a refusal. */
  readonly refused: boolean;
  readonly state?: AgentState;
  /** The file that the agent is to be given, because it has another one. */
  readonly push?: SharedFile;
}

const ACK = '#!-agent ack ';
const STARTUP = '#!-agent startup ';
const SHUTDOWN = '#!-agent shutdown ';
const PING = Buffer.from('#ping', 'latin1');
const BANG = 0x21;

const READABLE: Readonly<Record<SandboxFamily, readonly Cipher[]>> = {
  'wazuh-4': ['blowfish', 'aes-wazuh'],
  'wazuh-3': ['blowfish', 'aes-wazuh'],
  ossec: ['blowfish', 'aes-ossec'],
};

/** Remoted's judgement, with what it remembers: the last counter of each agent. Sockets and time are its caller's. */
export class RemotedJudge {
  readonly #rules: RemotedRules;
  readonly #keys: KeyTable;
  readonly #last = new Map<string, Counter>();

  constructor(rules: RemotedRules, keys: KeyTable) {
    this.#rules = rules;
    this.#keys = keys;
  }

  /** What becomes of one message that came from `source` (an address as `sourceAddress` writes it). */
  judge(bytes: Uint8Array, source: string): Verdict {
    if (this.#rules.family === 'wazuh-4' && PING.equals(bytes)) return { kind: 'pong' };
    const id = peekId(bytes);
    if (id === undefined && bytes[0] === BANG) return drop('malformed');
    const entry = id === undefined ? this.#keys.bySource(source) : this.#keys.byId(id);
    if (entry === undefined) return id === undefined ? drop('unknown source') : drop('unknown id', id);
    if (!entry.allows(source)) return drop('address not allowed', id);

    const message = decodeMessage(bytes, entry.key, READABLE[this.#rules.family]);
    if (!message.ok) return drop(message.fault === 'format' ? 'malformed' : 'wrong key', entry.record.id);
    const last = this.#last.get(entry.record.id) ?? NOTHING_SENT;
    if (this.#rules.verifyMsgId && !isNewerCounter(message.counter, last)) return drop('old counter', entry.record.id);
    this.#last.set(entry.record.id, message.counter);
    return { kind: 'accept', entry, message, reading: read(message.text, this.#rules) };
  }
}

function drop(why: DropReason, id?: string): Verdict {
  return { kind: 'drop', why, close: true, ...(id === undefined ? {} : { id }) };
}

/** What a payload means. Control messages begin with `#!-`; everything else is an event and gets no answer. */
export function read(text: string, rules: RemotedRules): Reading {
  const plain = { valid: true, refused: false };
  if (!isControl(text)) return { ...plain, is: 'event' };
  if (text.startsWith(SHUTDOWN) && rules.family !== 'ossec') return { ...plain, is: 'shutdown', state: 'disconnected' };
  if (text.startsWith(STARTUP)) return { is: 'startup', ...readStartup(text.slice(STARTUP.length), rules) };
  if (text.includes('\n')) return { ...plain, is: 'keepalive', answer: ACK, state: 'active', ...pushFor(text, rules) };
  // OSSEC acknowledges whatever begins with "#!-"; a Wazuh 4 manager takes it for a keepalive that is broken.
  return rules.family === 'wazuh-4'
    ? { valid: false, refused: false, is: 'control' }
    : { ...plain, is: 'control', answer: ACK };
}

function readStartup(json: string, rules: RemotedRules): Omit<Reading, 'is'> {
  // OSSEC notes an agent as connected with its first keepalive only.
  if (rules.family === 'ossec') return { valid: true, refused: false, answer: ACK };
  const fault = rules.family === 'wazuh-4' ? startupFault(json, rules) : undefined;
  if (fault === undefined) return { valid: true, refused: false, answer: ACK, state: 'pending' };
  return { valid: true, refused: true, answer: `#!-err ${JSON.stringify({ message: fault })}` };
}

/** What is said against a startup with JSON; without JSON, or with what is no JSON, nothing (remoted, Wazuh 4.14). */
function startupFault(json: string, rules: RemotedRules): string | undefined {
  const value = parseJson(json);
  if (value === undefined) return undefined;
  const version = textOf(memberOf(value, 'version'));
  if (version === undefined) return "Couldn't retrieve version";
  if (rules.allowHigherVersions || !isNewer(version, rules.version)) return undefined;
  return 'Agent version must be lower or equal to manager version';
}

// A keepalive names the agent's shared file as `<md5 or x> merged.mg` on a line of its own.
function pushFor(text: string, { family }: RemotedRules): { readonly push?: SharedFile } {
  const file = MERGED[family];
  const match = /\n(\S+) merged\.mg\n/.exec(text);
  return match === null || match[1] === file.md5 ? {} : { push: file };
}
