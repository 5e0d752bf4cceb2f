/**
 * How often a startup goes out, as a function of the time that has passed. A manager logs a line for each message with a
 * key that it does not know yet, so the messages thin out as the wait grows: the acknowledgement comes at most a tenth of
 * the wait, and at most a second, after the manager has learned the key.
 *
 * OSSEC learns a key in 1.0 s, Wazuh in up to 10 s (remoted, OSSEC 4.3, Wazuh 4.14): 30 messages go out in these 10 s,
 * and 88 in a minute, those of {@link doubtAt} among them.
 */

const QUICK_MS = 130;
const QUICK_FOR_MS = 1500;
/** Of the time that has passed. A pause of a ninth would be a tenth of the wait that it ends: a little below that. */
const SHARE = 0.109;
const SLOWEST_MS = 985;

/** The pause between a message that goes out after `elapsedMs` milliseconds and the next one, in milliseconds. */
export function pauseAfter(elapsedMs: number): number {
  return elapsedMs < QUICK_FOR_MS ? QUICK_MS : Math.min(SLOWEST_MS, elapsedMs * SHARE);
}

// Wazuh needs 10 s to learn a key, and this is well beyond.
const FIRST_DOUBT_MS = 15_000;
const DOUBT_EVERY_MS = 9000;

/** After how many milliseconds what looked certain is doubted for the `count`th time (from 0), with one message. */
export function doubtAt(count: number): number {
  return FIRST_DOUBT_MS + count * DOUBT_EVERY_MS;
}

/** How long to wait before a name that was not found after `elapsedMs` is looked up again, in milliseconds. */
export function pauseAfterLookup(elapsedMs: number): number {
  return Math.min(2000, Math.max(250, elapsedMs / 4));
}
