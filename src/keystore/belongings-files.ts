import { dirname, join } from 'node:path';
import { type Access, accessOf, type FileRole } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { unwritable } from '../files/file-error.js';
import { atPlace, type Place } from '../files/place.js';
import type { AgentInstallation } from '../model/host.js';
import { ensureDirectory, isBelow, withDirectories } from './agent-directories.js';

/** Where a Wazuh 5 agent has what belongs to its key. */
export interface BelongingsPaths {
  /** `etc/reenroll.secret`: by it the agent gets another key and keeps its id. */
  readonly secret: string;
  /** `etc/certs`, where everybody who runs as the agent's user may make files. */
  readonly directory: string;
  /** `etc/certs/root-ca.pem`: the CA by which the agent trusts the manager. */
  readonly anchor: string;
  /** `etc/certs/.anchor-committed`: with it and without the anchor the daemon does not start. */
  readonly marker: string;
}

/**
 * Where they lie: in the agent's `etc` (Windows: its home), or beside a key that lies outside of the home (a container's
 * volume). None of them need be there.
 */
export function belongingsPaths({
  home,
  keysFile,
  platform,
}: Pick<AgentInstallation, 'home' | 'keysFile' | 'platform'>): BelongingsPaths {
  const inHome = platform === 'windows' ? home : join(home, 'etc');
  const around = isBelow(keysFile, home) ? inHome : dirname(keysFile);
  const directory = join(around, 'certs');
  return {
    secret: join(around, 'reenroll.secret'),
    directory,
    anchor: join(directory, 'root-ca.pem'),
    marker: join(directory, '.anchor-committed'),
  };
}

/** One of those files. */
export type Belonging = Exclude<keyof BelongingsPaths, 'directory'>;

const ROLES: Readonly<Record<Belonging, { readonly file: FileRole; readonly directory: FileRole }>> = {
  secret: { file: 'reenroll.secret', directory: 'agent directory' },
  anchor: { file: 'root-ca.pem', directory: 'certs directory' },
  marker: { file: '.anchor-committed', directory: 'certs directory' },
};

/**
 * Goes to the place of one of them, to write there, its directory made where it is missing.
 *
 * @param step is given how the new file may be used: by what it is, and never by what lay there before
 * @throws EnrollError FILE_UNWRITABLE of that file, and what the step throws of its own
 */
export async function atBelonging<T>(
  which: Belonging,
  agent: AgentInstallation,
  edge: FileEdge,
  keep: 'kept' | 'rehearsed',
  step: (place: Place, access: Access) => Promise<T>,
): Promise<T> {
  const path = belongingsPaths(agent)[which];
  const roles = ROLES[which];
  try {
    return await withDirectories(edge, keep, async (made) => {
      await ensureDirectory(dirname(path), roles.directory, agent, made, edge);
      return await atPlace(path, edge, async (place) => {
        const access = accessOf(roles.file, agent, await place.directory.facts(), edge);
        return await step(place, access);
      });
    });
  } catch (error) {
    throw unwritable(path, error);
  }
}
