import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEdge } from '../../src/files/file-edge.js';
import type { Directory, OpenFile } from '../../src/files/files.js';

/** What a file or directory is known by, whatever its name. */
type Node = number;
const HOME: Node = 0;

/** What a disk holds of a home. */
interface Image {
  readonly files: Map<Node, { readonly bytes: Buffer; readonly mode: number }>;
  readonly directories: Map<Node, { readonly entries: ReadonlyMap<string, Node>; readonly mode: number }>;
}

/** One change to a disk, or the command to make the changes to one file or directory durable. */
export type Step =
  | { readonly does: 'create'; readonly in: Node; readonly name: string; readonly node: Node; readonly mode: number }
  | { readonly does: 'make'; readonly in: Node; readonly name: string; readonly node: Node; readonly mode: number }
  | { readonly does: 'rename'; readonly in: Node; readonly from: string; readonly name: string; readonly node: Node }
  | { readonly does: 'remove'; readonly in: Node; readonly name: string; readonly node: Node }
  | { readonly does: 'write'; readonly node: Node; readonly at: number; readonly bytes: Buffer }
  | { readonly does: 'mode'; readonly node: Node; readonly mode: number }
  | { readonly does: 'sync'; readonly node: Node };

/**
 * How much of a change that was not synced is on the disk afterwards. Of what is written a disk may have one half, or
 * the length without the bytes; anything else is there or not.
 */
export type Share = 'all' | 'none' | 'half' | 'zeros';

/** A disk under a home whose every change is recorded, until the power fails. */
export interface PowerDisk {
  readonly edge: FileEdge;
  readonly steps: readonly Step[];
  /** Resolves when the power has failed: nothing that is asked of the disk is answered any more. */
  readonly failed: Promise<void>;
  /** The changes that no sync has made durable. */
  pending(): readonly Step[];
  /** What is on the disk when the power is back. */
  imageWith(share: (step: Step) => Share): Image;
  /** Closes what was open when the power failed. */
  close(): Promise<void>;
}

/**
 * Records a disk.
 *
 * @param failsAt the number of the step that is not done any more, counted from 1
 */
