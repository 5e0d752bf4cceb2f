import { isAgentName } from '../../model/agent-record.js';
import { isObject, memberOf, parseJson } from '../../model/json.js';
import { registeredAddress } from '../addresses.js';
import { isNewer } from '../versions.js';
import { authdRefusal, enrollRefusal, type HttpsAnswer } from './answers.js';
import type { HttpsState } from './exchange.js';

/** What a host asked for, and what may be registered as it stands. */
export interface EnrollRequest {
  readonly name: string;
  /** As client.keys is to hold it. */
  readonly ip: string;
  readonly groups: readonly string[];
  readonly keyHash?: string;
}

/** The outcome of {@link readEnrollRequest}. */
export type ReadEnrollRequest =
  | { readonly ok: true; readonly wanted: EnrollRequest }
  | { readonly ok: false; readonly answer: HttpsAnswer };

/** Reads the body of an enrollment that came from `source`; unknown members are passed over (Wazuh 5.0). */
export function readEnrollRequest(body: string, source: string, state: HttpsState): ReadEnrollRequest {
  const members = parseJson(body);
  if (!isObject(members)) return refused(enrollRefusal(400, 0, 'Invalid JSON'));
  const [name, version, groups = '', ip = 'any', keyHash] = ['name', 'version', 'groups', 'ip', 'key_hash'].map(
    (member) => memberOf(members, member),
  );
  if (typeof name !== 'string' || !isAgentName(name)) return invalid('name');
  if (typeof version !== 'string' || !/^v?\d+\.\d+/.test(version)) return invalid('version');
  if (isNewer(version, state.version)) {
    return refused(enrollRefusal(400, 0, 'Agent version is newer than this manager allows'));
  }
  if (typeof groups !== 'string') return invalid('groups');
  const names = groups === '' ? [] : [...new Set(groups.split(','))];
  if (names.some((group) => !state.groups.has(group))) return refused(authdRefusal(9014));
  if (typeof ip !== 'string') return invalid('ip');
  const address = addressOf(ip, source);
  if (address === undefined) return invalid('ip');
  if (keyHash !== undefined && typeof keyHash !== 'string') return invalid('key_hash');
  return { ok: true, wanted: { name, ip: address, groups: names, ...(keyHash === undefined ? {} : { keyHash }) } };
}

// A netmask, which 4.x takes, is refused here; so is a word that only begins with "src".
function addressOf(asked: string, source: string): string | undefined {
  if (/\/.*\./.test(asked)) return undefined;
  return registeredAddress(asked === 'src' ? source : asked, 'wazuh-4')?.stored;
}

function invalid(field: string): ReadEnrollRequest {
  return refused(enrollRefusal(400, 0, `Missing or invalid field: ${field}`));
}

function refused(answer: HttpsAnswer): ReadEnrollRequest {
  return { ok: false, answer };
}
