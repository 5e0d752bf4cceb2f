import { EnrollError } from '../../errors.js';
import { isNoRoute, isOfRemoted, type ManagerAnswer, retryAfterMs } from '../../model/manager-answer.js';
import { pinnedCa } from '../../net/pinned-ca.js';
import type { WaitTerms } from '../patience.js';

/** What an answer to `GET cacerts` comes to. */
export type CaAnswer =
  /** PEM of the certificate that has the pinned key, and of nothing else. */
  | { readonly kind: 'found'; readonly pem: string }
  | {
      readonly kind: 'missing';
      readonly error: EnrollError;
      /** Present: it may be there later. */
      readonly wait?: WaitTerms;
    };

/**
 * Looks for the pinned CA in what a manager publishes. Nothing of the answer is trusted but the one certificate whose key
 * was named beforehand.
 *
 * @param pin SHA-256 of the public key (SPKI) of the CA, 64 lower-case hex digits
 * @param where `host:port`
 */
export function readCacerts(answer: ManagerAnswer, bundle: Uint8Array, pin: string, where: string): CaAnswer {
  const { status } = answer;
  if (status === 200) return readBundle(answer, bundle, pin, where);
  if (isNoRoute(answer)) {
    return missing('NOT_MANAGER', `${where} publishes no CA below this prefix.`, {
      hint: 'Check the prefix and the port in the address of the manager. A pre-release of Wazuh 5 from before September 2026 knows neither tokens nor a published CA: upgrade it, or use its password and --ca.',
    });
  }
  if (status === 404) {
    return missing('CERTIFICATE_UNTRUSTED', `${where} has no CA to publish, so its certificate cannot be checked.`, {
      hint: 'Give the manager its CA (certificates of its deployment), or use a token that holds the CA itself.',
    });
  }
  if (status === 503 && isOfRemoted(answer)) {
    const text = `${where} has a certificate that its own CA did not sign (HTTP 503), so it cannot be checked.`;
    return {
      ...missing('CERTIFICATE_UNTRUSTED', text, {
        hint: "Correct the manager's certificate or its CA: they do not belong together.",
      }),
      wait: {},
    };
  }
  if (status === 429 || status >= 500) {
    const atLeastMs = retryAfterMs(answer);
    return {
      ...missing('MANAGER_NOT_READY', `${where} does not give its CA at the moment (HTTP ${status}).`),
      wait: atLeastMs === undefined ? {} : { atLeastMs },
    };
  }
  return missing('NOT_MANAGER', `What answers at ${where} is not the remoted of a Wazuh 5 (HTTP ${status}).`);
}

function readBundle({ header }: ManagerAnswer, bundle: Uint8Array, pin: string, where: string): CaAnswer {
  if (/\bhtml\b/i.test(header('content-type') ?? '')) {
    return missing('NOT_MANAGER', `What answers at ${where} is not the remoted of a Wazuh 5: it shows a web page.`);
  }
  const ca = pinnedCa(bundle, pin);
  switch (ca.kind) {
    case 'found':
      return ca;
    case 'mismatch':
      return missing('PIN_MISMATCH', `${where} publishes no CA with the pinned key (sha256:${pin}).`, {
        hint: 'It is another manager, its CA was exchanged, or somebody stands between. Find out which; if the CA was exchanged, make another token.',
      });
    case 'cut off':
      return missing('CONNECTION_FAILED', `What ${where} sent as its CA ends within a certificate.`, {
        hint: 'Try again. If it stays like this, look at what is between this host and the manager.',
      });
    case 'no text':
      return missing('CERTIFICATE_UNTRUSTED', `What ${where} sent as its CA is not PEM: it holds a NUL byte.`, {
        hint: 'Somebody may stand between this host and the manager.',
      });
  }
}

function missing(
  code: EnrollError['code'],
  message: string,
  details: { readonly hint?: string } = {},
): Extract<CaAnswer, { kind: 'missing' }> {
  return { kind: 'missing', error: new EnrollError(code, message, details) };
}