export async function powerDisk(real: FileEdge, home: string, failsAt: number): Promise<PowerDisk> {
  let nodes = HOME;
  const initial: Image = { files: new Map(), directories: new Map() };
  const load = async (path: string, node: Node) => {
    const entries = new Map<string, Node>();
    initial.directories.set(node, { entries, mode: (await stat(path)).mode & 0o7777 });
    for (const entry of await readdir(path, { withFileTypes: true })) {
      nodes += 1;
      const at = nodes;
      const below = join(path, entry.name);
      entries.set(entry.name, at);
      if (entry.isDirectory()) await load(below, at);
      else initial.files.set(at, { bytes: await readFile(below), mode: (await stat(below)).mode & 0o7777 });
    }
  };
  await load(home, HOME);

  const steps: Step[] = [];
  let fail = () => {};
  const failed = new Promise<void>((resolve) => {
    fail = resolve;
  });
  let dead = false;
  const never = new Promise<never>(() => {});
  const live = () => image(initial, steps, () => 'all');
  /** Does one step, unless the power has failed. */
  const alive = async <T>(work: () => Promise<T>, step?: (result: T) => Step): Promise<T> => {
    if (step !== undefined && steps.length + 1 >= failsAt && !dead) {
      dead = true;
      fail();
    }
    if (dead) return await never;
    const result = await work();
    if (step !== undefined) steps.push(step(result));
    return result;
  };
  const nodeOf = (directory: Node, name: string): Node => {
    const node = live().directories.get(directory)?.entries.get(name);
    if (node === undefined) throw new Error(`${name} was made by nobody.`);
    return node;
  };
  const fresh = () => {
    nodes += 1;
    return nodes;
  };

  const open = new Set<Pick<OpenFile, 'close'>>();
  let closed = false;
  const closing = (opened: Pick<OpenFile, 'close'>) => {
    // It was on its way when the power failed.
    if (closed) void opened.close();
    else open.add(opened);
    return async () => {
      if (open.delete(opened)) await opened.close();
    };
  };
  const file = (opened: OpenFile, node: Node): OpenFile => {
    let end = 0;
    const close = closing(opened);
    return {
      facts: () => alive(() => opened.facts()),
      read: (limit, position) => alive(() => opened.read(limit, position)),
      write: (bytes, position) =>
        alive(
          () => opened.write(bytes, position),
          () => {
            const at = position ?? end;
            if (position === undefined) end += bytes.length;
            return { does: 'write', node, at, bytes: Buffer.from(bytes) };
          },
        ),
      chown: (uid, gid) => alive(() => opened.chown(uid, gid)),
      chmod: (mode) =>
        alive(
          () => opened.chmod(mode),
          () => ({ does: 'mode', node, mode }),
        ),
      sync: () =>
        alive(
          async () => undefined,
          () => ({ does: 'sync', node }),
        ),
      close,
    };
  };
  const directory = (opened: Directory, at: Node): Directory => ({
    ...opened,
    close: closing(opened),
    directory: (name) =>
      alive(async () => {
        const inside = await opened.directory(name);
        return directory(inside, nodeOf(at, name));
      }),
    open: async (name, flag, mode = 0o666) => {
      if (flag !== 'wx') return await alive(async () => file(await opened.open(name, flag), nodeOf(at, name)));
      const node = fresh();
      return await alive(
        async () => file(await opened.open(name, flag, mode), node),
        () => ({ does: 'create', in: at, name, node, mode }),
      );
    },
    makeDirectory: async (name, mode) => {
      const node = fresh();
      await alive(
        () => opened.makeDirectory(name, mode),
        () => ({ does: 'make', in: at, name, node, mode }),
      );
    },
    removeDirectory: (name) => remove(at, name, () => opened.removeDirectory(name)),
    unlink: (name) => remove(at, name, () => opened.unlink(name)),
    rename: async (from, name) => {
      const node = live().directories.get(at)?.entries.get(from) ?? HOME;
      await alive(
        () => opened.rename(from, name),
        () => ({ does: 'rename', in: at, from, name, node }),
      );
    },
    look: (name) => alive(() => opened.look(name)),
    list: () => alive(() => opened.list()),
    sync: () =>
      alive(
        async () => undefined,
        () => ({ does: 'sync', node: at }),
      ),
  });
  const remove = async (at: Node, name: string, work: () => Promise<void>) => {
    const node = live().directories.get(at)?.entries.get(name);
    // What is not there is not removed: no step.
    if (node === undefined) return await alive(work);
    await alive(work, () => ({ does: 'remove', in: at, name, node }));
  };
  const outside = (opened: Directory): Directory => ({
    ...opened,
    close: closing(opened),
    directory: async (name) => {
      const path = join(opened.path, name);
      const inside = await opened.directory(name);
      return path === home ? directory(inside, HOME) : outside(inside);
    },
  });
  const durable = () => durableOf(steps);
  return {
    edge: { ...real, files: { ...real.files, root: async (path) => outside(await real.files.root(path)) } },
    steps,
    failed,
    pending: () => {
      const kept = durable();
      return steps.filter((step) => step.does !== 'sync' && !kept.has(step));
    },
    imageWith: (share) => {
      const kept = durable();
      return image(initial, steps, (step) => (kept.has(step) ? 'all' : share(step)));
    },
    close: async () => {
      closed = true;
      for (const opened of open) await opened.close();
    },
  };
}

/** A file's sync is about its bytes and its mode; a directory's, about the names in it. */
function durableOf(steps: readonly Step[]): ReadonlySet<Step> {
  const durable = new Set<Step>();
  steps.forEach((sync, at) => {
    if (sync.does !== 'sync') return;
    for (const step of steps.slice(0, at)) {
      const about = 'in' in step ? step.in : step.node;
      if (about === sync.node) durable.add(step);
    }
  });
  return durable;
}

