import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { type Finished, start } from '../e2e/program.js';
import { changesSomething, inLanes, makeLibrary, NO_PRELOAD } from './at-call.js';
import { type Certificates, JOURNEYS, type Journey } from './journeys.js';
import { type Fate, judge } from './judge.js';

/** Whether every system call is a round; else as many as a quick run of the tests allows. */
const LONG = process.env['AGENT_ENROLL_LONG'] === '1';
const CALLS_AT_MOST = LONG ? Number.POSITIVE_INFINITY : 8;
const INSTANTS = LONG ? 1000 : 8;
/** Rounds at a time: much of each is waiting. */
const LANES = 5;

/** Where a run is killed: before its system call of this number, the first half of a write done or not. */
interface At {
  readonly number: number;
  readonly half?: true;
}

/** Of the long run's table. */
interface Row {
  readonly title: string;
  readonly calls: number | '';
  readonly fates: readonly Fate[];
}

describe(`a run that is killed${NO_PRELOAD === undefined ? '' : ` (not here: ${NO_PRELOAD})`}`, function () {
  this.timeout(LONG ? 7_200_000 : 180_000);
  const rows: Row[] = [];
  let certificates: Certificates;
  let directory: string;
  let library: string;

  before(async function () {
    if (NO_PRELOAD !== undefined) this.skip();
    certificates = { stock: await issueStockCertificate(), https: await issueHttpsCertificates() };
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-kills-'));
    library = makeLibrary(directory);
  });
  after(async () => {
    if (NO_PRELOAD !== undefined) return;
    await rm(directory, { recursive: true, force: true });
    process.stdout.write(`\n${table(rows)}\n`);
  });

  let rounds = 0;
  /** One round: a host of its own, a run that is killed, and the next one. */
  const round = async (
    journey: Journey,
    end: (start: (env?: Readonly<Record<string, string>>) => Ended) => Ended,
    what: string,
  ) => {
    rounds += 1;
    const journal = join(directory, String(rounds));
    const stage = await journey.begin(certificates);
    try {
      const env = { ...stage.env, LD_PRELOAD: library, CALL_IN: stage.home, CALL_LOG: journal };
      const finished = await end((more = {}) => {
        const program = start(stage.args, { env: { ...env, ...more } });
        return Object.assign(program.finished, { kill: () => program.signal('SIGKILL') });
      });
      const calls = (await readFile(journal, 'utf8').catch(() => '')).trimEnd().split('\n');
      const fate = await judge(stage, finished, `${journey.title}, ${what}, after "${calls.at(-1)}" (${calls.length})`);
      return { calls, fate, ms: finished.ms };
    } finally {
      await stage.close();
      await rm(journal, { force: true });
    }
  };

  for (const journey of JOURNEYS) {
    it(`before any of its system calls leaves a host that the next run finishes: ${journey.title}`, async () => {
      const { calls } = await round(journey, (begin) => begin(), 'not killed');
      const all = calls.flatMap((call, at): At[] => [
        { number: at + 1 },
        ...(call.startsWith('write /') ? [{ number: at + 1, half: true } as const] : []),
      ]);
      const chosen = sample(all, ({ number }) => changesSomething(calls[number - 1] ?? ''));
      const fates = await inLanes(LANES, chosen, async ({ number, half }) => {
        const more = { CALL_AT: String(number), CALL_DOES: half ? 'half' : 'die' };
        const what = `killed at ${number}${half ? ', a write half done' : ''}`;
        return (await round(journey, (begin) => begin(more), what)).fate;
      });
      rows.push({ title: journey.title, calls: calls.length, fates });
      // Each run has its own number of messages, so one may have ended before the last of these calls.
      expect(fates.filter((fate) => fate === 'complete').length).to.be.below(1 + chosen.length / 4);
    });
  }

  it('at any instant leaves a host that the next run finishes', async () => {
    const lasts = new Map<Journey, number>();
    for (const journey of JOURNEYS) lasts.set(journey, (await round(journey, (begin) => begin(), 'not killed')).ms);
    const each = JOURNEYS.flatMap((journey) => Array.from({ length: INSTANTS / JOURNEYS.length }, () => journey));
    const ended = await inLanes(LANES, each, async (journey) => {
      const ms = Math.random() * (lasts.get(journey) ?? 0) * 1.1;
      const kill = (begin: () => Ended) => {
        const running = begin();
        const timer = setTimeout(running.kill, ms);
        void running.then(() => clearTimeout(timer));
        return running;
      };
      return { journey, fate: (await round(journey, kill, `killed after ${ms} ms`)).fate };
    });
    for (const journey of JOURNEYS) {
      const fates = ended.filter((one) => one.journey === journey).map(({ fate }) => fate);
      rows.push({ title: `${journey.title}, at random`, calls: '', fates });
    }
  });
});

type Ended = Promise<Finished> & { readonly kill: () => void };

/** As many as there may be, evenly: of those that change something, if it cannot be all. */
function sample(all: readonly At[], changes: (at: At) => boolean): readonly At[] {
  if (all.length <= CALLS_AT_MOST) return all;
  const telling = all.filter(changes);
  const step = Math.max(1, telling.length / CALLS_AT_MOST);
  // Not the same ones each time: many runs see all of them.
  const first = Math.random() * step;
  return telling.filter((_, at) => Math.floor((at + first) / step) !== Math.floor((at + first - 1) / step));
}

/** The table of docs/reliability.md. */
function table(rows: readonly Row[]): string {
  const count = ({ fates }: Row, wanted: Fate) => fates.filter((fate) => fate === wanted).length;
  return [
    '| Run | System calls | Rounds | Key found on the disk | Answer lost with the run | Second agents | Keys lost |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row) => {
      const killed = row.fates.length - count(row, 'complete');
      return `| ${row.title} | ${row.calls} | ${killed} | ${count(row, 'key taken up')} | ${count(row, 'answer lost')} | 0 | 0 |`;
    }),
  ].join('\n');
}
