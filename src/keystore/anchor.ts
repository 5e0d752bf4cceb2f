import { accessOf, isAsWanted } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { UndurableError, unwritable } from '../files/file-error.js';
import { atPlace, type Place } from '../files/place.js';
import { type ReadRules, readFile } from '../files/read.js';
import { isTemporaryOf, removeLeftovers, replaceFile, setAccess, stageFile } from '../files/replace.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';
import { atBelonging, belongingsPaths } from './belongings-files.js';
import { agentsMark, ownersOfKeys } from './installed.js';
import { factsIfThere, isSince, isThereSince, readLeftovers } from './leftover-files.js';
import type { BegunRequest } from './notes/notes.js';

/** A token, which may carry one, is shorter. */
const ANCHOR_LIMIT = 96 * 1024;

/** The CA by which the installed agent trusts its manager. */
export interface PresentAnchor {
  /** As it was found: it may be no PEM. */
  readonly pem: string;
  /**
   * Present: it is the file of the agent's user, as it is by design, who may have written anything. So it vouches for
   * nothing that this user does not have already: not for a password, nor for a token.
   */
  readonly agents?: true;
}

function rulesFor(agent: AgentInstallation): ReadRules {
  return { limit: ANCHOR_LIMIT, owners: ownersOfKeys(agent) };
}

/**
 * The anchor on this host; `undefined`: there is none.
 * @throws EnrollError FILE_UNREADABLE, as for what is no regular file, has several names, or is somebody else's
 */
export async function readAnchor(agent: AgentInstallation, edge: FileEdge): Promise<PresentAnchor | undefined> {
  const file = await readFile(belongingsPaths(agent).anchor, rulesFor(agent), edge);
  if (file === undefined) return undefined;
  return { pem: file.bytes.toString('utf8'), ...agentsMark(file.facts, edge) };
}

/**
 * Puts an anchor in its place around another step: it is whole on the disk before, takes its place afterwards, and is
 * gone again where the step fails, unless what it put in its place is there and only not known to be durable. Then comes
 * the marker, never without the anchor.
 *
 * @throws EnrollError FILE_UNWRITABLE of the file that could not be written, and what the step throws
 */
export async function putAnchorAround(
  pem: string,
  agent: AgentInstallation,
  edge: FileEdge,
  step: () => Promise<void>,
): Promise<void> {
  let undurable: UndurableError | undefined;
  try {
    await atBelonging('anchor', agent, edge, 'kept', async (place, access) => {
      await openDirectory(agent, edge);
      const staged = await stageFile(place, pem, access, edge);
      try {
        // After a power failure the key may be there, and with it the anchor has to be, if only under this name.
        await place.directory.sync();
        await step();
      } catch (error) {
        if (!(error instanceof UndurableError)) {
          await staged.discard();
          throw error;
        }
        undurable = error;
      }
      // The key is there by now: the next run finds it, and finishes this.
      await staged.commit('left');
      await removeLeftovers(place);
    });
    await putMarker(agent, edge);
  } catch (error) {
    throw undurable ?? error;
  }
  if (undurable !== undefined) throw undurable;
}

async function putMarker(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  await atBelonging('marker', agent, edge, 'kept', async (place, access) => {
    const there = place.facts?.kind === 'file' && place.facts.size === 0 && isAsWanted(place.facts, access);
    if (!there) await replaceFile(place, '', access, edge);
    await removeLeftovers(place);
  });
}

/**
 * What a killed run had still to do with the anchor once its key was in place: it lies whole in a temporary file, or
 * lacks its marker. Whatever was not written since the request was begun is left alone.
 *
 * @throws EnrollError FILE_UNREADABLE, FILE_UNWRITABLE
 */
export async function finishAnchor(agent: AgentInstallation, request: BegunRequest, edge: FileEdge): Promise<void> {
  const path = belongingsPaths(agent).anchor;
  const left = await leftAnchor(path, request, rulesFor(agent), edge);
  if (left !== undefined) return await putAnchorAround(left, agent, edge, async () => {});
  if (await isThereSince(path, request, edge)) await putMarker(agent, edge);
}

async function leftAnchor(
  path: string,
  request: BegunRequest,
  rules: ReadRules,
  edge: FileEdge,
): Promise<string | undefined> {
  for await (const { bytes, facts } of readLeftovers(path, rules, edge)) {
    const pem = bytes.toString('utf8');
    // It was on the disk before the key was, so it is whole; what another user has put there may be anything.
    if (isSince(facts, request) && pem.trimEnd().endsWith('-----END CERTIFICATE-----')) return pem;
  }
  return undefined;
}

/**
 * What the user should know where a key was issued without an anchor, and the host has that of an earlier key, or the mark
 * of one; `undefined`: it has neither. Both are left alone: to take them away would make the agent trust anybody.
 *
 * @throws EnrollError FILE_UNREADABLE
 */
export async function earlierAnchor(agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  const { anchor, marker } = belongingsPaths(agent);
  if ((await factsIfThere(anchor, edge)) !== undefined) {
    return `${printable(anchor)} is of an earlier enrollment, and this one gave no other: the agent trusts its manager by it. If that is no longer the right CA, name the right one with --ca and enroll again with --force.`;
  }
  if ((await factsIfThere(marker, edge)) === undefined) return undefined;
  return `${printable(marker)} says that there is a CA beside it, and there is none: the agent does not start like that. Name the CA of the manager with --ca and enroll again with --force, or remove the file.`;
}

/**
 * Gives a `certs` that was there the owner and mode that it should have. Others than root may rename directories in
 * `etc`, so another one could have been put there to be opened to them: one that holds anything else is only closed to
 * writers.
 */
async function openDirectory(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  const path = belongingsPaths(agent).directory;
  try {
    await atPlace(path, edge, async (place) => {
      const { facts } = place;
      if (facts === undefined || (edge.uid !== 0 && facts.uid !== edge.uid)) return;
      const access = accessOf('certs directory', agent, facts, edge);
      if (await holdsAnchorsAlone(place)) return await setAccess(place, access, edge);
      const { owner: _, ...own } = access;
      await setAccess(place, { ...own, mode: closed(facts.mode) }, edge);
    });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Not to be written by all, and where a group may, each removes its own files alone. */
function closed(mode: number): number {
  return (mode & ~0o002) | ((mode & 0o020) === 0 ? 0 : 0o1000);
}

async function holdsAnchorsAlone({ directory, name, facts }: Place): Promise<boolean> {
  const inside = await directory.directory(name);
  try {
    if ((await inside.facts()).identity !== facts?.identity) return false;
    const names = await inside.list();
    return names.every((one) => OWN.some((own) => one === own || isTemporaryOf(own, one)));
  } finally {
    await inside.close();
  }
}

const OWN = ['root-ca.pem', '.anchor-committed'];
