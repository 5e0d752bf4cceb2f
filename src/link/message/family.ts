import type { ManagerFamily } from '../../model/endpoint.js';
import { attemptDeadline, isFinal, type Pause } from './attempt.js';
import type { CipherSetting } from './candidates.js';
import type { Cipher } from './cipher.js';
import { PING, startup } from './control.js';
import type { Conversation, Reply } from './conversation.js';
import type { Transport } from './transport.js';

/** What is known of a manager when it has acknowledged. */
export interface FamilyFacts {
  readonly setting: CipherSetting;
  /** What the enrollment told, or an earlier run. */
  readonly family?: ManagerFamily | undefined;
  /** Whether `#ping` was answered. */
  readonly pong: boolean;
}

/** What the manager is asked with. */
interface Asking {
  readonly conversation: Conversation;
  /** Aborted where no time is left. */
  readonly parted: AbortSignal;
  readonly pause: Pause;
}

/** Of which family a manager is, and how it is to be left. */
export interface KnownFamily {
  /** Absent: a Wazuh of which the generation is not known, or where Blowfish alone may be spoken, either. */
  readonly family?: ManagerFamily;
  /** Whether it may know the shutdown, as Wazuh does since 4.0: without it such a manager keeps the agent pending. */
  readonly knowsShutdown: boolean;
}

/** How long to look for what tells the family over UDP, where an answer may be lost. */
const FAMILY_WAIT_MS = 250;
/** Over TCP, where no answer is lost: a Wazuh 4 that was too slow would be left with a pending agent. */
const PONG_WAIT_MS = 1000;

/**
 * Which family a manager is of that has acknowledged a message in this cipher; it is asked once more where that leaves
 * it open.
 *
 * @throws EnrollError where the message counters cannot be kept
 */
export async function familyOf(
  asking: Asking,
  transport: Transport,
  cipher: Cipher,
  { setting, family, pong }: FamilyFacts,
): Promise<KnownFamily> {
  if (cipher === 'aes-ossec') return known('ossec');
  if (pong) return known(family === 'wazuh-5' ? family : 'wazuh-4');
  const ossecs = transport.protocol === 'udp' && cipher === 'blowfish';
  if (family !== undefined && (family !== 'ossec' || ossecs)) return known(family);
  const ask = (send: () => Promise<void>, tells: (reply: Reply) => boolean, ms: number) =>
    askOnce({ transport, send, tells, ms }, asking);
  const ping = (ms: number) => ask(() => transport.send(PING), isPongReply, ms);
  if (transport.protocol === 'tcp') {
    return known((await ping(PONG_WAIT_MS)) === undefined ? 'wazuh-3' : 'wazuh-4');
  }
  if (cipher === 'aes-wazuh') return { knowsShutdown: true };
  // Blowfish over UDP, which both have.
  if (setting !== 'auto') {
    const pongs = (await ping(FAMILY_WAIT_MS)) ?? (await ping(FAMILY_WAIT_MS));
    return pongs === undefined ? { knowsShutdown: false } : known('wazuh-4');
  }
  // A Wazuh acknowledges its AES too. That a Blowfish acknowledgement came first says nothing: a manager encrypts as the
  // last message that it has read from the agent, and that may be the one behind (remoted, OSSEC 4.3 and Wazuh).
  const told = await ask(
    () => asking.conversation.send(transport, 'aes-wazuh', startup()),
    (reply) => isPongReply(reply) || (reply.kind === 'acknowledged' && reply.cipher === 'aes-wazuh'),
    FAMILY_WAIT_MS,
  );
  // Datagrams get lost, and a Wazuh 4 that was taken for an OSSEC would be left with a pending agent.
  if (told === undefined) return known((await ping(FAMILY_WAIT_MS)) === undefined ? 'ossec' : 'wazuh-4');
  return isPongReply(told) ? known('wazuh-4') : { knowsShutdown: true };
}

function known(family: ManagerFamily): KnownFamily {
  return { family, knowsShutdown: family === 'wazuh-4' || family === 'wazuh-5' };
}

function isPongReply({ kind }: Reply): boolean {
  return kind === 'pong';
}

/** A question, and which of the replies answers it. */
interface Question {
  readonly transport: Transport;
  readonly send: () => Promise<void>;
  readonly tells: (reply: Reply) => boolean;
  /** How long an answer is waited for, in milliseconds. */
  readonly ms: number;
}

/** Asks and waits a moment. `undefined`: no answer. */
async function askOnce(
  { transport, send, tells, ms }: Question,
  { conversation, parted, pause }: Asking,
): Promise<Reply | undefined> {
  const wait = attemptDeadline(parted, ms, pause);
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
