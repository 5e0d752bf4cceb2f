import { isControl } from '../link/message/control.js';
import { memberOf, parseJson, textOf } from '../model/json.js';
import type { AgentState } from './agent-table.js';
import type { SandboxFamily } from './authd-protocol.js';
import { MERGED, type SharedFile } from './merged.js';
import type { MessageKind } from './sandbox-events.js';
import { isNewer } from './versions.js';

/** What a decrypted message means to the manager. */
export interface Reading {
  readonly is: MessageKind;
  readonly valid: boolean;
  /** The payload of the answer; absent: none is given. */
  readonly answer?: string;
  /** True: `answer` is a refusal. */
  readonly refused: boolean;
  readonly state?: AgentState;
  /** The file that the agent is to be given, because it has another one. */
  readonly push?: SharedFile;
  /** What the manager's log says of it. */
  readonly warning?: 'not understood' | 'no version';
}

/** By what a message is read. */
export interface ReadingRules {
  readonly family: SandboxFamily;
  readonly version: string;
  readonly allowHigherVersions: boolean;
}

const ACK = '#!-agent ack ';
const STARTUP = '#!-agent startup ';
const SHUTDOWN = '#!-agent shutdown ';
const NO_VERSION = "Couldn't retrieve version";

/** What a payload means. Control messages begin with `#!-`; everything else is an event and gets no answer. */
export function read(text: string, rules: ReadingRules): Reading {
  if (!isControl(text)) return { is: 'event', valid: true, refused: false };
  return rules.family === 'wazuh-4' ? readNew(text, rules) : readOld(text, rules);
}

/** As remoted of Wazuh 4.14 does: what it takes for a keepalive that is broken gets no answer. */
function readNew(text: string, rules: ReadingRules): Reading {
  const plain = { valid: true, refused: false };
  if (text.startsWith(SHUTDOWN)) return { ...plain, is: 'shutdown', state: 'disconnected' };
  if (text.startsWith(STARTUP)) return { is: 'startup', ...readStartup(text.slice(STARTUP.length), rules) };
  if (text.includes('\n')) return { ...plain, is: 'keepalive', answer: ACK, state: 'active', ...pushFor(text, rules) };
  return { is: 'control', valid: false, refused: false, warning: 'not understood' };
}

/**
 * As those of OSSEC 4.3 and Wazuh 3.13 do: every control message is acknowledged first and read afterwards. They know a
 * startup without anything in it, and the keepalive; a shutdown is neither, and leaves the agent as it is.
 */
function readOld(text: string, rules: ReadingRules): Reading {
  const acknowledged = { valid: true, refused: false, answer: ACK };
  // OSSEC notes an agent as connected with its first keepalive only.
  const pending = rules.family === 'ossec' ? {} : ({ state: 'pending' } as const);
  if (text === STARTUP) return { ...acknowledged, is: 'startup', ...pending };
  if (text.includes('\n')) return { ...acknowledged, is: 'keepalive', state: 'active', ...pushFor(text, rules) };
  return { ...acknowledged, is: kindOf(text), warning: 'not understood' };
}

function kindOf(text: string): MessageKind {
  if (text.startsWith(SHUTDOWN)) return 'shutdown';
  return text.startsWith(STARTUP) ? 'startup' : 'control';
}

function readStartup(json: string, rules: ReadingRules): Omit<Reading, 'is'> {
  const fault = startupFault(json, rules);
  if (fault === undefined) return { valid: true, refused: false, answer: ACK, state: 'pending' };
  return {
    valid: true,
    refused: true,
    answer: `#!-err ${JSON.stringify({ message: fault })}`,
    ...(fault === NO_VERSION ? { warning: 'no version' } : {}),
  };
}

/** What is said against a startup with JSON; without JSON, or with what is no JSON, nothing (remoted, Wazuh 4.14). */
function startupFault(json: string, rules: ReadingRules): string | undefined {
  const value = parseJson(json);
  if (value === undefined) return undefined;
  const version = textOf(memberOf(value, 'version'));
  if (version === undefined) return NO_VERSION;
  if (rules.allowHigherVersions || !isNewer(version, rules.version)) return undefined;
  return 'Agent version must be lower or equal to manager version';
}

// A keepalive names the agent's shared file as `<md5 or x> merged.mg` on a line of its own.
function pushFor(text: string, { family }: ReadingRules): { readonly push?: SharedFile } {
  const file = MERGED[family];
  const match = /\n(\S+) merged\.mg\n/.exec(text);
  return match === null || match[1] === file.md5 ? {} : { push: file };
}
