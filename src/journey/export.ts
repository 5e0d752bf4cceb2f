import { EnrollError, systemCode } from '../errors.js';
import type { FileEdge } from '../files/file-edge.js';
import { Untouched, unwritable } from '../files/file-error.js';
import { atPlace } from '../files/place.js';
import { readInstalled } from '../keystore/installed.js';
import { type AgentRecord, formatRecord } from '../model/agent-record.js';
import type { AgentInstallation } from '../model/host.js';
import { Secret } from '../model/secret.js';

/** The key of this host for a backup. */
export interface ExportedKey {
  readonly record: AgentRecord;
  /** Base64 of `id name ip key`, as `manage_agents -e` shows it and {@link importKey} reads it. */
  readonly base64: Secret;
}

/**
 * This host's own record for a backup.
 *
 * @throws EnrollError `KEY_MISSING`, `KEYS_INVALID`, `FILE_UNREADABLE`
 */
export async function exportKey(agent: AgentInstallation, edge: FileEdge): Promise<ExportedKey> {
  const record = (await readInstalled(agent, edge))?.record;
  if (record === undefined) throw new EnrollError('KEY_MISSING', `There is no key in ${agent.keysFile}.`);
  return { record, base64: new Secret(Buffer.from(formatRecord(record), 'utf8').toString('base64')) };
}

/**
 * Writes an exported key to a new file of mode 0600 (on Windows for Administrators and SYSTEM). A file that is there
 * is left alone.
 *
 * @throws EnrollError `FILE_UNWRITABLE`; then no file was made
 */
export async function writeExport(
  { base64 }: ExportedKey,
  path: string,
  { platform }: Pick<AgentInstallation, 'platform'>,
  edge: FileEdge,
): Promise<void> {
  try {
    await atPlace(path, edge, async ({ directory, name, path: real }) => {
      const file = await directory.open(name, 'wx', 0o600);
      try {
        if (platform === 'windows') await edge.acl.restrict(real);
        await file.write(Buffer.from(`${base64.reveal()}\n`, 'utf8'));
        await file.sync();
      } catch (error) {
        await directory.unlink(name).catch(() => undefined);
        throw error;
      } finally {
        await file.close();
      }
    });
  } catch (error) {
    const there = systemCode(error) === 'EEXIST';
    const hint = 'Name a new file: an existing one is never overwritten.';
    throw unwritable(path, there ? new Untouched('it is there already', hint) : error);
  }
}
