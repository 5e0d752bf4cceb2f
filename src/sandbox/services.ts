import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import type { AgentStore } from './agent-table.js';
import { startSandboxApi } from './api/start.js';
import type { ApiFamily } from './api/users.js';
import { startAuthd } from './authd.js';
import { Counters } from './counters.js';
import { Daemon } from './daemon.js';
import type { FamilyDefaults } from './family-defaults.js';
import { closedEndpoint } from './listen.js';
import type { LogLine } from './log-lines.js';
import type { ManagerLog } from './manager-log.js';
import type { IssuedCertificate } from './own-certificate.js';
import { startRemoted } from './remoted.js';
import { RemotedDaemon } from './remoted-daemon.js';
import type { SandboxEvent } from './sandbox-events.js';
import type { SandboxOptions } from './sandbox-options.js';

/** What the services of one manager share. */
export interface Shared {
  readonly options: SandboxOptions;
  readonly stock: FamilyDefaults;
  readonly host: string;
  readonly clock: () => Date;
  readonly version: string;
  readonly hostName: string;
  /** That exist. */
  readonly groups: Set<string>;
  /** authd's. */
  readonly certificate: IssuedCertificate;
  readonly store: AgentStore;
  readonly log: ManagerLog;
  readonly emit: (event: SandboxEvent) => void;
}

const TCP_ONLY: ReadonlySet<Protocol> = new Set(['tcp']);
const STALLED_EVERY = 20;

/** authd, not yet started. @throws EnrollError if its port cannot be had */
export async function authdOf(shared: Shared): Promise<Daemon> {
  const { options, stock, version, hostName, groups, certificate, store, emit } = shared;
  const endpoint = { host: shared.host, port: options.ports?.authd ?? 0 };
  const { family, clientCa, password, servesAtOnce } = options;
  const service = {
    certificate,
    ...(clientCa === undefined ? {} : { clientCa }),
    ...(servesAtOnce === undefined ? {} : { servesAtOnce }),
    tls: { ...stock.tls, ...options.tls },
    rules: {
      family,
      version,
      allowHigherVersions: options.allowHigherVersions ?? false,
      ...(password === undefined ? {} : { password }),
      groups,
      useSourceIp: options.useSourceIp ?? false,
      hostName,
      keysUnwritable: options.keysUnwritable ?? false,
    },
    store,
    dies: deathsOf(options),
    emit,
  };
  const authd: Daemon = new Daemon({
    endpoint: options.authd === 'closed' ? await closedEndpoint(endpoint, TCP_ONLY) : endpoint,
    launch: (at) => startAuthd({ ...service, endpoint: at }),
    onChange: (up) => {
      if (up) emit({ type: 'listening', service: 'authd', endpoint: authd.endpoint, over: 'TLS' });
      else emit({ type: 'stopped', service: 'authd', how: 'by request' });
    },
  });
  return authd;
}

/** remoted, not yet started. @throws EnrollError if its port cannot be had */
export async function remotedOf(shared: Shared, protocols: ReadonlySet<Protocol>): Promise<RemotedDaemon> {
  const { options, stock, version, store, emit } = shared;
  const { family, keyReloadMs, remotedRestartMs, servesAtOnce, oddities = [] } = options;
  const endpoint = { host: shared.host, port: options.ports?.agent ?? 0 };
  const endsWithoutKeys = oddities.includes('empty-keys-exit');
  const log = (lines: readonly LogLine[]) => shared.log.write(lines);
  const service = {
    protocols,
    rules: {
      family,
      version,
      allowHigherVersions: options.allowHigherVersions ?? false,
      verifyMsgId: options.verifyMsgId ?? stock.verifyMsgId,
    },
    ...(keyReloadMs === undefined ? {} : { keyReloadMs }),
    wholeSeconds: oddities.includes('missed-second'),
    store,
    counters: new Counters(),
    onEmptyKeys: () => remoted.keysEmpty(),
    loses: lossesOf(options),
    ...(servesAtOnce === undefined ? {} : { servesAtOnce }),
    log,
    emit,
  };
  const remoted: RemotedDaemon = new RemotedDaemon({
    endpoint: endsWithoutKeys || options.remoted === 'closed' ? await closedEndpoint(endpoint, protocols) : endpoint,
    launch: (at: Endpoint) => startRemoted({ ...service, endpoint: at }),
    ...(endsWithoutKeys ? { endsWithoutKeys: () => store.list().length === 0 } : {}),
    ...(remotedRestartMs === undefined ? {} : { restartMs: remotedRestartMs }),
    log,
    onUp: () => {
      emit({ type: 'listening', service: 'remoted', endpoint: remoted.endpoint, over: [...protocols].join(', ') });
    },
    emit,
  });
  return remoted;
}

/** The API, started. @throws EnrollError if its port cannot be had */
export async function apiOf(
  { options, host, store, groups, hostName, version, clock, emit }: Shared,
  family: ApiFamily,
  certificate: IssuedCertificate | undefined,
): Promise<Awaited<ReturnType<typeof startSandboxApi>>> {
  const api = await startSandboxApi({
    family,
    endpoint: { host, port: options.ports?.api ?? 0 },
    ...(certificate === undefined ? {} : { certificate }),
    options: options.api ?? {},
    manager: { store, groups, hostName, version, clock },
    emit,
  });
  const over = new URL(api.api.url).protocol.slice(0, -1);
  emit({ type: 'listening', service: 'api', endpoint: api.endpoint, over });
  return api;
}

function deathsOf({ authdDies }: SandboxOptions): () => 'before' | 'after' | undefined {
  let left = authdDies?.times ?? Number.POSITIVE_INFINITY;
  return () => {
    left -= 1;
    return left < 0 ? undefined : authdDies?.when;
  };
}

function lossesOf({ stalledConnections, oddities = [] }: SandboxOptions): () => boolean {
  const always = oddities.includes('stalled-connection');
  let taken = 0;
  return () => {
    taken += 1;
    return stalledConnections?.includes(taken) ?? (always && taken % STALLED_EVERY === 0);
  };
}
