import { EnrollError } from '../../errors.js';
import type { Notes } from '../../keystore/notes/notes.js';
import { type Endpoint, endpointKey, formatEndpoint } from '../../model/endpoint.js';
import { dialThrough } from '../../net/proxy.js';
import { connectTls, type TlsVersion } from '../../net/tls.js';
import type { TrustVerdict } from '../../net/trust.js';
import type { Journey } from '../context.js';
import { type Finding, right, untold, wrong } from './finding.js';

/** What is known of one enrollment port. */
export type ServiceLook =
  | {
      readonly kind: 'shown';
      readonly endpoint: Endpoint;
      readonly verdict: TrustVerdict;
      readonly version: TlsVersion;
    }
  | { readonly kind: 'failed'; readonly endpoint: Endpoint; readonly error: EnrollError };

/** Shakes hands with an enrollment service, and goes away: it is asked for nothing. */
export async function lookAtService(
  { settings, edge, signal }: Journey,
  endpoint: Endpoint,
  notes: Notes,
): Promise<ServiceLook> {
  const { trust, clientCertificate, timeoutMs } = settings;
  const firstUse = notes.managers.get(endpointKey(endpoint))?.fingerprint.replace('sha256:', '');
  try {
    const { socket, verdict, tlsVersion } = await connectTls(
      endpoint,
      {
        trust: { ...trust, firstUse },
        clientCertificate,
        dial: dialThrough(settings.proxy, edge.dial, timeoutMs),
        timeoutMs,
      },
      signal,
    );
    socket.destroy();
    return { kind: 'shown', endpoint, verdict, version: tlsVersion };
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    return { kind: 'failed', endpoint, error: thrown };
  }
}

/** Whether a host could enroll now: the port, TLS, and by what the certificate would be trusted. */
export function enrollment(looks: readonly ServiceLook[]): Finding {
  const shown = looks.flatMap((look) => (look.kind === 'shown' ? [inWords(look)] : []));
  const failed = looks.flatMap((look) => (look.kind === 'failed' ? [look] : []));
  const reached = failed.filter(({ error }) => error.code !== 'HOST_UNRESOLVED');
  const [first] = reached;
  if (first !== undefined) {
    const detail = reached.map(({ error }) => `The enrollment port: ${error.message}`).join(' ');
    return wrong('enrollment', detail, `${first.error.hint} A key that works does not need it.`);
  }
  if (failed.length > 0)
    return untold('enrollment', 'Not looked at: the name of the enrollment service has no address.');
  return right('enrollment', shown.join(' '));
}

function inWords({ endpoint, verdict, version }: Extract<ServiceLook, { kind: 'shown' }>): string {
  const { by, subject, fingerprint } = verdict;
  return `${formatEndpoint(endpoint)} speaks ${version}; its certificate ("${subject}", ${fingerprint}) ${TRUST[by]}. Nothing was asked.`;
}

const TRUST: Readonly<Record<TrustVerdict['by'], string>> = {
  ca: 'is signed by the CA given',
  system: "is trusted by the system's CAs",
  pin: 'has the pinned key',
  stored: 'has the same key as at the first enrollment',
  'first use': 'is not known yet: an enrollment would trust and remember it',
  nothing: 'is not checked (--insecure)',
};
