import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { FileEdge } from '../../src/files/file-edge.js';
import { installBelongings } from '../../src/keystore/belongings.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import { installKey } from '../../src/keystore/client-keys.js';
import type { BegunRequest } from '../../src/keystore/notes/notes.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import type { Belongings } from '../../src/obtain/key-source.js';
import { line, NEW, OLD, record } from './scratch.js';

/** A key of a Wazuh 5, and what belongs to it. */
export interface WholeKey {
  readonly record: AgentRecord;
  readonly belongings: Required<Pick<Belongings, 'anchor' | 'reenroll'>>;
}

function whole(of: AgentRecord, hex: string): WholeKey {
  const anchor = `-----BEGIN CERTIFICATE-----\n${hex.repeat(300)}\n-----END CERTIFICATE-----\n`;
  return { record: of, belongings: { anchor, reenroll: { id: of.id, secret: new Secret(hex.repeat(64)) } } };
}

export const OLD_KEY = whole(OLD, '1');
export const NEW_KEY = whole(NEW, '2');
/** Another key of the agent that {@link OLD_KEY} is of. */
export const ROTATED = whole(record(OLD.id, OLD.name, OLD.ip, 'e'.repeat(64)), '3');
export const LAST_KEY = whole(record('009', 'web-01', 'any', '9'.repeat(64)), '9');

/** What the files of such a key hold. */
export interface FilesOfKey {
  readonly keys: string | undefined;
  readonly secret: string | undefined;
  readonly anchor: string | undefined;
  readonly marker: string | undefined;
}

export function filesOf({ record: of, belongings: { anchor, reenroll } }: WholeKey): FilesOfKey {
  return { keys: line(of), secret: `${reenroll.id} ${reenroll.secret.reveal()}\n`, anchor, marker: '' };
}

/** What lies on the disk of it. */
export async function filesFound(agent: AgentInstallation): Promise<FilesOfKey> {
  const text = (path: string) => readFile(path, 'utf8').catch(() => undefined);
  const { secret, anchor, marker } = belongingsPaths(agent);
  return {
    keys: await text(agent.keysFile),
    secret: await text(secret),
    anchor: await text(anchor),
    marker: await text(marker),
  };
}

export const FILES = ['etc/certs/.anchor-committed', 'etc/certs/root-ca.pem', 'etc/client.keys', 'etc/reenroll.secret'];

export function putWhole(
  { record: of, belongings }: WholeKey,
  agent: AgentInstallation,
  edge: FileEdge,
): Promise<void> {
  return installBelongings(belongings, agent, edge, async () => {
    await installKey(of, agent, edge);
  });
}

/** The request that a run notes before it asks a manager. */
export function begunNow(): BegunRequest {
  return { name: 'web-01', manager: 'siem.example:1517', startedAt: new Date().toISOString() };
}

/** What an enrollment of an hour ago has left; without a key, a home that has none yet. */
export async function layBefore(agent: AgentInstallation, before: WholeKey | undefined): Promise<void> {
  if (before === undefined) return;
  const { keys, secret, anchor, marker } = filesOf(before);
  const paths = belongingsPaths(agent);
  await mkdir(paths.directory, { mode: 0o1770 });
  const anHourAgo = Date.now() / 1000 - 3600;
  for (const [path, text] of [
    [agent.keysFile, keys],
    [paths.secret, secret],
    [paths.anchor, anchor],
    [paths.marker, marker],
  ] as const) {
    await writeFile(path, text ?? '', { mode: 0o640 });
    await utimes(path, anHourAgo, anHourAgo);
  }
}

/** What holds at any moment, whatever was cut off. */
export function expectSound(found: FilesOfKey, before: WholeKey | undefined, after: WholeKey, what: string): void {
  const old = before === undefined ? { keys: undefined, secret: undefined, anchor: undefined } : filesOf(before);
  const wanted = filesOf(after);
  for (const file of ['keys', 'secret', 'anchor'] as const) {
    expect(found[file], `${file}, ${what}`).to.be.oneOf([old[file], wanted[file]]);
  }
  if (found.marker !== undefined) expect(found.anchor, `marker without an anchor, ${what}`).to.not.equal(undefined);
  if (found.anchor === wanted.anchor) expect(found.keys, `anchor before the key, ${what}`).to.equal(wanted.keys);
}
