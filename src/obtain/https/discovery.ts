import { abortReason, EnrollError } from '../../errors.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import { HTTPS_PORT, HTTPS_PREFIX, type HttpsEndpoint, httpsUrl } from '../../model/https-endpoint.js';
import { isObject } from '../../model/json.js';
import { isNoRoute, type ManagerAnswer } from '../../model/manager-answer.js';
import { type Generation, generationOf } from '../../model/manager-generation.js';
import { deadline } from '../../net/deadline.js';
import { firstConnection } from '../../net/first-connection.js';
import { type Look, type LookOptions, openLook, type Seen } from './look.js';

/** What is at a port where a Wazuh 5 would be. */
export type Discovery =
  | {
      readonly kind: 'wazuh-5';
      readonly manager: HttpsEndpoint;
      /** `unclear`: it did not answer all that would tell. */
      readonly generation: Generation | 'unclear';
      /** Whether it publishes the CA that its certificate is of. */
      readonly ca: 'published' | 'none' | 'unclear';
    }
  /** Something answers and is no manager: a web page, a redirect, another service. */
  | { readonly kind: 'stranger'; readonly why: string }
  /** It speaks no TLS 1.3: no Wazuh 5, or something in between. */
  | { readonly kind: 'no tls'; readonly error: EnrollError }
  /** The port is closed. */
  | { readonly kind: 'closed'; readonly error: EnrollError }
  /** Nothing answers, as behind a firewall. */
  | { readonly kind: 'silent'; readonly error: EnrollError }
  /** Its name has no address, or a proxy or the network does not let through. */
  | { readonly kind: 'unreachable'; readonly error: EnrollError };

/** What to look for. */
export interface DiscoveryRequest {
  readonly host: string;
  /** Absent: 1517. */
  readonly port?: number;
  /** Where it is known; absent: the usual one, and then none, as pre-releases have it. */
  readonly prefix?: string;
}

/**
 * Looks whether a Wazuh 5 is there, and of which generation. It creates nothing and says nothing that is secret; what it
 * finds is what anybody may have answered, so it chooses the way and never vouches for the manager.
 *
 * @param options of which `timeoutMs` is for all of it together
 * @throws EnrollError the reason of `signal`, and `SETTING_INVALID`
 */
export async function discover(
  request: DiscoveryRequest,
  options: LookOptions,
  signal: AbortSignal,
): Promise<Discovery> {
  const { host, port = HTTPS_PORT, prefix } = request;
  const where = formatEndpoint({ host, port });
  const limit = deadline(signal, options.timeoutMs, () => {
    return new EnrollError('CONNECTION_TIMED_OUT', `${where} did not answer within ${options.timeoutMs / 1000} s.`);
  });
  // Before HTTP is loaded, for most managers have this port closed.
  const first = firstConnection(options.dial);
  try {
    await first.open({ host, port }, limit.signal);
    for (const one of prefix === undefined ? [HTTPS_PREFIX, ''] : [prefix]) {
      const seen = await lookAt({ host, port, prefix: one }, { ...options, dial: first.dial }, limit.signal);
      if (signal.aborted) throw abortReason(signal);
      if (seen !== undefined) return seen;
    }
    return { kind: 'stranger', why: `${where} answers as a Wazuh 5 does to what it has nothing for.` };
  } catch (thrown) {
    if (signal.aborted) throw abortReason(signal);
    if (!(thrown instanceof EnrollError)) throw thrown;
    return unreached(thrown);
  } finally {
    limit.clear();
    first.close();
  }
}

