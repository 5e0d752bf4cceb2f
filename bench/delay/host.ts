import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  enrollJourney,
  type JourneyEdge,
  nodeJourneyEdge,
  nodeSettingsEdge,
  type OptionsOf,
  type Report,
} from '../../src/index.js';
import { run } from '../../src/journey/run.js';
import { pause } from '../../src/net/deadline.js';
import { flagsOf } from '../../src/settings/option-object.js';

/** A host far from its manager. */
export interface DistantHost {
  readonly home: string;
  /** The names that were looked up, in order. */
  readonly lookedUp: readonly string[];
  /** @throws what the run ends with */
  enroll(options: OptionsOf<'enroll'>): Promise<Report>;
  remove(): Promise<void>;
}

/**
 * A host with a home of its own. Every name leads to 127.0.0.1.
 * @param roundTripMs how long a TCP connection and a look-up take
 */
export async function distantHost(roundTripMs: number): Promise<DistantHost> {
  const home = await mkdtemp(join(tmpdir(), 'agent-enroll-distant-'));
  await mkdir(join(home, 'etc'));
  const lookedUp: string[] = [];
  const edge = nodeJourneyEdge({}, async (host) => {
    lookedUp.push(host);
    await pause(roundTripMs, new AbortController().signal);
    return [{ address: '127.0.0.1', family: 4 }];
  });
  const distant: JourneyEdge = {
    ...edge,
    dial: (timeoutMs) => {
      const dial = edge.dial(timeoutMs);
      return async (endpoint, signal) => {
        const socket = await dial(endpoint, signal);
        await pause(roundTripMs, signal);
        return socket;
      };
    },
  };
  return {
    home,
    lookedUp,
    enroll: async (options) => {
      const { report, ended } = await run(
        {
          command: 'enroll',
          flags: flagsOf('enroll', { name: 'distant', agentHome: home, ...options }),
          given: 'library',
          environment: {},
          edge: distant,
          settingsEdge: (signal) => nodeSettingsEdge(edge.disk, signal),
          observe: () => {},
          signal: new AbortController().signal,
        },
        enrollJourney,
      );
      if (!ended.ok) throw ended.error;
      return report;
    },
    remove: () => rm(home, { recursive: true }),
  };
}
