import { EnrollError } from '../../errors.js';
import type { Completion } from '../key-source.js';
import type { Patience } from '../patience.js';
import { type Fault, outcomeOf } from './answer.js';
import type { Dialect } from './dialect.js';
import type { Session } from './session.js';

/** What the calls about groups need. */
export interface GroupContext {
  readonly dialect: Dialect;
  readonly session: Session;
  readonly patience: Patience;
  readonly quote: (said: string) => string;
}

/**
 * Asks whether the groups exist, so that a slip of the pen leaves no agent behind. Where the API user may not read them
 * (`group:read`) nothing is known, and nothing is said.
 *
 * @throws EnrollError `GROUP_UNKNOWN`, and what {@link Session.call} throws
 */
export async function checkGroups(names: readonly string[], context: GroupContext, signal: AbortSignal): Promise<void> {
  if (names.length === 0) return;
  const { dialect, session } = context;
  const { answer } = await session.call(dialect.groups(names), signal);
  const unknown = dialect.unknownGroups(answer, names);
  if (unknown.length === 0) return;
  const which = unknown.length === 1 ? `no group called ${unknown[0]}` : `no groups called ${unknown.join(', ')}`;
  throw new EnrollError('GROUP_UNKNOWN', `The manager has ${which}. No agent was created.`);
}

/**
 * Assigns the groups, one by one. Nothing that goes wrong here costs the key: every failure is a warning, an abort too,
 * which leaves it to the caller how the run ends.
 */
export async function assignGroups(
  id: string,
  names: readonly string[],
  context: GroupContext,
  signal: AbortSignal,
): Promise<Completion> {
  const groups: string[] = [];
  const warnings: string[] = [];
  for (const [index, name] of names.entries()) {
    const outcome = await assign(id, name, context, signal);
    if (outcome === 'assigned') {
      groups.push(name);
      continue;
    }
    const { why, final } = outcome;
    const concerned = final ? names.slice(index) : [name];
    warnings.push(notAssigned(concerned, id, why));
    if (final) break;
  }
  return { groups, warnings };
}

type Assigned = 'assigned' | { readonly why: string; readonly final: boolean };

async function assign(id: string, name: string, context: GroupContext, signal: AbortSignal): Promise<Assigned> {
  const { dialect, session, patience, quote } = context;
  try {
    for (;;) {
      const { answer } = await session.call(dialect.assign(id, name), signal);
      const { fault } = outcomeOf(answer);
      // 1751: it is in the group already.
      if (fault === undefined || fault.code === 1751) return 'assigned';
      // The manager makes a new agent known with a delay, and until then has none of that id (1701).
      if (fault.code === 1701 && (await patience.wait(signal))) continue;
      return words(fault, quote);
    }
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    return { why: thrown.message, final: true };
  }
}

function words({ code, said }: Fault, quote: (said: string) => string): Assigned {
  switch (code) {
    case 1753:
      return {
        why: 'a manager of 4.0 to 4.3 assigns groups only once the agent has connected (error 1753)',
        final: true,
      };
    case 1710:
      return { why: 'the manager does not have this group (error 1710)', final: false };
    case 4000:
      return {
        why: 'the API user may not do that (error 4000): it takes agent:modify_group on agents, group:read and group:modify_assignments on groups',
        final: false,
      };
    default:
      return { why: `the manager said "${quote(said)}" (error ${code ?? 'without a number'})`, final: false };
  }
}

function notAssigned(names: readonly string[], id: string, why: string): string {
  const [first = ''] = names;
  const which = names.length === 1 ? `The group ${first} was` : `The groups ${names.join(', ')} were`;
  const reason = why.replace(/\.$/, '');
  return `${which} not assigned: ${reason}. The key is good without; assign on the manager: agent_groups -a -i ${id} -g ${first}.`;
}
