import { EnrollError } from '../errors.js';

/** After so long it is looked whether an interrupted command has ended by itself, and again, so many times at most. */
const LOOK_MS = 60;
const LOOKS = 6;
/** A key that is on its way to the disk is waited for, be the disk slow, but not for ever. */
const LONGEST_STEP_MS = 30_000;

/** How the program is interrupted: Ctrl-C and SIGTERM end it, but not in the middle of what must not be cut off. */
export interface Interruption {
  /** Aborted by the first signal, with the error that the program ends with. */
  readonly signal: AbortSignal;
  /** Runs a step that a signal must not cut off: it is taken afterwards, or when the step takes longer than 30 s. */
  uninterrupted<T>(step: () => Promise<T>): Promise<T>;
  /** The command has ended by itself. */
  end(): void;
}

/** Listens to the signals of this process. */
export function listenToSignals(): Interruption {
  const interrupt = new AbortController();
  let ended = false;
  let steps = 0;
  const stop = (error: EnrollError) => {
    interrupt.abort(error);
    let looks = 0;
    const since = performance.now();
    const look = () => {
      const inStep = steps > 0 && performance.now() - since < LONGEST_STEP_MS;
      looks = inStep ? 0 : looks + 1;
      // What still hangs otherwise may be dropped. A busy machine is waited for.
      if (ended || looks === LOOKS) leave(error);
      else setTimeout(look, LOOK_MS).unref();
    };
    setTimeout(look, LOOK_MS).unref();
  };
  process.once('SIGINT', () => stop(new EnrollError('INTERRUPTED', 'Interrupted.')));
  process.once('SIGTERM', () => stop(new EnrollError('TERMINATED', 'Terminated.')));
  return {
    signal: interrupt.signal,
    async uninterrupted(step) {
      steps += 1;
      try {
        return await step();
      } finally {
        steps -= 1;
      }
    },
    end() {
      ended = true;
    },
  };
}

/** What the system does in a thread of its own and cannot be told to stop: names being looked up, files being read. */
const IN_THREAD = /^(GetAddrInfo|GetNameInfo|FSReq|FileHandle)/;

/**
 * Ends an interrupted program now. An exit waits for the system's threads, a name look-up that no server answers among
 * them, which takes ten seconds and more; the default action of the signal waits for nothing. A shell sees the same
 * code, 130 or 143, either way.
 */
function leave({ code, exitCode }: EnrollError): void {
  if (process.platform !== 'win32' && process.getActiveResourcesInfo().some((name) => IN_THREAD.test(name))) {
    const signal = code === 'TERMINATED' ? 'SIGTERM' : 'SIGINT';
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    return;
  }
  process.exit(exitCode);
}
