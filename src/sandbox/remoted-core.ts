import { randomBytes, randomInt } from 'node:crypto';
import type { Cipher, CipherChoice } from '../link/message/cipher.js';
import { encodeMessage } from '../link/message/codec.js';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import { formatCounter } from '../model/message-counter.js';
import { sourceAddress } from './addresses.js';
import { type Agent, type AgentStore, type AgentView, viewOf } from './agent-table.js';
import type { Counters } from './counters.js';
import { KeyReload } from './key-reload.js';
import { type KeyEntry, KeyTable } from './key-table.js';
import { type LogLine, linesOfDrop, linesOfReading } from './log-lines.js';
import { type Drop, RemotedJudge, type RemotedRules, type Verdict } from './remoted-protocol.js';
import type { SandboxEvent } from './sandbox-events.js';

/** What remoted needs beside its sockets. */
export interface RemotedCoreOptions {
  readonly rules: RemotedRules;
  readonly keyReloadMs?: number;
  /** OSSEC: changes to client.keys are told by its time in whole seconds. */
  readonly wholeSeconds: boolean;
  readonly store: AgentStore;
  readonly counters: Counters;
  /** It has read a client.keys without an agent. */
  readonly onEmptyKeys: () => void;
  readonly log: (lines: readonly LogLine[]) => void;
  readonly emit: (event: SandboxEvent) => void;
}

/** The way back to whoever sent a message. */
export interface Peer {
  readonly protocol: Protocol;
  readonly from: Endpoint;
  /** The descriptor of its connection; absent on UDP. */
  readonly socket?: number;
  send(message: Uint8Array): void;
  /** Ends the connection; nothing on UDP. */
  close(): void;
  /** Whether another connection has this agent's key. */
  inUse(id: string): boolean;
  /** Takes the agent's key for this connection. */
  claim(id: string): void;
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
  #queued = 0;
  #queue: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RemotedCoreOptions) {
    this.#options = options;
    const { rules, store, counters, emit, keyReloadMs, wholeSeconds, onEmptyKeys } = options;
    this.#judge = new RemotedJudge(rules, this.#keys, counters);
    this.#reload = new KeyReload({
      family: rules.family,
      store,
      keys: this.#keys,
      counters,
      wholeSeconds,
      onEmpty: onEmptyKeys,
      emit,
      ...(keyReloadMs === undefined ? {} : { everyMs: keyReloadMs }),
    });
  }

  /** Takes one message. OSSEC handles one after the other, and all wait while it re-reads its keys. */
  receive(bytes: Uint8Array, peer: Peer): void {
    if (this.#stopped) return;
    if (this.#options.rules.family !== 'ossec') {
      this.#act(this.#judgeFrom(bytes, peer), peer);
      return;
    }
    if (this.#queued >= QUEUE_LIMIT) return;
    this.#queued += 1;
    this.#queue = this.#queue.then(() => this.#receiveInTurn(bytes, peer));
  }

  /** Tells that the peer announced a frame longer than the protocol has. */
  frameTooLong(peer: Peer): void {
    this.#drop({ kind: 'drop', why: 'frame too long' }, peer);
    peer.close();
  }

  /** Tells that a message came over a connection that remoted has lost: it is not looked at, and nothing is closed. */
  overLostConnection(peer: Peer): void {
    this.#drop({ kind: 'drop', why: 'lost connection' }, peer);
  }

  stop(): void {
    this.#stopped = true;
    this.#reload.stop();
  }

  async #receiveInTurn(bytes: Uint8Array, peer: Peer): Promise<void> {
    this.#queued -= 1;
    let verdict = this.#judgeFrom(bytes, peer);
    if (isUnknown(verdict) && (await this.#reload.onUnknown())) verdict = this.#judgeFrom(bytes, peer);
    if (!this.#stopped) this.#act(verdict, peer);
  }

  #judgeFrom(bytes: Uint8Array, peer: Peer): Verdict {
    return this.#judge.judge(bytes, sourceAddress(peer.from.host), (id) => peer.inUse(id));
  }

  #act(verdict: Verdict, peer: Peer): void {
    switch (verdict.kind) {
      case 'pong':
        this.#options.emit({ type: 'ping', from: peer.from, protocol: peer.protocol });
        peer.send(PONG);
        return;
      case 'drop':
        this.#drop(verdict, peer);
        peer.close();
        return;
      case 'accept':
        this.#accept(verdict, peer);
    }
  }

  #accept({ entry, message, reading }: Accepted, peer: Peer): void {
    const { id } = entry.record;
    const { emit, store, log, rules } = this.#options;
    const { cipher } = message;
    // An event alone makes no connection the agent's (remoted, Wazuh 4.14, by its source).
    if (reading.is !== 'event') peer.claim(id);
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
    log(linesOfReading(reading, entry, rules.family));
    if (!reading.valid) {
      this.#drop({ kind: 'drop', why: 'invalid control message', id, entry }, peer);
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
    const counter = this.#options.counters.next();
    const random = String(randomInt(65_536)).padStart(5, '0');
    return encodeMessage({ ...freshChoice(cipher), random, counter, payload }, key);
  }

  #drop(drop: Drop, { from, protocol, socket }: Peer): void {
    const { emit, log, rules } = this.#options;
    const { why, id } = drop;
    emit({ type: 'dropped', from, protocol, why, ...(id === undefined ? {} : { id }) });
    const peer = { source: sourceAddress(from.host), ...(socket === undefined ? {} : { socket }) };
    log(linesOfDrop(drop, peer, rules.family));
  }
}

// For OSSEC an agent that speaks from another address than that of its record is as unknown as one without a record.
function isUnknown(verdict: Verdict): boolean {
  if (verdict.kind !== 'drop') return false;
  return verdict.why === 'unknown id' || verdict.why === 'unknown source' || verdict.why === 'address not allowed';
}

function freshChoice(cipher: Cipher): CipherChoice {
  return cipher === 'aes-ossec' ? { cipher, iv: randomBytes(16) } : { cipher };
}

// An agent that was removed after remoted read its keys is still served; nobody has its state any more.
function viewFor(agent: Agent | undefined, { record }: KeyEntry): AgentView {
  if (agent !== undefined) return viewOf(agent);
  return { id: record.id, name: record.name, ip: record.ip, groups: [], state: 'never_connected' };
}
