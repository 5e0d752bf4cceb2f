import type { AgentRecord } from '../../model/agent-record.js';
import type { AgentStore } from '../agent-table.js';
import type { SandboxEvent } from '../sandbox-events.js';

/** What {@link LoadedKeys} are made with. */
export interface LoadedKeysOptions {
  readonly store: AgentStore;
  /** How long after client.keys is written, ms. */
  readonly delayMs: number;
  readonly emit: (event: SandboxEvent) => void;
}

/** What remoted knows of client.keys: it watches the file, and reads it soon after it was written (0.05 s, Wazuh 5.0). */
export class LoadedKeys {
  readonly #options: LoadedKeysOptions;
  #records: ReadonlyMap<string, AgentRecord> = new Map();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadedKeysOptions) {
    this.#options = options;
  }

  get(id: string): AgentRecord | undefined {
    return this.#records.get(id);
  }

  /** To be told of each change to client.keys. */
  written(): void {
    this.#timer ??= setTimeout(() => this.read(), this.#options.delayMs);
  }

  /** Reads it at once, as at a start. */
  read(): void {
    this.stop();
    const { store, emit } = this.#options;
    const before = this.#records.size;
    this.#records = new Map(store.list().map(({ id, record }) => [id, record]));
    if (this.#records.size > 0 || before > 0) emit({ type: 'keys loaded', agents: this.#records.size });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
