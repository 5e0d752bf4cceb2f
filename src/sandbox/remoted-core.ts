import { randomBytes, randomInt } from 'node:crypto';
import type { Cipher, CipherChoice } from '../link/message/cipher.js';
import { encodeMessage } from '../link/message/codec.js';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import { type Counter, formatCounter, NOTHING_SENT, nextCounter } from '../model/message-counter.js';
import { sourceAddress } from './addresses.js';
import { type Agent, type AgentStore, type AgentView, viewOf } from './agent-table.js';
import { KeyReload } from './key-reload.js';
import { type KeyEntry, KeyTable } from './key-table.js';
import { RemotedJudge, type RemotedRules, type Verdict } from './remoted-protocol.js';
import type { DropReason, SandboxEvent } from './sandbox-events.js';

/** What remoted needs beside its sockets. */
export interface RemotedCoreOptions {
  readonly rules: RemotedRules;
  readonly keyReloadMs?: number;
  readonly store: AgentStore;
  readonly emit: (event: SandboxEvent) => void;
}

/** The way back to whoever sent a message. */
export interface Peer {
  readonly protocol: Protocol;
  readonly from: Endpoint;
  send(message: Uint8Array): void;
  /** Ends the connection; nothing on UDP. */
  close(): void;
  /** Takes the agent's key for this connection; false: another connection has it. */
  claim(id: string): boolean;
}

type Accepted = Extract<Verdict, { kind: 'accept' }>;

// As many datagrams as wait in a socket's buffer while ossec-remoted sleeps; what comes then is lost.
const QUEUE_LIMIT = 256;
const PONG = Buffer.from('#pong', 'latin1');

/** Remoted without its sockets: messages in, answers out. */
export class RemotedCore {
  readonly #options: RemotedCoreOptions;
  readonly #keys = new KeyTable();
  readonly #judge: RemotedJudge;
  readonly #reload: KeyReload;
  // One counter for all that the manager sends, to whichever agent (remoted, Wazuh 4.14, OSSEC 4.3).
  #sent: Counter = NOTHING_SENT;
  #queued = 0;
  #queue: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RemotedCoreOptions) {
    this.#options = options;
    const { rules, store, emit, keyReloadMs } = options;
    this.#judge = new RemotedJudge(rules, this.#keys);
    this.#reload = new KeyReload({
      family: rules.family,
      store,
      keys: this.#keys,
      emit,
      ...(keyReloadMs === undefined ? {} : { everyMs: keyReloadMs }),
    });
  }

  /** Takes one message. OSSEC handles one after the other, and all wait while it re-reads its keys. */
  receive(bytes: Uint8Array, peer: Peer): void {
    if (this.#stopped) return;
    if (this.#options.rules.family !== 'ossec') {
      this.#act(this.#judge.judge(bytes, sourceAddress(peer.from.host)), peer);
      return;
    }
    if (this.#queued >= QUEUE_LIMIT) return;
    this.#queued += 1;
    this.#queue = this.#queue.then(() => this.#receiveInTurn(bytes, peer));
  }

  /** Tells that the peer announced a frame longer than the protocol has. */
  frameTooLong(peer: Peer): void {
    this.#drop('frame too long', undefined, peer);
    peer.close();
  }

  stop(): void {
    this.#stopped = true;
    this.#reload.stop();
  }

  async #receiveInTurn(bytes: Uint8Array, peer: Peer): Promise<void> {
    this.#queued -= 1;
    const source = sourceAddress(peer.from.host);
    let verdict = this.#judge.judge(bytes, source);
    const unknown = verdict.kind === 'drop' && (verdict.why === 'unknown id' || verdict.why === 'unknown source');
    if (unknown && (await this.#reload.onUnknown())) verdict = this.#judge.judge(bytes, source);
    if (!this.#stopped) this.#act(verdict, peer);
  }

  #act(verdict: Verdict, peer: Peer): void {
    switch (verdict.kind) {
      case 'pong':
        this.#options.emit({ type: 'ping', from: peer.from, protocol: peer.protocol });
        peer.send(PONG);
        return;
      case 'drop':
        this.#drop(verdict.why, verdict.id, peer);
        peer.close();
        return;
      case 'accept':
        this.#accept(verdict, peer);
    }
  }

  #accept({ entry, message, reading }: Accepted, peer: Peer): void {
    const { id } = entry.record;
    const { emit, store } = this.#options;
    const { cipher } = message;
    if (!peer.claim(id)) {
      this.#drop('key in use', id, peer);
      peer.close();
      return;
    }
    const known = () => viewFor(store.get(id), entry);
    const counter = formatCounter(message.counter).slice(0, -1);
    emit({
      type: 'message',
      from: peer.from,
      agent: known(),
      protocol: peer.protocol,
      cipher,
      counter,
      kind: reading.is,
    });
    if (!reading.valid) {
      this.#drop('invalid control message', id, peer);
      return;
    }
    if (reading.state !== undefined) {
      const entered = store.setState(id, reading.state);
      if (entered !== undefined && entered.before !== reading.state) {
        emit({ type: 'state', agent: viewOf(entered.agent), before: entered.before });
      }
    }
    const send = (payload: string) => peer.send(this.#encode(payload, cipher, entry));
    if (reading.answer !== undefined) {
      send(reading.answer);
      if (reading.refused) emit({ type: 'refused', agent: known(), text: reading.answer });
      else emit({ type: 'acknowledged', agent: known(), protocol: peer.protocol, cipher });
    }
    if (reading.push !== undefined) {
      for (const payload of reading.push.payloads) send(payload);
      emit({ type: 'pushed', agent: known(), file: 'merged.mg' });
    }
  }

  /** In the cipher of the message that it answers, and never with an id in front. */
  #encode(payload: string, cipher: Cipher, { key }: KeyEntry): Uint8Array {
    this.#sent = nextCounter(this.#sent);
    const random = String(randomInt(65_536)).padStart(5, '0');
    return encodeMessage({ ...freshChoice(cipher), random, counter: this.#sent, payload }, key);
  }

  #drop(why: DropReason, id: string | undefined, { from, protocol }: Peer): void {
    this.#options.emit({ type: 'dropped', from, protocol, why, ...(id === undefined ? {} : { id }) });
  }
}

function freshChoice(cipher: Cipher): CipherChoice {
  return cipher === 'aes-ossec' ? { cipher, iv: randomBytes(16) } : { cipher };
}

// An agent that was removed after remoted read its keys is still served; nobody has its state any more.
function viewFor(agent: Agent | undefined, { record }: KeyEntry): AgentView {
  if (agent !== undefined) return viewOf(agent);
  return { id: record.id, name: record.name, ip: record.ip, groups: [], state: 'never_connected' };
}
