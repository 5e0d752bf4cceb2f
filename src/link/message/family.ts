import type { ManagerFamily } from '../../model/endpoint.js';
import { deadline } from '../../net/deadline.js';
import { attemptOver, isFinal } from './attempt.js';
import type { CipherSetting } from './candidates.js';
import type { Cipher } from './cipher.js';
import { PING, startup } from './control.js';
import type { Conversation, Reply } from './conversation.js';
import type { Transport } from './transport.js';

/** What is known of a manager when it has acknowledged. */
export interface FamilyFacts {
  readonly setting: CipherSetting;
  /** What the enrollment told. */
  readonly family?: ManagerFamily;
  /** Whether `#ping` was answered. */
  readonly pong: boolean;
}

/** How long to look for what tells the family. */
const FAMILY_WAIT_MS = 250;

/**
 * Which family a manager is of that has acknowledged a message in this cipher; it is asked once more where that leaves
 * it open. `undefined`: a Wazuh of which the generation is not known, or where Blowfish alone may be spoken, either.
 *
 * @throws EnrollError where the message counters cannot be kept
 */
export async function familyOf(
  conversation: Conversation,
  transport: Transport,
  cipher: Cipher,
  { setting, family, pong }: FamilyFacts,
  signal: AbortSignal,
): Promise<ManagerFamily | undefined> {
  if (cipher === 'aes-ossec') return 'ossec';
  if (pong) return family === 'wazuh-5' ? family : 'wazuh-4';
  if (transport.protocol === 'tcp' || cipher === 'aes-wazuh') return family === 'ossec' ? undefined : family;
  if (family !== undefined) return family;
  // Blowfish over UDP, which both have.
  const ask = (send: () => Promise<void>, tells: (reply: Reply) => boolean) =>
    askOnce({ conversation, transport, send, tells }, signal);
  if (setting !== 'auto') {
    const pongs = await ask(() => transport.send(PING), isPongReply);
    return pongs === undefined ? undefined : 'wazuh-4';
  }
  // A Wazuh acknowledges its AES too. That a Blowfish acknowledgement came first says nothing: a manager encrypts as the
  // last message that it has read from the agent, and that may be the one behind (remoted, OSSEC 4.3 and Wazuh).
  const told = await ask(
    () => conversation.send(transport, 'aes-wazuh', startup()),
    (reply) => isPongReply(reply) || (reply.kind === 'acknowledged' && reply.cipher === 'aes-wazuh'),
  );
  if (told === undefined) return 'ossec';
  return isPongReply(told) ? 'wazuh-4' : undefined;
}

function isPongReply({ kind }: Reply): boolean {
  return kind === 'pong';
}

/** A question, and which of the replies answers it. */
interface Question {
  readonly conversation: Conversation;
  readonly transport: Transport;
  readonly send: () => Promise<void>;
  readonly tells: (reply: Reply) => boolean;
}

/** Asks and waits a moment. `undefined`: no answer. */
async function askOnce(
  { conversation, transport, send, tells }: Question,
  signal: AbortSignal,
): Promise<Reply | undefined> {
  const wait = deadline(signal, FAMILY_WAIT_MS, attemptOver);
  try {
    await send();
    for (;;) {
      const reply = await conversation.receive(transport, wait.signal);
      if (tells(reply)) return reply;
      if (reply.kind === 'closed') return undefined;
    }
  } catch (thrown) {
    if (isFinal(thrown) && !wait.signal.aborted) throw thrown;
    return undefined;
  } finally {
    wait.clear();
  }
}
