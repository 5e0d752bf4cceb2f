import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What the comment right above a code block says of it, as in `<!-- not run: WHY -->`. */
export type Mark =
  | { readonly how: 'not run'; readonly why: string }
  | { readonly how: 'run by'; readonly tests: readonly string[] }
  | { readonly how: 'printed by'; readonly command: string }
  | { readonly how: 'run'; readonly words: readonly string[] };

/** A fenced code block of a page. */
export interface CodeBlock {
  /** From the root of the project. */
  readonly page: string;
  /** That of its fence, counted from 1. */
  readonly line: number;
  /** What stands behind the fence; empty where nothing does. */
  readonly language: string;
  readonly text: string;
  readonly mark?: Mark;
}

/** The pages that people read: those in the root, `docs` and `deploy`. */
export async function pagePaths(): Promise<readonly string[]> {
  const found = await Promise.all(
    ['docs', 'deploy'].map(async (room) =>
      (await readdir(join(PROJECT, room), { recursive: true })).map((name) => `${room}/${name}`),
    ),
  );
  const names = [...(await readdir(PROJECT)), ...found.flat()];
  return names.filter((name) => name.endsWith('.md')).sort();
}

/** The text of a page. */
export function readPage(page: string): Promise<string> {
  return readFile(join(PROJECT, page), 'utf8');
}

/**
 * The code blocks of a page, in order.
 * @throws Error where a block has no end
 */
export function codeBlocks(page: string, text: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const [, indent, language = ''] = /^( *)```(.*)$/.exec(lines[at] ?? '') ?? [];
    if (indent === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === '```');
    if (end === -1) throw new Error(`The block in line ${at + 1} of ${page} has no end.`);
    const inside = lines.slice(at + 1, end).map((line) => line.slice(indent.length));
    const mark = markOf(lines[at - 1] ?? '');
    blocks.push({
      page,
      line: at + 1,
      language: language.trim(),
      text: `${inside.join('\n')}\n`,
      ...(mark === undefined ? {} : { mark }),
    });
    at = end;
  }
  return blocks;
}

function markOf(line: string): Mark | undefined {
  const [, how, rest = ''] = /^ *<!-- (not run|run by|printed by|run): (.+) -->$/.exec(line) ?? [];
  const parts = rest.split(',').map((part) => part.trim());
  switch (how) {
    case 'not run':
      return { how, why: rest };
    case 'run by':
      return { how, tests: parts };
    case 'printed by':
      return { how, command: rest };
    case 'run':
      return { how, words: parts };
    default:
      return undefined;
  }
}

/** The commands of a block for a shell: comments gone, lines that go on put together. */
export function commandsOf(text: string): readonly string[] {
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

/**
 * Whether the test can run a command: it is agent-enroll's, with variables before it or another command's output for its
 * standard input.
 */
export function isRunnable(command: string): boolean {
  return /^(?:[\w-]+ \| )?(?:[A-Z_]+=\S+ )*agent-enroll(?: [^|;&<>`$]*)?$/.test(command);
}
