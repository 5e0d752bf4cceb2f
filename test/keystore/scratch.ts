import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnrollError } from '../../src/errors.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';

export const OLD = record('001', 'web-01', 'any', 'a'.repeat(64));
export const NEW = record('002', 'web-01', '10.0.0.5', 'b'.repeat(64));

export function record(id: string, name: string, ip: string, key: string): AgentRecord {
  return { id, name, ip, key: new Secret(key) };
}

export const line = ({ id, name, ip, key }: AgentRecord) => `${id} ${name} ${ip} ${key.reveal()}\n`;

const SCRATCH = join(tmpdir(), 'agent-enroll-keystore-');

/** An agent home in a directory of its own, with `etc` and `queue/rids` if asked for. */
export async function scratchHome(parts: readonly string[] = ['etc']): Promise<AgentInstallation> {
  const home = await mkdtemp(SCRATCH);
  for (const part of parts) await mkdir(join(home, part), { recursive: true });
  return installationAt(home);
}

export function installationAt(home: string): AgentInstallation {
  return {
    platform: 'unix',
    home,
    keysFile: join(home, 'etc', 'client.keys'),
    counterFile: join(home, 'queue', 'rids', 'sender_counter'),
    configFile: join(home, 'etc', 'ossec.conf'),
    passwordFile: join(home, 'etc', 'authd.pass'),
  };
}

/** Removes a home that {@link scratchHome} made, and no other. */
export async function removeHome({ home }: AgentInstallation): Promise<void> {
  if (!home.startsWith(SCRATCH)) throw new Error(`${home} is not a scratch home.`);
  await rm(home, { recursive: true, force: true });
}

/** All files below a directory, as sorted relative paths. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1)).sort();
}

/** The EnrollError that the work ends with; anything else fails the test. */
export async function failure(work: Promise<unknown>): Promise<EnrollError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof EnrollError) return error;
    throw error;
  }
  throw new Error('It should have failed.');
}
