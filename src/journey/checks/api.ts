import { asEnrollError, EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { dialThrough } from '../../net/proxy.js';
import type { TrustVerdict } from '../../net/trust.js';
import { kindOf } from '../../obtain/api/api-version.js';
import { apiAddress } from '../../obtain/api/url.js';
import type { Journey } from '../context.js';
import { type Finding, right, untold, wrong } from './finding.js';

/** What is known of the REST API. `undefined` of a look: none is named. */
export type ApiLook =
  | {
      readonly kind: 'answered';
      readonly where: string;
      readonly version: string;
      readonly verdict?: TrustVerdict;
      /** Its clock less this host's, in milliseconds; absent: it does not tell the time. */
      readonly ahead?: number;
    }
  | { readonly kind: 'failed'; readonly error: EnrollError };

/** Asks a REST API who it is, without credentials. */
export async function lookAtApi({ settings, edge, signal }: Journey): Promise<ApiLook | undefined> {
  const { apiUrl, trust, timeoutMs } = settings;
  if (apiUrl === undefined) return undefined;
  const address = apiAddress(apiUrl, true);
  const where = formatEndpoint(address.endpoint);
  const { openApi } = await import('../../obtain/api/http.js');
  const http = await openApi(address, { trust, dial: dialThrough(settings.proxy, edge.dial, timeoutMs), timeoutMs });
  try {
    const exchange = await http.request({ method: 'GET', path: '/' }, undefined, signal);
    if (exchange.kind !== 'reply') return { kind: 'failed', error: exchange.error };
    const { reply } = exchange;
    const version = kindOf(reply.status, reply.header, reply.body);
    if (version === undefined) {
      const text = `What answers at ${where} is not a manager's API (HTTP ${reply.status}).`;
      return { kind: 'failed', error: new EnrollError('NOT_API', text) };
    }
    const told = Date.parse(reply.header('date') ?? '');
    return {
      kind: 'answered',
      where,
      version,
      ...(http.verdict === undefined ? {} : { verdict: http.verdict }),
      ...(Number.isNaN(told) ? {} : { ahead: told - edge.disk.now() }),
    };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return { kind: 'failed', error: asEnrollError(thrown) };
  } finally {
    await http.close();
  }
}

/** Whether the REST API that is named is there, and would be trusted. */
export function api(look: ApiLook | undefined): Finding {
  if (look === undefined) return untold('api', 'No REST API is named (--api-url).');
  if (look.kind === 'failed') return wrong('api', look.error.message, look.error.hint);
  const { where, version, verdict } = look;
  const by = verdict === undefined ? 'without TLS' : `trusted by ${verdict.by}, ${verdict.fingerprint}`;
  return right('api', `${where} is a manager's API (${version}; ${by}). No credentials were sent.`);
}

/** More than this is no delay of a message any more. */
const FAR_APART_MS = 60_000;

/** How far this host's clock is from the manager's, where a manager tells the time. */
export function clock(look: ApiLook | undefined): Finding {
  if (look?.kind !== 'answered' || look.ahead === undefined) {
    return untold('clock', 'Not told: of the managers only a REST API (--api-url) tells its time.');
  }
  const seconds = Math.round(Math.abs(look.ahead) / 1000);
  // An HTTP date has whole seconds.
  if (seconds <= 2) return right('clock', 'It agrees with the clock of the manager.');
  const detail = `The manager's clock is ${seconds} s ${look.ahead > 0 ? 'ahead of' : 'behind'} this host's.`;
  if (seconds * 1000 <= FAR_APART_MS) return right('clock', detail);
  return wrong('clock', detail, 'Set both clocks (NTP): certificates, tokens and the times of events depend on them.');
}
