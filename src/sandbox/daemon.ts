import type { Endpoint } from '../model/endpoint.js';

/** A service of the sandbox that runs. */
export interface Running {
  readonly endpoint: Endpoint;
  /** Resolves when no socket and no timer of it is left. */
  close(): Promise<void>;
}

/** What a {@link Daemon} is made with. */
export interface DaemonOptions {
  /** Where it listens whenever it runs; with port 0, where it listened first. */
  readonly endpoint: Endpoint;
  /** Brings it up; `undefined`: it ended by itself. */
  readonly launch: (endpoint: Endpoint) => Promise<Running | undefined>;
  /** Is told each time that it came up or went down; not of its last end. */
  readonly onChange: (up: boolean) => void;
}

/** A service that goes down and comes up again, with one port for its whole life. What is asked of it is done in turn. */
export class Daemon {
  readonly #options: DaemonOptions;
  #endpoint: Endpoint;
  #running: Running | undefined;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#endpoint = options.endpoint;
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** Resolves once it is up, or has ended by itself. @throws EnrollError if its port cannot be had */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  /** Resolves once its port is closed and its connections are gone. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#stop());
  }

  /** @throws EnrollError if its port cannot be had again */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#stop();
      await this.#start();
    });
  }

  /** Stops it for good. */
  close(): Promise<void> {
    this.#closed = true;
    return this.stop();
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #start(): Promise<void> {
    if (this.#closed || this.#running !== undefined) return;
    this.#running = await this.#options.launch(this.#endpoint);
    if (this.#running === undefined) return;
    this.#endpoint = this.#running.endpoint;
    this.#options.onChange(true);
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    await running.close();
    if (!this.#closed) this.#options.onChange(false);
  }
}
