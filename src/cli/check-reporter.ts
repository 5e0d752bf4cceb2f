import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { checkTable, hasCross } from './check-table.js';
import type { Output } from './output.js';
import type { Reporter } from './reporter.js';

/** What goes on while one waits, and its end; the table tells the rest. */
const WAITS: readonly JourneyEvent['kind'][] = ['proving', 'waiting', 'attempt', 'checked'];

/**
 * Shows `check`: one line where all is well, and the table where something is wrong or everything was asked for. What else
 * there is to be shown, another reporter shows.
 */
export class CheckReporter implements Reporter {
  readonly #output: Output;
  readonly #inner: Reporter;

  constructor(output: Output, inner: Reporter) {
    this.#output = output;
    this.#inner = inner;
  }

  event(event: JourneyEvent): void {
    const { json, verbose, interactive } = this.#output;
    const shown = json || verbose || event.kind === 'warning' || (interactive && WAITS.includes(event.kind));
    if (shown) this.#inner.event(event);
  }

  finish(report: Report): void {
    this.#table(report);
    this.#inner.finish(report);
  }

  fail(error: EnrollError, report: Report): void {
    this.#table(report);
    this.#inner.fail(error, report);
  }

  #table({ checks = [] }: Report): void {
    const { json, quiet, verbose, err } = this.#output;
    if (json || checks.length === 0 || !(verbose || hasCross(checks))) return;
    const told = quiet ? checks.filter(({ ok }) => ok === false) : checks;
    for (const line of checkTable(told, this.#output)) err.write(`${line}\n`);
  }
}
