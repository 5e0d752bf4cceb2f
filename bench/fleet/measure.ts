import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import type { Network } from './network.js';
import { spreadOf, timesOfShares, type WayResult } from './results.js';
import type { Way } from './ways.js';
import type { Done, Work } from './worker.js';

/** The fleet and its manager. */
export interface Scene {
  readonly hosts: number;
  readonly atOnce: number;
  readonly reloadMs: number;
  readonly network: Network;
}

/** Time for the processes to be there. */
const LEAD_MS = 3000;
/** What three retries make with the first try. */
const TRIES_BY_DEFAULT = 4;

/** Lets a fleet go one way, with a manager of its own. Hosts that came to nothing are told on standard error. */
export async function measureWay(way: Way, { hosts, atOnce, reloadMs, network }: Scene): Promise<WayResult> {
  const seen = { registered: 0, logLines: 0 };
  const resetBy = { authd: 0, remoted: 0 };
  const sandbox = await startSandbox({
    family: 'wazuh-4',
    protocols: ['tcp'],
    keyReloadMs: reloadMs,
    servesAtOnce: atOnce,
    onEvent: (event) => {
      const { type } = event;
      if (type === 'registered') seen.registered += 1;
      if (event.type === 'connection reset' && event.service !== 'api') resetBy[event.service] += 1;
      if (type === 'log') seen.logLines += 1;
    },
  });
  const homes = await mkdtemp(join(tmpdir(), 'agent-enroll-fleet-'));
  try {
    const startAt = Date.now() + LEAD_MS;
    const fates = await everyHost(way, { hosts, sandbox, homes, startAt, network });
    const after = (times: readonly number[]) => timesOfShares(times.map((at) => at - startAt));
    return {
      name: way.name,
      what: way.what,
      answered: fates.length,
      agents: new Set(sandbox.agents().map(({ name }) => name)).size,
      ...seen,
      resetBy,
      keyS: after(fates.map(({ keyAt }) => keyAt)),
      answerS: after(fates.map(({ answeredAt }) => answeredAt)),
      asked: spreadOf(fates.map(({ asked }) => asked)),
      messages: spreadOf(fates.map(({ messages }) => messages)),
      failed: sumOf(fates.map(({ failed }) => failed)),
      beyondDefault: fates.filter(({ asked }) => asked > TRIES_BY_DEFAULT).length,
    };
  } finally {
    await sandbox.close();
    await rm(homes, { recursive: true, force: true });
  }
}

/** Where the hosts are. */
interface Place {
  readonly sandbox: Sandbox;
  readonly homes: string;
  readonly startAt: number;
}

async function everyHost(
  way: Way,
  { hosts, sandbox, homes, startAt, network }: Omit<Scene, 'atOnce' | 'reloadMs'> & Place,
): Promise<Done['fates']> {
  const { authd, agent } = sandbox.endpoints;
  const processes = Math.max(2, availableParallelism());
  const parts = Array.from({ length: processes }, (_, part) =>
    Array.from({ length: hosts }, (_, number) => number).filter((number) => number % processes === part),
  );
  const done = await Promise.all(
    parts.map((numbers, part) => {
      const prefix = network.prefixOf(part);
      return inProcess({ way, hosts: numbers, manager: { authd, agent }, homes, prefix, startAt }, network, part);
    }),
  );
  for (const error of done.flatMap(({ errors }) => errors)) console.error(error);
  return done.flatMap(({ fates }) => fates);
}

function inProcess(work: Work, { start, join: joinTo }: Network, part: number): Promise<Done> {
  const { execPath = process.execPath, execArgv = process.execArgv } = start;
  const worker: ChildProcess = fork(new URL('./worker.ts', import.meta.url), {
    // Hosts have disks of their own; what waits for this one must not wait for other hosts'.
    env: { ...process.env, UV_THREADPOOL_SIZE: '32' },
    execPath,
    execArgv: [...execArgv],
  });
  return new Promise((resolve, reject) => {
    worker.once('exit', (code) => reject(new Error(`A worker ended with ${code}.`)));
    worker.once('message', () => {
      worker.once('message', (done: Done) => resolve(done));
      if (worker.pid !== undefined) joinTo(worker.pid, part);
      worker.send(work);
    });
  });
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((each) => Object.entries(each))) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
