import { EnrollError } from '../../errors.js';
import type { AgentDaemon } from '../../host/agent-daemon.js';
import { LinkError } from '../../link/link-error.js';
import type { LinkEvidence } from '../../link/link-evidence.js';
import { look } from '../../link/message/look.js';
import { opener } from '../../link/message/open.js';
import type { Protocol } from '../../link/message/transport.js';
import type { Endpoint } from '../../model/endpoint.js';
import { pause } from '../../net/deadline.js';
import { dialThrough, proxyFor } from '../../net/proxy.js';
import type { ManagerSettings } from '../../settings/settings.js';
import type { Journey } from '../context.js';
import { protocolThrough } from '../link-by-messages.js';
import { type ManagerLink, type ProofRequest, proveLinkAtAny } from '../manager-link.js';
import { alone } from '../prepare.js';

/** What is known of the link. */
export type LinkLook =
  | { readonly kind: 'proved'; readonly link: ManagerLink }
  /** The agent daemon says that it is connected with this key, and its word counts. */
  | { readonly kind: 'daemon'; readonly daemon: AgentDaemon }
  /** `evidence` is absent where it is not the manager that failed; `over`: the protocol that works, and was not to be used. */
  | {
      readonly kind: 'failed';
      readonly error: EnrollError;
      readonly evidence?: LinkEvidence;
      readonly over?: Protocol;
    }
  /** Without a message of the agent; `why`: why there was none, as a sentence. */
  | { readonly kind: 'looked'; readonly at: Endpoint; readonly evidence: LinkEvidence; readonly why: string }
  | { readonly kind: 'none'; readonly why: string };

/** How long the protocol that was not to be used is tried, in milliseconds. */
const OTHER_PROTOCOL_MS = 3000;

/** Proves the link with test messages. Nothing but the message counters changes, which no other run has meanwhile. */
export async function tryLink(journey: Journey, request: ProofRequest): Promise<LinkLook> {
  const { settings, signal } = journey;
  try {
    return await alone(journey, async (locked): Promise<LinkLook> => {
      try {
        return { kind: 'proved', link: await proveLinkAtAny(locked, settings.managers, request) };
      } catch (thrown) {
        if (!(thrown instanceof LinkError)) throw thrown;
        const { evidence } = thrown;
        const over = await otherProtocol(locked, request, thrown);
        return { kind: 'failed', error: thrown, evidence, ...(over === undefined ? {} : { over }) };
      }
    });
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    return { kind: 'failed', error: thrown };
  }
}

/** Where one protocol alone was to be used and leads to nobody: whether the other one does. */
async function otherProtocol(
  journey: Journey,
  request: ProofRequest,
  { evidence: { conclusion } }: LinkError,
): Promise<Protocol | undefined> {
  if (conclusion.kind !== 'closed' && conclusion.kind !== 'silent') return undefined;
  const managers = journey.settings.managers.flatMap((manager): ManagerSettings[] =>
    manager.protocol === 'auto' ? [] : [{ ...manager, protocol: manager.protocol === 'tcp' ? 'udp' : 'tcp' }],
  );
  if (managers.length === 0) return undefined;
  const quiet = { ...journey, observe: () => {} };
  try {
    const waitMs = Math.min(OTHER_PROTOCOL_MS, request.waitMs);
    const { protocol } = await proveLinkAtAny(quiet, managers, { ...request, waitMs });
    return protocol === 'https' ? undefined : protocol;
  } catch (thrown) {
    if (journey.signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    return undefined;
  }
}

/** Looks at the agent port of the first manager without a message of the agent. */
export async function lookWithoutKey(
  { settings, edge, signal }: Journey,
  manager: ManagerSettings,
  why: string,
): Promise<LinkLook> {
  const { timeoutMs } = settings;
  const proxy = proxyFor(manager.agent, settings.proxy);
  const open = opener(manager.agent, {
    dial: dialThrough(settings.proxy, edge.dial, timeoutMs),
    timeoutMs,
    lookup: edge.lookup,
    proxied: proxy !== undefined,
  });
  const request = {
    endpoint: manager.agent,
    protocol: protocolThrough(proxy, manager.protocol, undefined),
    authd: manager.agent.port === manager.enrollment.port,
    timeoutMs,
  };
  const evidence = await look(request, { open, now: edge.now, pause }, signal);
  return { kind: 'looked', at: manager.agent, evidence, why };
}
