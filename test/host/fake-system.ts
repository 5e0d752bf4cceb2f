import type { FileTimes, InterfaceAddress, SystemEdge } from '../../src/host/system.js';

/** A system made of texts: a path is there if it has a text, or is the directory of one that has. */
export interface FakeSystem extends SystemEdge {
  readonly ran: string[][];
}

export interface FakeFacts {
  readonly platform?: 'unix' | 'windows';
  readonly hostname?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly addresses?: readonly InterfaceAddress[];
  readonly directories?: SystemEdge['directories'];
  /** Of files, where it is not now; `unknown`: they may not be looked at. */
  readonly times?: Readonly<Record<string, Partial<FileTimes> | 'unknown'>>;
  /** When the process that asks was started; now, unless told. */
  readonly startedAt?: number;
  /** By the program and its arguments, as one line. */
  readonly programs?: Readonly<Record<string, string>>;
}

export function fakeSystem(facts: FakeFacts): FakeSystem {
  const files = new Map(Object.entries(facts.files ?? {}));
  const separator = facts.platform === 'windows' ? '\\' : '/';
  const below = (directory: string) => [...files.keys()].filter((path) => path.startsWith(directory + separator));
  const ran: string[][] = [];
  return {
    ran,
    platform: facts.platform ?? 'unix',
    directories: facts.directories ?? {},
    hostname: () => facts.hostname ?? 'web-01',
    addresses: () => facts.addresses ?? [],
    readText: async (path) => files.get(path),
    exists: async (path) => files.has(path) || below(path).length > 0,
    look: async (path) => {
      const told = facts.times?.[path];
      if (told === 'unknown') return 'unknown';
      if (told === undefined && !files.has(path)) return 'absent';
      return { modified: Date.now(), changed: Date.now(), uid: 0, ...told };
    },
    startedAt: facts.startedAt ?? Date.now(),
    list: async (directory) =>
      below(directory)
        .map((path) => path.slice(directory.length + 1))
        .filter((name) => !name.includes(separator)),
    run: async (program, args) => {
      ran.push([program, ...args]);
      return facts.programs?.[[program, ...args].join(' ')];
    },
  };
}

/** The text of `/proc/PID/stat` of a process that was started so many clock ticks after the boot. */
export function procStat(pid: number, name: string, ticks: number, state = 'S'): string {
  return `${pid} (${name}) ${state} 1 ${'0 '.repeat(17)}${ticks} 0 0\n`;
}

export const never = new AbortController().signal;
