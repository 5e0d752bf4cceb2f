import type { Ora } from 'ora';
import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { onOneLine } from '../model/printable.js';
import { type Output, styled } from './output.js';
import type { Reporter } from './reporter.js';
import { conclusion, errorLines, sentences } from './sentences.js';

/** A spinner for what goes on, a tick for what is done: for a person at a terminal. */
export class TerminalReporter implements Reporter {
  readonly #output: Output;
  readonly #spinner: Ora;

  private constructor(output: Output, spinner: Ora) {
    this.#output = output;
    this.#spinner = spinner;
  }

  static async create(output: Output): Promise<TerminalReporter> {
    const { default: ora } = await import('ora');
    return new TerminalReporter(
      output,
      ora({ stream: output.err, color: output.color ? 'cyan' : false, discardStdin: false }),
    );
  }

  event(event: JourneyEvent): void {
    // A table follows.
    if (event.kind === 'checked') this.#spinner.stop();
    for (const { kind, text: said } of sentences(event)) {
      const text = onOneLine(said);
      if (kind === 'start') this.#spinner.start(text);
      else if (kind === 'done') this.#persist(styled(this.#output, 'green', '✔'), text);
      else if (kind === 'warning') this.#persist(styled(this.#output, 'yellow', '!'), text);
    }
  }

  finish(report: Report): void {
    this.#spinner.stop();
    this.#output.err.write(`${styled(this.#output, 'bold', conclusion(report))}\n`);
  }

  fail(error: EnrollError): void {
    const { message, rest } = errorLines(error, false);
    this.#persist(styled(this.#output, 'red', '✖'), styled(this.#output, 'bold', message));
    for (const line of rest) this.#output.err.write(`  ${onOneLine(line)}\n`);
  }

  #persist(symbol: string, text: string): void {
    this.#spinner.stopAndPersist({ symbol, text });
  }
}
