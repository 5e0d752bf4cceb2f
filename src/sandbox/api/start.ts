import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import type { Running } from '../daemon.js';
import { fingerprintOf, type IssuedCertificate, issueCertificate } from '../own-certificate.js';
import type { SandboxEvent } from '../sandbox-events.js';
import { startApi } from './api.js';
import type { ApiAnswer, ApiRequest, ApiState } from './exchange.js';
import { LoginBlock, RequestLimit } from './rate-limit.js';
import { ApiTokens } from './tokens.js';
import { type ApiFamily, type ApiUser, ApiUsers, STOCK_USERS } from './users.js';
import { answerV3 } from './v3.js';
import { answerV4 } from './v4.js';

/** What the API of a sandbox is to be. Everything has the default of a stock manager. */
export interface SandboxApiOptions {
  /** Instead of `STOCK_USERS`. 3.x lets every one of them do everything. */
  readonly users?: readonly ApiUser[];
  /** Requests a minute, from everybody together; 0: no limit. 4.x only, 300. */
  readonly rateLimit?: number;
  /** Failed logins that block an address. 4.x only, 50. */
  readonly blockAfter?: number;
  /** For how long, from the first of them, in ms. 300 s. */
  readonly blockMs?: number;
  /** 900 s. */
  readonly tokenLifetimeMs?: number;
  /** False: plain http, which a 3.x API may be set to. */
  readonly secure?: boolean;
  /** Instead of the sandbox's `certificate`, and of the stock one. */
  readonly certificate?: IssuedCertificate;
  /** False: as if no authd answered the API. 4.x then adds no agent; 3.x does so by itself, with codes of its own. */
  readonly authdReachable?: boolean;
}

/** The API of a sandbox that runs. */
export interface SandboxApi {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** PEM; absent with plain http. */
  readonly certificate?: string;
  /** `sha256:` and 64 hex digits of the certificate's public key (SPKI); absent with plain http. */
  readonly fingerprint?: string;
  readonly users: readonly ApiUser[];
}

/** What {@link startSandboxApi} is given. */
export interface ApiStart {
  readonly family: ApiFamily;
  readonly endpoint: Endpoint;
  /** From {@link issueApiCertificate}. */
  readonly certificate?: IssuedCertificate;
  readonly options: SandboxApiOptions;
  readonly manager: Omit<ApiState, 'users' | 'authdReachable'>;
  readonly emit: (event: SandboxEvent) => void;
}

const REQUESTS_A_MINUTE = 300;
const FAILED_LOGINS = 50;
const BLOCK_MS = 300_000;
const TOKEN_MS = 900_000;

/** The certificate of the API: given, or like the stock one (self-signed, CN=wazuh.com, for localhost alone); none for http. */
export async function issueApiCertificate(
  { secure = true, certificate }: SandboxApiOptions,
  given: IssuedCertificate | undefined,
): Promise<IssuedCertificate | undefined> {
  if (!secure) return undefined;
  return certificate ?? given ?? (await issueCertificate({ commonName: 'wazuh.com', hosts: ['localhost'] }));
}

/** Starts the API over the manager's own lists. @throws EnrollError if the port cannot be had */
export async function startSandboxApi(start: ApiStart): Promise<Running & { readonly api: SandboxApi }> {
  const { family, endpoint, certificate, options, emit } = start;
  const users = options.users ?? STOCK_USERS[family];
  const running = await startApi({
    endpoint,
    ...(certificate === undefined ? {} : { certificate }),
    answer: answering(start, users),
    emit,
  });
  const scheme = certificate === undefined ? 'http' : 'https';
  return {
    ...running,
    api: {
      url: `${scheme}://${formatEndpoint(running.endpoint)}`,
      users,
      ...(certificate === undefined
        ? {}
        : { certificate: certificate.certificate, fingerprint: fingerprintOf(certificate.certificate) }),
    },
  };
}

function answering(
  { family, options, manager }: ApiStart,
  users: readonly ApiUser[],
): (request: ApiRequest) => ApiAnswer {
  const state = { ...manager, users: new ApiUsers(users), authdReachable: options.authdReachable ?? true };
  if (family === 'wazuh-3') return (request) => answerV3(request, state);
  const { clock } = manager;
  const v4 = {
    ...state,
    tokens: new ApiTokens({ lifetimeMs: options.tokenLifetimeMs ?? TOKEN_MS, clock }),
    requests: new RequestLimit({ perMinute: options.rateLimit ?? REQUESTS_A_MINUTE, clock }),
    logins: new LoginBlock({
      after: options.blockAfter ?? FAILED_LOGINS,
      forMs: options.blockMs ?? BLOCK_MS,
      clock,
    }),
  };
  return (request) => answerV4(request, v4);
}
