import type { NotesFile } from '../keystore/notes/notes-file.js';
import type { AgentInstallation } from '../model/host.js';
import type { Settings } from '../settings/settings.js';
import type { Discoveries } from './discoveries.js';
import type { Observe } from './events.js';
import type { JourneyEdge } from './journey-edge.js';

/** What every step of a journey works with. */
export interface Journey {
  readonly settings: Settings;
  /** Where the agent's files lie on this host. */
  readonly agent: AgentInstallation;
  readonly edge: JourneyEdge;
  readonly observe: Observe;
  /** Which of the managers are a Wazuh 5. */
  readonly discoveries: Discoveries;
  /** Aborted by whoever started the journey, or by its total deadline. */
  readonly signal: AbortSignal;
}

/** A journey that has the agent's home to itself, and knows that what it will write there can be written. */
export interface PreparedJourney extends Journey {
  /** What is remembered of this host. */
  readonly notes: NotesFile;
}
