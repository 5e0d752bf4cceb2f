/**
 * The number of a message, in two parts. A manager with `verify_msg_id=1` (OSSEC's default) takes a message only if it
 * is newer than the last one of that agent.
 */
export interface Counter {
  readonly global: number;
  readonly local: number;
}

/** The counter of an agent that has sent nothing yet: its first message is 0:1. */
export const NOTHING_SENT: Counter = { global: 0, local: 0 };

/** The greatest `global`: both sides keep it in 32 bits. */
export const GLOBAL_MAX = 0xffff_ffff;

/** The greatest `local` that the four digits of a header hold; senders stop before it. */
export const LOCAL_MAX = 9999;

// The last local number that agentd and remoted use (OSSEC 4.3, Wazuh 4.14).
const LAST_LOCAL = 9997;

/** Whether no message can follow this one: the counters of this agent are used up. */
export function isLast({ global, local }: Counter): boolean {
  return local >= LAST_LOCAL && global >= GLOBAL_MAX;
}

/**
 * The counter of the next message after `last`. Past 9997 the local part starts at 0 again with the next global.
 * @throws RangeError if the counters of this agent are used up
 */
export function nextCounter(last: Counter): Counter {
  if (last.local < LAST_LOCAL) return { global: last.global, local: last.local + 1 };
  if (isLast(last)) throw new RangeError('The message counter of this agent is used up.');
  return { global: last.global + 1, local: 0 };
}

/** Whether a manager that checks counters takes `a` after `b`: a greater global, or the same with a greater local. */
export function isNewer(a: Counter, b: Counter): boolean {
  return a.global > b.global || (a.global === b.global && a.local > b.local);
}

/**
 * Reads the text of `queue/rids/sender_counter`. The daemons read it with the pattern `%u:%u`, so space in front of a
 * number and anything after the second one is passed over. `undefined`: the daemons would not find a counter either.
 */
export function parseCounter(text: string): Counter | undefined {
  const match = /^\s*(\d{1,10}):\s*(\d{1,10})(?!\d)/.exec(text);
  if (match === null) return undefined;
  const global = Number(match[1]);
  const local = Number(match[2]);
  return global <= GLOBAL_MAX && local <= GLOBAL_MAX ? { global, local } : undefined;
}

/** The counter as the daemons write it to `sender_counter`: `global:local:`, no line end. */
export function formatCounter({ global, local }: Counter): string {
  return `${global}:${local}:`;
}
