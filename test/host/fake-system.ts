import type { InterfaceAddress, SystemEdge } from '../../src/host/system.js';

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

export const never = new AbortController().signal;
