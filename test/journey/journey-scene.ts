import { basename } from 'node:path';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import type { Journey, PreparedJourney } from '../../src/journey/context.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { type JourneyEdge, nodeJourneyEdge } from '../../src/journey/journey-edge.js';
import { prepared } from '../../src/journey/prepare.js';
import type { BegunRequest, Notes } from '../../src/keystore/notes/notes.js';
import { ensureNotesDirectory } from '../../src/keystore/notes/notes-directory.js';
import { openNotes } from '../../src/keystore/notes/notes-file.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { Settings } from '../../src/settings/settings.js';
import { watched } from '../files/faulty.js';
import { type FakeFacts, fakeSystem, never, procStat } from '../host/fake-system.js';

/** A manager that nobody is to ask. */
export const NOBODY: Endpoint = { host: '127.0.0.1', port: 1 };

/** A machine that can be told from others. */
export const MACHINE: FakeFacts = {
  hostname: 'web-01',
  files: { '/etc/machine-id': `${'1'.repeat(31)}a` },
};

/** A request of an earlier run that has no end. */
export const REQUEST: BegunRequest = {
  name: 'web-01',
  manager: 'siem.example:1515',
  startedAt: '2026-01-02T03:04:05.000Z',
};

/** What a journey of a test is made of; the rest is as the command line has it by default, but for the waits. */
export interface Given {
  readonly agent: AgentInstallation;
  readonly authd?: Endpoint;
  readonly remoted?: Endpoint;
  readonly settings?: Partial<Settings>;
  readonly facts?: FakeFacts;
  readonly disk?: FileEdge;
  readonly edge?: Partial<JourneyEdge>;
  readonly signal?: AbortSignal;
}

/** A journey, and what it has told so far. */
export interface ToldJourney extends Journey {
  readonly told: readonly JourneyEvent[];
  /** The kinds of what was told, in order; without the attempts, of which there are as many as there is time for. */
  kinds(): string[];
  warnings(): string[];
}

/** Makes one, over the real disk. */
export function journeyOf(given: Given): ToldJourney {
  const { agent, authd = NOBODY, remoted = NOBODY, facts = MACHINE, disk = nodeFileEdge(), signal = never } = given;
  const told: JourneyEvent[] = [];
  const settings: Settings = {
    managers: [{ agent: remoted, protocol: 'auto', enrollment: authd }],
    method: { use: 'authd', why: 'the default' },
    ip: { kind: 'any' },
    groups: [],
    trust: { insecure: true },
    cipher: 'auto',
    force: false,
    handshake: true,
    writeConfig: false,
    machineBinding: true,
    splayMs: 0,
    timeoutMs: 5000,
    reenroll: 'certain',
    retries: 0,
    waitMs: 5000,
    ...given.settings,
  };
  return {
    settings,
    agent,
    edge: { ...nodeJourneyEdge({}), system: fakeSystem(facts), disk, ...given.edge },
    observe: (event) => told.push(event),
    discoveries: new Discoveries(),
    signal,
    told,
    kinds: () => told.map(({ kind }) => kind).filter((kind) => kind !== 'attempt' && kind !== 'warning'),
    warnings: () => told.flatMap((event) => (event.kind === 'warning' ? [event.text] : [])),
  };
}

/** Does one step of a journey that is prepared as all are. */
export function step<T>(journey: Journey, work: (ready: PreparedJourney) => Promise<T>): Promise<T> {
  return prepared(journey, work);
}

/** What an earlier run has noted. */
export async function note(agent: AgentInstallation, notes: Partial<Notes>): Promise<void> {
  const disk = nodeFileEdge();
  await ensureNotesDirectory(agent, [], disk);
  await (await openNotes(agent, disk)).update((before) => ({ ...before, ...notes }));
}

/** Clock ticks of an hour. */
const HOUR = 360_000;

/** Facts of a host on which an agent daemon runs that says this of its link; it was started after all that the test does. */
export function withDaemon(
  agent: AgentInstallation,
  status: string,
  facts: FakeFacts = MACHINE,
  startedTicks = 2 * HOUR,
): FakeFacts {
  const files = {
    ...facts.files,
    '/proc/self/stat': procStat(1, 'node', HOUR),
    '/proc/77/stat': procStat(77, 'wazuh-agentd', startedTicks),
    '/proc/sys/kernel/random/boot_id': 'a-boot\n',
    [`${agent.home}/var/run/wazuh-agentd-77.pid`]: '77',
    [`${agent.home}/var/run/wazuh-agentd.state`]: `status='${status}'\n`,
    '/proc/77/comm': 'wazuh-agentd\n',
  };
  return { ...facts, files };
}

/** A disk that tells of each file that gets another content, in order, before it does. The lock is none of them. */
export function replacing(before: (path: string) => void | Promise<void>, disk: FileEdge = nodeFileEdge()): FileEdge {
  return watched(disk, async (operation, path) => {
    if (operation === 'rename' && basename(path) !== 'lock') await before(path);
  });
}

/** What an edge does without being interrupted, and whether it is under way. */
export function watchedStep() {
  const step = {
    inside: false,
    uninterrupted: async <T>(work: () => Promise<T>): Promise<T> => {
      step.inside = true;
      try {
        return await work();
      } finally {
        step.inside = false;
      }
    },
  };
  return step;
}
