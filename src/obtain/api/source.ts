import { EnrollError } from '../../errors.js';
import { isAgentName } from '../../model/agent-record.js';
import { printable } from '../../model/printable.js';
import { checkGroupNames } from '../group-names.js';
import type { AgentKey, Completion, KeyRequest, KeySource } from '../key-source.js';
import { addressFor } from './address-field.js';
import { outcomeOf } from './answer.js';
import { familyOf } from './api-version.js';
import { type ApiAccess, begin } from './begin.js';
import type { NewAgent } from './dialect.js';
import { explainDuplicate } from './duplicate.js';
import { tellingOfExposure } from './exposure.js';
import { assignGroups, checkGroups } from './groups.js';
import { type ApiHttp, openApi } from './http.js';
import { type Issued, readIssued } from './issued.js';
import { recover } from './recover.js';
import { refusal } from './refusal.js';
import { type ApiAddress, apiAddress } from './url.js';

export type { ApiCredentials } from './session.js';

/** Where an API is, who asks, and how. */
export interface ApiOptions extends ApiAccess {
  /** Replace an agent that has this name or address, whatever its state. */
  readonly force: boolean;
}

/**
 * Asks a manager's REST API for a key (Wazuh 3.x, 4.x and 5.x).
 *
 * The request for the agent is sent once. Where its answer is lost the outcome is looked up, see `recover`, and where
 * that tells nothing the error is `ANSWER_LOST` or `REPLY_INVALID`. Credentials that were refused are not sent again by
 * this source.
 *
 * The groups are assigned by `complete` of the key, over a connection of its own: that one may hang, and the key is to be
 * on the disk by then.
 */
export function apiSource(options: ApiOptions): KeySource {
  let refused: EnrollError | undefined;
  return {
    method: 'api',
    async obtain(request, signal) {
      if (refused !== undefined) throw refused;
      const address = apiAddress(options.url, options.trust.insecure);
      checkRequest(request);
      const http = tellingOfExposure(await openApi(address, options), address, options);
      try {
        return await enroll(request, address, http, options, signal);
      } catch (thrown) {
        if (thrown instanceof EnrollError && thrown.code === 'API_CREDENTIALS_REFUSED') refused = thrown;
        throw thrown;
      } finally {
        await http.close();
      }
    },
  };
}

function checkRequest({ name, groups }: KeyRequest): void {
  if (!isAgentName(name)) {
    throw new EnrollError('NAME_REFUSED', `${printable(JSON.stringify(name))} cannot be the name of an agent.`);
  }
  checkGroupNames(groups);
}

async function enroll(
  request: KeyRequest,
  address: ApiAddress,
  http: ApiHttp,
  options: ApiOptions,
  signal: AbortSignal,
): Promise<AgentKey> {
  const begun = await begin(address, http, options, signal);
  const asOf = options.now();
  const { dialect, session: talk, info, where } = begun;

  const { name, groups } = request;
  const { ip, asked, warnings } = addressFor(request.ip, info);
  await checkGroups(groups, begun, signal);

  const agent: NewAgent = { name, ip, force: options.force };
  const expected = { name, asked, where };
  const settled = await talk.call(dialect.add(agent), signal);
  let issued: Issued;
  if (settled.kind === 'unknown') {
    const elapsedMs = options.now() - asOf;
    issued = await recover({ agent, expected, clock: info.clock, elapsedMs, error: settled.error }, begun, signal);
  } else {
    const { data, fault } = outcomeOf(settled.answer);
    if (fault !== undefined) {
      const error = refusal(fault, { name, ip, where, quote: begun.quote });
      throw await explainDuplicate(error, fault.code, agent, begun, signal);
    }
    issued = readIssued(data, expected);
  }

  const trust = http.verdict;
  const complete = async (later: AbortSignal): Promise<Completion> => {
    try {
      return await assignGroups(issued.record.id, groups, begun, later);
    } finally {
      await http.close();
    }
  };
  return {
    method: 'api',
    record: issued.record,
    groups: [],
    endpoint: address.endpoint,
    family: familyOf(info),
    warnings: [...warnings, ...issued.warnings],
    ...(trust === undefined ? {} : { trust }),
    ...(groups.length === 0 ? {} : { complete }),
  };
}
