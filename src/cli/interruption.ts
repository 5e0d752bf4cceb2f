import { EnrollError } from '../errors.js';

/** After so long it is looked whether an interrupted command has ended by itself, and again, so many times at most. */
const LOOK_MS = 60;
const LOOKS = 10;
/** A key that is on its way to the disk is waited for, be the disk slow, but not for ever. */
const LONGEST_STEP_MS = 30_000;

/** How the program is interrupted: Ctrl-C and SIGTERM end it, but not in the middle of what must not be cut off. */
export interface Interruption {
  /** Aborted by the first signal, with the error that the program ends with. */
  readonly signal: AbortSignal;
  /** Runs a step that a signal must not cut off: it is taken afterwards, or when the step takes longer than 30 s. */
  uninterrupted<T>(step: () => Promise<T>): Promise<T>;
  /** Resolves, with the reason of the signal, where an interrupted command does not end by itself. */
  readonly overdue: Promise<EnrollError>;
}

/** Listens to the signals of this process. */
export function listenToSignals(): Interruption {
  const interrupt = new AbortController();
  let steps = 0;
  let giveUp: (error: EnrollError) => void = () => {};
  const overdue = new Promise<EnrollError>((resolve) => {
    giveUp = resolve;
  });
  const stop = (error: EnrollError) => {
    interrupt.abort(error);
    let looks = 0;
    const since = performance.now();
    const look = () => {
      const inStep = steps > 0 && performance.now() - since < LONGEST_STEP_MS;
      looks = inStep ? 0 : looks + 1;
      // What still hangs otherwise may be dropped. A busy machine is waited for.
      if (looks === LOOKS) giveUp(error);
      else setTimeout(look, LOOK_MS).unref();
    };
    setTimeout(look, LOOK_MS).unref();
  };
  listen('SIGINT', () => stop(new EnrollError('INTERRUPTED', 'Interrupted.')));
  listen('SIGTERM', () => stop(new EnrollError('TERMINATED', 'Terminated.')));
  return {
    signal: interrupt.signal,
    overdue,
    async uninterrupted(step) {
      steps += 1;
      try {
        return await step();
      } finally {
        steps -= 1;
      }
    },
  };
}

/**
 * Takes the first signal; the second one has its default action. The listener stays in between: what shows the cursor of
 * a terminal again when a program ends (ora brings it) ends it at once where it is the only one that listens.
 */
function listen(name: 'SIGINT' | 'SIGTERM', first: () => void): void {
  let taken = false;
  const take = () => {
    if (!taken) {
      taken = true;
      first();
      return;
    }
    process.off(name, take);
    process.kill(process.pid, name);
  };
  process.on(name, take);
}
