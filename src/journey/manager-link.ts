import { abortReason, EnrollError, type ErrorCode } from '../errors.js';
import { ReservedCounters } from '../keystore/reserved-counters.js';
import { SenderCounter } from '../keystore/sender-counter.js';
import { LinkError } from '../link/link-error.js';
import type { LinkProof } from '../link/link-proof.js';
import type { WorkedBefore } from '../link/message/candidates.js';
import { prove } from '../link/message/handshake.js';
import { opener } from '../link/message/open.js';
import type { Protocol } from '../link/message/transport.js';
import type { AgentRecord } from '../model/agent-record.js';
import { type Endpoint, endpointKey, formatEndpoint, type ManagerFamily } from '../model/endpoint.js';
import { dialThrough, proxyFor } from '../net/proxy.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import type { ManagerSettings } from '../settings/settings.js';
import type { Journey } from './context.js';
import { notAcknowledged } from './not-acknowledged.js';

/** The key whose link is to be proven. */
export interface ProofRequest {
  readonly record: AgentRecord;
  readonly family?: ManagerFamily;
  /** What worked before, by the key of the agent port; absent: nothing is known. */
  readonly links?: ReadonlyMap<string, WorkedBefore>;
  /** How long each manager is given, in milliseconds. */
  readonly waitMs: number;
}

/** That a manager answered, and which one. */
export type ManagerLink = LinkProof & {
  /** Its agent port. */
  readonly endpoint: Endpoint;
};

/**
 * Proves the link with the first of the managers that acknowledges the key, as an agent goes through its servers.
 *
 * @throws EnrollError of the manager that came closest: one that is there and does not know the key tells more than one
 * that is not there. It never says that nothing is installed, for the key is
 */
export async function proveLinkAtAny(
  journey: Journey,
  managers: readonly ManagerSettings[],
  request: ProofRequest,
): Promise<ManagerLink> {
  const failed: { readonly manager: ManagerSettings; readonly error: EnrollError }[] = [];
  for (const manager of managers) {
    try {
      return await proveLink(journey, manager, request);
    } catch (thrown) {
      if (journey.signal.aborted) throw notAcknowledged(abortReason(journey.signal));
      if (!(thrown instanceof EnrollError)) throw thrown;
      if (!isOfTheLink(thrown)) throw notAcknowledged(thrown);
      failed.push({ manager, error: thrown });
    }
  }
  const closest =
    failed.find(({ error }) => error.code === 'LINK_NOT_ACKNOWLEDGED') ??
    failed.find(({ error }) => error.code === 'LINK_UNANSWERED') ??
    failed.find(({ error }) => error.code === 'LINK_OTHER_SERVICE') ??
    failed[0];
  if (closest === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');
  if (failed.length === 1) throw notAcknowledged(closest.error);
  const others = failed
    .filter((one) => one !== closest)
    .map(({ manager, error }) => `${formatEndpoint(manager.agent)}: ${error.message}`);
  throw reworded(notAcknowledged(closest.error), `${closest.error.message} ${others.join(' ')}`);
}

/** The same in other words: what was seen stays with it. */
function reworded(error: EnrollError, message: string, hint = error.hint): EnrollError {
  const details = { hint, cause: error };
  return error instanceof LinkError
    ? new LinkError(error.code, message, error.evidence, details)
    : new EnrollError(error.code, message, details);
}

/** Whether another manager may do better: the link failed, or the manager's name is not known. */
function isOfTheLink({ code }: EnrollError): boolean {
  return code.startsWith('LINK_') || code === 'HOST_UNRESOLVED';
}

/**
 * Proves the link with a test handshake. The message counters are safe on the disk before each message and exact
 * afterwards, whatever comes of it.
 */
async function proveLink(
  { settings, agent, edge, observe, signal }: Journey,
  manager: ManagerSettings,
  { record, family, links, waitMs }: ProofRequest,
): Promise<ManagerLink> {
  observe({ kind: 'proving', endpoint: manager.agent, waitMs });
  const counters = new ReservedCounters(await SenderCounter.open(agent, edge.disk));
  const { timeoutMs } = settings;
  const proxy = proxyFor(manager.agent, settings.proxy);
  const worked = links?.get(endpointKey(manager.agent));
  try {
    const proof = await prove(
      {
        record,
        endpoint: manager.agent,
        protocol: protocolThrough(proxy, manager.protocol, family),
        cipher: settings.cipher,
        ...(family === undefined ? {} : { family }),
        ...(worked === undefined ? {} : { worked }),
        ...(agent.version === undefined ? {} : { version: agent.version }),
        enrollmentPort: manager.enrollment.port,
        waitMs,
        timeoutMs,
      },
      {
        open: opener(manager.agent, {
          dial: dialThrough(settings.proxy, edge.dial, timeoutMs),
          timeoutMs,
          proxied: proxy !== undefined,
          lookup: edge.lookup,
        }),
        counters,
        random: edge.random,
        now: edge.now,
        onAttempt: (attempt) => observe({ kind: 'attempt', ...attempt }),
      },
      signal,
    );
    observe({ kind: 'proved', proof });
    return { ...proof, endpoint: manager.agent };
  } catch (thrown) {
    throw family === 'wazuh-5' && thrown instanceof EnrollError ? ofWazuh5(thrown) : thrown;
  } finally {
    await counters.settle();
  }
}

/** What a manager that does not speak the protocol of OSSEC and Wazuh up to 4.x looks like. */
const OF_THE_OLD_PROTOCOL: readonly ErrorCode[] = [
  'LINK_NOT_ACKNOWLEDGED',
  'LINK_UNANSWERED',
  'LINK_OTHER_SERVICE',
  'LINK_SILENT',
  'LINK_PORT_CLOSED',
];

/**
 * The silence of a Wazuh 5, told for what it is. Its own agents connect over HTTPS (1517), which no test message is for;
 * those of 4.x have a port that can be switched off (`<remote><legacy>`, 1514/tcp; the documentation of 5.0 RC).
 */
function ofWazuh5(error: EnrollError): EnrollError {
  const { code, message } = error;
  if (!OF_THE_OLD_PROTOCOL.includes(code)) return error;
  const text = `${message} This manager is a Wazuh 5. Agents of 5.x connect to it over HTTPS, which is not tested here; the test message is that of agents of 4.x, so this does not prove that the key is wrong.`;
  return reworded(
    error,
    text,
    'The key is installed: start the agent and look into its log. For an agent of 4.x check that <legacy> in <remote> is enabled on the manager (port 1514, TCP). --no-handshake leaves the test out.',
  );
}

/**
 * Over what the link is proven where a proxy applies to the manager. A proxy carries TCP only, so `auto` does not try
 * UDP past it; OSSEC, which knows UDP only, is reached directly where nobody named the proxy for this run.
 */
export function protocolThrough(
  proxy: ProxySettings | undefined,
  protocol: 'auto' | Protocol,
  family: ManagerFamily | undefined,
): 'auto' | Protocol {
  if (proxy === undefined || protocol !== 'auto') return protocol;
  return family === 'ossec' && !proxy.explicit ? 'udp' : 'tcp';
}
