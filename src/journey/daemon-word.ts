import { EnrollError } from '../errors.js';
import { type AgentDaemon, agentDaemon } from '../host/agent-daemon.js';
import { installedTimes, type KeysFileTimes } from '../keystore/installed.js';
import type { Notes } from '../keystore/notes/notes.js';
import { type UsedManager, writeConfig } from './configure.js';
import type { Journey, PreparedJourney } from './context.js';

/** What the word of an agent daemon is worth as a proof of the key that lies on the disk. */
export type DaemonWord =
  /** It is connected with this very key, and says so now. */
  | { readonly kind: 'connected' }
  /** It was started before the key came, and goes on with another. */
  | { readonly kind: 'restart' }
  | { readonly kind: 'not-connected'; readonly status: 'pending' | 'disconnected' }
  /** Nothing can be concluded from it: `why`, as the end of a sentence about the daemon. */
  | { readonly kind: 'untold'; readonly why: string };

/** A daemon writes its state every 5 s (Wazuh, `agent.state_interval`). */
const FRESH_STATE_MS = 60_000;
/** Every keepalive is acknowledged; the longest usual pause between two is 10 min (`notify_time`). */
const FRESH_ACK_MS = 15 * 60_000;

/**
 * The agent daemon of this host, if it runs: then no test message may be sent, for a manager takes one connection a
 * key (remoted, 4.4 and later) and the counters are the daemon's.
 */
export async function runningDaemon({ agent, edge, observe, signal }: Journey): Promise<AgentDaemon | undefined> {
  const daemon = await agentDaemon(agent, edge.system, signal);
  if (daemon !== undefined) observe({ kind: 'daemon', daemon });
  return daemon;
}

/**
 * Judges what a daemon says. It reads client.keys when it starts, and again only where it has written the file itself, as
 * its own enrollment does (then the file belongs to the user that it runs as, which tells something where this program
 * writes as another one).
 *
 * @param file client.keys; `undefined`: it is not known when it was changed
 * @param now milliseconds since 1970
 * @param ownUid the numeric user of this program (Unix)
 */
export function daemonWord(
  { facts, status, saidAt, lastAck }: AgentDaemon,
  file: KeysFileTimes | undefined,
  { daemon: noted }: Notes,
  now: number,
  ownUid?: number,
): DaemonWord {
  const { halted, uid, startedAt, instance } = facts;
  if (halted) return { kind: 'untold', why: 'is halted by a signal' };
  if (file !== undefined) {
    const wroteIt = uid !== undefined && uid !== 0 && uid !== ownUid && uid === file.uid;
    const known = noted !== undefined && noted.instance === instance && noted.keys === file.content;
    if (!wroteIt && !known) {
      if (startedAt === undefined) {
        return { kind: 'untold', why: 'does not tell when it was started, so it may use the key of before' };
      }
      if (startedAt < file.changed) return { kind: 'restart' };
    }
  }
  if (status === 'unknown') return { kind: 'untold', why: 'does not tell whether it is connected' };
  if (saidAt !== undefined && Math.abs(now - saidAt) > FRESH_STATE_MS) {
    return { kind: 'untold', why: `has not said anything of its state for ${minutes(now - saidAt)}` };
  }
  if (status !== 'connected') return { kind: 'not-connected', status };
  const age = lastAck === undefined ? 0 : now - localTime(lastAck);
  if (Math.abs(age) > FRESH_ACK_MS) {
    return { kind: 'untold', why: `says that it is connected, and that the manager last answered it at ${lastAck}` };
  }
  return { kind: 'connected' };
}

/** The daemon and this program run on one host, by one clock and in one zone. */
function localTime(text: string): number {
  return new Date(text.replace(' ', 'T')).getTime();
}

function minutes(ms: number): string {
  return ms < 0 ? 'a time that its clock puts ahead' : `${Math.floor(ms / 60_000)} min`;
}

/**
 * Takes the daemon's word for the proof of the key that lies in its place.
 *
 * @param notes what is remembered of this host
 * @throws EnrollError `AGENT_RESTART_NEEDED`, `AGENT_NOT_CONNECTED`, each with the way out
 */
export async function requireConnected(
  { agent, edge }: Journey,
  notes: Notes,
  daemon: AgentDaemon,
): Promise<KeysFileTimes | undefined> {
  const file = await installedTimes(agent, edge.disk);
  const word = daemonWord(daemon, file, notes, edge.disk.now(), edge.disk.uid);
  switch (word.kind) {
    case 'connected':
      return file;
    case 'restart':
      throw new EnrollError(
        'AGENT_RESTART_NEEDED',
        `The agent daemon (${daemon.name}) was started before ${agent.keysFile} was last changed, so it does not use this key.`,
      );
    case 'not-connected':
      throw new EnrollError(
        'AGENT_NOT_CONNECTED',
        `The agent daemon (${daemon.name}) runs on this host and says that it is ${word.status}.`,
      );
    case 'untold':
      throw new EnrollError(
        'AGENT_NOT_CONNECTED',
        `The agent daemon (${daemon.name}) runs on this host, but ${word.why}.`,
        {
          hint: 'Stop the agent, run agent-enroll check, which then asks the manager itself, and start the agent again.',
        },
      );
  }
}

/**
 * The same, and remembers with which key the daemon runs: a change of the file's mode alone does not make it doubtful.
 * @throws EnrollError as {@link requireConnected}
 */
export async function believe(journey: PreparedJourney, daemon: AgentDaemon): Promise<void> {
  const { notes } = journey;
  const file = await requireConnected(journey, notes.notes, daemon);
  const { instance } = daemon.facts;
  if (file === undefined || instance === undefined) return;
  await notes.update((before) => ({ ...before, daemon: { instance, keys: file.content } }));
}

/**
 * What is left to do where a daemon runs with the key that was there before: ossec.conf is pointed at the manager, for
 * the start to come.
 *
 * @throws EnrollError `AGENT_RESTART_NEEDED`, and what keeps ossec.conf from being written
 */
export async function requireRestart(journey: Journey, used?: UsedManager): Promise<never> {
  await writeConfig(journey, used);
  const text = 'The new key is installed, but the agent daemon runs with the one before.';
  throw new EnrollError('AGENT_RESTART_NEEDED', text);
}
