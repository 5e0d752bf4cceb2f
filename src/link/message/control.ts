import { memberOf, parseJson, textOf } from '../../model/json.js';
import { printable } from '../../model/printable.js';

const CONTROL = '#!-';
const ACKNOWLEDGEMENT = '#!-agent ack ';
const REFUSAL = '#!-err';

/** Tells the manager that the agent stops, so that it is not left `pending` (Wazuh 3.x, 4.x; not acknowledged). */
export const SHUTDOWN = '#!-agent shutdown ';

/** Sent in the clear; a remoted of Wazuh 4.0 and later answers `#pong`. It shows that remoted is there, not that the key is good. */
export const PING: Uint8Array = Buffer.from('#ping', 'latin1');

const PONG = Buffer.from('#pong', 'latin1');

/**
 * The message that starts a session; the manager acknowledges it.
 * @param version the agent's, as `v4.14.7`: a manager of Wazuh 4.6 and later then checks it as well. Without it every
 * version acknowledges.
 */
export function startup(version?: string): string {
  return `#!-agent startup ${version === undefined ? '' : JSON.stringify({ version })}`;
}

/**
 * Whether an agent of this version (`v4.14.7`) names it in its startup, as agents do since 4.6. A manager that is older
 * than that may not know a startup with more in it.
 */
export function namesItsVersion(version: string): boolean {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  return Number(major) > 4 || (Number(major) === 4 && Number(minor) >= 6);
}

/** Whether a message that arrived is the answer to {@link PING}. */
export function isPong(bytes: Uint8Array): boolean {
  return PONG.equals(bytes);
}

/** Whether a payload is a control message; a manager acknowledges every one of them but the shutdown. */
export function isControl(text: string): boolean {
  return text.startsWith(CONTROL);
}

/** Whether a payload is the manager's acknowledgement. */
export function isAcknowledgement(text: string): boolean {
  return text.startsWith(ACKNOWLEDGEMENT);
}

/**
 * The manager's own words, made printable, where the payload is a refusal: `#!-err {"message":"…"}` (remoted, Wazuh
 * 4.6 and later). What is no such JSON is given as it stands. `undefined`: no refusal.
 */
export function parseRefusal(text: string): string | undefined {
  if (!text.startsWith(REFUSAL)) return undefined;
  const rest = text.slice(REFUSAL.length).trim();
  return printable(textOf(memberOf(parseJson(rest), 'message')) ?? rest) || 'no reason given';
}
