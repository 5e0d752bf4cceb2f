import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { onOneLine } from '../model/printable.js';
import { type Output, styled } from './output.js';
import type { Reporter } from './reporter.js';
import { conclusion, errorLines, type Sentence, sentences } from './sentences.js';

/** Complete lines: for logs, pipes, cloud-init and configuration management. */
export class PlainReporter implements Reporter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  event(event: JourneyEvent): void {
    for (const sentence of sentences(event)) this.#sentence(sentence);
  }

  finish(report: Report): void {
    if (!this.#output.quiet) this.#write(styled(this.#output, 'good', conclusion(report)));
  }

  fail(error: EnrollError): void {
    const { message, rest } = errorLines(error, this.#output.verbose);
    this.#write(`${styled(this.#output, 'bad', 'Error:')} ${onOneLine(message)}`);
    for (const line of rest) this.#write(`  ${onOneLine(line)}`);
  }

  #sentence({ kind, text }: Sentence): void {
    const line = onOneLine(text);
    if (kind === 'warning') this.#write(`${styled(this.#output, 'notice', 'Warning:')} ${line}`);
    else if (this.#output.quiet || (kind === 'note' && !this.#output.verbose)) return;
    else this.#write(kind === 'start' ? `${line} …` : line);
  }

  #write(line: string): void {
    this.#output.err.write(`${line}\n`);
  }
}
