import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { abortReason, EnrollError, systemCode } from '../errors.js';
import { printable } from '../model/printable.js';
import { describeProxy } from './proxy-error.js';
import type { ProxySettings } from './proxy-settings.js';

/**
 * TLS with an `https://` proxy: its certificate must lead to a root that the runtime trusts and name the proxy.
 * @throws EnrollError `CERTIFICATE_UNTRUSTED`, `PROXY_UNREACHABLE`, or the reason of `signal`
 */
export function proxyTls(raw: Socket, proxy: ProxySettings, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    raw.on('error', () => {});
    if (signal.aborted) {
      raw.destroy();
      reject(abortReason(signal));
      return;
    }
    const { host } = proxy.endpoint;
    const socket = connect({
      socket: raw,
      minVersion: 'TLSv1.2',
      host,
      ALPNProtocols: ['http/1.1'],
      // Left out, NODE_TLS_REJECT_UNAUTHORIZED would decide.
      rejectUnauthorized: true,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onFault);
      socket.removeListener('close', onFault);
      socket.removeListener('secureConnect', onSecure);
    };
    const fail = (error: EnrollError) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      raw.destroy();
      reject(error);
    };
    const onAbort = () => fail(abortReason(signal));
    const onFault = (cause: unknown) => fail(faultOf(cause, proxy));
    const onSecure = () => {
      settle();
      resolve(socket);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onFault);
    socket.once('close', onFault);
    socket.once('secureConnect', onSecure);
  });
}

function faultOf(cause: unknown, proxy: ProxySettings): EnrollError {
  const who = describeProxy(proxy);
  const code = printable(systemCode(cause) ?? 'closed');
  // Node's codes for a chain or a name that does not hold; those of the protocol and the network begin otherwise.
  if (/CERT|SIGNATURE|ALTNAME|ISSUER/.test(code) && !code.startsWith('ERR_SSL_')) {
    return new EnrollError('CERTIFICATE_UNTRUSTED', `${who} has a certificate that is not trusted (${code}).`, {
      cause,
      hint: 'Use the proxy over http://, or name its CA in NODE_EXTRA_CA_CERTS, to which the npm package listens and the single binaries do not. --ca, --pin and --insecure are for the manager.',
    });
  }
  return new EnrollError('PROXY_UNREACHABLE', `${who} does not speak TLS as this host does (${code}).`, {
    cause,
    hint: 'Check whether the proxy is to be spoken to over http:// or https://.',
  });
}
