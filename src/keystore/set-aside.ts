import { systemCode } from '../errors.js';
import { type Access, accessOf } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { Untouched, unwritable } from '../files/file-error.js';
import { atPlace, type Place } from '../files/place.js';
import { readPlace } from '../files/read.js';
import { rehearse, removeLeftovers, replaceFile, requireReplaceable, requireUnprotected } from '../files/replace.js';
import type { AgentInstallation } from '../model/host.js';
import { belongingsPaths } from './belongings-files.js';
import { checkWritable } from './client-keys.js';
import { KEYS_LIMIT, ownersOfKeys } from './installed.js';
import { factsIfThere } from './leftover-files.js';

/** What a file that was set aside has at the end of its name. */
const ASIDE = '.retired';

/**
 * Whether a key and what belongs to it could be set aside, found out by doing all of it but the taking out; asked before
 * the manager is, so that no agent is deleted whose key would stay. It leaves nothing behind.
 *
 * @throws EnrollError FILE_UNWRITABLE with the path and the reason, as for a file with the keys of several agents;
 * FILE_UNREADABLE
 */
export async function rehearseSettingAside(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  await checkWritable(agent, edge);
  const { marker } = belongingsPaths(agent);
  for (const path of await pathsOf(agent, edge)) {
    await atFile(path, edge, async (place) => {
      if ((await read(place, agent, edge)) === undefined) return;
      await requireReplaceable(place, agent.platform, edge);
      await requireUnprotected(place, agent.platform);
      if (path !== marker) await atBeside(place, agent, edge, (beside, access) => rehearse(beside, access, edge));
    });
  }
}

/**
 * Takes the key of this host out of its place, and what a Wazuh 5 gave with it: each file lies beside its place afterwards,
 * for root alone, under its name with `.retired` at the end, in place of one that was set aside before. What killed runs
 * left of keys and secrets is removed.
 *
 * client.keys goes last: killed at any moment, the key is there whole, or is set aside with all that belongs to it. Of the
 * anchor and its marker the marker goes first, with which alone the daemon does not start, and the secret after both: it
 * shows the next run that the anchor belongs to the key.
 *
 * @returns where the key lies now; `undefined`: there was no client.keys
 * @throws EnrollError FILE_UNWRITABLE of the first file that could not be set aside; client.keys is in its place then,
 * unless the message says that the disk did not confirm it
 */
export async function setAside(agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  const { marker } = belongingsPaths(agent);
  let kept: string | undefined;
  for (const path of await pathsOf(agent, edge)) {
    kept = await atFile(path, edge, async (place) => {
      const bytes = await read(place, agent, edge);
      await removeLeftovers(place);
      if (bytes === undefined) return undefined;
      // It says that there is an anchor, and nothing else.
      if (path === marker) return await takeOut(place);
      const beside = await atBeside(place, agent, edge, async (there, access) => {
        await removeLeftovers(there);
        await replaceFile(there, bytes, access, edge);
        return there.path;
      });
      await takeOut(place);
      return beside;
    });
  }
  return kept;
}

/**
 * In the order in which they are taken out. A CA alone is none that a manager gave: it may be one that ossec.conf names.
 * @throws EnrollError FILE_UNREADABLE
 */
async function pathsOf(agent: AgentInstallation, edge: FileEdge): Promise<readonly string[]> {
  const { secret, marker, anchor } = belongingsPaths(agent);
  const found = await Promise.all([secret, marker].map((path) => factsIfThere(path, edge)));
  const belongings = found.every((facts) => facts === undefined) ? [] : [marker, anchor, secret];
  return [...belongings, agent.keysFile];
}

/** Goes to a file, if its directory is there. */
async function atFile<T>(path: string, edge: FileEdge, step: (place: Place) => Promise<T>): Promise<T | undefined> {
  try {
    return await atPlace(path, edge, step);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unwritable(path, error);
  }
}

async function read(place: Place, agent: AgentInstallation, edge: FileEdge): Promise<Buffer | undefined> {
  return (await readPlace(place, { limit: KEYS_LIMIT, owners: ownersOfKeys(agent) }, edge))?.bytes;
}

/** Goes to the place beside it: in the same directory, wherever a link has led to. */
async function atBeside<T>(
  { directory, ...place }: Place,
  agent: AgentInstallation,
  edge: FileEdge,
  step: (beside: Place, access: Access) => Promise<T>,
): Promise<T> {
  const [name, path] = [`${place.name}${ASIDE}`, `${place.path}${ASIDE}`];
  try {
    const facts = await directory.look(name);
    const access = accessOf('retired key', agent, await directory.facts(), edge);
    return await step({ directory, name, path, ...(facts === undefined ? {} : { facts }) }, access);
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function takeOut({ directory, name, facts }: Place): Promise<undefined> {
  const now = await directory.look(name);
  if (now?.identity !== facts?.identity) {
    throw new Untouched('another process put another in its place at the same time');
  }
  await directory.unlink(name);
  await directory.sync();
  return undefined;
}
