import { randomBytes } from 'node:crypto';
import { abortReason, EnrollError } from '../errors.js';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import { Secret } from '../model/secret.js';
import { AgentStore, type AgentView, type DuplicateRules, viewOf } from './agent-table.js';
import { issueApiCertificate, type SandboxApi, type SandboxApiOptions, startSandboxApi } from './api/start.js';
import { type Running, startAuthd, type TlsVersions } from './authd.js';
import type { SandboxFamily } from './authd-protocol.js';
import { fingerprintOf, type IssuedCertificate, issueStockCertificate } from './own-certificate.js';
import { startRemoted } from './remoted.js';
import type { SandboxEvent } from './sandbox-events.js';

/** What the sandbox is to be. Everything but the family has the default of a stock manager. */
export interface SandboxOptions {
  readonly family: SandboxFamily;
  /** Loopback only. */
  readonly host?: '127.0.0.1' | '::1';
  /** 0 or absent: chosen by the system. `agent` is TCP and UDP on one number. */
  readonly ports?: { readonly authd?: number; readonly agent?: number; readonly api?: number };
  /** Without it a request with a password is refused, as real managers do. */
  readonly password?: Secret<string | Uint8Array>;
  /**
   * How long remoted takes to learn of a new key, in ms. Absent: as measured, 10 s between two looks (Wazuh), or 1 s of
   * sleep after an unknown agent sent something (OSSEC).
   */
  readonly keyReloadMs?: number;
  readonly force?: DuplicateRules;
  /** Groups that exist beside `default`. */
  readonly groups?: readonly string[];
  readonly useSourceIp?: boolean;
  /** PEM of the CA whose certificates clients must show. */
  readonly clientCa?: string;
  /** Another certificate than the stock ones, for authd and the API: those are self-signed and name no host, or localhost. */
  readonly certificate?: IssuedCertificate;
  /** The REST API of a Wazuh manager. */
  readonly api?: SandboxApiOptions;
  /** Whether counters are checked (`verify_msg_id`): off on Wazuh, on with OSSEC. */
  readonly verifyMsgId?: boolean;
  /** The manager's version with its `v`: what agents' versions are compared with. */
  readonly version?: string;
  readonly allowHigherVersions?: boolean;
  /** The manager's own host name, which no agent may have. */
  readonly hostName?: string;
  /** True: every valid request ends in "Internal manager error". */
  readonly keysUnwritable?: boolean;
  /** Both on Wazuh; OSSEC knows UDP only. */
  readonly protocols?: readonly Protocol[];
  readonly tls?: Partial<TlsVersions>;
  readonly clock?: () => Date;
  /** Is told everything, as it happens. What it throws is not caught. */
  readonly onEvent?: (event: SandboxEvent) => void;
}

