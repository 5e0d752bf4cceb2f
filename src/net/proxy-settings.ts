import type { Endpoint } from '../model/endpoint.js';
import type { Secret } from '../model/secret.js';

/** An HTTP proxy that makes TCP connections (CONNECT, RFC 9110 §9.3.6). */
export interface ProxySettings {
  readonly endpoint: Endpoint;
  /** True: the proxy itself is spoken to over TLS (`https://`), and must have a certificate that this host trusts. */
  readonly secure: boolean;
  /** `user:password`, for Basic authentication. */
  readonly credentials?: Secret;
  /** True: the user named it for this run, so it is for every host. False: it was found in the environment. */
  readonly explicit: boolean;
  /** The entries of `NO_PROXY`; they and loopback keep hosts from a proxy that is not `explicit`. */
  readonly except: readonly string[];
}
