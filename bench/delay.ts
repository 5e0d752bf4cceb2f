/**
 * What a run takes where the manager is far away, beside what its round trips take: how many it waits for, counted on the
 * wire, and how long it takes beyond them: the median, and the least, which other work of the machine tells less of.
 *
 *   npm run bench:delay                       10, 100 and 300 ms there and back
 *   npm run bench:delay -- --rounds 5 --trip 200
 *
 * The program is the one from npm, started anew each time. Packets are delayed by a process in between, which cannot delay
 * the making of a connection: that round trip is added for each.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSandbox } from '../src/sandbox/manager.js';
import { costOf, median } from './cost/measure.js';
import { datagramPath, type Path, streamPath } from './delay/path.js';

const PROGRAM = fileURLToPath(new URL('../bin/agent-enroll.js', import.meta.url));

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    trip: { type: 'string', multiple: true, default: ['10', '100', '300'] },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no number of rounds.`);

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}; ${rounds} rounds, medians (and the least).\n`,
);
console.log('| There and back | Run | Round trips | Time | Beyond the round trips | Processor time |');
console.log('|---|---|---|---|---|---|');
for (const trip of values.trip) {
  for (const protocol of ['tcp', 'udp'] as const) await measure(Number(trip), protocol);
}

async function measure(tripMs: number, protocol: 'tcp' | 'udp'): Promise<void> {
  const sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 1 });
  const authd = await streamPath(sandbox.endpoints.authd, tripMs / 2);
  const agent = await (protocol === 'tcp' ? streamPath : datagramPath)(sandbox.endpoints.agent, tripMs / 2);
  const overTcp = () => (protocol === 'tcp' ? agent.connections.length : 0);
  const first: Run[] = [];
  const second: Run[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const home = await mkdtemp(join(tmpdir(), 'agent-enroll-delay-'));
    await mkdir(join(home, 'etc'));
    const manager = ['--manager', `127.0.0.1:${agent.endpoint.port}`, '--enrollment-port', `${authd.endpoint.port}`];
    const how = ['--method', 'authd', '--insecure', '--protocol', protocol, '--name', `host-${round}`];
    for (const runs of [first, second]) {
      const before = [waits(authd, agent), authd.connections.length + overTcp()] as const;
      const { wallMs, processorMs } = await costOf({
        line: [process.execPath, PROGRAM, ...manager, ...how, '--agent-home', home],
      });
      const trips = waits(authd, agent) - before[0];
      const connections = authd.connections.length + overTcp() - before[1];
      runs.push({ trips, ms: wallMs + connections * tripMs, processorMs });
    }
    await rm(home, { recursive: true });
  }
  for (const [what, runs] of [
    [`key and link over ${protocol.toUpperCase()}`, first],
    [`second run over ${protocol.toUpperCase()}`, second],
  ] as const) {
    const beyond = runs.map(({ trips, ms }) => ms - trips * tripMs);
    const trips = [...new Set(runs.map((run) => run.trips))].sort().join(', ');
    const time = median(runs.map(({ ms }) => ms));
    const processor = median(runs.map(({ processorMs }) => processorMs));
    const shown = `${median(beyond).toFixed(0)} ms (${Math.min(...beyond).toFixed(0)})`;
    console.log(
      `| ${tripMs} ms | ${what} | ${trips} | ${time.toFixed(0)} ms | ${shown} | ${processor.toFixed(0)} ms |`,
    );
  }
  for (const one of [authd, agent, sandbox]) await one.close();
}

interface Run {
  readonly trips: number;
  readonly ms: number;
  readonly processorMs: number;
}

/** Of all that was said so far: a port may be used again. */
function waits(...paths: readonly Path[]): number {
  return paths.flatMap(({ connections }) => connections).reduce((sum, { roundTrips }) => sum + roundTrips, 0);
}
