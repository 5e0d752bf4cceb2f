import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, readdir } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';

/** One address of one interface. */
export interface InterfaceAddress {
  readonly interface: string;
  readonly address: string;
  /** Length of the network prefix in bits. */
  readonly prefix: number;
}

/** What the identification of a host asks of the operating system. */
export interface SystemEdge {
  readonly platform: 'unix' | 'windows';
  /** The directories that Windows names in its environment; absent elsewhere. */
  readonly directories: WindowsDirectories;
  hostname(): string;
  addresses(): readonly InterfaceAddress[];
  /** The text of a file, of at most 1 MiB; `undefined` where there is none, or where it may not be read. */
  readText(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  /** The names in a directory; none where there is no such directory, or where it may not be read. */
  list(directory: string): Promise<readonly string[]>;
  /** What a program prints, without a shell; `undefined` where it is missing, fails, or takes longer than 5 s. */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined>;
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

const LARGEST_TEXT = 1024 * 1024;
const RUN_MS = 5000;

/** The system that the program runs on. The directories come from the environment, which the settings read. */
export function nodeSystem(directories: WindowsDirectories = {}): SystemEdge {
  return {
    platform: process.platform === 'win32' ? 'windows' : 'unix',
    directories,
    hostname,
    addresses,
    readText,
    exists,
    list,
    run,
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

async function readText(path: string): Promise<string | undefined> {
  try {
    // Without O_NONBLOCK a pipe in the place of the file would hold the program for ever.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      // The files of /proc say that they are empty, so they are read to their end.
      const buffer = Buffer.allocUnsafe(LARGEST_TEXT);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.toString('utf8', 0, length);
    } finally {
      await file.close();
    }
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

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}

function run(program: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const options = {
      signal,
      timeout: RUN_MS,
      killSignal: 'SIGKILL',
      maxBuffer: LARGEST_TEXT,
      windowsHide: true,
    } as const;
    execFile(program, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
}
