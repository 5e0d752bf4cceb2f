import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';

/** Shows a journey to whoever looks at it. */
export interface Reporter {
  event(event: JourneyEvent): void;
  /** The journey went well. */
  finish(report: Report): void;
  /** The journey failed; `report` tells how far it came. */
  fail(error: EnrollError, report: Report): void;
}
