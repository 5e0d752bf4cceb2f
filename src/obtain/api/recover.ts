import { abortReason, EnrollError } from '../../errors.js';
import type { Patience } from '../patience.js';
import { agentNamed, describeAgent, type FoundAgent, foundAgents, isSameAddress } from './agents.js';
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
    const agent = await findAgent(lost, context, signal);
    const issued = agent === undefined ? undefined : await findKey(agent, lost, context, signal);
    if (issued === undefined) throw lost.error;
    return {
      record: issued.record,
      warnings: [
        ...issued.warnings,
        `The answer to the request was lost; the manager had carried it out, and the key of agent ${issued.record.id} was read from there.`,
      ],
    };
  } catch (thrown) {
    if (signal.aborted) throw abortReason(signal);
    if (thrown instanceof EnrollError && thrown.code === 'NAME_DUPLICATE') throw thrown;
    throw lost.error;
  }
}

async function findAgent(
  lost: LostRequest,
  { dialect, session, patience }: RecoverContext,
  signal: AbortSignal,
): Promise<FoundAgent | undefined> {
  if (lost.clock === undefined) return undefined;
  const { name, force } = lost.agent;
  do {
    const settled = await session.call(dialect.find(name), signal);
    const data = settled.kind === 'answer' && settled.answer.kind === 'done' ? settled.answer.data : undefined;
    const agent = agentNamed(foundAgents(data), name);
    if (agent === undefined) continue;
    if (isOurs(agent, lost)) return agent;
    if (!force && isOlder(agent, lost.clock)) {
      throw new EnrollError(
        'NAME_DUPLICATE',
        `The manager already has an agent called ${name}: ${describeAgent(agent)}. The answer to the request was lost, but that agent is older.`,
        { cause: lost.error },
      );
    }
  } while (await patience.wait(signal));
  return undefined;
}

async function findKey(
  agent: FoundAgent,
  { expected }: LostRequest,
  { dialect, session, patience }: RecoverContext,
  signal: AbortSignal,
): Promise<Issued | undefined> {
  do {
    const settled = await session.call(dialect.key(agent.id), signal);
    if (settled.kind === 'unknown') return undefined;
    const { answer } = settled;
    if (answer.kind === 'done' && answer.failed.length === 0) {
      return readKey(agent.id, dialect.keyIn(answer.data), expected);
    }
    // The manager writes the key with a delay: 1701 until then.
    const code = answer.kind === 'done' ? answer.failed[0]?.code : answer.code;
    if (code !== 1701) return undefined;
  } while (await patience.wait(signal));
  return undefined;
}

/** Times are whole seconds, and the nodes of a cluster have a clock each. */
const TOLERANCE_MS = 1000;
const SKEW_MS = 60_000;

function isOurs(agent: FoundAgent, { agent: asked, clock = 0, elapsedMs }: LostRequest): boolean {
  const added = time(agent.added);
  if (added === undefined || added < clock - TOLERANCE_MS || added > clock + elapsedMs + SKEW_MS) return false;
  if (!/^never[ _]connected$/i.test(agent.status ?? '')) return false;
  return asked.ip === undefined || (agent.ip !== undefined && isSameAddress(asked.ip, agent.ip));
}

function isOlder(agent: FoundAgent, clock: number): boolean {
  const added = time(agent.added);
  return added !== undefined && added < clock - SKEW_MS;
}

// 4.x: 2026-11-22T05:20:45Z, 3.x: 2026-11-22 05:20:45.
function time(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) ? `${text.replace(' ', 'T')}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}
