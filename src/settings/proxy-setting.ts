import { formatEndpoint } from '../model/endpoint.js';
import { Secret } from '../model/secret.js';
import { noProxyEntries } from '../net/no-proxy.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import type { FoundManager } from './managers.js';
import { isInProcessList, type Sourced } from './origin.js';
import { proves } from './running.js';
import type { Settings, Warn } from './settings.js';
import type { Shown } from './shown.js';
import type { Sources } from './sources.js';
import { parseHost, refuse } from './values.js';

/** The proxy setting, and how to show it. */
export interface FoundProxy {
  readonly settings: Pick<Settings, 'proxy'>;
  /** Without what it says of a user and password. */
  readonly shown: Shown;
}

const EXPECTED = 'is not the URL of an HTTP proxy';
// The value itself may hold a password, and where it cannot be read nobody knows in which part.
const HINT =
  'Write http://[USER:PASSWORD@]HOST:PORT or https://…, or none. In a user name or password @ is written %40, / %2F, : %3A, # %23, % %25.';

/**
 * Reads `--proxy`, or `HTTPS_PROXY` with `NO_PROXY`. Without a scheme it is `http://`; without a port 80 or 443.
 *
 * UDP cannot go through a proxy: a proxy that was named for this run contradicts a protocol that is UDP, while one of the
 * environment leaves UDP alone, as it does for every other program.
 *
 * @throws EnrollError with `SETTING_INVALID`, the origin named and never the value
 */
export function readProxy(sources: Sources, managers: readonly FoundManager[], warn: Warn): FoundProxy {
  const given = sources.text('proxy');
  if (given === undefined) return { settings: {}, shown: [] };
  const { origin } = given;
  if (given.value.trim().toLowerCase() === 'none') {
    return { settings: {}, shown: [['proxy', { value: 'none', origin }]] };
  }
  const explicit = origin.kind === 'flag';
  const except = explicit ? undefined : (sources.variable('NO_PROXY') ?? sources.variable('no_proxy'));
  const proxy: ProxySettings = {
    ...parseProxy(given),
    explicit,
    except: except === undefined ? [] : noProxyEntries(except.value),
  };
  if (explicit && proves(sources) && managers.some(({ settings }) => settings.protocol === 'udp')) {
    throw refuse(
      origin,
      'UDP cannot go through a proxy, and the protocol is udp.',
      'Use --protocol tcp, or --no-handshake to enroll through the proxy without a proof of the link.',
    );
  }
  if (isInProcessList(origin) && proxy.credentials !== undefined) {
    warn('The password in --proxy can be read by every user of this host in the process list: use HTTPS_PROXY.');
  }
  return { settings: { proxy }, shown: [['proxy', { value: shownProxy(proxy), origin }]] };
}

function shownProxy({ secure, endpoint, credentials }: ProxySettings): string {
  return `${secure ? 'https' : 'http'}://${credentials === undefined ? '' : '***@'}${formatEndpoint(endpoint)}`;
}

function parseProxy({ value, origin }: Sourced<string>): Pick<ProxySettings, 'endpoint' | 'secure' | 'credentials'> {
  const text = value.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') {
    throw refuse(origin, `a ${scheme.slice(0, 20)} proxy is not spoken to, only http and https.`, HINT);
  }
  const url = readUrl(text.includes('://') ? text : `http://${text}`);
  const host = url === undefined ? undefined : parseHost(url.hostname);
  // A path or what follows one is most likely a part of a password that was not escaped.
  if (url === undefined || host === undefined || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw refuse(origin, `it ${EXPECTED}.`, HINT);
  }
  const secure = scheme === 'https';
  const endpoint = { host, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port) };
  if (endpoint.port === 0) throw refuse(origin, 'its port is none (1 to 65535).', HINT);
  if (url.username === '' && url.password === '') return { endpoint, secure };
  const user = decode(url.username);
  const password = decode(url.password);
  // RFC 7617 §2: a user name with a colon cannot be told from its password.
  if (user === undefined || password === undefined || user.includes(':')) {
    throw refuse(origin, 'its user name or password is not written as a URL has it.', HINT);
  }
  return { endpoint, secure, credentials: new Secret(`${user}:${password}`) };
}

function readUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
