import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  EXIT,
  enrollJourney,
  type JourneyEdge,
  type JourneyEvent,
  nodeJourneyEdge,
  nodeSettingsEdge,
} from '../../src/index.js';
import { run } from '../../src/journey/run.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { flagsOf } from '../../src/settings/option-object.js';
import { dialFrom, type hostOf } from './address.js';
import { askOnce, proveOnce } from './peer.js';
import { pauseAfterRun, type Way } from './ways.js';

/** Where the manager is. */
export interface Manager {
  readonly authd: Endpoint;
  readonly agent: Endpoint;
}

type Host = ReturnType<typeof hostOf>;

/** What one host has come to. Times in milliseconds since 1970. */
export interface Fate {
  /** When it had its key. */
  readonly keyAt: number;
  /** When the manager had answered, encrypted with this key. */
  readonly answeredAt: number;
  /** How often it asked authd. */
  readonly asked: number;
  /** How often it sent remoted a message that asks for an answer. */
  readonly messages: number;
  /** Why runs failed, by the code of the error, and how often. */
  readonly failed: Readonly<Record<string, number>>;
}

const TIMEOUT_MS = 10_000;
/** As the systemd unit has it: after every other end somebody has to look first. */
const STARTED_AGAIN: ReadonlySet<number> = new Set([EXIT.unreachable, EXIT.notAcknowledged]);
// `delay_after_enrollment` and the time between two connections of a stock agent.
const PEER_SLEEPS_MS = 20_000;
const PEER_AGAIN_MS = 10_000;

/**
 * One host, from its first contact until the manager has answered.
 * @param homes the directory that the homes of the agents are made in
 * @throws what a run ends with that starting it again does not mend
 */
export async function host(self: Host, way: Way, manager: Manager, homes: string): Promise<Fate> {
  return way.by === 'peer' ? await peer(self, way, manager) : await enroll(self, way, manager, homes);
}

async function enroll(self: Host, way: Way, { authd, agent }: Manager, homes: string): Promise<Fate> {
  const { name } = self;
  const home = join(homes, name);
  await mkdir(join(home, 'etc'), { recursive: true });
  const flags = flagsOf('enroll', {
    manager: `${agent.host}:${agent.port}`,
    enrollmentPort: authd.port,
    agentHome: home,
    splay: `${way.splayS}s`,
    retries: way.retries,
    timeout: `${TIMEOUT_MS / 1000}s`,
  });
  const edge = edgeOf(self);
  const seen = { keyAt: 0, asked: 0, messages: 0 };
  const failed: Record<string, number> = {};
  const observe = (event: JourneyEvent) => {
    if (event.kind === 'asking') seen.asked += 1;
    if (event.kind === 'attempt') seen.messages += 1;
    if (event.kind === 'installed') seen.keyAt = Date.now();
  };
  for (let runs = 1; ; runs += 1) {
    const { ended } = await run(
      {
        command: 'enroll',
        flags,
        given: 'library',
        environment: {},
        edge,
        settingsEdge: (signal) => nodeSettingsEdge(edge.disk, signal),
        observe,
        signal: new AbortController().signal,
      },
      enrollJourney,
    );
    if (ended.ok) return { ...seen, answeredAt: Date.now(), failed };
    const { code, exitCode, message } = ended.error;
    failed[code] = (failed[code] ?? 0) + 1;
    if (!STARTED_AGAIN.has(exitCode)) throw new Error(`${name}: ${code}: ${message}`, { cause: ended.error });
    await pause(pauseAfterRun(way, runs));
  }
}

/** The real edge, but for what tells one machine from another. */
function edgeOf({ name, address }: Host): JourneyEdge {
  const edge = nodeJourneyEdge({});
  return {
    ...edge,
    system: {
      ...edge.system,
      hostname: () => name,
      addresses: () => [{ interface: 'eth0', address, prefix: 8 }],
      // Hundreds of hosts look for a daemon among their processes, and not one of these is theirs.
      list: async (directory) => (directory === '/proc' ? [] : await edge.system.list(directory)),
      readText: async (path) =>
        path === '/etc/machine-id' ? name.slice(-5).padStart(32, '0') : await edge.system.readText(path),
    },
    dial: (timeoutMs) => dialFrom(address, timeoutMs),
  };
}

async function peer({ name, address }: Host, way: Way, { authd, agent }: Manager): Promise<Fate> {
  let asked = 1;
  let record = await askOnce(name, address, authd);
  for (; record === undefined; asked += 1) {
    await pause(pauseAfterRun(way, asked));
    record = await askOnce(name, address, authd);
  }
  const keyAt = Date.now();
  await pause(PEER_SLEEPS_MS);
  let messages = 1;
  for (; !(await proveOnce(record, address, agent, messages)); messages += 1) await pause(PEER_AGAIN_MS);
  return { keyAt, answeredAt: Date.now(), asked, messages, failed: {} };
}
