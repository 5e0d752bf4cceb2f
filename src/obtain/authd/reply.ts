import { EnrollError } from '../../errors.js';
import { type AgentRecord, faultInWords, isAgentName, LONGEST_NAME, parseRecord } from '../../model/agent-record.js';
import type { ManagerFamily } from '../../model/endpoint.js';
import { fitAddress } from '../../model/register-address.js';
import type { KeyRequest } from '../key-source.js';
import { closedSilently, isWholeRefusal, quoteReply, type ReplyContext, refusal } from './refusal.js';

export type { ReplyContext } from './refusal.js';

/** A key that authd issued, checked against what was asked for. */
export interface IssuedKey {
  readonly kind: 'key';
  readonly record: AgentRecord;
  /** Absent where the reply fits none of the families. */
  readonly family?: ManagerFamily;
  /** The name asked for, where an OSSEC manager gave another one. */
  readonly renamedFrom?: string;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

const KEY_START = "OSSEC K:'";
const ERROR_START = 'ERROR: ';
/** id, name, address with netmask and key, with room to spare. */
const BODY_LIMIT = 400;

/**
 * What has come of a reply so far. `open`: more must follow. `complete`: a whole key, after which nothing but the end
 * may come. `decided`: it is an error, whatever follows.
 */
export function replyState(reply: Buffer): 'open' | 'complete' | 'decided' {
  if (isRefusal(reply)) return isWholeRefusal(reply) ? 'decided' : 'open';
  const text = reply.toString('latin1');
  if (KEY_START.startsWith(text) || ERROR_START.startsWith(text)) return 'open';
  if (!text.startsWith(KEY_START)) return 'decided';
  const close = text.indexOf("'", KEY_START.length);
  const body = text.slice(KEY_START.length, close < 0 ? undefined : close);
  if (body.length > BODY_LIMIT || !isPlain(body)) return 'decided';
  if (close < 0) return 'open';
  return isTail(text.slice(close + 1)) ? 'complete' : 'decided';
}

/** Whether a reply has the beginning of a refusal. */
export function isRefusal(reply: Buffer): boolean {
  return reply.toString('latin1', 0, ERROR_START.length) === ERROR_START;
}

/**
 * Reads the whole reply of authd, everything that came before the connection ended.
 *
 * A key must be exactly one record, `OSSEC K:'<id> <name> <ip> <64 hex>'`, for the name and address asked for, with
 * nothing behind it but the line ends of 3.x and OSSEC.
 *
 * @throws EnrollError a refusal by its own code; `NOT_AUTHD` for an answer in no shape of authd's; `ANSWER_LOST` for a
 * key that was cut off; `REPLY_INVALID` for a key that is not the one asked for; `CLOSED_SILENTLY` for no byte at all
 */
export function readReply(reply: Buffer, request: KeyRequest, context: ReplyContext): IssuedKey {
  if (reply.length === 0) throw closedSilently(context);
  const text = reply.toString('latin1');
  if (isRefusal(reply)) throw refusal(text, request, context);
  if (KEY_START.startsWith(text) || ERROR_START.startsWith(text)) throw cutOff();
  if (!text.startsWith(KEY_START)) {
    const said = quoteReply(text.slice(0, 80), request, context);
    throw new EnrollError('NOT_AUTHD', `What answered is not authd. It said: "${said}".`, { managerSaid: said });
  }
  const close = text.indexOf("'", KEY_START.length);
  const body = text.slice(KEY_START.length, close < 0 ? undefined : close);
  if (!isPlain(body)) throw invalid('the record holds a line end or another control character');
  if (body.length > BODY_LIMIT) throw invalid('the record is too long');
  if (close < 0) throw cutOff();
  const tail = text.slice(close + 1);
  if (!isTail(tail)) {
    throw invalid(tail.includes(KEY_START) ? 'a second record follows the first' : 'something follows the record');
  }
  return granted(body, tail, request, context);
}

function granted(body: string, tail: string, request: KeyRequest, context: ReplyContext): IssuedKey {
  const parsed = parseRecord(body);
  if (!parsed.ok) throw numberedTooLong(body, request) ?? invalid(faultInWords(parsed.fault));
  const { record } = parsed;
  // "%03d"; 000, the manager's own, is no record's.
  if (!/^(?:0\d\d|[1-9]\d{2,9})$/.test(record.id)) {
    throw invalid('its id is not one that a manager gives to an agent');
  }
  if (!/^[0-9a-f]{64}$/i.test(record.key.reveal())) throw invalid('its key is not 64 hexadecimal digits');

  const family = familyOf(record, tail, context);
  const warnings: string[] = [];
  const renamed = record.name !== request.name;
  if (renamed) {
    if (family !== 'ossec' || !isRenamed(record.name, request.name)) {
      throw invalid(`it is for the name ${quoteReply(record.name, request, context)} and not for ${request.name}`);
    }
    warnings.push(
      `The manager already has an agent called ${request.name} and registered this one as ${record.name}. That is its name now.`,
    );
  }
  const fit = fitAddress(request.ip, record.ip, family);
  if (!fit.ok) throw invalid(fit.fault);
  if (fit.warning !== undefined) warnings.push(fit.warning);
  return {
    kind: 'key',
    record,
    ...(family === undefined ? {} : { family }),
    ...(renamed ? { renamedFrom: request.name } : {}),
    warnings,
  };
}

// ossec-authd 4.3 ends in two line ends, numbers from 1024 and speaks TLS 1.2 alone; wazuh-authd 3.13 ends alike and
// numbers from 001; 4.x ends in nothing.
function familyOf({ id }: AgentRecord, tail: string, { tlsVersion }: ReplyContext): ManagerFamily | undefined {
  if (tail === '') return 'wazuh-4';
  if (tail !== '\n\n') return undefined;
  return Number(id) >= 1024 && tlsVersion === 'TLSv1.2' ? 'ossec' : 'wazuh-3';
}

/** ossec-authd numbers a name of the full length all the same, and so makes one that no agent can have. */
function numberedTooLong(body: string, { name: asked }: KeyRequest): EnrollError | undefined {
  const [id = '', name = ''] = body.split(' ');
  if (name.length <= LONGEST_NAME || !/^\d{1,10}$/.test(id) || !isNumbered(name, asked)) return undefined;
  const text = `The manager already has an agent called ${asked} and registered this one as ${name}, which is longer than the ${LONGEST_NAME} characters that an agent's name may have. Nothing was installed.`;
  return new EnrollError('NAME_REFUSED', text, {
    hint: `Remove agent ${id} on the manager (manage_agents -r ${id}), and give this host a shorter name with --name.`,
  });
}

function isRenamed(given: string, asked: string): boolean {
  return isAgentName(given) && isNumbered(given, asked);
}

// ossec-authd appends 2, 3, … to a name that exists, and gives up after 255 of them.
function isNumbered(given: string, asked: string): boolean {
  if (!given.startsWith(asked)) return false;
  const suffix = given.slice(asked.length);
  return /^[1-9]\d{0,2}$/.test(suffix) && Number(suffix) >= 2 && Number(suffix) <= 257;
}

function isPlain(body: string): boolean {
  return /^[\x20-\x7e]*$/.test(body);
}

function isTail(tail: string): boolean {
  return tail === '' || tail === '\n' || tail === '\n\n';
}

function invalid(why: string): EnrollError {
  return new EnrollError('REPLY_INVALID', `The manager answered with a key that cannot be used: ${why}.`);
}

function cutOff(): EnrollError {
  return new EnrollError('ANSWER_LOST', "The manager's answer was cut off, so the key did not arrive in full.");
}
