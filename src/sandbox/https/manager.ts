import { randomBytes } from 'node:crypto';
import { abortReason, EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { Secret } from '../../model/secret.js';
import { addAgent } from '../add-agent.js';
import { type Agent, AgentStore, viewOf } from '../agent-table.js';
import { Daemon } from '../daemon.js';
import { FAMILY_DEFAULTS } from '../family-defaults.js';
import { closedEndpoint, loopback } from '../listen.js';
import { fingerprintOf } from '../own-certificate.js';
import type { SandboxEvent } from '../sandbox-events.js';
import { type HttpsCertificates, issueHttpsCertificates } from './certificates.js';
import { EnrollmentTokens, formatToken } from './enrollment-tokens.js';
import type { HttpsState, PublishedCa } from './exchange.js';
import { Faults } from './faults.js';
import { type LegacyPorts, legacyOf } from './legacy.js';
import { LoadedKeys } from './loaded-keys.js';
import { planOf } from './oddities.js';
import type { HttpsAgentView, HttpsSandbox, HttpsSandboxOptions, IssuedToken, NewToken } from './options.js';
import { RequestBucket } from './request-bucket.js';
import { type RunningHttps, startHttps } from './server.js';

export type { HttpsSandbox, HttpsSandboxOptions } from './options.js';

const VERSION = 'v5.0.0';
const PREFIX = 'wazuh-manager';
const KEY_DELAY_MS = 50;
const RATE = { perSecond: 100, burst: 200 };

/**
 * Starts a throw-away Wazuh 5 manager on loopback: remoted over HTTPS with authd behind it, over a list of agents that is
 * lost when it ends. Aborting `signal` closes it.
 *
 * @throws EnrollError with `SETTING_INVALID` for a host that is not loopback, a prefix that is none, or a port that cannot
 * be had; the reason of `signal` if that was aborted first
 */
export async function startHttpsSandbox(given: HttpsSandboxOptions = {}, signal?: AbortSignal): Promise<HttpsSandbox> {
  const { options, certificates: fault, token: terms } = planOf(given);
  const host = loopback(options.host ?? '127.0.0.1');
  const prefix = prefixOf(options.prefix ?? PREFIX);
  let certificates = options.certificates ?? (await issueHttpsCertificates(fault));
  let caGeneration = 0;
  const publishedCa = (): PublishedCa => options.cacerts ?? { pem: certificates.bundle, generation: caGeneration };
  let running: RunningHttps | undefined;
  let legacy: LegacyPorts | undefined;
  const emit = (event: SandboxEvent) => options.onEvent?.(event);
  const state = stateOf(options, publishedCa, emit);
  const { store, secrets, tokens, keys } = state;
  const faults = new Faults();
  for (const planned of options.faults ?? []) faults.plan(planned);

  const endpoint = { host, port: options.ports?.https ?? 0 };
  const remoted: Daemon = new Daemon({
    endpoint: options.remoted === 'closed' ? await closedEndpoint(endpoint, new Set(['tcp'])) : endpoint,
    launch: async (at) => {
      keys.read();
      const { clientCa } = options;
      const mutual = clientCa === undefined ? {} : { clientCa };
      running = await startHttps({ endpoint: at, certificate: certificates.leaf, ...mutual, prefix, state, faults });
      return running;
    },
    onChange: (up) => {
      if (up) emit({ type: 'listening', service: 'remoted', endpoint: remoted.endpoint, over: 'HTTPS' });
      else emit({ type: 'stopped', service: 'remoted', how: 'by request' });
    },
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    signal?.removeEventListener('abort', onAbort);
    closing ??= Promise.all([remoted.close(), legacy?.close()]).then(() => {
      keys.stop();
      emit({ type: 'closed' });
    });
    return closing;
  };
  const onAbort = () => void close();
  const mint = (wanted: NewToken = {}): IssuedToken => {
    const address = wanted.address ?? `${formatEndpoint(remoted.endpoint)}${addressTail(prefix)}`;
    const anchor = wanted.anchor === 'ca' ? { ca: certificates.authority.certificate } : { pin: pinOf(certificates) };
    if (wanted.credential === false) return { text: formatToken({ address, anchor }) };
    const token = tokens.issue({ ...terms, ...wanted });
    if (terms.revoked) tokens.revoke(token.id);
    return { id: token.id, text: formatToken({ address, anchor, token }) };
  };
  try {
    if (options.legacy) legacy = await legacyOf(options, { ...state, host, certificate: certificates.leaf });
    if (options.remoted !== 'closed') await remoted.start();
    if (signal?.aborted) throw abortReason(signal);
  } catch (thrown) {
    await Promise.all([remoted.close(), legacy?.close()]);
    keys.stop();
    throw thrown;
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    family: 'wazuh-5',
    endpoints: { https: remoted.endpoint, ...legacy?.endpoints },
    url: `https://${formatEndpoint(remoted.endpoint)}${prefix === '' ? '' : `/${prefix}`}`,
    get ca() {
      return certificates.authority.certificate;
    },
    get pin() {
      return fingerprintOf(certificates.authority.certificate);
    },
    agents: () => store.list().map((agent) => shownOf(agent, state)),
    reenrollSecret: (id) => secrets.get(id),
    addAgent: (wanted) => {
      const agent = addAgent(wanted, store);
      emit({ type: 'registered', agent: viewOf(agent) });
      return agent.record;
    },
    removeAgent: (id) => {
      const agent = store.remove(id);
      secrets.delete(id);
      if (agent !== undefined) emit({ type: 'removed', agent: viewOf(agent) });
      return agent !== undefined;
    },
    rotateKey: (id) => {
      const agent = store.rotate(id);
      if (agent !== undefined) emit({ type: 'rotated', agent: viewOf(agent) });
      return agent?.record;
    },
    replaceCertificates: (others) => {
      certificates = others;
      caGeneration += 1;
      running?.present(others.leaf);
    },
    mintToken: mint,
    revokeToken: (id) => tokens.revoke(id),
    forgetToken: (id) => tokens.forget(id),
    interfere: (fault) => faults.plan(fault),
    startRemoted: () => remoted.start(),
    stopRemoted: () => remoted.stop(),
    close,
  };
}

function stateOf(
  options: HttpsSandboxOptions,
  publishedCa: () => PublishedCa,
  emit: (event: SandboxEvent) => void,
): HttpsState {
  const { clock = () => new Date(), password, rate = RATE } = options;
  const store: AgentStore = new AgentStore({
    firstId: 1,
    // Those of 4.x.
    duplicates: options.force ?? FAMILY_DEFAULTS['wazuh-4'].duplicates,
    clock,
    newKey: () => new Secret(randomBytes(32).toString('hex')),
    onWritten: () => keys.written(),
  });
  const keys = new LoadedKeys({ store, delayMs: options.keyReloadMs ?? KEY_DELAY_MS, emit });
  return {
    generation: options.generation ?? 'tokens',
    mode: options.enrollment ?? 'credential',
    ...(password === undefined ? {} : { password }),
    version: options.version ?? VERSION,
    groups: new Set(['default', ...(options.groups ?? [])]),
    store,
    secrets: new Map(),
    versions: new Map(),
    tokens: new EnrollmentTokens(clock),
    keys,
    limit: new RequestBucket({ ...rate, clock }),
    agentLimit: options.agentLimit ?? Number.POSITIVE_INFINITY,
    databaseUp: options.databaseUp ?? true,
    publishedCa,
    clock,
    seen: new Set(),
    emit,
  };
}

function shownOf(agent: Agent, { versions, secrets }: HttpsState): HttpsAgentView {
  const version = versions.get(agent.id);
  return {
    ...viewOf(agent),
    ...(version === undefined ? {} : { version }),
    reenrollable: secrets.has(agent.id),
  };
}

function pinOf({ authority }: HttpsCertificates): Uint8Array {
  return Buffer.from(fingerprintOf(authority.certificate).replace('sha256:', ''), 'hex');
}

// The address of a token: no tail is the stock prefix, a slash alone is none (Wazuh 5.0).
function addressTail(prefix: string): string {
  return prefix === PREFIX ? '' : `/${prefix}`;
}

function prefixOf(text: string): string {
  const prefix = text.replace(/^\/+|\/+$/g, '');
  if (/^[A-Za-z0-9._~/-]*$/.test(prefix)) return prefix;
  throw new EnrollError('SETTING_INVALID', 'A prefix is made of letters, digits, ".", "_", "~", "-" and "/".');
}
