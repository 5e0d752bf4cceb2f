import { EnrollError } from '../errors.js';
import { readInstalled } from '../keystore/installed.js';
import { linksOf } from '../keystore/notes/notes.js';
import { readNotes } from '../keystore/notes/notes-file.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Journey } from './context.js';
import { requireConnected, runningDaemon } from './daemon-word.js';
import { checkBinding, keyOfAnotherMachine } from './machine-binding.js';
import { type ManagerLink, proveLinkAtAny } from './manager-link.js';
import { alone } from './prepare.js';

/** A link that works. */
export interface CheckedLink {
  readonly changed: false;
  readonly record: AgentRecord;
  /** Absent where an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
}

/**
 * Proves the link with the key that is there, and changes nothing but the message counters, which no other run has in
 * its hands meanwhile.
 *
 * @throws EnrollError with `KEY_MISSING`, `KEYS_INVALID`, `KEY_OF_ANOTHER_MACHINE`, `AGENT_NOT_CONNECTED`, `ANOTHER_RUN`,
 * or what the handshake found wrong
 */
export async function check(journey: Journey): Promise<CheckedLink> {
  const { settings, agent, edge, observe, signal } = journey;
  const file = await readInstalled(agent, edge.disk);
  if (file === undefined) throw new EnrollError('KEY_MISSING', `There is no key in ${agent.keysFile}.`);
  const { record, tooWide } = file;
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  if (tooWide !== undefined) observe({ kind: 'warning', text: `${tooWide} Run agent-enroll to set this right.` });
  const notes = await readNotes(agent, edge.disk);
  if (settings.machineBinding && (await checkBinding(notes, record, edge, signal)) === 'other') {
    throw keyOfAnotherMachine(agent, record);
  }
  const daemon = await runningDaemon(journey);
  if (daemon !== undefined) {
    await requireConnected(journey, notes, daemon);
    return { changed: false, record };
  }
  const request = { record, notes, waitMs: settings.waitMs, links: linksOf(notes, record) };
  const link = await alone(journey, (locked) => proveLinkAtAny(locked, settings.managers, request));
  return { changed: false, record, link };
}
