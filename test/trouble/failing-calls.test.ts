import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { type Finished, run } from '../e2e/program.js';
import { changesSomething, inLanes, makeLibrary, NO_PRELOAD } from '../killed/at-call.js';
import { type Certificates, JOURNEYS, type Journey, type Stage } from '../killed/journeys.js';
import { judgeNext } from '../killed/judge.js';

const LONG = process.env['AGENT_ENROLL_LONG'] === '1';
const ROUNDS_AT_MOST = LONG ? Number.POSITIVE_INFINITY : 4;
const LANES = 5;

/** What a call fails with (errno, by Linux), for how long, and what is said of it. */
const TROUBLES = [
  { what: 'the disk is full', does: '28+', says: /no space|full/i },
  { what: "the user's share of the disk is used up", does: '122+', says: /quota/i },
  { what: 'the disk is read-only', does: '30+', says: /read-only/i },
  { what: 'the disk is broken', does: '5+', says: /I\/O|input\/output|EIO/i },
  { what: 'there is no descriptor for a moment', does: '24', says: /too many|EMFILE/i },
] as const;

describe(`a host on which${NO_PRELOAD === undefined ? '' : ` (not here: ${NO_PRELOAD})`}`, function () {
  this.timeout(LONG ? 3_600_000 : 180_000);
  let certificates: Certificates;
  let directory: string;
  let library: string;
  let rounds = 0;

  before(async function () {
    if (NO_PRELOAD !== undefined) this.skip();
    certificates = { stock: await issueStockCertificate(), https: await issueHttpsCertificates() };
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-trouble-'));
    library = makeLibrary(directory);
  });
  after(async () => {
    if (NO_PRELOAD === undefined) await rm(directory, { recursive: true, force: true });
  });

  const round = async (journey: Journey, more: Readonly<Record<string, string>>, look: Look) => {
    rounds += 1;
    const journal = join(directory, String(rounds));
    const stage = await journey.begin(certificates);
    try {
      const env = { ...stage.env, ...more, LD_PRELOAD: library, CALL_IN: stage.home, CALL_LOG: journal };
      const finished = await run(stage.args, { env });
      const calls = (await readFile(journal, 'utf8').catch(() => '')).trimEnd().split('\n');
      await look(stage, finished, calls);
      return calls;
    } finally {
      await stage.close();
    }
  };

  for (const journey of JOURNEYS.filter(({ title }) => title.startsWith('enrollment'))) {
    for (const { what, does, says } of TROUBLES) {
      it(`${what} ends in words, with nothing half done: ${journey.title}`, async () => {
        const calls = await round(journey, {}, async () => {});
        const all = calls.flatMap((call, at) =>
          changesSomething(call) && !call.endsWith(' network') ? [{ at: at + 1, call }] : [],
        );
        const step = Math.max(1, all.length / ROUNDS_AT_MOST);
        const chosen = all.filter((_, n) => Math.floor(n / step) !== Math.floor((n - 1) / step));
        const codes = await inLanes(LANES, chosen, async ({ at }) => {
          let ended: number | null = null;
          await round(journey, { CALL_AT: String(at), CALL_DOES: does }, async (stage, finished, made) => {
            const where = `${what} at ${at}, "${made[at - 1]}"`;
            ended = finished.code;
            await judgeTrouble(stage, finished, says, where);
          });
          return ended;
        });
        expect(codes, 'not one that fails').to.include(6);
      });
    }
  }
});

type Look = (stage: Stage, finished: Finished, calls: readonly string[]) => Promise<void>;

async function judgeTrouble(stage: Stage, { code, stdout }: Finished, says: RegExp, where: string): Promise<void> {
  const said = `${where}: ${stdout}`;
  expect(code, said).to.be.oneOf([0, 6, 7]);
  const { ok, changed, error } = JSON.parse(stdout);
  expect(ok, said).to.equal(code === 0);
  if (code !== 0) {
    expect(`${error.message} ${error.hint}`, said).to.match(says).and.include(stage.home);
    const installed = (await readdir(join(stage.home, 'etc'))).includes('client.keys');
    // The new name may be there, and not yet durable.
    if (!/was written, but/.test(error.message)) expect(changed, said).to.equal(installed);
    if (!installed) expect(code, said).to.equal(6);
  }
  // The key is put in its place whatever becomes of what belongs to it: what was written is finished by the next run, and
  // what could not be written was in memory alone.
  const lost =
    code === 0 || !changed ? [] : BELONGINGS.filter((names) => names.some((name) => error.message.includes(name)));
  const least = stage.complete.filter((name) => !lost.flat().includes(name));
  await judgeNext({ ...stage, least }, code !== 0, where);
}

const BELONGINGS: readonly (readonly string[])[] = [
  ['reenroll.secret'],
  ['certs/root-ca.pem', 'certs/.anchor-committed'],
];
