import { EnrollError, systemCode } from '../errors.js';
import type { KeystoreEdge } from '../files/file-edge.js';
import { refused, unwritable } from '../files/file-error.js';
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
export async function exportKey(agent: AgentInstallation, edge: KeystoreEdge): Promise<ExportedKey> {
  const record = await readInstalled(agent.keysFile, edge.files);
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
  { files, acl }: KeystoreEdge,
): Promise<void> {
  try {
    const file = await files.open(path, 'wx', 0o600);
    try {
      if (platform === 'windows') await acl.restrict(path);
      await file.write(Buffer.from(`${base64.reveal()}\n`, 'utf8'));
      await file.sync();
    } catch (error) {
      await files.unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      throw refused(path, 'it is there already', 'Name a new file: an existing one is never overwritten.');
    }
    throw unwritable(path, error);
  }
}
