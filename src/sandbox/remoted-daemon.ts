import type { Endpoint } from '../model/endpoint.js';
import { Daemon, type Running } from './daemon.js';
import { type LogLine, NO_KEYS } from './log-lines.js';
import type { SandboxEvent } from './sandbox-events.js';

/** What a {@link RemotedDaemon} is made with. */
export interface RemotedDaemonOptions {
  readonly endpoint: Endpoint;
  readonly launch: (endpoint: Endpoint) => Promise<Running>;
  /** Whether client.keys has no agent, where it ends by itself over that; absent: it does not. */
  readonly endsWithoutKeys?: () => boolean;
  /** How long after the first key somebody starts it again, in ms; absent: nobody does. */
  readonly restartMs?: number;
  readonly log: (lines: readonly LogLine[]) => void;
  /** Is told each time that it came up. */
  readonly onUp: () => void;
  readonly emit: (event: SandboxEvent) => void;
}

/** Remoted with its own way to end: over a client.keys without an agent (OSSEC 4.3). */
export class RemotedDaemon {
  readonly #options: RemotedDaemonOptions;
  readonly #daemon: Daemon;
  #ended = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: RemotedDaemonOptions) {
    this.#options = options;
    this.#daemon = new Daemon({
      endpoint: options.endpoint,
      launch: (endpoint) => this.#launch(endpoint),
      onChange: (up) => this.#tell(up),
    });
  }

  get endpoint(): Endpoint {
    return this.#daemon.endpoint;
  }

  /** @throws EnrollError if its port cannot be had */
  start(): Promise<void> {
    this.#forgetEnd();
    return this.#daemon.start();
  }

  stop(): Promise<void> {
    this.#forgetEnd();
    return this.#daemon.stop();
  }

  /** @throws EnrollError if its port cannot be had again */
  restart(): Promise<void> {
    this.#forgetEnd();
    return this.#daemon.restart();
  }

  close(): Promise<void> {
    this.#forgetEnd();
    return this.#daemon.close();
  }

  /** To be told of each key that is added. */
  keyAdded(): void {
    const { restartMs } = this.#options;
    if (!this.#ended || restartMs === undefined || this.#restart !== undefined) return;
    this.#restart = setTimeout(() => void this.#startAgain(), restartMs);
  }

  /** To be told that it has read a client.keys without an agent. */
  keysEmpty(): void {
    if (this.#options.endsWithoutKeys === undefined) return;
    this.#ended = true;
    this.#options.log([NO_KEYS]);
    void this.#daemon.stop();
  }

  async #launch(endpoint: Endpoint): Promise<Running | undefined> {
    const { endsWithoutKeys, launch, log } = this.#options;
    if (endsWithoutKeys?.() !== true) return launch(endpoint);
    this.#ended = true;
    log([NO_KEYS]);
    this.#tell(false);
    return undefined;
  }

  async #startAgain(): Promise<void> {
    try {
      await this.start();
    } catch {
      // Somebody else has its port by now: it says so in the words of the daemon, and stays down.
      const text = `Unable to Bind port '${this.endpoint.port}'`;
      this.#options.log([{ level: 'ERROR', code: 1206, text }]);
    }
  }

  #tell(up: boolean): void {
    if (up) this.#options.onUp();
    else this.#options.emit({ type: 'stopped', service: 'remoted', how: this.#ended ? 'by itself' : 'by request' });
  }

  #forgetEnd(): void {
    clearTimeout(this.#restart);
    this.#restart = undefined;
    this.#ended = false;
  }
}
