import { EnrollError } from '../../errors.js';
import type { Endpoint } from '../../model/endpoint.js';

/** Where an API is. Everything that is sent goes to this one origin. */
export interface ApiAddress {
  /** `https://manager:55000`. */
  readonly origin: string;
  readonly endpoint: Endpoint;
  /** Whether TLS is spoken. */
  readonly secure: boolean;
  /** What stands before every path, for an API behind a reverse proxy: empty, or `/wazuh`. */
  readonly prefix: string;
}

/**
 * Reads the URL of an API.
 *
 * Plain http exists with 3.x. It shows the credentials to everybody on the way, so it is refused unless `insecure` is
 * said: they can do far more than enroll one host.
 *
 * @throws EnrollError `SETTING_INVALID`; the URL is not repeated where it may hold a password
 */
export function apiAddress(url: URL | string, insecure: boolean): ApiAddress {
  const parsed = typeof url === 'string' ? parse(url) : url;
  const { protocol, hostname, port, username, password, search, hash, pathname } = parsed;
  if (username !== '' || password !== '') {
    throw invalid('The API URL holds credentials.', 'Give them with --api-user and --api-password-file.');
  }
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw invalid(`The API URL begins with ${protocol} where https: is expected.`, 'Give it as https://MANAGER:55000.');
  }
  if (search !== '' || hash !== '') {
    throw invalid('The API URL has a query or a fragment.', 'Give it as https://MANAGER:55000.');
  }
  const secure = protocol === 'https:';
  if (!secure && !insecure) {
    throw invalid(
      `The API URL ${parsed.origin} is plain http, which would show the API credentials to everybody on the way.`,
      'Use https, or accept that with --insecure.',
    );
  }
  return {
    origin: parsed.origin,
    endpoint: { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (secure ? 443 : 80) },
    secure,
    prefix: pathname.replace(/\/+$/, ''),
  };
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    if (/^\w+:\/\/\[fe[89ab][0-9a-f]:/i.test(text)) {
      throw invalid(
        'A URL has no place for the interface that a link-local address needs.',
        'Give the API another address or a name with --api-url.',
      );
    }
    throw invalid('The API URL is not a URL.', 'Give it as https://MANAGER:55000.');
  }
}

function invalid(message: string, hint: string): EnrollError {
  return new EnrollError('SETTING_INVALID', message, { hint });
}
