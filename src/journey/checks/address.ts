import { EnrollError } from '../../errors.js';
import { addressMismatch } from '../../link/message/address-mismatch.js';
import type { AgentRecord } from '../../model/agent-record.js';
import { type CheckId, type Finding, right, untold } from './finding.js';
import type { LinkLook } from './link-look.js';

/** What an address of a record is compared with. */
export interface AddressFacts {
  readonly record: AgentRecord | undefined;
  /** From which address this host speaks to the manager; absent: not known, or a proxy speaks in its place. */
  readonly local: string | undefined;
  /** All addresses of this host. */
  readonly own: readonly string[];
}

/** Whether the record is made for the address from which this host speaks: else a manager refuses it without a word. */
export function address({ record, local, own }: AddressFacts, look: LinkLook, cause: CheckId | undefined): Finding {
  if (record === undefined) return untold('address', 'Not looked at: there is no key that can be used.');
  const { ip } = record;
  if (ip === 'any') return right('address', 'The record is for any address.');
  if (local === undefined) {
    return untold('address', `The record is for ${ip}; from which address this host speaks is not known.`);
  }
  const mismatch = addressMismatch(record, local);
  if (mismatch === undefined) return right('address', `The record is for ${ip}, and this host speaks from ${local}.`);
  const has = own.includes(ip) ? 'It has that address as well' : 'It has no such address';
  const detail = `${mismatch} ${has}.`;
  if (look.kind === 'proved' || look.kind === 'daemon') {
    return right('address', `${mismatch} The manager takes it: something on the way translates addresses.`);
  }
  if (cause !== 'address')
    return untold('address', `${detail} That matters unless something on the way translates it.`);
  const hint = `Enroll again for the address that the manager sees, or for any: agent-enroll --force --ip any. Where the manager refuses the name, it still has agent ${record.id}: manage_agents -r ${record.id} there, then once more. Only where a NAT shows this host to the manager as ${ip} is the record right: then look into the manager's log (ossec.log) for agent ${record.id}.`;
  if (look.kind !== 'failed') return { id: 'address', ok: false, detail, hint };
  const { error } = look;
  return {
    id: 'address',
    ok: false,
    detail: `${detail} The manager is there, and does not take messages with this key from here.`,
    hint,
    error: new EnrollError(error.code, error.message, { hint, cause: error }),
  };
}
