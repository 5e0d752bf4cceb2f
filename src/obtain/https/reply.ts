import { EnrollError } from '../../errors.js';
import { type AgentRecord, faultInWords, parseRecord } from '../../model/agent-record.js';
import { isObject, memberOf, textOf } from '../../model/json.js';
import { type EnrollCredential, isCanonicalId, type ReenrollSecret } from '../../model/manager-jwt.js';
import { isReenrollSecret } from '../../model/reenroll-secret.js';
import { fitAddress } from '../../model/register-address.js';
import { Secret } from '../../model/secret.js';
import type { KeyRequest } from '../key-source.js';

/** What an issued key must be. */
export interface KeyExpectation {
  readonly request: Pick<KeyRequest, 'name' | 'ip'>;
  /** By what the key was asked for. */
  readonly credential?: EnrollCredential;
  /** Where it came from, for messages: `host:port`. */
  readonly where: string;
}

/** A key that fits. */
export interface Issued {
  readonly record: AgentRecord;
  /** Absent: an older manager gave none. */
  readonly reenroll?: ReenrollSecret;
  readonly warnings: readonly string[];
}

/**
 * Reads the body of a 200: `{"id","name","ip","key","reenroll_secret"}`. It must be one record, for the name and the
 * address asked for, with an id of at most 8 digits and a key of 64 lower-case hex digits; the secret is of the same form
 * or is not there. Other members are passed over.
 *
 * @throws EnrollError `REPLY_INVALID`
 */
export function readIssued(body: unknown, { request, credential, where }: KeyExpectation): Issued {
  const invalid = (why: string) =>
    new EnrollError('REPLY_INVALID', `The answer of ${where} is not a key for ${request.name}: ${why}.`);

  if (!isObject(body)) throw invalid('it is not a JSON object');
  const [id, name, ip, key] = ['id', 'name', 'ip', 'key'].map((member) => textOf(memberOf(body, member)));
  if (id === undefined || name === undefined || ip === undefined || key === undefined) {
    throw invalid('the id, the name, the address or the key is missing');
  }
  if (!/^\d{1,8}$/.test(id) || !isCanonicalId(id)) throw invalid('its id is not one that a manager gives to an agent');
  if (!/^[0-9a-f]{64}$/.test(key)) throw invalid('its key is not 64 lower-case hexadecimal digits');
  const parsed = parseRecord(`${id} ${name} ${ip} ${key}`);
  if (!parsed.ok) throw invalid(faultInWords(parsed.fault));
  const { record } = parsed;
  if (record.name !== request.name) throw invalid(`it is for the name ${record.name}`);

  const secret = memberOf(body, 'reenroll_secret');
  if (secret !== undefined && !(typeof secret === 'string' && isReenrollSecret(secret))) {
    throw invalid('its re-enrollment secret is not 64 lower-case hexadecimal digits');
  }
  const { fault, warnings } = addressOf(record, request, credential);
  if (fault !== undefined) throw invalid(fault);
  const reenroll = typeof secret === 'string' ? { reenroll: { id, secret: new Secret(secret) } } : {};
  return { record, ...reenroll, warnings };
}

/** With a re-enrollment secret the agent that is there already gets another key: its address may be what it was. */
function addressOf(
  record: AgentRecord,
  { ip }: KeyExpectation['request'],
  credential: EnrollCredential | undefined,
): { readonly fault?: string; readonly warnings: readonly string[] } {
  const fit = fitAddress(ip, record.ip);
  if (fit.ok) return { warnings: fit.warning === undefined ? [] : [fit.warning] };
  if (credential?.kind !== 'reenroll') return { fault: fit.fault, warnings: [] };
  return { warnings: [`The manager kept the address of this agent, ${record.ip}: it is not the one asked for.`] };
}
