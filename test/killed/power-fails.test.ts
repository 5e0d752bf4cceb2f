import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { asEnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import { importKey } from '../../src/journey/import.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import { isNewer, parseCounter } from '../../src/model/message-counter.js';
import { Secret } from '../../src/model/secret.js';
import { decodeToken } from '../../src/obtain/https/token.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { unsynced } from '../files/faulty.js';
import { type Given, journeyOf, type ToldJourney } from '../journey/journey-scene.js';
import { filesBelow, installationAt, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { inLanes } from './at-call.js';
import {
  describeImage,
  type PowerDisk,
  powerDisk,
  putImage,
  type Share,
  type Step,
  textIn,
  textsOf,
} from './power-disk.js';

/** Whether every moment is tried with every disk that it may leave; else as many as a quick run of the tests allows. */
const LONG = process.env['AGENT_ENROLL_LONG'] === '1';
const DISKS_AT_MOST = LONG ? Number.POSITIVE_INFINITY : 20;
/** Disks of changes drawn by lot, for each moment. */
const DRAWN = 4;
const LANES = 6;
/** A key is on its way to remoted for some milliseconds; the rest is for a busy machine. */
const HEALED_WITHIN_MS = 1500;
const NAME = 'web-01';

/** A manager, and what a run against it is. */
interface Stage {
  readonly settings: Partial<Settings>;
  /** Where it is, if the settings do not say so. */
  readonly at?: Pick<Given, 'remoted' | 'authd'>;
  /** What is to be there before. */
  readonly text?: string;
  run(journey: ToldJourney): Promise<{ readonly record: AgentRecord }>;
  agents(): readonly { readonly id: string }[];
  removeAgent(id: string): boolean;
  /** The counters of the messages that the manager has got, with the id of their agent. */
  readonly counted: readonly { readonly id: string; readonly counter: string }[];
  close(): Promise<void>;
}

interface Row {
  readonly title: string;
  readonly steps: number;
  readonly disks: number;
  readonly fates: readonly Fate[];
}

type Fate = 'nothing lost' | 'key taken up' | 'answer lost';

describe('a host whose power fails', function () {
  this.timeout(LONG ? 3_600_000 : 120_000);
  const rows: Row[] = [];
  let stock: IssuedCertificate;
  let https: HttpsCertificates;

  before(async () => {
    stock = await issueStockCertificate();
    https = await issueHttpsCertificates();
  });
  after(() => {
    process.stdout.write(`\n${table(rows)}\n`);
  });

  const wazuh4 = async (): Promise<Stage & { addAgent(): AgentRecord }> => {
    const counted: { id: string; counter: string }[] = [];
    const onEvent = (event: SandboxEvent) => {
      if (event.type === 'message') counted.push({ id: event.agent.id, counter: event.counter });
    };
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate: stock, keyReloadMs: 20, onEvent });
    return {
      settings: {},
      at: { remoted: sandbox.endpoints.agent, authd: sandbox.endpoints.authd },
      run: enroll,
      agents: () => sandbox.agents(),
      addAgent: () => sandbox.addAgent({ name: NAME }),
      removeAgent: (id) => sandbox.removeAgent(id),
      counted,
      close: () => sandbox.close(),
    };
  };
  const wazuh5 = async (): Promise<Stage> => {
    const sandbox = await startHttpsSandbox({ certificates: https, password: new Secret('correct horse') });
    const decoded = decodeToken(sandbox.mintToken().text);
    if (!decoded.ok) throw new Error(decoded.fault);
    const { host } = sandbox.endpoints.https;
    const manager = { agent: { host, port: 1 }, enrollment: { host, port: 1 } };
    return {
      settings: {
        managers: [{ ...manager, protocol: 'auto', https: { ...sandbox.endpoints.https, prefix: 'wazuh-manager' } }],
        method: { use: 'https', why: 'a token was given' },
        trust: { insecure: false },
        token: decoded.token,
      },
      run: enroll,
      agents: () => sandbox.agents(),
      removeAgent: (id) => sandbox.removeAgent(id),
      counted: [],
      close: () => sandbox.close(),
    };
  };
  /** The key that is there is none that the manager knows. */
  const healed = async (): Promise<Stage> => {
    const { addAgent: _, ...stage } = await wazuh4();
    return { ...stage, text: line({ ...OLD, id: '009' }), settings: { waitMs: HEALED_WITHIN_MS } };
  };
  const imported = async (): Promise<Stage> => {
    const stage = await wazuh4();
    const record = stage.addAgent();
    const old = { ...OLD, id: '009' };
    return {
      ...stage,
      text: line(old),
      run: (journey) => importKey(journey, line(record), { mayReplace: async () => true }),
    };
  };

  /** A run whose power fails at a step, and the disks that it may leave. */
  const cutAt = async (stage: Stage, at: number) => {
    const agent = await scratchHome(['etc', 'queue/rids']);
    if (stage.text !== undefined) await putFile(agent.keysFile, stage.text);
    const disk = await powerDisk(aLive('before the failure'), agent.home, at);
    const end = new AbortController();
    const journey = journeyOf({ agent, ...stage.at, settings: stage.settings, disk: disk.edge, signal: end.signal });
    const ended = stage.run(journey).then(
      () => true,
      (error: unknown) => {
        if (end.signal.aborted) return false;
        throw error;
      },
    );
    const complete = await Promise.race([ended, disk.failed.then(() => false)]);
    end.abort(new Error('The power has failed.'));
    await disk.close();
    await removeHome(agent);
    return { disk, complete, kinds: journey.kinds() };
  };

  const judge = async (
    stage: Stage,
    disk: PowerDisk,
    share: (step: Step) => Share,
    done: readonly string[],
    what: string,
  ) => {
    const image = disk.imageWith(share);
    const there = textIn(image, 'etc/client.keys');
    if (there !== undefined && there !== stage.text) expect(there, `${what}: client.keys`).to.match(WHOLE);
    if (there === undefined) expect(stage.text, `${what}: client.keys is gone`).to.equal(undefined);
    const texts = [...textsOf(image)].filter(([path]) => path.startsWith('etc/'));
    const left = texts.flatMap(([, text]) => (WHOLE.test(text) && text !== stage.text ? [text] : []));
    if (done.includes('installed')) expect(there, `${what}: the key was in its place`).to.equal(left[0]);
    for (const { id, counter } of stage.counted) {
      if (!done.includes('installed') || left[0]?.startsWith(`${id} `) !== true) continue;
      const kept = parseCounter(textIn(image, 'queue/rids/sender_counter') ?? '') ?? { global: 0, local: 0 };
      const sent = parseCounter(`${counter}:`);
      expect(sent !== undefined && isNewer(sent, kept), `${what}: the counter is behind ${counter}`).to.equal(false);
    }

    const home = await mkdtemp(join(tmpdir(), 'agent-enroll-keystore-'));
    const agent = installationAt(home);
    try {
      await putImage(image, home);
      const again = () =>
        stage.run(journeyOf({ agent, ...stage.at, settings: stage.settings, disk: aLive('after it') }));
      let fate: Fate = left.length > 0 && done.length > 0 ? 'key taken up' : 'nothing lost';
      const { record } = await again().catch(async (thrown: unknown) => {
        const error = asEnrollError(thrown);
        expect(left, `${what}: a key was lost. ${error.message}`).to.deep.equal([]);
        expect(error.code, `${what}: ${error.message}`).to.equal('NAME_DUPLICATE');
        expect(error.message, what).to.include('earlier run');
        fate = 'answer lost';
        for (const { id } of stage.agents()) stage.removeAgent(id);
        return await again();
      });
      const key = await readFile(agent.keysFile, 'utf8');
      expect(key, what).to.equal(line(record));
      if (left[0] !== undefined) expect(key, `${what}: the key that was on the disk`).to.equal(left[0]);
      expect(stage.agents(), what).to.have.length(1);
      expect(stage.agents()[0]?.id, what).to.equal(record.id);
      const files = await filesBelow(home);
      expect(files, what).to.include('.agent-enroll/notes.json');
      expect(
        files.filter((path) => /\.tmp$|lock/.test(path)),
        `${what}: what stays`,
      ).to.deep.equal([]);
      if (stage.settings.token !== undefined) {
        expect(files, what).to.include.members([
          'etc/certs/.anchor-committed',
          'etc/certs/root-ca.pem',
          'etc/reenroll.secret',
        ]);
      }
      return fate;
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  };

  for (const [title, begin] of [
    ['enrollment (Wazuh 4)', wazuh4],
    ['healing (agent removed)', healed],
    ['import (over another key)', imported],
    ['enrollment (Wazuh 5, token)', wazuh5],
  ] as const) {
    it(`leaves a disk that the next run goes on from, whatever was not synced: ${title}`, async () => {
      const seen = new Set<string>();
      const fates: Fate[] = [];
      let steps = 0;
      const moments: { readonly at: number; readonly kind: number }[] = [];
      const whole = await begin();
      const full = await cutAt(whole, Number.POSITIVE_INFINITY);
      await whole.close();
      expect(full.complete).to.equal(true);
      steps = full.disk.steps.length;
      for (let at = 1; at <= steps + 1; at += 1) for (let kind = 0; kind < KINDS; kind += 1) moments.push({ at, kind });
      const every = Math.max(1, moments.length / DISKS_AT_MOST / REPEATED);
      const first = Math.random() * every;
      const chosen = moments.filter((_, n) => Math.floor((n + first) / every) !== Math.floor((n + first - 1) / every));
      await inLanes(LANES, chosen, async ({ at, kind }) => {
        const stage = await begin();
        try {
          const { disk, kinds } = await cutAt(stage, at);
          const pending = disk.pending();
          for (const share of sharesOf(kind, pending)) {
            const told = `${stage.agents().length} ${describeShape(disk, share)}`;
            if (seen.has(told)) continue;
            seen.add(told);
            const what = `${title}, at ${at} of ${steps} (${disk.steps.at(-1)?.does}), ${kind}: ${told.replace(/[A-Za-z0-9+/=]{40,}/g, '…')}`;
            fates.push(await judge(stage, disk, share, kinds, what));
            // The manager has gone on: the next disk needs one of its own.
            break;
          }
        } finally {
          await stage.close();
        }
      });
      rows.push({ title, steps, disks: fates.length, fates });
      expect(fates.length).to.be.greaterThan(10);
    });
  }
});

const WHOLE = /^\d{3,} \S+ \S+ [0-9a-f]{64}\n$/;
/** Disks that are alike are tried once; so many moments and kinds there are for one disk, about. */
const REPEATED = 3;
const FIXED = 6;
/** Alone on the disk, and alone missing: of this many of the last changes that were not synced. */
const LAST = 6;
const KINDS = FIXED + DRAWN + 3 * LAST;

/** A way of failing: what is on the disk of each change that was not synced. At most one. */
function sharesOf(kind: number, pending: readonly Step[]): readonly ((step: Step) => Share)[] {
  const isBytes = ({ does }: Step) => does === 'write';
  const fixed: readonly ((step: Step) => Share)[] = [
    () => 'none',
    () => 'all',
    (step) => (isBytes(step) ? 'none' : 'all'),
    (step) => (isBytes(step) ? 'half' : 'all'),
    (step) => (isBytes(step) ? 'zeros' : 'all'),
    (step) => (isBytes(step) ? 'all' : 'none'),
  ];
  const one = fixed[kind];
  if (one !== undefined) return [one];
  if (kind < FIXED + DRAWN) {
    const drawn = new Map(pending.map((step) => [step, SHARES[Math.floor(Math.random() * SHARES.length)] ?? 'none']));
    return [(step) => drawn.get(step) ?? 'none'];
  }
  const nth = kind - FIXED - DRAWN;
  const at = pending.length - 1 - (nth % LAST);
  const alone = pending[at];
  if (alone === undefined) return [];
  if (nth < LAST) return [(step) => (step === alone ? 'all' : 'none')];
  if (nth < 2 * LAST) return [(step) => (step === alone ? 'none' : 'all')];
  // In the order in which they were made, as a journal keeps them; the bytes come later.
  return [(step) => (pending.indexOf(step) <= at && !isBytes(step) ? 'all' : 'none')];
}

const SHARES: readonly Share[] = ['all', 'none', 'half', 'zeros'];

/** Keys, tokens of names and times differ from run to run; the shape of a disk does not. */
function describeShape(disk: PowerDisk, share: (step: Step) => Share): string {
  return describeImage(disk.imageWith(share))
    .split('\n')
    .map((text) => {
      const [path = '', mode = '', bytes] = text.split(' ');
      const name = path.replace(/[0-9a-f]{8,16}/g, '*');
      if (bytes === undefined) return name;
      const plain = Buffer.from(bytes, 'base64');
      const kind = plain.length === 0 ? 'empty' : plain.every((byte) => byte === 0) ? 'zeros' : 'text';
      const end = plain.at(-1) === 10 || plain.at(-1) === 58 || plain.at(-1) === 125 ? 'whole' : 'torn';
      return `${name} ${mode} ${kind} ${end} ${keysOf(plain)}`;
    })
    .join('; ');
}

/** What notes hold, by its kinds. */
function keysOf(plain: Buffer): string {
  return (plain.toString('latin1').match(/"(request|managers|binding|asked|acknowledged|links)"/g) ?? []).join('');
}

/** The real disk of a boot, with a clock that waits for nobody, and no wait for the platters. */
function aLive(boot: string): FileEdge {
  let ms = 0;
  const processes = { pid: 4711, start: boot, space: boot, look: () => ({ runs: false }) as const };
  return {
    ...unsynced(nodeFileEdge()),
    processes,
    monotonic: () => ms,
    pause: async (pauseMs) => {
      ms += pauseMs;
    },
  };
}

async function putFile(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o640 });
}

/** The table of docs/reliability.md. */
function table(rows: readonly Row[]): string {
  const count = ({ fates }: Row, wanted: Fate) => fates.filter((fate) => fate === wanted).length;
  return [
    '| Run | Changes and syncs | Disks | Key found on the disk | Answer lost with the run | Second agents | Keys lost |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.title} | ${row.steps} | ${row.disks} | ${count(row, 'key taken up')} | ${count(row, 'answer lost')} | 0 | 0 |`,
    ),
  ].join('\n');
}
