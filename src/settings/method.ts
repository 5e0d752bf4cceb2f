import type { Endpoint } from '../model/endpoint.js';
import { checkUser } from '../obtain/api/session.js';
import { apiAddress } from '../obtain/api/url.js';
import type { AskedMethod } from './asked-method.js';
import type { FoundToken } from './enrollment-token.js';
import { DEFAULT_ORIGIN, describeOrigin, type Origin, type Sourced, withOrigin } from './origin.js';
import { type FoundPassword, passwordFromFile, passwordFromText } from './password.js';
import type { ApiSettings, Settings, Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import type { Sources } from './sources.js';
import { refuse } from './values.js';
import type { SentSecret } from './vouching.js';

/** How a key is got, and with which credentials of the REST API. */
export interface FoundMethod {
  readonly method: Settings['method'];
  readonly api?: ApiSettings;
  /** The password of `api`. */
  readonly secret?: SentSecret;
  /** For `detect`. */
  readonly shown: Sourced<string>;
}

/** What says by itself that a manager is a Wazuh 5. */
export interface NamedAs5 {
  readonly token: FoundToken | undefined;
  /** Where all managers are named by https. */
  readonly managers: Origin | undefined;
}

/** Where a manager's REST API listens. */
export const API_PORT = 55_000;

/**
 * Settles how the key is got: `auto` means https with a token or where the managers are named so, the API where its
 * credentials were given, else what the manager offers.
 *
 * @throws EnrollError with `SETTING_INVALID` (half of the credentials, an impossible URL) or `FILE_UNREADABLE`
 */
export async function readMethod(
  sources: Sources,
  asked: Sourced<AskedMethod>,
  named: NamedAs5,
  insecure: boolean,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundMethod> {
  if (asked.value === 'authd') {
    return { method: { use: 'authd', why: describeOrigin(asked.origin) }, shown: asked };
  }
  const https = asked.value === 'api' ? undefined : byHttps(asked, named);
  if (https !== undefined) {
    tellOfUnusedApi(sources, https.method.why, warn);
    return https;
  }
  const user = sources.text('api-user');
  const password = await readApiPassword(sources, edge, warn);
  if (user === undefined && password === undefined) {
    if (asked.value === 'auto') return withoutCredentials(sources, warn);
    throw refuse(asked.origin, 'the API needs credentials.', 'Give --api-user and --api-password-file.');
  }
  if (user === undefined || password === undefined) {
    const half = user ?? password;
    const missing = user === undefined ? '--api-user' : '--api-password-file or AGENT_ENROLL_API_PASSWORD';
    throw refuse(half?.origin ?? asked.origin, `half of the API credentials; ${missing} is missing.`);
  }
  checkName(user);
  const url = sources.text('api-url');
  if (url !== undefined) apiEndpoint(url, insecure);
  return {
    method: {
      use: 'api',
      why: asked.value === 'api' ? describeOrigin(asked.origin) : 'auto: API credentials were given',
    },
    api: { user: user.value, password: password.value, ...(url === undefined ? {} : { url: url.value }) },
    secret: { what: "the API user's password", origin: password.origin, files: password.files },
    shown: { value: 'api', origin: asked.value === 'api' ? asked.origin : user.origin },
  };
}

function byHttps(asked: Sourced<AskedMethod>, { token, managers }: NamedAs5): FoundMethod | undefined {
  const origin = asked.value === 'https' ? asked.origin : (token?.origin ?? managers);
  if (origin === undefined) return undefined;
  const by = token === undefined ? 'the manager is named by https' : 'an enrollment token was given';
  const why = asked.value === 'https' ? describeOrigin(origin) : `auto: ${by} (${describeOrigin(origin)})`;
  return { method: { use: 'https', why }, shown: { value: 'https', origin } };
}

/** What was given on the command line was meant for something; a variable may be there for all hosts. */
function tellOfUnusedApi(sources: Sources, why: string, warn: Warn): void {
  for (const name of ['api-url', 'api-user', 'api-password-file'] as const) {
    if (sources.text(name)?.origin.kind === 'flag') {
      warn(`--${name} is not used, because the key is got by https (${why}). --method api asks the API.`);
    }
  }
}

function checkName({ value, origin }: Sourced<string>): void {
  try {
    checkUser(value);
  } catch (thrown) {
    throw withOrigin(origin, thrown);
  }
}

/** `auto` without credentials. A URL on the command line was meant for something; a variable may be there for all hosts. */
function withoutCredentials(sources: Sources, warn: Warn): FoundMethod {
  if (sources.text('api-url')?.origin.kind === 'flag') {
    warn('--api-url is not used, because no API credentials were given (--api-user, --api-password-file).');
  }
  return {
    method: { use: 'authd', why: 'auto: no API credentials were given', discover: true },
    shown: { value: 'authd; https where the manager is a Wazuh 5', origin: DEFAULT_ORIGIN },
  };
}

async function readApiPassword(sources: Sources, edge: SettingsEdge, warn: Warn): Promise<FoundPassword | undefined> {
  const file = sources.text('api-password-file');
  if (file !== undefined) return await passwordFromFile(file, edge, warn);
  const variable = sources.variable('AGENT_ENROLL_API_PASSWORD');
  return variable === undefined ? undefined : passwordFromText(variable);
}

/**
 * Where the API of a URL is.
 * @throws EnrollError with `SETTING_INVALID`, the origin named
 */
export function apiEndpoint({ value, origin }: Sourced<string>, insecure = false): Endpoint {
  try {
    return apiAddress(value, insecure).endpoint;
  } catch (thrown) {
    throw withOrigin(origin, thrown);
  }
}
