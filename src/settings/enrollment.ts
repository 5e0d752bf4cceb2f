import { formatEndpoint } from '../model/endpoint.js';
import type { AgentInstallation } from '../model/host.js';
import { HTTPS_PORT } from '../model/https-endpoint.js';
import { checkGroups, checkPassword } from '../obtain/authd/request.js';
import { checkGroupNames } from '../obtain/group-names.js';
import type { AskedMethod } from './asked-method.js';
import { tellOfSwitchedOff } from './conf-file.js';
import { type FoundCertificate, type FoundTrust, readClientCertificate, readTrust } from './credentials.js';
import { type FoundToken, requireNothingBeside, shownToken } from './enrollment-token.js';
import type { FoundManager } from './managers.js';
import { API_PORT, apiEndpoint, type FoundMethod, readMethod } from './method.js';
import { DEFAULT_ORIGIN, type Origin, type Sourced, withOrigin } from './origin.js';
import { type FoundPassword, findPassword } from './password.js';
import { isPlaceholder } from './placeholder.js';
import type { Settings, Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import type { Shown } from './shown.js';
import type { Sources } from './sources.js';
import { misfit, refuse, splitList } from './values.js';
import { findHearsay, type NamedService, type SentSecret } from './vouching.js';

/** What the settings of an enrollment are. */
export interface FoundEnrollment {
  readonly settings: Pick<
    Settings,
    'method' | 'token' | 'tokenOfInstaller' | 'api' | 'password' | 'clientCertificate' | 'trust' | 'hearsay'
  >;
  readonly shown: Shown;
}

/** What a command that asks nobody for a key has. */
export const NO_ENROLLMENT: FoundEnrollment = {
  settings: { method: { use: 'authd', why: 'the default' }, trust: { insecure: false } },
  shown: [['method', { value: 'authd', origin: DEFAULT_ORIGIN }]],
};

/** Who is asked for a key, and what says how. */
export interface AskedOf {
  readonly managers: readonly FoundManager[];
  readonly method: Sourced<AskedMethod>;
  readonly token: FoundToken | undefined;
}

/**
 * How a key is asked for: with which secrets, and by what whoever gets them is trusted.
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`, the origin named
 */
export async function readEnrollment(
  sources: Sources,
  { managers, method: asked, token }: AskedOf,
  agent: AgentInstallation,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundEnrollment> {
  tellOfSwitchedOff(sources, warn);
  if (token !== undefined) requireNothingBeside(token, sources, warn);
  const password = token === undefined ? await findPassword(sources, agent.passwordFile, edge, warn) : undefined;
  const client = await readClientCertificate(sources, edge);
  const { trust, vouchers } = token === undefined ? await readTrust(sources, edge) : TRUST_OF_TOKEN;
  const method = await readMethod(sources, asked, { token, managers: byHttps(managers) }, trust.insecure, edge, warn);
  checkSent(sources, method, password);
  const hearsay = findHearsay(
    {
      services: servicesOf(managers, method),
      secrets: secretsOf(method, password, client),
      vouchers,
      isOfOthers: (origin) => sources.isOfOthers(origin),
      account: agent.account,
    },
    edge,
  );
  return {
    settings: {
      method: method.method,
      ...(token === undefined ? {} : { token: token.token }),
      ...(token?.ofInstaller === undefined ? {} : { tokenOfInstaller: true }),
      ...(method.api === undefined ? {} : { api: method.api }),
      ...(password === undefined ? {} : { password: password.value }),
      ...(client === undefined ? {} : { clientCertificate: client.certificate }),
      trust,
      ...(hearsay.length === 0 ? {} : { hearsay }),
    },
    shown: [
      ['method', method.shown],
      ...(token === undefined ? [] : shownToken(token)),
      ...(password === undefined ? [] : [['password', { value: '(set)', origin: password.origin }] as const]),
    ],
  };
}

/**
 * What no manager takes in a request, found while it is known where it comes from.
 * @throws EnrollError `SETTING_INVALID`, `GROUP_REFUSED` for the REST API and https
 */
function checkSent(sources: Sources, { method }: FoundMethod, password: FoundPassword | undefined): void {
  const groups = sources.text('groups');
  if (groups !== undefined) {
    if (isPlaceholder(groups.value)) throw refuse(groups.origin, `${misfit(groups.value, 'the name of a group')}.`);
    const check = method.use === 'authd' ? checkGroups : checkGroupNames;
    placing(groups.origin, () => check(splitList(groups.value)));
  }
  if (password !== undefined && method.use === 'authd') placing(password.origin, () => checkPassword(password.value));
}

function placing(origin: Origin, check: () => void): void {
  try {
    check();
  } catch (thrown) {
    throw withOrigin(origin, thrown);
  }
}

/** A token's own anchor counts, and nothing else. */
const TRUST_OF_TOKEN: FoundTrust = { trust: { insecure: false }, vouchers: { pin: false } };

/** By whom the managers are named, where all of them are named by https. */
function byHttps(managers: readonly FoundManager[]): Origin | undefined {
  return managers.every(({ settings }) => settings.https !== undefined) ? managers[0]?.agentOrigin : undefined;
}

/** Who may be asked for a key, or for something else. An API that has a URL of its own was named with it. */
export function servicesOf(managers: readonly FoundManager[], { method, api }: FoundMethod): readonly NamedService[] {
  if (api === undefined) {
    return managers.map(({ settings: { agent, enrollment, https }, agentOrigin, enrollmentOrigin }) =>
      method.use === 'https' && https === undefined
        ? { endpoint: { host: agent.host, port: HTTPS_PORT }, origin: agentOrigin }
        : { endpoint: enrollment, origin: enrollmentOrigin },
    );
  }
  if (api.url !== undefined) return [];
  return managers.map(({ settings, agentOrigin: origin }) => {
    const url = `https://${formatEndpoint({ host: settings.agent.host, port: API_PORT })}`;
    return { endpoint: apiEndpoint({ value: url, origin }), origin };
  });
}

/** What is sent to them. */
function secretsOf(
  { secret }: FoundMethod,
  password: FoundPassword | undefined,
  client: FoundCertificate | undefined,
): readonly SentSecret[] {
  if (secret !== undefined) return [secret];
  return [
    ...(password === undefined ? [] : [{ what: 'the password', ...password }]),
    ...(client === undefined ? [] : [client.secret]),
  ];
}
