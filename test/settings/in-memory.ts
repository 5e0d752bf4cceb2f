import { EnrollError } from '../../src/errors.js';
import { Untouched, unreadable } from '../../src/files/file-error.js';
import type { FileFacts } from '../../src/files/files.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { CommandName, OptionName } from '../../src/settings/options.js';
import type { SettingsEdge } from '../../src/settings/settings-edge.js';
import {
  type SettingsInput,
  type Settled,
  type SettledInPart,
  settle,
  settleInPart,
} from '../../src/settings/settle.js';
import type { Environment } from '../../src/settings/sources.js';

/** An agent home of which there is no file but those that a test gives. */
export const AGENT: AgentInstallation = {
  platform: 'unix',
  home: '/agent',
  keysFile: '/agent/etc/client.keys',
  counterFile: '/agent/queue/rids/sender_counter',
  configFile: '/agent/etc/ossec.conf',
  passwordFile: '/agent/etc/authd.pass',
};

/** Whose something is, and who may do what with it. */
export interface Permissions {
  readonly uid?: number;
  readonly gid?: number;
  readonly mode: number;
}

/** A file, and the directories that lead to it, its own first. */
export interface MemoryFile extends Permissions {
  readonly content: string | Uint8Array;
  readonly directories: readonly Permissions[];
}

/** By path; a content alone is a file of root's alone, an error what reading it ends with. */
export type MemoryFiles = Readonly<Record<string, string | Uint8Array | MemoryFile | EnrollError>>;

const ROOTS_DIRECTORY: Permissions = { mode: 0o755 };

/** Files that are nowhere but in this record, read by root; standard input, where it is read at all, is this text. */
export function filesOf(files: MemoryFiles, input: string | Uint8Array = ''): SettingsEdge {
  return {
    uid: 0,
    readFile: async (path, limit) => {
      const given = files[path];
      if (given === undefined) return undefined;
      if (given instanceof EnrollError) throw given;
      const file = isFile(given) ? given : { content: given, mode: 0o600, directories: [ROOTS_DIRECTORY] };
      const bytes = Buffer.from(file.content);
      if (bytes.length > limit) throw unreadable(path, new Untouched(`it is larger than ${limit / 1024 / 1024} MiB`));
      return { bytes, facts: factsOf(file, 'file'), directories: file.directories.map((each) => factsOf(each)) };
    },
    readInputLine: async (limit) => Buffer.from(input).subarray(0, limit),
  };
}

function isFile(given: string | Uint8Array | MemoryFile): given is MemoryFile {
  return typeof given === 'object' && 'content' in given;
}

function factsOf({ uid = 0, gid = 0, mode }: Permissions, kind: FileFacts['kind'] = 'directory'): FileFacts {
  return { kind, uid, gid, mode, size: 0, links: 1, identity: '1:1', modified: 0n, changed: 0n };
}

/** What was settled, and what the user was told meanwhile. */
export interface SettledAndTold extends Settled {
  readonly warnings: readonly string[];
}

/** Settles, and collects what the user is told. */
export async function settleAndTell(input: Omit<SettingsInput, 'warn'>): Promise<SettledAndTold> {
  const warnings: string[] = [];
  return { ...(await settle({ ...input, warn: (text) => warnings.push(text) })), warnings };
}

/** As {@link settleAndTell}, in part. */
export async function settleInPartAndTell(
  input: Omit<SettingsInput, 'warn'>,
): Promise<SettledInPart & Pick<SettledAndTold, 'warnings'>> {
  const warnings: string[] = [];
  return { ...(await settleInPart({ ...input, warn: (text) => warnings.push(text) })), warnings };
}

/** Settles what a command line, an environment and files say. */
export function settled(
  flags: readonly (readonly [OptionName, string | boolean])[],
  environment: Environment = {},
  files: MemoryFiles = {},
  command: CommandName = 'enroll',
): Promise<SettledAndTold> {
  return settleAndTell({ command, flags: new Map(flags), environment, agent: AGENT, edge: filesOf(files) });
}
