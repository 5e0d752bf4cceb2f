import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { chown, link, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, before, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { readFile } from '../../src/files/read.js';
import { writeConfig } from '../../src/journey/configure.js';
import { putAnchorAround, readAnchor } from '../../src/keystore/anchor.js';
import { installKey } from '../../src/keystore/client-keys.js';
import { narrowInstalled, readInstalled } from '../../src/keystore/installed.js';
import { putReenrollSecret, readReenrollSecret } from '../../src/keystore/reenroll-secret-file.js';
import { resetCounters, SenderCounter } from '../../src/keystore/sender-counter.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { unsynced } from '../files/faulty.js';
import { journeyOf } from '../journey/journey-scene.js';
import { installationAt, record } from '../keystore/scratch.js';
import { compile, exchange, hasCompiler } from './attack.js';
import { confNaming, type InstalledHome, installedHome, keyLine, place } from './installed-home.js';
import { describeBeside, LONG, SECOND } from './second-user.js';

/** Of each operation with each thing that takes turns with its file. */
const ROUNDS = LONG ? 1500 : 15;
const HANG_MS = 5000;
/** Only root can read it; it is what an operation that is led astray would read, or write over. */
const MARKER = 'c0ffee'.repeat(10).padEnd(64, 'a');
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** An operation of the program on a file that the agent's user can put away at any instant. */
interface Operation {
  readonly what: string;
  /** Below the home. */
  readonly file: string;
  /** What the file holds, and root's own one too, with the marker in it. */
  readonly text: (marker: string) => string;
  /** Returns what it has read, if it reads. */
  readonly work: (agent: AgentInstallation, edge: FileEdge) => Promise<unknown>;
}

const NEW = record('002', 'web-01', 'any', 'b'.repeat(64));
const keyText = (marker: string) => keyLine().replace(/[0-9a-f]{64}/, marker);
const secretText = (marker: string) => `001 ${marker}\n`;
const pemText = (marker: string) => PEM.replace('MIIB', marker);
const confText = (marker: string) => confNaming(`<!-- ${marker} --><address>192.0.2.1</address>`);
const OPERATIONS: readonly Operation[] = [
  {
    what: 'reading the key',
    file: 'etc/client.keys',
    text: keyText,
    work: (agent, edge) => readInstalled(agent, edge),
  },
  {
    what: 'installing a key',
    file: 'etc/client.keys',
    text: keyText,
    work: (agent, edge) => installKey(NEW, agent, edge),
  },
  {
    what: 'giving the key its mode',
    file: 'etc/client.keys',
    text: keyText,
    work: (agent, edge) => narrowInstalled(agent, edge),
  },
  {
    what: 'reading a secret',
    file: 'etc/reenroll.secret',
    text: secretText,
    work: (agent, edge) => readReenrollSecret(agent, {}, edge),
  },
  {
    what: 'writing a secret',
    file: 'etc/reenroll.secret',
    text: secretText,
    work: (agent, edge) => putReenrollSecret({ id: '002', secret: new Secret('b'.repeat(64)) }, agent, edge),
  },
  {
    what: 'reading an anchor',
    file: 'etc/certs/root-ca.pem',
    text: pemText,
    work: (agent, edge) => readAnchor(agent, edge),
  },
  {
    what: 'writing an anchor',
    file: 'etc/certs/root-ca.pem',
    text: pemText,
    work: (agent, edge) => putAnchorAround(PEM, agent, edge, async () => {}),
  },
  {
    what: 'writing an anchor, its directory raced',
    file: 'etc/certs',
    text: pemText,
    work: (agent, edge) => putAnchorAround(PEM, agent, edge, async () => {}),
  },
  {
    what: 'reserving counters',
    file: 'queue/rids/sender_counter',
    text: (marker) => `1:1: ${marker}`,
    work: async (agent, edge) => (await SenderCounter.open(agent, edge)).reserve(3),
  },
  {
    what: 'counting anew',
    file: 'queue/rids/sender_counter',
    text: (marker) => `1:1: ${marker}`,
    work: (agent, edge) => resetCounters(agent, ['001'], edge),
  },
  {
    what: 'writing ossec.conf',
    file: 'etc/ossec.conf',
    text: confText,
    work: (agent, disk) => writeConfig(journeyOf({ agent, disk, settings: { writeConfig: true } })),
  },
  {
    what: 'reading a password',
    file: 'etc/authd.pass',
    text: (marker) => `${marker}\n`,
    work: (agent, edge) => readFile(agent.passwordFile, { limit: 4096, owners: [SECOND.uid] }, edge),
  },
];

/** What takes turns with the file: made anew by the second user whenever it was put away. */
const THINGS: Readonly<Record<string, (at: string, scene: Scene) => Promise<void>>> = {
  'a link to a file of root': async (at, { secret }) => await symlink(secret, at),
  'a link to a directory of root': async (at, { closed }) => await symlink(closed, at),
  'a link to nothing': async (at, { closed }) => await symlink(join(closed, 'made'), at),
  'a hard link': async (at, { own }) => await link(own, at),
  'a FIFO': async (at) => void execFileSync('mkfifo', ['-m', '666', at], { ...SECOND }),
  'a directory': async (at) => await mkdir(at),
};

interface Scene {
  readonly installed: InstalledHome;
  /** A directory of root's that others can look into, and nothing more. */
  readonly closed: string;
  /** A file of root's, for root alone. */
  readonly secret: string;
  /** A file of the second user, whose hard link is put into the way. */
  readonly own: string;
}

/** The operations in this process, at the pace of the disk: a program of its own would lose most of its time in starting. */
describeBeside('an operation of root, raced by the user of the agent', function () {
  this.timeout(600_000);
  const seen = { rounds: 0, refused: 0, wins: 0 };
  let program: string;
  let scene: Scene;

  before(async function () {
    if (!hasCompiler) this.skip();
    const installed = await installedHome();
    program = await compile('exchange.c', installed.base);
    const closed = join(installed.base, 'closed');
    await mkdir(closed, { mode: 0o755 });
    const own = join(installed.home, 'queue', 'rids', 'own');
    await place(own, '001 own\n', 0o666, SECOND.uid);
    scene = { installed, closed, secret: join(closed, 'secret'), own };
  });
  after(async () => {
    if (!hasCompiler || scene === undefined) return;
    await scene.installed.remove();
    process.stdout.write(
      `\n${seen.rounds} rounds, ${seen.refused} refused in words, ${seen.wins} won by the neighbour\n`,
    );
  });

  for (const { what, file, text, work } of OPERATIONS) {
    for (const [thing, make] of Object.entries(THINGS)) {
      it(`is never led astray: ${what}, beside ${thing}`, async () => {
        const { installed, closed, secret, own } = scene;
        const { uid, gid } = SECOND;
        const agent = { ...installationAt(installed.home), account: { user: 'wazuh', group: 'wazuh', uid, gid } };
        const [path, other] = [join(installed.home, file), join(installed.home, `${file}.other`)];
        const edge = unsynced(nodeFileEdge());
        await place(secret, text(MARKER), 0o600, 0, 0);
        const before = factsOf(secret);
        await makeRoom(dirname(path));
        const good = async () => {
          if (file.endsWith('certs')) await mkdir(path, { mode: 0o770 }).then(() => chown(path, uid, gid));
          else await place(path, text('d'.repeat(64)), 0o640, uid);
        };
        const bad = async () => {
          await make(other, scene);
          if (!/FIFO|hard/.test(thing)) execFileSync('chown', ['-h', `${uid}:${gid}`, other]);
        };
        const isThere = (name: string, isGood: boolean) => {
          const facts = lstatSync(name, { throwIfNoEntry: false });
          return facts !== undefined && isAsGood(facts, file, thing) === isGood;
        };
        let attack: ReturnType<typeof exchange> | undefined;
        const setUp = async () => {
          await attack?.end().catch(() => {});
          for (const name of [path, other]) rmSync(name, { recursive: true, force: true });
          await good();
          await bad();
          attack = exchange(path, other, program);
        };
        await setUp();
        try {
          for (let round = 1; round <= ROUNDS; round += 1) {
            const said = `${what} beside ${thing}, round ${round}`;
            const started = performance.now();
            const result = await work(agent, edge).catch((error: unknown) => {
              expect(error, said).to.be.instanceOf(EnrollError);
              expect(error, said).to.have.property('exitCode', 6);
              seen.refused += 1;
              return undefined;
            });
            seen.rounds += 1;
            const won =
              performance.now() - started > HANG_MS ||
              showing(result).includes(MARKER) ||
              JSON.stringify(factsOf(secret)) !== JSON.stringify(before) ||
              readFileSync(secret, 'utf8') !== text(MARKER) ||
              readdirSync(closed).join() !== 'secret' ||
              (statSync(closed).mode & 0o7777) !== 0o755 ||
              readFileSync(own, 'utf8') !== '001 own\n';
            if (won) seen.wins += 1;
            expect(won, said).to.equal(false);
            // What was replaced, or moved away, is put there again.
            if (!isThere(path, false) && !isThere(other, false)) await setUp();
          }
        } finally {
          await attack?.end().catch(() => {});
        }
        for (const name of readdirSync(dirname(path))) {
          const at = join(dirname(path), name);
          if (lstatSync(at).isFile()) expect(readFileSync(at, 'latin1'), at).to.not.include(MARKER);
        }
        for (const name of [path, other]) await rm(name, { recursive: true, force: true });
      });
    }
  }

  async function makeRoom(directory: string): Promise<void> {
    if (statSync(directory, { throwIfNoEntry: false }) !== undefined) return;
    mkdirSync(directory, { mode: 0o770 });
    await chown(directory, SECOND.uid, SECOND.gid);
  }
});

/** Whether it is what belongs there, and not what was put into the way. */
function isAsGood(facts: ReturnType<typeof lstatSync>, file: string, thing: string): boolean {
  if (facts === undefined) return false;
  if (file.endsWith('certs')) return facts.isDirectory() && thing !== 'a directory';
  return facts.isFile() && facts.nlink === 1;
}

function factsOf(path: string) {
  const { uid, gid, mode, nlink, size, ino } = statSync(path);
  return { uid, gid, mode, nlink, size, ino };
}

/** All that a result holds, secrets too. */
function showing(result: unknown): string {
  if (result instanceof Secret) return String(result.reveal());
  if (Buffer.isBuffer(result)) return result.toString('latin1');
  if (typeof result !== 'object' || result === null) return String(result);
  return Object.values(result).map(showing).join(' ');
}
