import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Finished, type Surroundings, start } from '../e2e/program.js';

/** Something that was printed, written, or can be seen of a process. */
export interface Trace {
  readonly where: string;
  readonly text: string;
}

/** Runs the built program; gives what it printed, and what could be seen of it and of its children meanwhile. */
export async function traced(
  args: readonly string[],
  surroundings: Surroundings,
  endAt?: string,
): Promise<{ readonly finished: Finished; readonly traces: readonly Trace[] }> {
  const what = args.slice(0, 1).join();
  const program = start(args, surroundings);
  const seen = new Map<string, Trace>();
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const trace of program.pid === undefined ? [] : ofProcesses(program.pid)) {
        seen.set(`${trace.where} ${trace.text}`, trace);
      }
      await pause(2);
    }
  })();
  if (endAt !== undefined) {
    await program.said(endAt);
    program.signal('SIGTERM');
  }
  const finished = await program.finished;
  over = true;
  await watching;
  const printed = [
    { where: `standard output of ${what}`, text: finished.stdout },
    { where: `standard error of ${what}`, text: finished.stderr },
  ];
  return { finished, traces: [...printed, ...seen.values()] };
}

/** The arguments of a process, and arguments and environment of all below it. Its own environment is what it was given. */
function ofProcesses(pid: number): readonly Trace[] {
  const own = trace(pid, 'cmdline');
  return [own, ...childrenOf(pid).flatMap((child) => allOf(child, own.text))].filter(({ text }) => text !== '');
}

/** @param above the arguments of its parent: a child that has these still is a copy of it, on the way to its own program */
function allOf(pid: number, above: string): readonly Trace[] {
  const own = trace(pid, 'cmdline');
  if (own.text === '' || own.text === above) return [];
  return [own, trace(pid, 'environ'), ...childrenOf(pid).flatMap((child) => allOf(child, own.text))];
}

function trace(pid: number, file: string): Trace {
  return { where: `${file} of ${pid}`, text: orNothing(() => readFileSync(`/proc/${pid}/${file}`, 'latin1')) };
}

function childrenOf(pid: number): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  const text = orNothing(() =>
    readdirSync(tasks)
      .map((task) => readFileSync(`${tasks}/${task}/children`, 'latin1'))
      .join(' '),
  );
  return text.split(' ').flatMap((word) => (/^\d+$/.test(word) ? [Number(word)] : []));
}

// A process may end between two looks at it.
function orNothing(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}

/** What lies below a directory, but for the files that hold a secret because they are there for it. */
export async function leftBelow(directory: string, belongs: (path: string) => boolean): Promise<readonly Trace[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const searched = files.filter((path) => !belongs(relative(directory, path)));
  return await Promise.all(searched.map(async (where) => ({ where, text: await readFile(where, 'latin1') })));
}

/** Where one of the secrets stands, in whatever form. */
export function findingsIn(traces: readonly Trace[], secrets: Readonly<Record<string, string>>): readonly string[] {
  const forms = Object.entries(secrets).flatMap(([name, secret]) => formsOf(secret).map((form) => ({ name, form })));
  return traces.flatMap(({ where, text }) =>
    forms.filter(({ form }) => text.includes(form)).map(({ name, form }) => `${name} as ${form} in ${where}`),
  );
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = (['base64', 'base64url'] as const).map((encoding) => bytes.toString(encoding).replace(/=+$/, ''));
  return [
    ...new Set([
      secret,
      ...base64,
      bytes.toString('hex'),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
    ]),
  ];
}
