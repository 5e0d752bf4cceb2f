import { abortReason, EnrollError } from '../../errors.js';
import type { Patience } from '../patience.js';
import { agentAt, agentNamed, describeAgent, type FoundAgent, foundAgents } from './agents.js';
import { outcomeOf } from './answer.js';
import type { Dialect, NewAgent } from './dialect.js';
import { type Issued, type KeyExpectation, readKey } from './issued.js';
import type { Session } from './session.js';

/** What is known of a request whose answer was lost. */
export interface LostRequest {
  readonly agent: NewAgent;
  readonly expected: KeyExpectation;
  /** The manager's clock shortly before the request, in milliseconds; absent: unknown. */
  readonly clock: number | undefined;
  /** How long ago, on this host's clock, the manager's was read. */
  readonly elapsedMs: number;
  /** What is thrown where the outcome cannot be found out. */
  readonly error: EnrollError;
}

/** What finding out needs. */
export interface RecoverContext {
  readonly dialect: Dialect;
  readonly session: Session;
  readonly patience: Patience;
}

/**
 * Finds out what came of a request whose answer was lost, instead of sending it again: the agent is looked up, and where
 * it is certainly the one that was asked for, its key is read. That takes `agent:read`; without it nothing is learned,
 * because the API then shows an empty list.
 *
 * An agent of that name may be older, and another host's. So it counts only if it was registered, by the manager's own
 * clock, after this session began, with the address asked for, and has never connected.
 *
 * @throws EnrollError `lost.error`; `NAME_DUPLICATE` if an older agent has the name, which excludes that the request was
 * carried out; the reason of `signal`
 */
export async function recover(lost: LostRequest, context: RecoverContext, signal: AbortSignal): Promise<Issued> {
  try {
    const { record, warnings } = await findKey(await findAgent(lost, context, signal), lost, context, signal);
    return {
      record,
      warnings: [
        ...warnings,
        `The answer to the request was lost; the manager had carried it out, and the key of agent ${record.id} was read from there.`,
      ],
    };
  } catch (thrown) {
    if (signal.aborted) throw abortReason(signal);
    if (thrown instanceof EnrollError && thrown.code === 'NAME_DUPLICATE') throw thrown;
    throw lost.error;
  }
}

async function findAgent(
  { agent: { name, ip, force }, clock, elapsedMs, error }: LostRequest,
  { dialect, session, patience }: RecoverContext,
  signal: AbortSignal,
): Promise<FoundAgent> {
  if (clock === undefined) throw error;
  do {
    const { answer } = await session.call(dialect.find(name), signal);
    const agent = agentNamed(foundAgents(outcomeOf(answer).data), name);
    if (agent === undefined) continue;
    const added = addedAt(agent);
    const isInTime = added >= clock - TOLERANCE_MS && added <= clock + elapsedMs + SKEW_MS;
    const hasAddress = ip === undefined || agentAt([agent], ip) !== undefined;
    if (isInTime && hasAddress && /^never[ _]connected$/i.test(agent.status ?? '')) return agent;
    if (!force && added < clock - SKEW_MS) {
      throw new EnrollError(
        'NAME_DUPLICATE',
        `The manager already has an agent called ${name}: ${describeAgent(agent)}. The answer to the request was lost, but that agent is older.`,
        { cause: error },
      );
    }
  } while (await patience.wait(signal));
  throw error;
}

async function findKey(
  { id }: FoundAgent,
  { expected, error }: LostRequest,
  { dialect, session, patience }: RecoverContext,
  signal: AbortSignal,
): Promise<Issued> {
  do {
    const { answer } = await session.call(dialect.key(id), signal);
    const { data, fault } = outcomeOf(answer);
    if (fault === undefined) return readKey(id, dialect.keyIn(data), expected);
    // The manager writes the key with a delay: 1701 until then.
    if (fault.code !== 1701) throw error;
  } while (await patience.wait(signal));
  throw error;
}

/** Times are whole seconds, and the nodes of a cluster have a clock each. */
const TOLERANCE_MS = 1000;
const SKEW_MS = 60_000;

/**
 * When an agent was registered, by the manager's clock, in milliseconds; not a number where it is not known. 4.x writes
 * 2026-11-22T05:20:45Z, and 3.x 2026-11-22 05:20:45.
 */
function addedAt({ added = '' }: FoundAgent): number {
  return Date.parse(added.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/, '$1T$2Z'));
}
