import { isRecordAddress } from '../../model/agent-record.js';
import { isObject, objectOf, textOf } from '../../model/json.js';
import { printable } from '../../model/printable.js';
import { fitAddress } from '../../model/register-address.js';
import { itemsOf } from './answer.js';

/** An agent as an API shows it. All text is printable. */
export interface FoundAgent {
  readonly id: string;
  readonly name: string;
  /** The address that it was registered with. */
  readonly ip?: string;
  readonly status?: string;
  readonly lastSeen?: string;
  /** When it was registered, in the manager's own writing. */
  readonly added?: string;
}

/** Reads a list of agents, or the one agent that 3.x answers with; what is none is passed over. */
export function foundAgents(data: unknown): FoundAgent[] {
  const one = objectOf(data);
  const items = 'id' in one ? [one] : itemsOf(data);
  return items.flatMap((item) => {
    if (!isObject(item)) return [];
    const { id, name } = item;
    if (typeof id !== 'string' || typeof name !== 'string' || !/^\d{1,10}$/.test(id)) return [];
    return [
      {
        id,
        name: printable(name),
        ...shown('ip', item['registerIP'] ?? item['ip']),
        ...shown('status', item['status']),
        ...shown('lastSeen', item['lastKeepAlive']),
        ...shown('added', item['dateAdd']),
      },
    ];
  });
}

function shown<Key extends string>(key: Key, value: unknown): { [K in Key]?: string } {
  const said = textOf(value);
  if (said === undefined) return {};
  const entry: { [K in Key]?: string } = {};
  entry[key] = printable(said);
  return entry;
}

/** The agent of exactly this name. An API searches without regard to case: `WEB01` is another agent than `web01`. */
export function agentNamed(agents: readonly FoundAgent[], name: string): FoundAgent | undefined {
  return agents.find((agent) => agent.name === name);
}

/** The agent that was registered with this address or range. */
export function agentAt(agents: readonly FoundAgent[], ip: string): FoundAgent | undefined {
  return agents.find((agent) => agent.ip !== undefined && isSameAddress(agent.ip, ip));
}

/** Whether two addresses or ranges of records are the same; IPv6 in any writing. */
function isSameAddress(a: string, b: string): boolean {
  if (a === 'any' || b === 'any') return a === b;
  return isRecordAddress(a) && isRecordAddress(b) && fitAddress({ kind: 'address', address: a }, b).ok;
}

/** `agent 005 (web01, 10.0.0.9), disconnected, last seen 2026-11-22 05:20:45`, as far as it is known. */
export function describeAgent({ id, name, ip, status, lastSeen, added }: FoundAgent): string {
  const parts = [`agent ${id} (${ip === undefined ? name : `${name}, ${ip}`})`];
  if (status !== undefined) parts.push(status.replaceAll('_', ' ').toLowerCase());
  if (lastSeen !== undefined) parts.push(`last seen ${lastSeen}`);
  else if (added !== undefined) parts.push(`registered ${added}`);
  return parts.join(', ');
}