function image(initial: Image, steps: readonly Step[], share: (step: Step) => Share): Image {
  const files = new Map(initial.files);
  const directories = new Map(
    [...initial.directories].map(([node, { entries, mode }]) => [node, { entries: new Map(entries), mode }] as const),
  );
  for (const step of steps) {
    const kept = share(step);
    // Whether it has a name is the directory's matter: a file is one without.
    if (step.does === 'create') files.set(step.node, { bytes: Buffer.alloc(0), mode: step.mode });
    if (step.does === 'make') directories.set(step.node, { entries: new Map(), mode: step.mode });
    if (step.does === 'sync' || kept === 'none') continue;
    if (step.does === 'write') {
      const file = files.get(step.node);
      if (file !== undefined) files.set(step.node, { ...file, bytes: written(file.bytes, step, kept) });
    } else if (step.does === 'mode') {
      const file = files.get(step.node);
      if (file !== undefined) files.set(step.node, { ...file, mode: step.mode });
      const directory = directories.get(step.node);
      if (directory !== undefined) directories.set(step.node, { ...directory, mode: step.mode });
    } else {
      const entries = directories.get(step.in)?.entries;
      if (entries === undefined) continue;
      if (step.does === 'rename' && entries.get(step.from) === step.node) entries.delete(step.from);
      if (step.does !== 'remove') entries.set(step.name, step.node);
      else if (entries.get(step.name) === step.node) entries.delete(step.name);
    }
  }
  return { files, directories };
}

function written(before: Buffer, { at, bytes }: Extract<Step, { does: 'write' }>, share: Share): Buffer {
  const part = share === 'half' ? bytes.subarray(0, bytes.length / 2) : bytes;
  const after = Buffer.alloc(Math.max(before.length, at + part.length));
  before.copy(after);
  if (share !== 'zeros') part.copy(after, at);
  else after.fill(0, at, at + part.length);
  return after;
}

/** An image as a text that is the same for the same disk. */
export function describeImage({ files, directories }: Image): string {
  const lines = (node: Node, path: string): string[] => {
    const file = files.get(node);
    if (file !== undefined) return [`${path} ${file.mode.toString(8)} ${file.bytes.toString('base64')}`];
    const entries = [...(directories.get(node)?.entries ?? [])].sort(([one], [other]) => (one < other ? -1 : 1));
    return [path, ...entries.flatMap(([name, below]) => lines(below, `${path}/${name}`))];
  };
  return lines(HOME, '').join('\n');
}

/** Puts an image onto a real disk, where there is nothing yet but the home itself. */
export async function putImage({ files, directories }: Image, home: string): Promise<void> {
  const put = async (node: Node, path: string): Promise<void> => {
    const file = files.get(node);
    if (file !== undefined) return await writeFile(path, file.bytes, { mode: file.mode });
    const directory = directories.get(node);
    if (node !== HOME) await mkdir(path, { mode: directory?.mode ?? 0o700 });
    for (const [name, below] of directory?.entries ?? []) await put(below, join(path, name));
  };
  await put(HOME, home);
}

/** The text of a file in an image; `undefined`: there is none of this path. */
export function textIn({ files, directories }: Image, path: string): string | undefined {
  let node: Node | undefined = HOME;
  for (const name of path.split('/')) node = node === undefined ? undefined : directories.get(node)?.entries.get(name);
  return node === undefined ? undefined : files.get(node)?.bytes.toString('latin1');
}

/** The texts of all files in an image, by their paths. */
export function textsOf(disk: Image): ReadonlyMap<string, string> {
  const paths = (node: Node, path: string): string[] =>
    disk.files.has(node)
      ? [path]
      : [...(disk.directories.get(node)?.entries ?? [])].flatMap(([name, below]) =>
          paths(below, path === '' ? name : `${path}/${name}`),
        );
  return new Map(paths(HOME, '').map((path) => [path, textIn(disk, path) ?? '']));
}
