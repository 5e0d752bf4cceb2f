import { dirname, sep } from 'node:path';
import { accessOf, type FileRole } from '../files/access.js';
import { factsOf, makeDirectory, removeDirectories } from '../files/directories.js';
import type { FileEdge } from '../files/file-edge.js';
import { Untouched } from '../files/file-error.js';
import { absolutePath } from '../files/plain-path.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';

/**
 * Makes sure that a directory of the agent's is there: the agent home, in a directory that exists, and what an agent has
 * in it, so that the agent that is installed later finds it.
 *
 * @param made is told the directories that were made, the outermost first
 * @throws Untouched, and the system's error
 */
export async function ensureDirectory(
  path: string,
  role: FileRole,
  agent: AgentInstallation,
  made: string[],
  edge: FileEdge,
): Promise<void> {
  const directory = absolutePath(path);
  const present = await factsOf(directory, edge);
  if (present?.kind === 'directory') return;
  if (present !== undefined) throw new Untouched(`${printable(directory)} is not a directory`);
  const home = absolutePath(agent.home);
  const parent = dirname(directory);
  if (role === 'agent directory' && directory !== home && parent !== home) throw noDirectory(directory);
  await ensureDirectory(parent, 'agent directory', agent, made, edge);
  if (await makeDirectory(directory, (above) => accessOf(role, agent, above, edge), edge)) made.push(directory);
}

function noDirectory(missing: string): Untouched {
  return new Untouched(
    `there is no directory ${printable(missing)}`,
    'Make the directory, or choose another place with --agent-home or --keys.',
  );
}

/** Whether a path lies in a directory, by its text. */
export function isBelow(path: string, directory: string): boolean {
  const inside = absolutePath(directory);
  return absolutePath(path).startsWith(inside.endsWith(sep) ? inside : `${inside}${sep}`);
}

/** Runs a step that may need directories made; they are taken away again if it fails, or if they were only rehearsed. */
export async function withDirectories<T>(
  edge: FileEdge,
  keep: 'kept' | 'rehearsed',
  step: (made: string[]) => Promise<T>,
): Promise<T> {
  const made: string[] = [];
  try {
    const result = await step(made);
    if (keep === 'rehearsed') await removeDirectories(made, edge);
    return result;
  } catch (error) {
    await removeDirectories(made, edge);
    throw error;
  }
}
