import { EnrollError } from '../../errors.js';
import { memberOf, textOf } from '../../model/json.js';
import { Secret } from '../../model/secret.js';
import type { ApiKind } from './api-version.js';
import type { Answered, Converse, Settled } from './converse.js';
import type { ApiRequest, RepeatableRequest } from './http.js';

/** Who asks. */
export interface ApiCredentials {
  readonly user: string;
  /** Its bytes go out as they stand. */
  readonly password: Secret<Uint8Array>;
}

/** Authorized calls of one API. */
export interface Session {
  /**
   * @throws EnrollError `API_CREDENTIALS_REFUSED`, `API_BLOCKED`, `API_RATE_LIMITED`, `API_STARTING`, `NOT_API`, and
   * what reaching the API throws
   */
  call(request: RepeatableRequest, signal: AbortSignal): Promise<Answered>;
  call(request: ApiRequest, signal: AbortSignal): Promise<Settled>;
  /** What must not be shown, should an answer repeat it. */
  readonly secrets: readonly Secret<string | Uint8Array>[];
}

// A token goes into a header.
const TOKEN = /^[A-Za-z0-9._~+/=-]{1,8192}$/;

/**
 * A session: Basic credentials with every call of 3.x, a token for 4.0 and later, which is fetched when it is first
 * needed and, once, when a call ends with 401 (it lives 900 s). Credentials that were refused are not sent again: the
 * API blocks an address after 50 failed logins.
 */
export function session(kind: ApiKind, credentials: ApiCredentials, converse: Converse, where: string): Session {
  const basic = basicHeader(credentials);
  const secrets: Secret<string | Uint8Array>[] = [
    credentials.password,
    basic,
    new Secret(basic.reveal().slice('Basic '.length)),
  ];
  let token: Secret | undefined;

  const refused = () =>
    new EnrollError('API_CREDENTIALS_REFUSED', `${where} did not accept the credentials of the API user.`);

  const logIn = async (signal: AbortSignal): Promise<Secret> => {
    const ask = (method: 'POST' | 'GET') => converse({ method, path: '/security/user/authenticate' }, basic, signal);
    let { answer } = await ask('POST');
    // 4.0 to 4.3 know GET alone, 5.x POST alone, those between both.
    if (answer.kind === 'refused' && answer.status === 405) ({ answer } = await ask('GET'));
    if (answer.kind === 'refused') {
      if (answer.status === 401) throw refused();
      throw new EnrollError('NOT_API', `${where} has no login as the manager's API has it (HTTP ${answer.status}).`);
    }
    const given = textOf(memberOf(answer.data, 'token'));
    if (given === undefined || !TOKEN.test(given)) {
      throw new EnrollError('NOT_API', `${where} accepted the credentials, but gave no token.`);
    }
    secrets.push(new Secret(given));
    token = new Secret(`Bearer ${given}`);
    return token;
  };

  function call(...given: [RepeatableRequest, AbortSignal]): Promise<Answered>;
  function call(...given: [ApiRequest, AbortSignal]): Promise<Settled>;
  async function call(request: ApiRequest, signal: AbortSignal): Promise<Settled> {
    for (let renewed = false; ; renewed = true) {
      const authorization = kind === '3.x' ? basic : (token ?? (await logIn(signal)));
      const settled = await converse(request, authorization, signal);
      if (settled.kind === 'unknown' || settled.answer.kind !== 'refused' || settled.answer.status !== 401) {
        return settled;
      }
      if (kind === '3.x') throw refused();
      if (renewed) {
        throw new EnrollError('NOT_API', `${where} does not accept the token that it has just given.`, {
          hint: "Check the manager's clock, and that --api-url leads to one API server and not to several that do not know each other's tokens.",
        });
      }
      token = undefined;
    }
  }

  return { secrets, call };
}

function basicHeader({ user, password }: ApiCredentials): Secret {
  checkUser(user);
  const bytes = Buffer.concat([Buffer.from(`${user}:`, 'utf8'), password.reveal()]);
  return new Secret(`Basic ${bytes.toString('base64')}`);
}

/**
 * Checks that a name can be sent as that of an API user.
 * @throws EnrollError `SETTING_INVALID`
 */
export function checkUser(user: string): void {
  if (user !== '' && !user.includes(':')) return;
  throw new EnrollError('SETTING_INVALID', 'The name of the API user is empty or contains a colon.', {
    hint: 'Give the user with --api-user and the password with --api-password-file.',
  });
}
