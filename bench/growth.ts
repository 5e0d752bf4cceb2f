/**
 * How a run grows with what is on the host: keys, configuration, managers and notes. Each run is the second one, with a key
 * that works, of the program from npm; the sizes are run in turn, and the medians of processor time and of peak memory
 * count. Writes docs/growth.json, docs/growth.svg and the table of docs/performance.md.
 *
 *   npm run bench:growth [-- --rounds 11 --try]
 *
 * `--try` prints, and writes nothing.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSandbox } from '../src/sandbox/manager.js';
import { type Command, costOf, median, peakMiB, quantile } from './cost/measure.js';
import type { GrowthPoint, GrowthResults, GrowthSeries } from './growth/results.js';
import { type GrowthScene, SCENES } from './growth/scenes.js';

const PROGRAM = fileURLToPath(new URL('../bin/agent-enroll.js', import.meta.url));
const PEAKS = 3;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '11' }, try: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no number of rounds.`);

const sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 1 });
const scratch = await mkdtemp(join(tmpdir(), 'agent-enroll-growth-'));
let hosts = 0;
const series: GrowthSeries[] = [];
for (const scene of SCENES) series.push(await measure(scene));
await sandbox.close();
await rm(scratch, { recursive: true });

const results: GrowthResults = {
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`,
  rounds,
  series,
};
if (!values.try) {
  await writeFile(new URL('../docs/growth.json', import.meta.url), `${JSON.stringify(results, undefined, 2)}\n`);
  await import('../docs/generate.js');
}

async function measure(scene: GrowthScene): Promise<GrowthSeries> {
  const commands = new Map<number, Command>();
  for (const size of scene.sizes) commands.set(size, { line: await runOf(scene, size) });
  const costs = new Map(scene.sizes.map((size): [number, number[]] => [size, []]));
  // The first round only warms what the system, and the program, keep.
  for (let round = -1; round < rounds; round += 1) {
    for (const [size, command] of commands) {
      const { processorMs } = await costOf(command);
      if (round >= 0) costs.get(size)?.push(processorMs);
    }
  }
  const points: GrowthPoint[] = [];
  for (const [size, command] of commands) {
    const peaks: number[] = [];
    for (let time = 0; time < PEAKS; time += 1) peaks.push(await peakMiB(command));
    const [low = 0, middle = 0, high = 0] = [0.25, 0.5, 0.75].map((share) => quantile(costs.get(size) ?? [], share));
    const processorMs = [Math.round(low), Math.round(middle), Math.round(high)] as const;
    points.push({ size, processorMs, peakMiB: Math.round(median(peaks)) });
    console.log(`${scene.name}, ${size} ${scene.of}: ${processorMs.join(' – ')} ms, ${Math.round(median(peaks))} MiB`);
  }
  return { name: scene.name, of: scene.of, points };
}

/** The second run of a host of its own, which has so much of it. */
async function runOf(scene: GrowthScene, size: number): Promise<Command['line']> {
  hosts += 1;
  const home = join(scratch, String(hosts));
  for (const directory of ['etc', 'queue/rids']) await mkdir(join(home, directory), { recursive: true });
  const record = sandbox.addAgent({ name: `host-${hosts}`, ip: 'any' });
  const { agent, authd } = sandbox.endpoints;
  const args = await scene.prepare({ home, record, agent, authd }, size);
  return [process.execPath, PROGRAM, '--agent-home', home, ...args];
}
