import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentStore } from './agent-table.js';
import type { SandboxFamily } from './authd-protocol.js';
import type { Counters } from './counters.js';
import type { KeyTable } from './key-table.js';
import type { SandboxEvent } from './sandbox-events.js';

// `keyupdate_interval` of a stock Wazuh manager.
const WAZUH_INTERVAL_MS = 10_000;
const OSSEC_SLEEP_MS = 1_000;

/** What a {@link KeyReload} is made with. */
export interface KeyReloadOptions {
  readonly family: SandboxFamily;
  /** Another pace than the family's own. */
  readonly everyMs?: number;
  /** OSSEC: changes are told by the time of the file in whole seconds. */
  readonly wholeSeconds: boolean;
  readonly store: AgentStore;
  readonly keys: KeyTable;
  readonly counters: Counters;
  /** There was no agent in client.keys. */
  readonly onEmpty: () => void;
  readonly emit: (event: SandboxEvent) => void;
}

/**
 * When remoted learns of a change to client.keys: Wazuh looks every 10 s; OSSEC when an unknown agent sends something and
 * the file has changed, and sleeps 1 s first (remoted, Wazuh 4.14, OSSEC 4.3). Both read it when they start.
 */
export class KeyReload {
  readonly #options: KeyReloadOptions;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #readChanges: number;
  #readSecond: number;

  constructor(options: KeyReloadOptions) {
    this.#options = options;
    const { store } = options;
    this.#readChanges = store.changes;
    this.#readSecond = secondOf(store.changedAt);
    if (store.list().length > 0) this.#read();
    if (options.family !== 'ossec') {
      this.#timer = setInterval(() => this.#readIfChanged(), options.everyMs ?? WAZUH_INTERVAL_MS);
    }
  }

  /** To be called when an unknown agent sent something. True: the keys were read anew, look again. */
  async onUnknown(): Promise<boolean> {
    if (this.#options.family !== 'ossec' || !this.#seemsChanged()) return false;
    try {
      await sleep(this.#options.everyMs ?? OSSEC_SLEEP_MS, undefined, { signal: this.#stopped.signal });
    } catch {
      // Stopped: nobody waits for the answer any more.
      return false;
    }
    this.#read();
    return true;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped.abort();
  }

  #readIfChanged(): void {
    if (this.#readChanges !== this.#options.store.changes) this.#read();
  }

  #seemsChanged(): boolean {
    const { store, wholeSeconds } = this.#options;
    return wholeSeconds ? this.#readSecond !== secondOf(store.changedAt) : this.#readChanges !== store.changes;
  }

  #read(): void {
    const { store, keys, counters, onEmpty, emit } = this.#options;
    this.#readChanges = store.changes;
    this.#readSecond = secondOf(store.changedAt);
    keys.load(store.list().map((agent) => agent.record));
    counters.forgetAllBut(keys.ids);
    emit({ type: 'keys loaded', agents: keys.size });
    if (keys.size === 0) onEmpty();
  }
}

function secondOf(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
