import { EnrollError } from '../../errors.js';
import { isAgentName } from '../../model/agent-record.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { printable } from '../../model/printable.js';
import type { Dial } from '../../net/connect.js';
import type { TrustSettings } from '../../net/trust.js';
import { checkGroupNames } from '../group-names.js';
import type { AgentKey, Completion, KeyRequest, KeySource, Telling } from '../key-source.js';
import { patience } from '../patience.js';
import { quote } from '../quote.js';
import { addressFor } from './address-field.js';
import { type ApiInfo, type ApiKind, apiInfo, familyOf, kindOf } from './api-version.js';
import { type Converse, converse } from './converse.js';
import { dialect3, dialect4, type NewAgent } from './dialect.js';
import { explainDuplicate } from './duplicate.js';
import { assignGroups, checkGroups } from './groups.js';
import { type ApiHttp, openApi } from './http.js';
import { type Issued, readIssued } from './issued.js';
import { recover } from './recover.js';
import { refusal } from './refusal.js';
import { type ApiCredentials, type Session, session } from './session.js';
import { type ApiAddress, apiAddress } from './url.js';

export type { ApiCredentials } from './session.js';

/** Where an API is, who asks, and how. */
export interface ApiOptions extends Telling {
  /** `https://MANAGER:55000`; plain http only together with `trust.insecure`. */
  readonly url: URL | string;
  readonly credentials: ApiCredentials;
  /**
   * With neither a CA nor a pin the server's certificate must lead to a root that this host trusts: `firstUse` is not
   * looked at.
   */
  readonly trust: TrustSettings;
  readonly dial: Dial;
  /** For one request with its answer, the connection included, in milliseconds. */
  readonly timeoutMs: number;
  /** How long in all is waited for an API that is limited or starting, in milliseconds; absent: as `timeoutMs`. */
  readonly patienceMs?: number;
  /** Replace an agent that has this name or address, whatever its state. */
  readonly force: boolean;
  /** From 0 to below 1, for the jitter. */
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
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
  const where = formatEndpoint(address.endpoint);
  const waits = patience({ ...options, budgetMs: options.patienceMs ?? options.timeoutMs });
  const ask = converse(http, waits, where);
  const kind = await identify(ask, where, signal);
  const talk = session(kind, options.credentials, ask, where);
  const info = await serverInfo(kind, talk, where, signal);
  const asOf = options.now();
  const dialect = kind === '3.x' ? dialect3 : dialect4(info);
  const context = { dialect, session: talk, patience: waits, quote: (said: string) => quote(said, talk.secrets) };

  const { name, groups } = request;
  const { ip, asked, warnings } = addressFor(request.ip, info);
  await checkGroups(groups, context, signal);

  const agent: NewAgent = { name, ip, force: options.force };
  const expected = { name, asked, where };
  const settled = await talk.call(dialect.add(agent), signal);
  let issued: Issued;
  if (settled.kind === 'unknown') {
    const elapsedMs = options.now() - asOf;
    issued = await recover({ agent, expected, clock: info.clock, elapsedMs, error: settled.error }, context, signal);
  } else {
    const { answer } = settled;
    const failure = answer.kind === 'done' ? answer.failed[0] : answer;
    if (answer.kind === 'refused' || failure !== undefined) {
      const refused =
        answer.kind === 'refused' ? answer : { kind: 'refused' as const, status: 200, code: 0, said: '', ...failure };
      const error = refusal(refused, { name, ip, where, quote: context.quote });
      throw await explainDuplicate(error, refused.code, agent, context, signal);
    }
    issued = readIssued(answer.data, expected);
  }

  const trust = http.verdict;
  const complete = async (later: AbortSignal): Promise<Completion> => {
    try {
      return await assignGroups(issued.record.id, groups, context, later);
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

async function identify(ask: Converse, where: string, signal: AbortSignal): Promise<ApiKind> {
  const settled = await ask({ method: 'GET', path: '/' }, undefined, signal);
  if (settled.kind === 'unknown') throw settled.error;
  const { reply } = settled;
  const kind = kindOf(reply.status, reply.header, reply.body);
  if (kind === undefined) {
    throw new EnrollError('NOT_API', `What answers at ${where} is not a manager's API (HTTP ${reply.status}).`);
  }
  return kind;
}

async function serverInfo(kind: ApiKind, talk: Session, where: string, signal: AbortSignal): Promise<ApiInfo> {
  const settled = await talk.call({ method: 'GET', path: '/' }, signal);
  if (settled.kind === 'unknown') throw settled.error;
  const info = settled.answer.kind === 'done' ? apiInfo(settled.answer.data) : undefined;
  const claimed: ApiKind | undefined = info && (info.major <= 3 ? '3.x' : '4.x');
  if (info === undefined || claimed !== kind) {
    throw new EnrollError('NOT_API', `${where} does not say which version of the manager's API it is.`);
  }
  return info;
}

/** Says it once, with the first request that carries the credentials and was not kept from being sent. */
function tellingOfExposure(http: ApiHttp, address: ApiAddress, { onWarning }: ApiOptions): ApiHttp {
  let told = false;
  return {
    get verdict() {
      return http.verdict;
    },
    async request(request, authorization, signal) {
      const sent = () => {
        if (told || authorization === undefined) return;
        told = true;
        const text = exposure(address, http);
        if (text !== undefined) onWarning?.(text);
      };
      try {
        const exchange = await http.request(request, authorization, signal);
        sent();
        return exchange;
      } catch (thrown) {
        // Cut off, it may have been sent.
        if (signal.aborted) sent();
        throw thrown;
      }
    },
    close: () => http.close(),
  };
}

function exposure({ secure }: ApiAddress, { verdict }: ApiHttp): string | undefined {
  if (!secure) return 'The API credentials were sent over plain http: everybody on the way could read them.';
  if (verdict?.by !== 'nothing') return undefined;
  return `The API credentials were sent to a server whose certificate was not checked. Use --ca or --pin ${verdict.fingerprint}.`;
}
