import type { Endpoint } from '../model/endpoint.js';
import { checkUser } from '../obtain/api/session.js';
import { apiAddress } from '../obtain/api/url.js';
import { DEFAULT_ORIGIN, describeOrigin, type Sourced, withOrigin } from './origin.js';
import { type FoundPassword, passwordFromFile, passwordFromText } from './password.js';
import type { ApiSettings, Settings, Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import type { Sources } from './sources.js';
import { oneOf, parseSetting, refuse } from './values.js';
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

/** Where a manager's REST API listens. */
export const API_PORT = 55_000;

/**
 * Settles how the key is got: `auto` means the API where its credentials were given, else authd.
 *
 * @throws EnrollError with `SETTING_INVALID` (half of the credentials, an impossible URL) or `FILE_UNREADABLE`
 */
export async function readMethod(
  sources: Sources,
  insecure: boolean,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundMethod> {
  const given = sources.text('method') ?? { value: 'auto', origin: DEFAULT_ORIGIN };
  const asked = parseSetting(given, oneOf('auto', 'authd', 'api'), 'authd, api or auto');
  if (asked.value === 'authd') {
    return { method: { use: 'authd', why: describeOrigin(asked.origin) }, shown: asked };
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
    shown: { value: 'authd', origin: DEFAULT_ORIGIN },
  };
}

async function readApiPassword(sources: Sources, edge: SettingsEdge, warn: Warn): Promise<FoundPassword | undefined> {
  const file = sources.text('api-password-file');
  if (file !== undefined) {
    if (file.value === '-' && sources.text('password-file')?.value === '-') {
      throw refuse(file.origin, 'standard input holds the enrollment password already (--password-file).');
    }
    return await passwordFromFile(file, edge, warn);
  }
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
