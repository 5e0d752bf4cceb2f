import { deriveKey, type MessageKey } from '../link/message/key.js';
import type { AgentRecord } from '../model/agent-record.js';
import { allowsSource } from './addresses.js';

/** One agent as remoted has it in memory. */
export interface KeyEntry {
  readonly record: AgentRecord;
  readonly key: MessageKey;
  /** Its place in client.keys, from 0. */
  readonly index: number;
  /** Whether the record takes messages from this address. */
  allows(source: string): boolean;
}

/** What remoted knows of client.keys: the state at its last reading, not the present one. */
export class KeyTable {
  #entries = new Map<string, KeyEntry>();
  #bySource = new Map<string, KeyEntry>();

  get size(): number {
    return this.#entries.size;
  }

  /** The ids, as they stand in the records. */
  get ids(): ReadonlySet<string> {
    return new Set(this.#entries.keys());
  }

  load(records: readonly AgentRecord[]): void {
    const entries = records.map(entryOf);
    this.#entries = new Map(entries.map((entry) => [entry.record.id, entry]));
    // A message without an id is looked up by its exact source: ranges and "any" are not found that way.
    this.#bySource = new Map(entries.map((entry) => [entry.record.ip, entry]));
  }

  /** By the id exactly as it stands in the record: `1` is not `001`. */
  byId(id: string): KeyEntry | undefined {
    return this.#entries.get(id);
  }

  bySource(source: string): KeyEntry | undefined {
    return this.#bySource.get(source);
  }
}

function entryOf(record: AgentRecord, index: number): KeyEntry {
  return { record, key: deriveKey(record), index, allows: (source) => allowsSource(record.ip, source) };
}
