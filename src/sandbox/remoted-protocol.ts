import { type Cipher, tokenOf } from '../link/message/cipher.js';
import { type DecodedMessage, decodeMessage, peekId } from '../link/message/codec.js';
import { isNewer as isNewerCounter } from '../model/message-counter.js';
import type { SandboxFamily } from './authd-protocol.js';
import { type Reading, read } from './control-messages.js';
import type { Counters } from './counters.js';
import type { KeyEntry, KeyTable } from './key-table.js';
import type { DropReason } from './sandbox-events.js';

/** What a remoted was configured with. */
export interface RemotedRules {
  readonly family: SandboxFamily;
  /** Messages whose counter is not above the agent's last one are dropped. */
  readonly verifyMsgId: boolean;
  readonly version: string;
  readonly allowHigherVersions: boolean;
}

/** A message that remoted does not take; on TCP the connection ends over it. */
export interface Drop {
  readonly kind: 'drop';
  readonly why: DropReason;
  /** The id that the message carried, or that of the agent that its source belongs to. */
  readonly id?: string;
  /** The agent that it is said to come from, where remoted knows that one. */
  readonly entry?: KeyEntry;
  /**
   * What the log makes a difference between. `wrong key`: `cipher`, it did not even decrypt. `old counter`: `global`,
   * already its global part is below the last one.
   */
  readonly by?: 'cipher' | 'global';
}

/** What remoted does with bytes that arrived as one message. */
export type Verdict =
  | { readonly kind: 'pong' }
  | Drop
  | {
      readonly kind: 'accept';
      readonly entry: KeyEntry;
      readonly message: DecodedMessage;
      readonly reading: Reading;
    };

const PING = Buffer.from('#ping', 'latin1');
const BANG = 0x21;

/** Remoted's judgement, by its rules and by the counters of the agents. Sockets and time are its caller's. */
export class RemotedJudge {
  readonly #rules: RemotedRules;
  readonly #keys: KeyTable;
  readonly #counters: Counters;
  readonly #ciphers: readonly Cipher[];

  constructor(rules: RemotedRules, keys: KeyTable, counters: Counters) {
    this.#rules = rules;
    this.#keys = keys;
    this.#counters = counters;
    this.#ciphers = readableCiphers(rules);
  }

  /**
   * What becomes of one message that came from `source` (an address as `sourceAddress` writes it).
   * @param inUse whether another connection than that of the message has the key of the agent with this id
   */
  judge(bytes: Uint8Array, source: string, inUse: (id: string) => boolean): Verdict {
    if (this.#rules.family === 'wazuh-4' && PING.equals(bytes)) return { kind: 'pong' };
    const carried = peekId(bytes);
    if (carried === undefined && bytes[0] === BANG) return { kind: 'drop', why: 'malformed' };
    const entry = carried === undefined ? this.#keys.bySource(source) : this.#keys.byId(carried);
    if (entry === undefined) {
      return carried === undefined
        ? { kind: 'drop', why: 'unknown source' }
        : { kind: 'drop', why: 'unknown id', id: carried };
    }
    const { id } = entry.record;
    const drop = (why: DropReason, by?: Drop['by']): Drop => ({
      kind: 'drop',
      why,
      id,
      entry,
      ...(by === undefined ? {} : { by }),
    });
    if (!entry.allows(source)) return drop('address not allowed');
    // Before it is known whether the message is the agent's own (remoted, Wazuh 4.14, by its source).
    if (inUse(id)) return drop('key in use');

    const message = decodeMessage(bytes, entry.key, this.#ciphers);
    if (!message.ok) {
      if (message.fault === 'format' || this.#isUnknownToken(bytes, carried)) return drop('malformed');
      return drop('wrong key', message.fault === 'cipher' ? 'cipher' : undefined);
    }
    const last = this.#counters.lastOf(id);
    if (this.#rules.verifyMsgId && !isNewerCounter(message.counter, last)) {
      return drop('old counter', message.counter.global < last.global ? 'global' : undefined);
    }
    this.#counters.note(id, message.counter);
    return { kind: 'accept', entry, message, reading: read(message.text, this.#rules) };
  }

  #isUnknownToken(bytes: Uint8Array, id: string | undefined): boolean {
    const token = tokenOf('aes-ossec');
    const start = id === undefined ? 0 : id.length + 2;
    const found = Buffer.from(bytes.subarray(start, start + token.length)).toString('latin1') === token;
    return found && this.#ciphers.every((cipher) => tokenOf(cipher) !== token);
  }
}

// OSSEC has AES since 4.0.
function readableCiphers({ family, version }: RemotedRules): readonly Cipher[] {
  if (family !== 'ossec') return ['blowfish', 'aes-wazuh'];
  return /^v?[0-3]\./.test(version) ? ['blowfish'] : ['blowfish', 'aes-ossec'];
}