/** A manager that runs on loopback until it is closed. */
export interface Sandbox {
  readonly family: SandboxFamily;
  /** `api` is absent with OSSEC, which has none. */
  readonly endpoints: { readonly authd: Endpoint; readonly agent: Endpoint; readonly api?: Endpoint };
  /** authd's, PEM. */
  readonly certificate: string;
  /** Of authd's certificate: `sha256:` and 64 hex digits of its public key (SPKI). */
  readonly fingerprint: string;
  /** Absent with OSSEC. */
  readonly api?: SandboxApi;
  agents(): readonly AgentView[];
  /** False: there is no agent with this id. Remoted knows of it with its next reading of the keys. */
  removeAgent(id: string): boolean;
  /** Leaves no socket and no timer. May be called more than once. */
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

interface FamilyDefaults {
  readonly version: string;
  readonly firstId: number;
  readonly duplicates: DuplicateRules;
  readonly verifyMsgId: boolean;
  readonly protocols: readonly Protocol[];
  readonly tls: TlsVersions;
}

// Stock configurations of Wazuh 4.14.7, Wazuh 3.13.6 and OSSEC 4.3.
const DEFAULTS: Readonly<Record<SandboxFamily, FamilyDefaults>> = {
  'wazuh-4': {
    version: 'v4.14.7',
    firstId: 1,
    duplicates: {
      kind: 'replace',
      evenConnected: false,
      disconnectedForMs: HOUR_MS,
      registeredForMs: HOUR_MS,
      evenSameKey: false,
    },
    verifyMsgId: false,
    protocols: ['tcp', 'udp'],
    tls: { min: 'TLSv1.2', max: 'TLSv1.3' },
  },
  'wazuh-3': {
    version: 'v3.13.6',
    firstId: 1,
    duplicates: { kind: 'replace', evenConnected: true, disconnectedForMs: 0, registeredForMs: 0, evenSameKey: true },
    verifyMsgId: false,
    protocols: ['tcp', 'udp'],
    tls: { min: 'TLSv1.2', max: 'TLSv1.3' },
  },
  ossec: {
    version: 'v4.3.0',
    firstId: 1024,
    duplicates: { kind: 'rename' },
    verifyMsgId: true,
    protocols: ['udp'],
    tls: { min: 'TLSv1.2', max: 'TLSv1.2' },
  },
};

/**
 * Starts a throw-away manager on loopback, for trying and testing: authd and remoted over one list of agents, which is
 * lost when it ends; a Wazuh manager has its API on the same list. Aborting `signal` closes it.
 *
 * @throws EnrollError with `SETTING_INVALID` for a host that is not loopback or a port that cannot be had; the reason of
 * `signal` if that was aborted first
 */
export async function startSandbox(options: SandboxOptions, signal?: AbortSignal): Promise<Sandbox> {
  const host = loopback(options.host ?? '127.0.0.1');
  const stock = DEFAULTS[options.family];
  const protocols = new Set(options.protocols ?? stock.protocols);
  if (protocols.size === 0 || (options.family === 'ossec' && protocols.has('tcp'))) {
    throw new EnrollError(
      'SETTING_INVALID',
      'An OSSEC manager takes messages over UDP only, a Wazuh manager over TCP, UDP or both.',
    );
  }
  const { family, clock = () => new Date() } = options;
  const emit = options.onEvent ?? (() => {});
  const store = new AgentStore({
    firstId: stock.firstId,
    duplicates: options.force ?? stock.duplicates,
    clock,
    newKey: () => new Secret(randomBytes(32).toString('hex')),
  });
  const [certificate, apiCertificate] = await Promise.all([
    options.certificate ?? issueStockCertificate(),
    family === 'ossec' ? undefined : issueApiCertificate(options.api ?? {}, options.certificate),
  ]);
  const groups = new Set(['default', ...(options.groups ?? [])]);
  const hostName = options.hostName ?? 'agent-enroll-sandbox';
  const common = {
    family: options.family,
    version: options.version ?? stock.version,
    allowHigherVersions: options.allowHigherVersions ?? false,
  };

  const running: Running[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= Promise.all(running.map((service) => service.close())).then(() => emit({ type: 'closed' }));
    return closing;
  };
  try {
    const authd = await startAuthd({
      endpoint: { host, port: options.ports?.authd ?? 0 },
      certificate,
      ...(options.clientCa === undefined ? {} : { clientCa: options.clientCa }),
      tls: { ...stock.tls, ...options.tls },
      rules: {
        ...common,
        ...(options.password === undefined ? {} : { password: options.password }),
        groups,
        useSourceIp: options.useSourceIp ?? false,
        hostName,
        keysUnwritable: options.keysUnwritable ?? false,
      },
      store,
      emit,
    });
    running.push(authd);
    const remoted = await startRemoted({
      endpoint: { host, port: options.ports?.agent ?? 0 },
      protocols,
      rules: { ...common, verifyMsgId: options.verifyMsgId ?? stock.verifyMsgId },
      ...(options.keyReloadMs === undefined ? {} : { keyReloadMs: options.keyReloadMs }),
      store,
      emit,
    });
    running.push(remoted);
    const api =
      family === 'ossec'
        ? undefined
        : await startSandboxApi({
            family,
            endpoint: { host, port: options.ports?.api ?? 0 },
            ...(apiCertificate === undefined ? {} : { certificate: apiCertificate }),
            options: options.api ?? {},
            manager: { store, groups, hostName, version: common.version, clock },
            emit,
          });
    if (api !== undefined) running.push(api);
    if (signal?.aborted) throw abortReason(signal);
    emit({ type: 'listening', service: 'authd', endpoint: authd.endpoint, over: 'TLS' });
    emit({ type: 'listening', service: 'remoted', endpoint: remoted.endpoint, over: [...protocols].join(', ') });
    if (api !== undefined) {
      emit({
        type: 'listening',
        service: 'api',
        endpoint: api.endpoint,
        over: new URL(api.api.url).protocol.slice(0, -1),
      });
    }
    const onAbort = () => void close();
    signal?.addEventListener('abort', onAbort, { once: true });
    return {
      family: options.family,
      endpoints: {
        authd: authd.endpoint,
        agent: remoted.endpoint,
        ...(api === undefined ? {} : { api: api.endpoint }),
      },
      certificate: certificate.certificate,
      fingerprint: fingerprintOf(certificate.certificate),
      ...(api === undefined ? {} : { api: api.api }),
      agents: () => store.list().map(viewOf),
      removeAgent: (id) => {
        const agent = store.remove(id);
        if (agent !== undefined) emit({ type: 'removed', agent: viewOf(agent) });
        return agent !== undefined;
      },
      close: () => {
        signal?.removeEventListener('abort', onAbort);
        return close();
      },
    };
  } catch (thrown) {
    await Promise.all(running.map((service) => service.close()));
    throw thrown;
  }
}

// The type says so already; a caller without types, or a flag, may not.
function loopback(host: string): string {
  if (host === '127.0.0.1' || host === '::1') return host;
  throw new EnrollError('SETTING_INVALID', `The sandbox listens on loopback only (127.0.0.1 or ::1), not on ${host}.`);
}
