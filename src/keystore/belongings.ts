import { systemCode } from '../errors.js';
import type { FileEdge } from '../files/file-edge.js';
import { unwritable } from '../files/file-error.js';
import { atPlace } from '../files/place.js';
import { rehearse } from '../files/replace.js';
import { installersFiles } from '../host/agent-home.js';
import type { AgentInstallation } from '../model/host.js';
import type { Belongings } from '../obtain/key-source.js';
import { finishAnchor, putAnchorAround } from './anchor.js';
import { atBelonging, type Belonging } from './belongings-files.js';
import { isThereSince } from './leftover-files.js';
import type { BegunRequest } from './notes/notes.js';
import { putReenrollSecret } from './reenroll-secret-file.js';

const FILES: readonly Belonging[] = ['secret', 'anchor', 'marker'];

/**
 * Whether what belongs to a key of a Wazuh 5 could be put in its place, found out by doing all of it but the replacing;
 * asked before the manager is. It leaves nothing behind.
 *
 * @throws EnrollError FILE_UNWRITABLE with the path and the reason
 */
export async function rehearseBelongings(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  for (const which of FILES) {
    await atBelonging(which, agent, edge, 'rehearsed', (place, access) => rehearse(place, access, edge));
  }
}

/**
 * Puts a key of a Wazuh 5 and what belongs to it in their places, in the order in which each moment is one that the next
 * run, and the daemon, can go on from: the anchor whole beside its place, the secret, client.keys, the anchor in its
 * place, its marker (without an anchor it stops the daemon). Killed before client.keys, the host has its old key, and a
 * secret that leads to the new one; after it, {@link finishBelongings} does the rest.
 *
 * The key is worth more than the others: it is put in its place whatever becomes of them, and their failure is told then.
 * Without a secret or an anchor those of an earlier key are left alone: who takes away an anchor makes the agent trust
 * anybody.
 *
 * @param putKey puts client.keys in its place; called once
 * @throws EnrollError FILE_UNWRITABLE of the first file that could not be written, and what `putKey` throws
 */
export async function installBelongings(
  { anchor, reenroll }: Pick<Belongings, 'anchor' | 'reenroll'>,
  agent: AgentInstallation,
  edge: FileEdge,
  putKey: () => Promise<void>,
): Promise<void> {
  const failed: unknown[] = [];
  let begun = false;
  const putSecretAndKey = async () => {
    begun = true;
    if (reenroll !== undefined) await putReenrollSecret(reenroll, agent, edge).catch((error) => failed.push(error));
    await putKey();
  };
  try {
    if (anchor === undefined) await putSecretAndKey();
    else await installAnchor(anchor, agent, edge, putSecretAndKey);
  } catch (error) {
    failed.unshift(error);
    if (!begun) await putSecretAndKey();
  }
  if (failed.length > 0) throw failed[0];
}

/**
 * Puts an anchor and its marker in their places, and removes the CA that an installer left to be made one.
 *
 * @param meanwhile done once the anchor is whole on the disk, and before it is in its place; where that fails there is no
 * new anchor
 * @throws EnrollError FILE_UNWRITABLE, and what `meanwhile` throws
 */
export async function installAnchor(
  pem: string,
  agent: AgentInstallation,
  edge: FileEdge,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  await putAnchorAround(pem, agent, edge, meanwhile);
  await removeUsed(installersFiles(agent).anchor, edge);
}

/**
 * Does what a run that was killed once its key was in place had still to do. Nothing is changed where client.keys was
 * written before the request was begun, or everything is done.
 *
 * @param request that has no end, by the notes
 * @throws EnrollError FILE_UNREADABLE, FILE_UNWRITABLE
 */
export async function finishBelongings(agent: AgentInstallation, request: BegunRequest, edge: FileEdge): Promise<void> {
  if (await isThereSince(agent.keysFile, request, edge)) await finishAnchor(agent, request, edge);
}

/**
 * Removes the enrollment token that an installer left in the agent's home, once a key was issued for it.
 *
 * @returns why it is still there, in a sentence: the key is good all the same
 */
export async function removeUsedToken(agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  return await removeUsed(installersFiles(agent).token, edge);
}

async function removeUsed(path: string, edge: FileEdge): Promise<string | undefined> {
  try {
    await atPlace(path, edge, async ({ directory, name, facts }) => {
      if (facts === undefined) return;
      await directory.unlink(name);
      await directory.sync();
    });
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return `${unwritable(path, error).message} It is of no more use, and can be removed.`;
  }
}
