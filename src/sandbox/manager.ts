import { randomBytes } from 'node:crypto';
import { abortReason, EnrollError } from '../errors.js';
import type { Protocol } from '../link/message/transport.js';
import { Secret } from '../model/secret.js';
import { addAgent } from './add-agent.js';
import { AgentStore, viewOf } from './agent-table.js';
import { issueApiCertificate } from './api/start.js';
import { FAMILY_DEFAULTS } from './family-defaults.js';
import { loopback } from './listen.js';
import { ManagerLog } from './manager-log.js';
import { requireOddities } from './oddities.js';
import { fingerprintOf, issueStockCertificate } from './own-certificate.js';
import type { RemotedDaemon } from './remoted-daemon.js';
import type { SandboxEvent } from './sandbox-events.js';
import type { Sandbox, SandboxOptions } from './sandbox-options.js';
import { apiOf, authdOf, remotedOf, type Shared } from './services.js';

export type { NewAgent, Sandbox, SandboxOptions } from './sandbox-options.js';

/**
 * Starts a throw-away manager on loopback, for trying and testing: authd and remoted over one list of agents, which is
 * lost when it ends; a Wazuh manager has its API on the same list. Aborting `signal` closes it.
 *
 * @throws EnrollError with `SETTING_INVALID` for a host that is not loopback, a port that cannot be had, or an oddity of
 * another family; the reason of `signal` if that was aborted first
 */
export async function startSandbox(options: SandboxOptions, signal?: AbortSignal): Promise<Sandbox> {
  const { family } = options;
  const host = loopback(options.host ?? '127.0.0.1');
  const protocols = protocolsOf(options);
  requireOddities(options.oddities ?? [], family);
  const [certificate, apiCertificate] = await Promise.all([
    options.certificate ?? issueStockCertificate(),
    family === 'ossec' ? undefined : issueApiCertificate(options.api ?? {}, options.certificate),
  ]);
  let listener: RemotedDaemon | undefined;
  const emit = (event: SandboxEvent) => {
    options.onEvent?.(event);
    if (event.type === 'registered') listener?.keyAdded();
  };
  const shared: Shared = { options, host, certificate, emit, ...memoryOf(options, emit) };
  const { store, log } = shared;

  const services: { close(): Promise<void> }[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= Promise.all(services.map((service) => service.close())).then(() => emit({ type: 'closed' }));
    return closing;
  };
  try {
    const authd = await authdOf(shared);
    services.push(authd);
    if (options.authd !== 'closed') await authd.start();
    const remoted = await remotedOf(shared, protocols);
    listener = remoted;
    services.push(remoted);
    if (options.remoted !== 'closed') await remoted.start();
    const api = family === 'ossec' ? undefined : await apiOf(shared, family, apiCertificate);
    if (api !== undefined) services.push(api);
    if (signal?.aborted) throw abortReason(signal);
    const onAbort = () => void close();
    signal?.addEventListener('abort', onAbort, { once: true });
    return {
      family,
      endpoints: {
        authd: authd.endpoint,
        agent: remoted.endpoint,
        ...(api === undefined ? {} : { api: api.endpoint }),
      },
      certificate: certificate.certificate,
      fingerprint: fingerprintOf(certificate.certificate),
      ...(api === undefined ? {} : { api: api.api }),
      agents: () => store.list().map(viewOf),
      addAgent: (wanted) => {
        const agent = addAgent(wanted, store);
        emit({ type: 'registered', agent: viewOf(agent) });
        return agent.record;
      },
      removeAgent: (id) => {
        const agent = store.remove(id);
        if (agent !== undefined) emit({ type: 'removed', agent: viewOf(agent) });
        return agent !== undefined;
      },
      touchKeys: () => store.touch(),
      log: () => log.lines,
      startAuthd: () => authd.start(),
      stopAuthd: () => authd.stop(),
      startRemoted: () => remoted.start(),
      stopRemoted: () => remoted.stop(),
      restartRemoted: () => remoted.restart(),
      close: () => {
        signal?.removeEventListener('abort', onAbort);
        return close();
      },
    };
  } catch (thrown) {
    await Promise.all(services.map((service) => service.close()));
    throw thrown;
  }
}

type Given = Pick<Shared, 'options' | 'host' | 'certificate' | 'emit'>;

/** What outlives the daemons: the agents, the groups, the log. */
function memoryOf(options: SandboxOptions, emit: (event: SandboxEvent) => void): Omit<Shared, keyof Given> {
  const { family, clock = () => new Date() } = options;
  const stock = FAMILY_DEFAULTS[family];
  return {
    stock,
    clock,
    version: options.version ?? stock.version,
    hostName: options.hostName ?? 'agent-enroll-sandbox',
    groups: new Set(['default', ...(options.groups ?? [])]),
    store: new AgentStore({
      firstId: stock.firstId,
      duplicates: options.force ?? stock.duplicates,
      clock,
      newKey: () => new Secret(randomBytes(32).toString('hex')),
    }),
    log: new ManagerLog(family, clock, emit),
  };
}

function protocolsOf({ family, protocols = FAMILY_DEFAULTS[family].protocols }: SandboxOptions): ReadonlySet<Protocol> {
  const wanted = new Set(protocols);
  if (wanted.size > 0 && !(family === 'ossec' && wanted.has('tcp'))) return wanted;
  throw new EnrollError(
    'SETTING_INVALID',
    'An OSSEC manager takes messages over UDP only, a Wazuh manager over TCP, UDP or both.',
  );
}
