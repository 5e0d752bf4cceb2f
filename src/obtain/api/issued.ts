import { EnrollError } from '../../errors.js';
import { type AgentRecord, faultInWords, parseRecord } from '../../model/agent-record.js';
import { objectOf, textOf } from '../../model/json.js';
import { fitAddress, type RegisterIp } from '../../model/register-address.js';

/** What an issued key must be. */
export interface KeyExpectation {
  readonly name: string;
  readonly asked: RegisterIp;
  /** Where it came from, for messages. */
  readonly where: string;
}

/** A key that fits. */
export interface Issued {
  readonly record: AgentRecord;
  readonly warnings: readonly string[];
}

// id, name, address with netmask and 127 characters of key are some 350 bytes.
const BASE64 = /^(?:[A-Za-z0-9+/]{4}){1,128}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Reads the answer to a `POST /agents`: `{id, key}`, where the key is the base64 of one line of client.keys (3.13.6,
 * 4.0.4 to 5.0.0-beta4). It must be one record, for the name and address asked for, with the id beside it.
 *
 * @throws EnrollError `REPLY_INVALID`
 */
export function readIssued(data: unknown, expected: KeyExpectation): Issued {
  const { id, key } = objectOf(data);
  return readKey(textOf(id), textOf(key), expected);
}

/**
 * Reads a key as `readIssued` and `GET /agents/{id}/key` have it.
 * @throws EnrollError `REPLY_INVALID`
 */
export function readKey(id: string | undefined, key: string | undefined, expected: KeyExpectation): Issued {
  const { name, asked, where } = expected;
  const invalid = (why: string) =>
    new EnrollError('REPLY_INVALID', `The answer of ${where} is not a key for ${name}: ${why}.`);

  if (id === undefined || key === undefined) throw invalid('it has no id or no key');
  if (!BASE64.test(key)) throw invalid('the key is not base64');
  const bytes = Buffer.from(key, 'base64');
  if (bytes.toString('base64') !== key) throw invalid('the key is not base64');
  const parsed = parseRecord(bytes.toString('latin1'));
  if (!parsed.ok) throw invalid(`the key is not one record of client.keys: ${faultInWords(parsed.fault)}`);
  const { record } = parsed;
  if (record.name !== name) throw invalid(`it is for the agent ${record.name}`);
  if (record.id !== id) throw invalid(`it is for the id ${record.id}, and the answer names another`);
  const fit = fitAddress(asked, record.ip);
  if (!fit.ok) throw invalid(fit.fault);
  return { record, warnings: fit.warning === undefined ? [] : [fit.warning] };
}
