import { Secret } from '../../../src/model/secret.js';
import { directDial } from '../../../src/net/connect.js';
import { type HttpsOptions, httpsSource } from '../../../src/obtain/https/source.js';
import type { AgentKey, KeyRequest } from '../../../src/obtain/key-source.js';
import { certificates } from '../../net/certificates.js';
import { type Answer, type ManagerServer, pinOf, remoted } from '../../wazuh5-manager.js';

/** A password that can be told from everything else. */
export const PASSWORD = {
  kind: 'password',
  password: new Secret<Uint8Array>(Buffer.from('Wa.zuh5-of-the-tests')),
} as const;

/** The credential of a token. */
export const TOKEN = {
  kind: 'token',
  id: 'AAECAwQFBgcICQoLDA0ODw',
  secret: new Secret<Uint8Array>(Buffer.from('101112131415161718191a1b1c1d1e1f', 'hex')),
} as const;

export const REENROLL = { kind: 'reenroll', id: '003', secret: new Secret('0f'.repeat(32)) } as const;

/** The pin of the CA that has signed the test's server. */
export const caPin = () => ({ kind: 'ca pin', pin: pinOf(certificates().ca.certificate) }) as const;

export const ISSUED = { id: '003', name: 'web-01', ip: 'any', key: 'ab'.repeat(32), reenroll_secret: 'cd'.repeat(32) };
export const issued = (changes: Readonly<Record<string, unknown>> = {}): Answer =>
  remoted(200, { ...ISSUED, ...changes });

export const WEB01: KeyRequest = { name: 'web-01', ip: { kind: 'any' }, groups: [] };

/** Options for a test's server: its CA is trusted, waits cost no time and are listed in `waits`. */
export function options(
  server: ManagerServer,
  changes: Partial<HttpsOptions> = {},
): HttpsOptions & { waits: number[] } {
  const waits: number[] = [];
  let elapsed = 0;
  let tokens = 0;
  return {
    manager: server.manager,
    credential: PASSWORD,
    trust: { kind: 'settings', settings: { ca: certificates().ca.certificate, insecure: false } },
    dial: directDial(2000),
    timeoutMs: 2000,
    retries: 3,
    random: () => 0.5,
    jti: () => Buffer.alloc(16, ++tokens),
    pause: async (ms) => {
      elapsed += ms;
      waits.push(ms);
    },
    now: () => elapsed,
    clock: () => Date.now(),
    waits,
    ...changes,
  };
}

/** One enrollment at a test's server. */
export function obtain(
  server: ManagerServer,
  changes: Partial<HttpsOptions> = {},
  request: KeyRequest = WEB01,
  signal: AbortSignal = new AbortController().signal,
): Promise<AgentKey> {
  return httpsSource(options(server, changes)).obtain(request, signal);
}
