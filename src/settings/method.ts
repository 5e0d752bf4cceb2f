import { Secret } from '../model/secret.js';
import { apiAddress } from '../obtain/api/url.js';
import { DEFAULT_ORIGIN, describeOrigin, type Sourced } from './origin.js';
import { passwordFromFile, type SettingsEdge } from './password.js';
import type { ApiSettings, Settings } from './settings.js';
import type { Sources } from './sources.js';
import { oneOf, parseSetting, refuse } from './values.js';

/** How a key is got, and with which credentials of the REST API. */
export interface FoundMethod {
  readonly method: Settings['method'];
  readonly api?: ApiSettings;
  /** For `detect`. */
  readonly shown: Sourced<string>;
  readonly warnings: readonly string[];
}

/** What a command that asks nobody for a key has. */
export const NO_API: FoundMethod = {
  method: { use: 'authd', why: 'the default' },
  shown: { value: 'authd', origin: DEFAULT_ORIGIN },
  warnings: [],
};

/**
 * Settles how the key is got: `auto` means the API where its credentials were given, else authd.
 *
 * @throws EnrollError with `SETTING_INVALID` (half of the credentials, an impossible URL) or `FILE_UNREADABLE`
 */
export async function readMethod(sources: Sources, insecure: boolean, edge: SettingsEdge): Promise<FoundMethod> {
  const given = sources.text('method') ?? { value: 'auto', origin: DEFAULT_ORIGIN };
  const asked = parseSetting(given, oneOf('auto', 'authd', 'api'), 'authd, api or auto');
  if (asked.value === 'authd') {
    return { ...NO_API, method: { use: 'authd', why: describeOrigin(asked.origin) }, shown: asked };
  }
  const user = sources.text('api-user');
  const password = await readApiPassword(sources, edge);
  if (user === undefined && password === undefined) {
    if (asked.value === 'auto') return withoutCredentials(sources);
    throw refuse(asked.origin, 'the API needs credentials.', 'Give --api-user and --api-password-file.');
  }
  if (user === undefined || password === undefined) {
    const half = user ?? password;
    const missing = user === undefined ? '--api-user' : '--api-password-file or AGENT_ENROLL_API_PASSWORD';
    throw refuse(half?.origin ?? asked.origin, `half of the API credentials; ${missing} is missing.`);
  }
  const url = sources.text('api-url');
  if (url !== undefined) checkUrl(url, insecure);
  return {
    method: {
      use: 'api',
      why: asked.value === 'api' ? describeOrigin(asked.origin) : 'auto: API credentials were given',
    },
    api: { user: user.value, password: password.value, ...(url === undefined ? {} : { url: url.value }) },
    shown: { value: 'api', origin: asked.value === 'api' ? asked.origin : user.origin },
    warnings: password.warnings,
  };
}

/** `auto` without credentials. A URL on the command line was meant for something; a variable may be there for all hosts. */
function withoutCredentials(sources: Sources): FoundMethod {
  const url = sources.text('api-url');
  const warnings =
    url?.origin.kind === 'flag'
      ? ['--api-url is not used, because no API credentials were given (--api-user, --api-password-file).']
      : [];
  return {
    method: { use: 'authd', why: 'auto: no API credentials were given' },
    shown: { value: 'authd', origin: DEFAULT_ORIGIN },
    warnings,
  };
}

async function readApiPassword(
  sources: Sources,
  edge: SettingsEdge,
): Promise<(Sourced<Secret> & { readonly warnings: readonly string[] }) | undefined> {
  const file = sources.text('api-password-file');
  if (file !== undefined) {
    if (file.value === '-' && sources.text('password-file')?.value === '-') {
      throw refuse(file.origin, 'standard input holds the enrollment password already (--password-file).');
    }
    const { password, warnings } = await passwordFromFile(file.value, file.origin, edge);
    return password === undefined ? undefined : { ...password, warnings };
  }
  const variable = sources.variable('AGENT_ENROLL_API_PASSWORD');
  if (variable === undefined) return undefined;
  return { value: new Secret(variable.value), origin: variable.origin, warnings: [] };
}

function checkUrl(url: Sourced<string>, insecure: boolean): void {
  try {
    apiAddress(url.value, insecure);
  } catch (thrown) {
    throw thrown instanceof Error && 'hint' in thrown && typeof thrown.hint === 'string'
      ? refuse(url.origin, thrown.message, thrown.hint)
      : thrown;
  }
}
