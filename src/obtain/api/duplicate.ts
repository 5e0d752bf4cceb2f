import { abortReason, EnrollError } from '../../errors.js';
import { storedForm } from './address-field.js';
import { agentAt, agentNamed, describeAgent, type FoundAgent, foundAgents } from './agents.js';
import type { Dialect, NewAgent } from './dialect.js';
import type { RepeatableRequest } from './http.js';
import type { Session } from './session.js';

/** The manager is the first of its own agents. */
const MANAGER_ID = '000';
const MANAGER_ADDRESS = '127.0.0.1';

/**
 * Adds to a refusal which agent is in the way and what is known of it, as far as the API user may see it
 * (`agent:read`). Anything but a duplicate comes back as it is.
 *
 * 1706 of 4.x means two things, a duplicate address and an invalid one. An address that is sent is valid, see
 * `addressFor`; the look-up tells which agent has it, and where it finds none the message says what is not known.
 *
 * @throws EnrollError the reason of `signal`
 */
export async function explainDuplicate(
  error: EnrollError,
  code: number | undefined,
  agent: NewAgent,
  { dialect, session }: { readonly dialect: Dialect; readonly session: Session },
  signal: AbortSignal,
): Promise<EnrollError> {
  const { name, ip, force } = agent;
  const details = error.managerSaid === undefined ? {} : { managerSaid: error.managerSaid };
  if (error.code === 'NAME_DUPLICATE') {
    const found = agentNamed(await look(dialect.find(name), session, signal), name);
    if (found?.id === MANAGER_ID || force) {
      return new EnrollError('NAME_DUPLICATE', `${error.message} It may be the name of the manager itself.`, {
        ...details,
        hint: 'Choose another name with --name.',
      });
    }
    const which = found === undefined ? 'the old agent' : `agent ${found.id}`;
    return new EnrollError('NAME_DUPLICATE', told(error.message, found), {
      ...details,
      hint: `If it is an old record of this host, replace it with --force, or remove ${which} on the manager (manage_agents -r). Otherwise choose another name with --name.`,
    });
  }
  if (error.code !== 'IP_DUPLICATE' || ip === undefined) return error;
  const found = agentAt(await look(dialect.findAddress(storedForm(ip)), session, signal), ip);
  if (found?.id === MANAGER_ID || (found === undefined && ip === MANAGER_ADDRESS)) {
    return new EnrollError('IP_DUPLICATE', `${error.message} It is the address of the manager itself.`, {
      ...details,
      hint: 'Enroll with --ip any, or with the address that the manager sees of this host.',
    });
  }
  if (found !== undefined) {
    return new EnrollError('IP_DUPLICATE', told(error.message, found), {
      ...details,
      hint: `Remove agent ${found.id} on the manager (manage_agents -r ${found.id}) or replace it with --force if it is an old record of this host; otherwise enroll with --ip any.`,
    });
  }
  if (code !== 1706) return error;
  return new EnrollError(
    'IP_DUPLICATE',
    `${error.message} The API has the same code for an address that it does not accept, but ${ip} is a valid one; this API user sees no agent that has it.`,
    details,
  );
}

function told(message: string, found: FoundAgent | undefined): string {
  return found === undefined ? message : `${message} It is ${describeAgent(found)}.`;
}

async function look(request: RepeatableRequest, session: Session, signal: AbortSignal): Promise<FoundAgent[]> {
  try {
    const { answer } = await session.call(request, signal);
    return answer.kind === 'done' ? foundAgents(answer.data) : [];
  } catch {
    // The refusal is what the user must hear; why no more is known about it is not.
    if (signal.aborted) throw abortReason(signal);
    return [];
  }
}