/** `undefined`: nothing is below this prefix. */
async function lookAt(
  manager: HttpsEndpoint,
  options: LookOptions,
  signal: AbortSignal,
): Promise<Discovery | undefined> {
  const look = await openLook(manager, options);
  try {
    const probe = await look.get('', signal);
    if (probe.kind === 'stranger') return { kind: 'stranger', why: probe.sentence };
    switch (probeSays(probe.answer)) {
      case 'remoted':
        return { kind: 'wazuh-5', manager, ...(await kindOf(look, signal)) };
      case 'no route':
        return undefined;
      case 'stranger':
        return { kind: 'stranger', why: strangerInWords(manager, probe.answer) };
    }
  } finally {
    await look.close();
  }
}

/**
 * What an answer to `GET <prefix>/` says: a remoted answers 200 with exactly `{"status":"ok","module":"remoted"}`, and
 * 404 `{"error":"not_found"}` where it has another prefix (5.0, August).
 */
export function probeSays(answer: ManagerAnswer): 'remoted' | 'no route' | 'stranger' {
  const { status, body } = answer;
  if (!isObject(body)) return 'stranger';
  const members = Object.keys(body).length;
  if (status === 200 && members === 2 && body['status'] === 'ok' && body['module'] === 'remoted') return 'remoted';
  return isNoRoute(answer) && body['error'] === 'not_found' ? 'no route' : 'stranger';
}

async function kindOf(
  look: Look,
  signal: AbortSignal,
): Promise<Pick<Extract<Discovery, { kind: 'wazuh-5' }>, 'generation' | 'ca'>> {
  const unclear = { generation: 'unclear', ca: 'unclear' } as const;
  try {
    const cacerts = answerOf(await look.get('cacerts', signal));
    if (cacerts === undefined) return unclear;
    const ca = cacerts.status === 200 ? 'published' : cacerts.status === 404 ? 'none' : 'unclear';
    const control = isNoRoute(cacerts) ? answerOf(await look.post('control', signal)) : undefined;
    return { generation: generationOf(cacerts, control), ca };
  } catch (thrown) {
    if (thrown instanceof EnrollError) return unclear;
    throw thrown;
  }
}

function answerOf(seen: Seen): ManagerAnswer | undefined {
  return seen.kind === 'answer' ? seen.answer : undefined;
}

function unreached(error: EnrollError): Discovery {
  switch (error.code) {
    case 'CONNECTION_REFUSED':
      return { kind: 'closed', error };
    case 'CONNECTION_TIMED_OUT':
      return { kind: 'silent', error };
    case 'TLS_FAILED':
      return { kind: 'no tls', error };
    case 'SETTING_INVALID':
      throw error;
    default:
      return { kind: 'unreachable', error };
  }
}

function strangerInWords(manager: HttpsEndpoint, { status, header }: ManagerAnswer): string {
  const page = /\bhtml\b/i.test(header('content-type') ?? '') ? 'a web page' : 'something else';
  return `${httpsUrl(manager)} shows ${page} (HTTP ${status}), where a Wazuh 5 says what it is.`;
}

/** What was found, in a sentence for the report. */
export function discoveryInWords(found: Discovery, { host, port }: Endpoint): string {
  const where = formatEndpoint({ host, port });
  switch (found.kind) {
    case 'wazuh-5':
      return `${httpsUrl(found.manager)} is ${GENERATIONS[found.generation]}`;
    case 'stranger':
      return `${where} is not the remoted of a Wazuh 5: ${found.why}`;
    case 'no tls':
      return `${where} does not speak TLS 1.3, so it is not a Wazuh 5, or something stands between`;
    case 'closed':
      return `${where} is closed, so it is not a Wazuh 5`;
    case 'silent':
      return `${where} does not answer: it may be filtered`;
    case 'unreachable':
      return `${where} cannot be reached: ${found.error.message}`;
  }
}

const GENERATIONS: Readonly<Record<Generation | 'unclear', string>> = {
  tokens: 'a Wazuh 5',
  unclear: 'a Wazuh 5',
  password: 'a pre-release of Wazuh 5 that is too old for enrollment tokens',
  cmac: 'a pre-release of Wazuh 5 that signs with AES-CMAC: upgrade it',
};
