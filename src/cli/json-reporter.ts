import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { jsonLine } from '../model/printable.js';
import type { Output } from './output.js';
import { PlainReporter } from './plain-reporter.js';
import type { Reporter } from './reporter.js';

/** One object on standard output, whatever happens; nothing else, and nothing on standard error but with --verbose. */
export class JsonReporter implements Reporter {
  readonly #output: Output;
  readonly #plain: PlainReporter | undefined;

  constructor(output: Output) {
    this.#output = output;
    this.#plain = output.verbose ? new PlainReporter(output) : undefined;
  }

  event(event: JourneyEvent): void {
    this.#plain?.event(event);
  }

  finish(report: Report): void {
    this.#output.out.write(`${jsonLine(report)}\n`);
  }

  fail(_error: EnrollError, report: Report): void {
    this.#output.out.write(`${jsonLine(report)}\n`);
  }
}
