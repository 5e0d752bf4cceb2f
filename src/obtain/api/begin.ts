import { EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import type { Dial } from '../../net/connect.js';
import type { TrustSettings } from '../../net/trust.js';
import type { Telling } from '../key-source.js';
import { type Patience, patience } from '../patience.js';
import { quote } from '../quote.js';
import { type ApiInfo, type ApiKind, apiInfo, kindOf } from './api-version.js';
import { type Converse, converse } from './converse.js';
import { type Dialect, dialect3, dialect4 } from './dialect.js';
import type { ApiHttp } from './http.js';
import { type ApiCredentials, type Session, session } from './session.js';
import type { ApiAddress } from './url.js';

/** Where an API is, who asks, and with how much patience. */
export interface ApiAccess extends Telling {
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
  /** From 0 to below 1, for the jitter. */
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
}

/** An API that has said what it is, and has taken the credentials. */
export interface BegunSession {
  readonly session: Session;
  readonly dialect: Dialect;
  readonly info: ApiInfo;
  readonly patience: Patience;
  /** `host:port`. */
  readonly where: string;
  /** Makes a part of an answer fit to be shown. */
  readonly quote: (said: string) => string;
}

/**
 * Begins a session: finds out which API it is, and its version.
 * @throws EnrollError `NOT_API`, and what {@link Session.call} throws
 */
export async function begin(
  { endpoint }: ApiAddress,
  http: ApiHttp,
  options: ApiAccess,
  signal: AbortSignal,
): Promise<BegunSession> {
  const where = formatEndpoint(endpoint);
  const waits = patience({ ...options, budgetMs: options.patienceMs ?? options.timeoutMs });
  const ask = converse(http, waits, where);
  const kind = await identify(ask, where, signal);
  const talk = session(kind, options.credentials, ask, where);
  const info = await serverInfo(kind, talk, where, signal);
  return {
    session: talk,
    dialect: kind === '3.x' ? dialect3 : dialect4(info),
    info,
    patience: waits,
    where,
    quote: (said) => quote(said, talk.secrets),
  };
}

async function identify(ask: Converse, where: string, signal: AbortSignal): Promise<ApiKind> {
  const { reply } = await ask({ method: 'GET', path: '/' }, undefined, signal);
  const kind = kindOf(reply.status, reply.header, reply.body);
  if (kind === undefined) {
    throw new EnrollError('NOT_API', `What answers at ${where} is not a manager's API (HTTP ${reply.status}).`);
  }
  return kind;
}

async function serverInfo(kind: ApiKind, talk: Session, where: string, signal: AbortSignal): Promise<ApiInfo> {
  const { answer } = await talk.call({ method: 'GET', path: '/' }, signal);
  const info = answer.kind === 'done' ? apiInfo(answer.data) : undefined;
  const claimed: ApiKind | undefined = info && (info.major <= 3 ? '3.x' : '4.x');
  if (info === undefined || claimed !== kind) {
    throw new EnrollError('NOT_API', `${where} does not say which version of the manager's API it is.`);
  }
  return info;
}
