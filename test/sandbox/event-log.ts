import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';

/** Keeps the events of a sandbox, and waits for one. */
export class EventLog {
  readonly all: SandboxEvent[] = [];
  #wake: (() => void)[] = [];

  readonly onEvent = (event: SandboxEvent): void => {
    this.all.push(event);
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  };

  /** Resolves once an event, past or to come, is the one; fails after `ms` milliseconds. */
  async until(wanted: (event: SandboxEvent) => boolean, ms = 3_000): Promise<void> {
    const end = Date.now() + ms;
    while (!this.all.some(wanted)) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no such event in ${ms} ms; there were: ${this.all.map(({ type }) => type)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}
