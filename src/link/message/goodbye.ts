import type { ManagerFamily } from '../../model/endpoint.js';
import { isFinal, type Pause } from './attempt.js';
import type { CipherSetting } from './candidates.js';
import type { Cipher } from './cipher.js';
import { SHUTDOWN } from './control.js';
import type { Conversation } from './conversation.js';
import { familyOf } from './family.js';
import type { Sightings } from './sightings.js';
import type { Transport } from './transport.js';

/** How long a startup that is still on its way may take to be answered before goodbye is said. */
const LAST_ANSWER_MS = 500;

/** What is needed for a goodbye. */
export interface Parting {
  readonly request: { readonly cipher: CipherSetting };
  readonly conversation: Conversation;
  readonly sightings: Sightings;
  /** The connections that a startup is on its way on. */
  readonly outstanding: ReadonlyMap<Transport, Promise<unknown>>;
  /** Aborted where no time is left. */
  readonly parted: AbortSignal;
  readonly pause: Pause;
}

/**
 * Ends what the startup has begun, so that the agent is not left `pending` (remoted, 4.14: such an agent is never
 * replaceable): with the last message that goes out, to a manager that knows the word. OSSEC would take it for a
 * keepalive; a Wazuh 3 warns of it in its log and leaves the agent pending all the same.
 *
 * @param told the manager's family, where somebody has told
 * @returns the family as it is known now
 * @throws EnrollError where the message counters cannot be kept
 */
export async function sayGoodbye(
  parting: Parting,
  transport: Transport,
  cipher: Cipher,
  told: ManagerFamily | undefined,
): Promise<ManagerFamily | undefined> {
  const { request, conversation, sightings, outstanding, parted, pause } = parting;
  const facts = { setting: request.cipher, pong: sightings.pong, family: told };
  const { family, knowsShutdown } = await familyOf(parting, transport, cipher, facts);
  if (!knowsShutdown) return family;
  // A startup that came in after the shutdown would leave the agent `pending`.
  const others = [...outstanding].filter(([other]) => other !== transport).map(([, ending]) => ending);
  const answered = new AbortController();
  void Promise.allSettled(others).then(() => answered.abort());
  await pause(LAST_ANSWER_MS, AbortSignal.any([parted, answered.signal]));
  try {
    await conversation.send(transport, cipher, SHUTDOWN);
  } catch (thrown) {
    // The link is proven, whether or not the manager still listens: it may have closed the connection by now.
    if (isFinal(thrown)) throw thrown;
  }
  return family;
}
