import { systemCode } from '../errors.js';
import type { FileEdge } from '../files/file-edge.js';
import { unwritable } from '../files/file-error.js';
import { atPlace } from '../files/place.js';
import { type ReadFile, type ReadRules, readFile } from '../files/read.js';
import { removeLeftovers, replaceFile } from '../files/replace.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { AgentInstallation } from '../model/host.js';
import type { ReenrollSecret } from '../model/manager-jwt.js';
import { formatReenrollSecret, parseReenrollSecret } from '../model/reenroll-secret.js';
import { atBelonging, belongingsPaths } from './belongings-files.js';
import { ownersOfKeys } from './installed.js';
import { isSince, readLeftovers } from './leftover-files.js';
import type { BegunRequest } from './notes/notes.js';

/** One line of at most 75 bytes. */
const SECRET_LIMIT = 4096;

/** Whose key it is to be the way back to. */
export interface SecretOwner {
  /** The record in client.keys; absent: there is none, and any agent's secret may be this one's. */
  readonly record?: Pick<AgentRecord, 'id'> | undefined;
  /** The request that has no end, by the notes. */
  readonly request?: BegunRequest | undefined;
}

/**
 * The re-enrollment secret by which this host may get another key and keep its id. `undefined`: there is none, it is
 * broken, or it is another agent's. The file is the agent user's own: it says which agent this host may be, as that user
 * could show a manager by itself, and nothing else.
 *
 * The secret is written before client.keys. So where a run was killed between the two, the secret of a request without
 * an end is that of the newer agent, whatever record there is, and may have come no further than a temporary file. A
 * secret of the same id, be it older or newer than the key, is for the manager to judge.
 *
 * @throws EnrollError FILE_UNREADABLE, as for what is no regular file, has several names, or is somebody else's
 */
export async function readReenrollSecret(
  agent: AgentInstallation,
  { record, request }: SecretOwner,
  edge: FileEdge,
): Promise<ReenrollSecret | undefined> {
  const path = belongingsPaths(agent).secret;
  const rules: ReadRules = { limit: SECRET_LIMIT, owners: ownersOfKeys(agent) };
  if (request !== undefined) {
    const left = await leftSecret(path, request, rules, edge);
    if (left !== undefined) return left;
  }
  const file = await readFile(path, rules, edge);
  if (file === undefined) return undefined;
  const secret = secretIn(file);
  if (secret === undefined) return undefined;
  const fits = record === undefined || record.id === secret.id;
  return fits || (request !== undefined && isSince(file.facts, request)) ? secret : undefined;
}

async function leftSecret(
  path: string,
  request: BegunRequest,
  rules: ReadRules,
  edge: FileEdge,
): Promise<ReenrollSecret | undefined> {
  for await (const file of readLeftovers(path, rules, edge)) {
    const secret = isSince(file.facts, request) ? secretIn(file) : undefined;
    // The line end is written last: without it, it is not whole.
    if (secret !== undefined && file.bytes.at(-1) === 0x0a) return secret;
  }
  return undefined;
}

function secretIn({ bytes }: ReadFile): ReenrollSecret | undefined {
  return parseReenrollSecret(bytes.toString('latin1'));
}

/**
 * Puts a secret where the daemon looks for it: the agent user's own file, for nobody else to read (Windows: for
 * Administrators and SYSTEM).
 *
 * @throws EnrollError FILE_UNWRITABLE; the old secret is in place then, unless the message says that the new one is
 */
export async function putReenrollSecret(
  secret: ReenrollSecret,
  agent: AgentInstallation,
  edge: FileEdge,
): Promise<void> {
  await atBelonging('secret', agent, edge, 'kept', async (place, access) => {
    await replaceFile(place, formatReenrollSecret(secret), access, edge);
    await removeLeftovers(place);
  });
}

/**
 * Removes a secret that is of no more use: its manager knows no agent of that id.
 * @throws EnrollError FILE_UNWRITABLE
 */
export async function removeReenrollSecret(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  const path = belongingsPaths(agent).secret;
  try {
    await atPlace(path, edge, async (place) => {
      await removeLeftovers(place);
      if (place.facts === undefined) return;
      await place.directory.unlink(place.name);
      await place.directory.sync();
    });
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unwritable(path, error);
  }
}
