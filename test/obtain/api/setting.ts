import type { RegisterIp } from '../../../src/model/register-address.js';
import { directDial } from '../../../src/net/connect.js';
import type { SeenCertificate } from '../../../src/net/trust.js';
import { type ApiOptions, apiSource } from '../../../src/obtain/api/source.js';
import type { AgentKey, KeyRequest } from '../../../src/obtain/key-source.js';
import { certificates } from '../../net/certificates.js';
import { passwordOf } from '../password.js';

/** A password that can be told from everything else. */
export const PASSWORD = 'Wa.zuh*Passw0rd-of-the-tests';

/** Options for a test's server: its CA is trusted, waits cost no time and are listed in `waits`. */
export function options(url: string, changes: Partial<ApiOptions> = {}): ApiOptions & { readonly waits: number[] } {
  const waits: number[] = [];
  let clock = 1e9;
  return {
    url,
    credentials: { user: 'enroll', password: passwordOf(PASSWORD) },
    trust: { ca: certificates().ca.certificate, insecure: false },
    dial: directDial(2000),
    timeoutMs: 2000,
    patienceMs: 10_000,
    force: false,
    random: () => 0.5,
    pause: async (ms) => {
      clock += ms;
      waits.push(ms);
    },
    now: () => clock,
    waits,
    ...changes,
  };
}

/** Takes what a source tells. */
export function telling() {
  const seen: SeenCertificate[] = [];
  const warnings: string[] = [];
  const told = {
    onCertificate: (certificate: SeenCertificate) => void seen.push(certificate),
    onWarning: (text: string) => void warnings.push(text),
  };
  return { told, seen, warnings };
}

export function asking(name: string, address?: string, groups: readonly string[] = []): KeyRequest {
  const ip: RegisterIp = address === undefined ? { kind: 'any' } : { kind: 'address', address };
  return { name, ip, groups };
}

/** One enrollment against a test's server. */
export function obtain(
  url: string,
  request: KeyRequest,
  changes: Partial<ApiOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<AgentKey> {
  return apiSource(options(url, changes)).obtain(request, signal);
}

/** A key with what came of that which was still to be asked of the manager. */
export async function completed(key: AgentKey): Promise<AgentKey> {
  const completion = await key.complete?.(new AbortController().signal);
  if (completion === undefined) return key;
  return { ...key, groups: completion.groups, warnings: [...key.warnings, ...completion.warnings] };
}

/** As {@link obtain} over plain http, which a test without TLS in its name needs no handshake for. */
export function obtainPlainly(
  url: string,
  request: KeyRequest,
  changes: Partial<ApiOptions> = {},
  signal?: AbortSignal,
): Promise<AgentKey> {
  return obtain(url, request, { trust: { insecure: true }, ...changes }, signal);
}
