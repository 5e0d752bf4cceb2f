import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Finished, run } from '../e2e/program.js';
import type { Stage } from './journeys.js';

/** What became of a run that was killed. */
export type Fate =
  /** Before the manager had made an agent: the next run made it, and there is one. */
  | 'nothing lost'
  /** The key, on the disk already, was found there by the next run. */
  | 'key taken up'
  /** The manager had made the agent, and its answer had not come as far as the disk: the next run says so, and what to do. */
  | 'answer lost'
  /** The run was not killed. */
  | 'complete';

/** A next run that lasts longer has waited for a lock whose holder is dead. */
const STALE_MS = 10_000;

/**
 * Looks at what a run has left that was killed, and at what the next one makes of it. One that was not killed has to have
 * ended well.
 *
 * @param what names the round, in the messages
 */
export async function judge(stage: Stage, { signal, code, stdout }: Finished, what: string): Promise<Fate> {
  const killed = signal === 'SIGKILL';
  if (!killed) expect(code, `${what}: ${stdout}`).to.equal(0);
  return await judgeNext(stage, killed, what);
}

/**
 * Looks at what a run has left, and at what the next one makes of it.
 *
 * @param killed whether it had no time to finish its work, or was kept from it
 */
export async function judgeNext(stage: Stage, killed: boolean, what: string): Promise<Fate> {
  const key = await keyOf(stage, what);
  const left = (await recordsBelow(join(stage.home, 'etc'))).filter((record) => record !== stage.before);
  expect(new Set(left).size, `${what}: keys on the disk`).to.be.below(2);
  if (!killed) expect(key, what).to.equal(left[0]);

  const next = await run(stage.args, { env: stage.env });
  expect(next.ms, `${what}: the next run lasts`).to.be.below(STALE_MS);
  let fate: Fate = killed ? 'nothing lost' : 'complete';
  if (next.code === 5) {
    // The way out that is documented: whoever keeps the manager removes an agent whose key nobody has.
    expect(left, `${what}: a key was lost. ${next.stdout}`).to.deep.equal([]);
    expect(next.stdout, what).to.include('"NAME_DUPLICATE"').and.include('earlier run');
    fate = 'answer lost';
    expect(stage.agents(), what).to.have.length(1);
    for (const { id } of stage.agents()) stage.removeAgent(id);
    const after = await run(stage.args, { env: stage.env });
    expect(after.code, `${what}, and removed: ${after.stdout}`).to.equal(0);
  } else {
    expect(next.code, `${what}: ${next.stdout}`).to.equal(0);
    if (killed && left.length > 0) fate = 'key taken up';
  }
  await expectComplete(stage, left[0], what);
  return fate;
}

async function expectComplete(stage: Stage, known: string | undefined, what: string): Promise<void> {
  const key = await keyOf(stage, what);
  expect(key, `${what}: the old key came back`).to.not.equal(stage.before ?? '');
  if (known !== undefined) expect(key, `${what}: the key that was there`).to.equal(known);
  const agents = stage.agents();
  expect(agents, `${what}: agents of this host`).to.have.length(1);
  expect(key?.split(' ')[0], `${what}: the key is that agent's`).to.equal(agents[0]?.id);
  const names = await readdir(join(stage.home, 'etc'), { recursive: true, withFileTypes: true });
  const files = names
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(stage.home, 'etc').length + 1));
  const { complete, least = complete } = stage;
  expect(files.sort(), `${what}: files in etc`).to.be.deep.oneOf([complete, least]);
  expect(await readdir(join(stage.home, '.agent-enroll')), `${what}: notes, and no lock`).to.deep.equal(['notes.json']);
  expect(await readdir(join(stage.home, 'queue', 'rids')).catch(() => []), what).to.be.deep.oneOf([
    [],
    ['sender_counter'],
  ]);
}

const RECORD = /^\d{3,} \S+ \S+ [0-9a-f]{64}$/;

/** The record in client.keys, which has to be whole; `undefined`: there is no such file. */
async function keyOf({ home }: Stage, what: string): Promise<string | undefined> {
  const path = join(home, 'etc', 'client.keys');
  const text = await readFile(path, 'latin1').catch(() => undefined);
  if (text === undefined) return undefined;
  expect(text, `${what}: client.keys is whole`).to.match(/^\d{3,} \S+ \S+ [0-9a-f]{64}\n$/);
  expect((await stat(path)).mode & 0o7777, `${what}: its mode`).to.equal(0o640);
  return text.trimEnd();
}

/** The keys that lie anywhere below a directory as whole records. */
async function recordsBelow(directory: string): Promise<readonly string[]> {
  const records: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const text = await readFile(join(entry.parentPath, entry.name), 'latin1');
    const lines = text.split('\n').slice(0, -1);
    records.push(...lines.filter((line) => RECORD.test(line)));
  }
  return records;
}
