import type { SandboxFamily } from './authd-protocol.js';
import type { Reading } from './control-messages.js';
import type { KeyEntry } from './key-table.js';
import type { Drop } from './remoted-protocol.js';

/** A line of remoted's in the manager's log, without the time and without its name. */
export interface LogLine {
  readonly level: 'WARNING' | 'ERROR';
  /** The number that the daemons give it. */
  readonly code?: number;
  readonly text: string;
}

/** Where a message came from, as the log names it. */
export interface LoggedPeer {
  /** As `sourceAddress` writes it. */
  readonly source: string;
  /** The descriptor of its connection; absent on UDP. */
  readonly socket?: number;
}

/**
 * What remoted writes of a message that it does not take. Wazuh's lines as recorded from 4.14, and taken for those of
 * 3.13 too; OSSEC's by its source (4.3) and by what was seen of it.
 */
export function linesOfDrop(drop: Drop, peer: LoggedPeer, family: SandboxFamily): readonly LogLine[] {
  return family === 'ossec' ? ossecLines(drop, peer.source) : wazuhLines(drop, peer);
}

/** What remoted writes of a message that it has decrypted, and of whose sender it therefore knows. */
export function linesOfReading(
  { warning, answer }: Reading,
  entry: KeyEntry,
  family: SandboxFamily,
): readonly LogLine[] {
  const { id, name } = entry.record;
  if (warning === undefined) return [];
  if (warning === 'no version') return [warn(undefined, `Unable to get version from agent '${id}' on startup message`)];
  if (family === 'ossec') return [warn(undefined, `Invalid message from agent id: '${entry.index}'(uname)`)];
  const line = warn(undefined, `Invalid message from agent: '${name}' (${id})`);
  if (answer !== undefined) return [line];
  return [line, warn(undefined, `Error validating control message from agent ID '${id}'.`)];
}

/** What an OSSEC remoted leaves behind that ends over a client.keys without an agent. */
export const NO_KEYS: LogLine = { level: 'ERROR', code: 1751, text: 'File client.keys not found or empty. Exiting.' };

function wazuhLines({ why, id = '', entry, by }: Drop, { source, socket }: LoggedPeer): readonly LogLine[] {
  const { name = 'unknown', ip = source } = entry?.record ?? {};
  const undecrypted = socket === undefined ? [] : [warn(undefined, `Decrypt the message fail, socket ${socket}`)];
  switch (why) {
    case 'unknown source': {
      const text = `Message from '${source}' not allowed. Cannot find the ID of the agent. Source agent ID is unknown.`;
      return [warn(1213, text)];
    }
    case 'unknown id':
    case 'address not allowed':
      return [warn(1408, `Invalid ID ${id} for the source ip: '${source}' (name '${name}').`)];
    case 'malformed':
      if (entry === undefined) return [formatError('(unknown)', source)];
      return [formatError(id, source), ...undecrypted];
    case 'wrong key':
      return [wrongKey(id, by === 'cipher' ? ip : source), ...undecrypted];
    case 'old counter':
      // It is told from a wrong key within one global number alone (by its source).
      return [by === 'global' ? wrongKey(id, source) : warn(1407, `Duplicated counter for '${name}'.`), ...undecrypted];
    case 'key in use':
      return [warn(undefined, `Agent key already in use: agent ID '${id}'`)];
    case 'frame too long':
      return [warn(undefined, `Too big message size from socket [${socket ?? 0}].`)];
    case 'lost connection':
      return [{ level: 'ERROR', text: "IP address family '0':'AF_UNSPEC' not supported." }];
    case 'invalid control message':
      return [];
  }
}

function formatError(agent: string, source: string): LogLine {
  return error(1403, `Incorrectly formatted message from agent '${agent}' (host '${source}').`);
}

function wrongKey(id: string, at: string): LogLine {
  const text = `Authentication error. Wrong key or corrupt payload. Message received from agent '${id}' at '${at}'.`;
  return warn(1404, text);
}

function ossecLines({ why, id = '', entry, by }: Drop, source: string): readonly LogLine[] {
  const { name = '', ip = source } = entry?.record ?? {};
  switch (why) {
    case 'unknown source':
      return [warn(1213, `Message from ${source} not allowed.`)];
    case 'unknown id':
    case 'address not allowed':
      return [error(1408, `Invalid ID ${id} for the source ip: '${source}'.`)];
    case 'malformed':
      return [error(1403, `Incorrectly formatted message from '${entry === undefined ? source : id}'.`)];
    case 'wrong key':
      return [error(1404, `Authentication error. Wrong key from '${by === 'cipher' ? ip : source}'.`)];
    case 'old counter':
      if (by === 'global') return [error(1404, `Authentication error. Wrong key from '${source}'.`)];
      return [error(1407, `Duplicated counter for '${name}'.`)];
    // UDP has no connections, and every control message is acknowledged.
    case 'key in use':
    case 'frame too long':
    case 'lost connection':
    case 'invalid control message':
      return [];
  }
}

function warn(code: number | undefined, text: string): LogLine {
  return { level: 'WARNING', text, ...(code === undefined ? {} : { code }) };
}

function error(code: number, text: string): LogLine {
  return { level: 'ERROR', code, text };
}
