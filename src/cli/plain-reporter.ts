import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { type Output, styled } from './output.js';
import type { Reporter } from './reporter.js';
import { conclusion, errorLines, type Sentence, sentences } from './sentences.js';

/** Complete lines without control characters: for logs, pipes, cloud-init and configuration management. */
export class PlainReporter implements Reporter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  event(event: JourneyEvent): void {
    for (const sentence of sentences(event)) this.#sentence(sentence);
  }

  finish(report: Report): void {
    if (!this.#output.quiet) this.#line(styled(this.#output, 'green', conclusion(report)));
  }

  fail(error: EnrollError): void {
    const { message, rest } = errorLines(error, this.#output.verbose);
    this.#line(`${styled(this.#output, 'red', 'Error:')} ${message}`);
    for (const line of rest) this.#line(`  ${line}`);
  }

  #sentence({ kind, text }: Sentence): void {
    if (kind === 'warning') this.#line(`${styled(this.#output, 'yellow', 'Warning:')} ${text}`);
    else if (this.#output.quiet || (kind === 'note' && !this.#output.verbose)) return;
    else this.#line(kind === 'start' ? `${text} …` : text);
  }

  #line(text: string): void {
    this.#output.err.write(`${text}\n`);
  }
}
