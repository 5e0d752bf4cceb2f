import { EnrollError, systemCode } from '../errors.js';
import { printable } from '../model/printable.js';

/** What is known when a TLS connection fails. */
export interface TlsFailure {
  readonly thrown: unknown;
  /** The server, as people write it. */
  readonly where: string;
  readonly clientCertificateGiven: boolean;
  /** Bytes that the server had sent by then. */
  readonly bytesRead: number;
}

/** A server that had begun to shake hands and closes without a word may not like what it was shown, or is just gone. */
const CERTIFICATE_IN_DOUBT =
  'The manager may not accept the client certificate: check that the CA that its authd was given has signed it. Else check the network between this host and the manager.';

/** remoted takes the first bytes for the length of a message that is too long, and closes (Wazuh 4.14). */
const PORT_IN_DOUBT =
  'Check that the port is that of authd (1515): the agent port (1514) answers like this. Else check the network between this host and the manager.';

/** An alert alone is a record of 7 bytes: whoever sent more had begun to shake hands. */
const ALERT_RECORD = 7;

/**
 * What a failure during the handshake means; see {@link alertError} for alerts that come later.
 *
 * A server that finds no common version or cipher answers the first message with nothing but an alert. One that misses
 * a client certificate (authd with a CA, TLS 1.2) has sent its own flight before it sends the same alert: the number
 * of bytes received tells the two apart.
 */
export function handshakeError(failure: TlsFailure): EnrollError {
  const { thrown, where, bytesRead } = failure;
  const alert = alertError(failure);
  if (alert !== undefined) return alert;

  const code = systemCode(thrown) ?? '';
  if (/ALERT_HANDSHAKE_FAILURE/.test(code)) {
    if (bytesRead <= ALERT_RECORD) {
      return new EnrollError('TLS_FAILED', `${where} shares no TLS version or cipher with this host.`, {
        cause: thrown,
      });
    }
    return failure.clientCertificateGiven
      ? new EnrollError('CLIENT_CERTIFICATE_REFUSED', `${where} did not accept the client certificate.`, {
          cause: thrown,
        })
      : new EnrollError('CLIENT_CERTIFICATE_REQUIRED', `${where} wants a client certificate.`, { cause: thrown });
  }
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code)) {
    return new EnrollError('TLS_FAILED', `${where} does not speak TLS 1.2 or 1.3.`, { cause: thrown });
  }
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE/.test(code)) {
    return new EnrollError('TLS_FAILED', `${where} does not speak TLS: what listens there is not authd.`, {
      cause: thrown,
    });
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_')) {
    return new EnrollError('TLS_FAILED', `The TLS handshake with ${where} failed (${printable(code)}).`, {
      cause: thrown,
    });
  }
  const shown = failure.clientCertificateGiven && bytesRead > ALERT_RECORD;
  return new EnrollError('CONNECTION_FAILED', `${where} closed the connection during the TLS handshake.`, {
    cause: thrown,
    ...(shown ? { hint: CERTIFICATE_IN_DOUBT } : bytesRead === 0 ? { hint: PORT_IN_DOUBT } : {}),
  });
}

/**
 * The meaning of an alert about the client's certificate, or `undefined` for anything else. Under TLS 1.3 it comes
 * with the first read, after the handshake has succeeded on this side; the manager has not read a request then.
 */
export function alertError({ thrown, where, clientCertificateGiven }: Omit<TlsFailure, 'bytesRead'>) {
  const code = systemCode(thrown) ?? '';
  if (/ALERT_CERTIFICATE_REQUIRED/.test(code)) {
    return new EnrollError('CLIENT_CERTIFICATE_REQUIRED', `${where} wants a client certificate.`, { cause: thrown });
  }
  const reason = REFUSALS.find(([name]) => code.includes(name))?.[1];
  if (reason === undefined) return undefined;
  if (!clientCertificateGiven) {
    return new EnrollError('CLIENT_CERTIFICATE_REQUIRED', `${where} wants a client certificate (${reason}).`, {
      cause: thrown,
    });
  }
  return new EnrollError('CLIENT_CERTIFICATE_REFUSED', `${where} does not accept the client certificate: ${reason}.`, {
    cause: thrown,
  });
}

const REFUSALS: readonly (readonly [string, string])[] = [
  ['ALERT_UNKNOWN_CA', 'it was signed by a CA that the manager does not know'],
  ['ALERT_CERTIFICATE_EXPIRED', 'it has expired'],
  ['ALERT_CERTIFICATE_REVOKED', 'it was revoked'],
  ['ALERT_CERTIFICATE_UNKNOWN', 'the manager cannot verify it'],
  ['ALERT_UNSUPPORTED_CERTIFICATE', 'it is not meant for a client'],
  ['ALERT_BAD_CERTIFICATE', 'the manager cannot read it or its signature is wrong'],
  ['ALERT_ACCESS_DENIED', 'access denied'],
  ['ALERT_DECRYPT_ERROR', 'its signature is wrong'],
];
