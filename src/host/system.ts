import { access, readdir } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { systemCode } from '../errors.js';
import type { FileEdge } from '../files/file-edge.js';
import { atPlace } from '../files/place.js';
import { readFile } from '../files/read.js';

/** One address of one interface. */
export interface InterfaceAddress {
  readonly interface: string;
  readonly address: string;
  /** Length of the network prefix in bits. */
  readonly prefix: number;
}

/** What is known of a file without reading it; `absent`: there is none; `unknown`: it may not be looked at. */
export type FileLook = FileTimes | 'absent' | 'unknown';

/** When a file was changed, in milliseconds since 1970, and whose it is. */
export interface FileTimes {
  /** Its content. */
  readonly modified: number;
  /** Anything of it: content, owner, mode, name. */
  readonly changed: number;
  /** Numeric user (Unix). */
  readonly uid: number;
}

/** What the identification of a host asks of the operating system. */
export interface SystemEdge {
  readonly platform: 'unix' | 'windows';
  /** The directories that Windows names in its environment; absent elsewhere. */
  readonly directories: WindowsDirectories;
  hostname(): string;
  addresses(): readonly InterfaceAddress[];
  /** The text of a file; `undefined` where there is none, where it may not be read, or has more than 16 MiB. */
  readText(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  look(path: string): Promise<FileLook>;
  /** The names in a directory; none where there is no such directory, or where it may not be read. */
  list(directory: string): Promise<readonly string[]>;
  /** What a program prints, without a shell; `undefined` where it is missing, fails, or takes longer than 5 s. */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined>;
  /** When this process was started, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** Where Windows keeps things. */
export interface WindowsDirectories {
  /** `%ProgramFiles(x86)%` */
  readonly programFilesX86?: string | undefined;
  /** `%ProgramFiles%` */
  readonly programFiles?: string | undefined;
  /** `%SystemRoot%` */
  readonly systemRoot?: string | undefined;
}

// An /etc/passwd of 100 000 users has about 6 MiB. Half of it would be worse than none.
const LARGEST_TEXT = 16 * 1024 * 1024;
const LARGEST_OUTPUT = 1024 * 1024;
const RUN_MS = 5000;

/**
 * The system that the program runs on.
 *
 * @param directories from the environment, which the command line reads
 * @param disk what files are read through
 */
export function nodeSystem(directories: WindowsDirectories, disk: FileEdge): SystemEdge {
  return {
    platform: process.platform === 'win32' ? 'windows' : 'unix',
    directories,
    hostname,
    addresses,
    readText: (path) => readText(path, disk),
    exists,
    look: (path) => look(path, disk),
    list,
    run,
    startedAt: performance.timeOrigin,
  };
}

function addresses(): InterfaceAddress[] {
  const found: InterfaceAddress[] = [];
  for (const [name, entries = []] of Object.entries(interfaces())) {
    for (const { address, cidr } of entries) {
      const prefix = Number(cidr?.split('/')[1]);
      if (Number.isInteger(prefix)) found.push({ interface: name, address, prefix });
    }
  }
  return found;
}

/** None where the system does not tell them, as to a service that may not open the netlink socket that this takes. */
function interfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

// Whose file it is decides nothing: what is read here describes the host, and goes nowhere unchecked.
async function readText(path: string, disk: FileEdge): Promise<string | undefined> {
  try {
    const file = await readFile(path, { limit: LARGEST_TEXT, owners: 'anyone' }, disk);
    return file?.bytes.toString('utf8');
  } catch {
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

async function look(path: string, disk: FileEdge): Promise<FileLook> {
  try {
    const facts = await atPlace(path, disk, async (place) => place.facts);
    if (facts === undefined) return 'absent';
    return { modified: milliseconds(facts.modified), changed: milliseconds(facts.changed), uid: facts.uid };
  } catch (error) {
    return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR' ? 'absent' : 'unknown';
  }
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000;
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}

async function run(program: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  const { execFile } = await import('node:child_process');
  return await new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const options = {
      signal,
      timeout: RUN_MS,
      killSignal: 'SIGKILL',
      maxBuffer: LARGEST_OUTPUT,
      windowsHide: true,
    } as const;
    execFile(program, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
}
