/**
 * A fleet that starts at once against one manager, which serves 50 connections at a time and resets the rest: until when
 * every host is enrolled, and what it costs. Then handshakes by the thousand, and whether memory grows. Writes
 * docs/fleet.json, docs/fleet.svg and the tables of docs/fleet.md. Where the system lets it, hosts and manager are in
 * network namespaces, else on loopback.
 *
 *   npm run bench:fleet [-- --hosts 2000 --only NAME --try]
 *
 * `--only` measures one way anew and keeps what docs/fleet.json has of the others; `--try` prints, and writes nothing.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { handshakes } from './fleet/handshakes.js';
import { measureWay } from './fleet/measure.js';
import { hasNamespaces, LOOPBACK, NAMESPACES, prepareManager, runInside } from './fleet/network.js';
import { type FleetResults, readResults, type WayResult } from './fleet/results.js';
import { SIMULATED_WAYS, simulateWay } from './fleet/simulation.js';
import { WAYS } from './fleet/ways.js';

const AT_ONCE = 50;
const RELOAD_S = 10;

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '2000' },
    only: { type: 'string' },
    try: { type: 'boolean', default: false },
    // Told by itself, where it runs in a network namespace.
    inside: { type: 'boolean', default: false },
  },
});
if (!values.inside && hasNamespaces()) process.exit(runInside('--inside'));
if (values.inside) prepareManager();
const network = values.inside ? NAMESPACES : LOOPBACK;
const hosts = Number(values.hosts);
// One way can be measured anew beside what was measured of the others.
const kept = values.only === undefined ? [] : readResults().runs;
const runs: WayResult[] = kept.filter(({ name }) => name !== values.only);
for (const way of WAYS.filter(({ name }) => values.only === undefined || name === values.only)) {
  const result = await measureWay(way, { hosts, atOnce: AT_ONCE, reloadMs: RELOAD_S * 1000, network });
  const { name, answered, agents, registered, resetBy, logLines, answerS } = result;
  const at = (share: number) => answerS[Math.round(share * answerS.length) - 1];
  console.log(
    `${name}: ${answered} answered, ${agents} agents, registered ${registered} times; ` +
      `50 % after ${at(0.5)} s, 95 % ${at(0.95)} s, all ${at(1)} s; asked ${JSON.stringify(result.asked)}, ` +
      `messages ${JSON.stringify(result.messages)}, failed ${JSON.stringify(result.failed)}, resets ${JSON.stringify(resetBy)}, ${logLines} lines`,
  );
  runs.push(result);
}
const steady = await handshakes();
const results: FleetResults = {
  hosts,
  atOnce: AT_ONCE,
  reloadS: RELOAD_S,
  machine: `${availableParallelism()} cores, ${process.platform} ${process.arch}, Node ${process.versions.node}`,
  network: network.kind,
  runs: WAYS.flatMap((way) => runs.filter(({ name }) => name === way.name)),
  simulated: SIMULATED_WAYS.map(simulateWay),
  handshakes: steady.handshakes,
  runsAgain: steady.runs,
};
console.log(JSON.stringify(steady));
if (!values.try) {
  await writeFile(new URL('../docs/fleet.json', import.meta.url), `${JSON.stringify(results, undefined, 2)}\n`);
  await import('../docs/generate.js');
}
