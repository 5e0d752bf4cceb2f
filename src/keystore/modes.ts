import { systemCode } from '../errors.js';
import { accessOf, type FileRole, isTooWide } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { unwritable } from '../files/file-error.js';
import { atPlace } from '../files/place.js';
import { setAccess } from '../files/replace.js';
import { installersFiles } from '../host/agent-home.js';
import type { AgentInstallation } from '../model/host.js';
import { belongingsPaths } from './belongings-files.js';
import { setRight } from './notes/notes-directory.js';
import { notesPath } from './notes/notes-file.js';

/**
 * Gives the files that are written beside the key the owner and mode that they should have, where others can use them in
 * more ways than that. What was found so is told, in sentences.
 *
 * @throws EnrollError FILE_UNWRITABLE
 */
export async function narrowFiles(agent: AgentInstallation, edge: FileEdge): Promise<readonly string[]> {
  const files: readonly (readonly [string, FileRole])[] = [
    [notesPath(agent), 'notes'],
    [agent.counterFile, 'sender_counter'],
    [belongingsPaths(agent).secret, 'reenroll.secret'],
    [installersFiles(agent).token, 'enrollment token'],
  ];
  const told: string[] = [];
  for (const [path, role] of files) {
    try {
      const sentence = await narrow(path, role, agent, edge);
      if (sentence !== undefined) told.push(sentence);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw unwritable(path, error);
    }
  }
  return told;
}

function narrow(path: string, role: FileRole, agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  return atPlace(path, edge, async (place) => {
    const { facts } = place;
    if (facts === undefined || !isTooWide(role, facts, agent.platform)) return undefined;
    // The counter and the secret are their owner's: only the mode is wrong.
    const { platform, mode, secret } = accessOf(role, agent, facts, edge);
    await setAccess(place, { platform, mode, secret }, edge);
    return setRight(path, facts);
  });
}
