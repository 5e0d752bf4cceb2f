import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { type Output, styled } from './output.js';
import { conclusion, errorLines, type Sentence, sentences } from './sentences.js';

/** Shows a journey to whoever looks at it. */
export interface Reporter {
  event(event: JourneyEvent): void;
  /** The journey went well. */
  finish(report: Report): void;
  /** The journey failed; `report` tells how far it came. */
  fail(error: EnrollError, report: Report): void;
}

/** On a narrower terminal a spinner is more trouble than help. */
const NARROWEST = 20;

/** The reporter that fits where the output goes. */
export async function createReporter(output: Output): Promise<Reporter> {
  if (output.json) return new JsonReporter(output);
  // A serial console or a half-made terminal tells no width, and a spinner cannot clear its lines without one.
  const spins = output.interactive && output.columns >= NARROWEST;
  if (spins && !output.quiet && !output.verbose) {
    const { TerminalReporter } = await import('./terminal-reporter.js');
    return TerminalReporter.create(output);
  }
  return new PlainReporter(output);
}

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
    this.#output.out.write(`${JSON.stringify(report)}\n`);
  }

  fail(_error: EnrollError, report: Report): void {
    this.#output.out.write(`${JSON.stringify(report)}\n`);
  }
}
