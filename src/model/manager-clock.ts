/** Smaller differences are those of a header that counts whole seconds, and of the way. */
const TOLERANCE_S = 5;

/** The form of RFC 9110 §5.6.7 that servers have to send: `Wed, 25 Nov 2026 08:00:00 GMT`. */
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * By how many seconds a manager's clock, as its `Date` tells it, is ahead of this host's. 0: it is not told, or differs
 * by less than 5 s, so that what is signed with this host's time is good. To be asked of a trusted manager only.
 *
 * @param localMs this host's time, in milliseconds since 1970
 */
export function clockDifference(localMs: number, date: string | undefined): number {
  const told = date !== undefined && DATE.test(date) ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(told)) return 0;
  const difference = Math.floor(told / 1000) - Math.floor(localMs / 1000);
  return Math.abs(difference) < TOLERANCE_S ? 0 : difference;
}
