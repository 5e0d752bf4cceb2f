import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { enroll, nodeJourneyEdge } from '../../src/index.js';
import { prove } from '../../src/link/message/handshake.js';
import { opener } from '../../src/link/message/open.js';
import { authdSource } from '../../src/obtain/authd/source.js';
import type { Manager } from './host.js';
import { round, type SteadyResult } from './results.js';

const LANES = 16;
const TIMEOUT_MS = 10_000;
/** What memory is compared with is taken after this share: by then all that is kept for good is there. */
const WARM = 0.2;

/** Handshakes alone, and whole runs with the key that is there; the manager is a process of its own. */
export async function handshakes(
  counts = { handshakes: 10_000, runs: 2000 },
): Promise<{ readonly handshakes: SteadyResult; readonly runs: SteadyResult }> {
  const memory = memoryInMiB();
  const worker = fork(new URL('./manager.ts', import.meta.url));
  const [manager] = await (once(worker, 'message') as Promise<[Manager]>);
  const homes = await mkdtemp(join(tmpdir(), 'agent-enroll-handshakes-'));
  try {
    return {
      handshakes: await steadily(await lanesOf((lane) => handshakeOf(lane, manager)), counts.handshakes, memory),
      runs: await steadily(await lanesOf((lane) => runOf(lane, manager, homes)), counts.runs, memory),
    };
  } finally {
    worker.disconnect();
    await rm(homes, { recursive: true, force: true });
  }
}

type Once = () => Promise<unknown>;

function lanesOf(make: (lane: number) => Promise<Once>): Promise<readonly Once[]> {
  return Promise.all(Array.from({ length: LANES }, (_, lane) => make(lane)));
}

/** A key of its own, and what proves the link with it once, as the library does it within a run. */
async function handshakeOf(lane: number, { agent, authd }: Manager): Promise<Once> {
  const { signal } = new AbortController();
  const edge = nodeJourneyEdge({});
  const dial = edge.dial(TIMEOUT_MS);
  const trust = { insecure: false };
  const source = authdSource({ endpoint: authd, trust, dial, timeoutMs: TIMEOUT_MS });
  const { record } = await source.obtain({ name: `lane-${lane}`, ip: { kind: 'any' }, groups: [] }, signal);
  const request = { record, endpoint: agent, protocol: 'tcp', cipher: 'auto', family: 'wazuh-4' } as const;
  let local = 0;
  const handshakeEdge = {
    open: opener(agent, { dial, timeoutMs: TIMEOUT_MS }),
    counters: { next: async () => ({ global: 0, local: ++local % 10_000 }) },
    random: edge.random,
    now: edge.now,
  };
  const handshake = () => prove({ ...request, waitMs: TIMEOUT_MS, timeoutMs: TIMEOUT_MS }, handshakeEdge, signal);
  await handshake();
  return handshake;
}

/** A home of its own, with a key in it, and what runs there once more. */
async function runOf(lane: number, { agent, authd }: Manager, homes: string): Promise<Once> {
  const agentHome = join(homes, String(lane));
  await mkdir(join(agentHome, 'etc'), { recursive: true });
  const manager = `${agent.host}:${agent.port}`;
  const options = { manager, enrollmentPort: authd.port, agentHome, name: `host-${lane}` };
  await enroll(options);
  return () => enroll(options);
}

async function steadily(lanes: readonly Once[], times: number, memory: Memory): Promise<SteadyResult> {
  let begun = 0;
  const until = async (end: number) => {
    await Promise.all(
      lanes.map(async (once) => {
        while (begun < end) {
          begun += 1;
          await once();
        }
      }),
    );
  };
  const started = performance.now();
  await until(times * WARM);
  const before = await memory();
  await until(times);
  const seconds = round((performance.now() - started) / 1000);
  const after = await memory();
  return { times, seconds, heapMiB: [before.heap, after.heap], rssMiB: [before.rss, after.rss] };
}

type Memory = () => Promise<{ readonly heap: number; readonly rss: number }>;

/** How much is in use, once what is not needed any more was collected. */
function memoryInMiB(): Memory {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  return async () => {
    for (let time = 0; time < 5; time += 1) {
      collect();
      await setImmediate();
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: round((heapUsed + external) / 2 ** 20), rss: round(rss / 2 ** 20) };
  };
}
