import type { Ora } from 'ora';
import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { onOneLine } from '../model/printable.js';
import { fitted } from './fitted.js';
import { marks } from './marks.js';
import { type Output, styled } from './output.js';
import type { Reporter } from './reporter.js';
import { type Countdown, conclusion, errorLines, type Sentence, sentences } from './sentences.js';

/** How often the line is made anew, in milliseconds: the seconds must not be seen to stumble. */
const REDRAW_MS = 250;
/**
 * The spinner and the space behind it; the `^C` of whoever interrupts, which would break the line; and the last column,
 * from which some terminals go on to the next line.
 */
const TAKEN = 5;

/** What goes on, and when it is over where that is known. */
interface GoingOn {
  readonly text: string;
  readonly ends?: { readonly at: number; readonly atMost: boolean };
}

/** A spinner for what goes on, a tick for what is done: for a person at a terminal. */
export class TerminalReporter implements Reporter {
  readonly #output: Output;
  readonly #spinner: Ora;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  #goingOn: GoingOn | undefined;
  #redraw: NodeJS.Timeout | undefined;

  private constructor(output: Output, spinner: Ora, signal: AbortSignal, now: () => number) {
    this.#output = output;
    this.#spinner = spinner;
    this.#signal = signal;
    this.#now = now;
    // Whatever ends the program then, the line is gone and the cursor back.
    signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** @param now milliseconds of a clock that nobody sets */
  static async create(output: Output, signal: AbortSignal, now = () => performance.now()): Promise<TerminalReporter> {
    const { default: ora } = await import('ora');
    // That it is a terminal is known. The spinner has the terminal's own colour, which is readable.
    const spinner = ora({ stream: output.err, isEnabled: true, color: false, discardStdin: false });
    return new TerminalReporter(output, spinner, signal, now);
  }

  event(event: JourneyEvent): void {
    // A table follows.
    if (event.kind === 'checked') this.#stop();
    for (const sentence of sentences(event)) {
      const text = onOneLine(sentence.text);
      const { done, warning } = marks();
      if (sentence.kind === 'start') this.#start(sentence);
      else if (sentence.kind === 'done') this.#persist(styled(this.#output, 'good', done), text);
      else if (sentence.kind === 'warning') this.#persist(styled(this.#output, 'notice', warning), text);
    }
  }

  finish(report: Report): void {
    this.#stop();
    this.#output.err.write(`${styled(this.#output, 'strong', conclusion(report))}\n`);
  }

  fail(error: EnrollError): void {
    const { message, rest } = errorLines(error, false);
    this.#persist(styled(this.#output, 'bad', marks().failed), styled(this.#output, 'strong', message));
    for (const line of rest) this.#output.err.write(`  ${onOneLine(line)}\n`);
  }

  #start({ text, countdown }: Sentence): void {
    if (this.#signal.aborted) return;
    this.#goingOn = countdown === undefined ? { text } : this.#counted(countdown);
    this.#draw();
    this.#spinner.start();
    this.#redraw ??= setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  #counted({ text, waitMs, atMost }: Countdown): GoingOn {
    return { text, ends: { at: this.#now() + waitMs, atMost: atMost === true } };
  }

  #draw(): void {
    if (this.#goingOn === undefined) return;
    const { text, ends } = this.#goingOn;
    const columns = this.#output.columns - TAKEN;
    this.#spinner.text = lineOf(onOneLine(text), ends && { ...ends, leftMs: ends.at - this.#now() }, columns);
  }

  #persist(symbol: string, text: string): void {
    this.#stop();
    this.#spinner.stopAndPersist({ symbol, text });
  }

  #stop(): void {
    clearInterval(this.#redraw);
    this.#redraw = undefined;
    this.#goingOn = undefined;
    this.#spinner.stop();
  }
}

/** What goes on and what is left of the wait, in full where there is space for it. */
function lineOf(
  text: string,
  wait: { readonly leftMs: number; readonly atMost: boolean } | undefined,
  columns: number,
): string {
  if (wait === undefined) return fitted(text, '', columns);
  const seconds = `${Math.max(0, Math.ceil(wait.leftMs / 1000))} s`;
  const full = fitted(text, wait.atMost ? `(at most ${seconds} more)` : `(${seconds} more)`, columns);
  return full.startsWith(text) ? full : fitted(text, `(${seconds})`, columns);
}
