import { EnrollError } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { printable } from '../model/printable.js';
import type { ConnectHead } from './proxy-head.js';
import type { ProxySettings } from './proxy-settings.js';

/** The proxy as messages name it, without its credentials. */
export function describeProxy(proxy: ProxySettings): string {
  return `The proxy ${proxy.secure ? 'https' : 'http'}://${formatEndpoint(proxy.endpoint)}`;
}

/** What a proxy's answer means that did not grant the connection (RFC 9110 §15). */
export function answerError(head: ConnectHead, proxy: ProxySettings, endpoint: Endpoint): EnrollError {
  const who = describeProxy(proxy);
  const where = formatEndpoint(endpoint);
  const said = words(head, proxy);
  switch (head.status) {
    case 407:
      return credentialsError(head, proxy, who);
    // tinyproxy says 500 where others say 502; a name that the proxy cannot look up is 502 or 503 as well.
    case 500:
    case 502:
    case 503:
      return new EnrollError('CONNECTION_FAILED', `${who} did not reach ${where}: it answered ${said}.`, {
        hint: "Check the manager's name and port as the proxy sees them, and that the service runs there.",
      });
    case 504:
      return new EnrollError('CONNECTION_TIMED_OUT', `${who} got no answer from ${where}: it answered ${said}.`);
  }
  if (head.status >= 300 && head.status < 400) {
    const sentence = `${who} answered with a redirect (${said}) instead of a connection to ${where}.`;
    return new EnrollError('PROXY_REFUSED', sentence, {
      hint: 'A portal may want a login first, or this is a web server and no proxy. Check --proxy or HTTPS_PROXY.',
    });
  }
  if (head.status === 400 || head.status === 405 || head.status === 501) {
    return new EnrollError('PROXY_REFUSED', `${who} does not make connections: it answered ${said}.`, {
      hint: 'Check --proxy or HTTPS_PROXY: this may be a web server, or a proxy without CONNECT.',
    });
  }
  return new EnrollError('PROXY_REFUSED', `${who} refused a connection to ${where}: it answered ${said}.`);
}

function credentialsError({ schemes }: ConnectHead, { credentials }: ProxySettings, who: string): EnrollError {
  const basic = schemes.length === 0 || schemes.some((scheme) => scheme.toLowerCase() === 'basic');
  if (!basic) {
    return new EnrollError('PROXY_CREDENTIALS_REFUSED', `${who} wants a login by ${schemes.join(' or ')} (407).`, {
      hint: 'Only Basic authentication is spoken: let the proxy take it from this host, or let this host through without a login.',
    });
  }
  return new EnrollError(
    'PROXY_CREDENTIALS_REFUSED',
    credentials === undefined
      ? `${who} wants a user name and a password (407).`
      : `${who} did not accept the user name and password (407).`,
  );
}

/** The status and the proxy's words, unless these repeat what it was sent. */
function words({ status, reason }: ConnectHead, { credentials }: ProxySettings): string {
  const secret = credentials?.reveal();
  const password = secret?.slice(secret.indexOf(':') + 1);
  const hidden = [secret, password, secret === undefined ? undefined : Buffer.from(secret).toString('base64')];
  const repeats = hidden.some((text) => text !== undefined && text !== '' && reason.includes(text));
  return repeats || reason === '' ? String(status) : `"${status} ${printable(reason)}"`;
}
