import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SaxesParser } from 'saxes';
import { type CodeBlock, commandsOf, isRunnable, PROJECT } from './code-blocks.js';
import { runExample } from './example-host.js';
import { typeComplaint } from './example-types.js';

/** What the comment `<!-- run: … -->` may say, beside `exit N`. */
const EACH_ALONE = 'each alone';
const ENROLLED = 'enrolled';
const UNMARKED = 'it cannot be run: say why (<!-- not run: … -->), or what runs it (<!-- run by: test/… -->)';

/**
 * What is wrong with a code block: it does not end as it should, is not well-formed, or says neither that it can be run
 * nor why not.
 * @returns `undefined`: nothing is
 */
export async function complaintAbout(block: CodeBlock): Promise<string | undefined> {
  const { mark } = block;
  if (mark?.how === 'not run') return undefined;
  if (mark?.how === 'run by') {
    const missing = mark.tests.filter((test) => !/^test\/.*\.test\.ts$/.test(test) || !existsSync(join(PROJECT, test)));
    return missing.length === 0 ? undefined : `there is no such test: ${missing.join(', ')}`;
  }
  if (mark?.how === 'printed by') return await complaintAboutOutput(block.text, mark.command);
  if (mark !== undefined && block.language !== 'sh') return 'commands alone (sh) are marked as run';
  switch (block.language) {
    case 'sh':
      return await complaintAboutCommands(block.text, mark?.words ?? []);
    case 'js':
      return await typeComplaint(block.text);
    case 'json':
      return complaintOf(() => parseJson(block.text));
    case 'xml':
      return complaintOf(() => new SaxesParser({ fragment: true }).write(block.text).close());
    default:
      return UNMARKED;
  }
}

async function complaintAboutCommands(text: string, words: readonly string[]): Promise<string | undefined> {
  const wanted = Number(words.map((word) => /^exit (\d+)$/.exec(word)?.[1]).find((code) => code !== undefined) ?? 0);
  const unknown = words.filter((word) => ![EACH_ALONE, ENROLLED].includes(word) && !/^exit \d+$/.test(word));
  if (unknown.length > 0) return `its mark has words that nobody knows: ${unknown.join(', ')}`;
  const commands = commandsOf(text);
  if (commands.length === 0 || !commands.every(isRunnable)) return UNMARKED;
  const examples = words.includes(EACH_ALONE) ? commands : [commands.join('\n')];
  const complaints = await Promise.all(
    examples.map(async (example) => {
      const { code, said } = await runExample(example, words.includes(ENROLLED) || needsKey(example));
      return code === wanted ? [] : [`${example}\nended with ${code}, not with ${wanted}:\n${said}`];
    }),
  );
  return complaints.flat().join('\n') || undefined;
}

/** Each line has to be one that the command prints, but for names, numbers and addresses. */
async function complaintAboutOutput(text: string, command: string): Promise<string | undefined> {
  const { said } = await runExample(command, needsKey(command));
  const printed = new Set(said.split('\n').map(shapeOf));
  const strange = text.split('\n').filter((line) => !printed.has(shapeOf(line)));
  return strange.length === 0 ? undefined : `${command}\ndoes not print\n${strange.join('\n')}\nbut\n${said}`;
}

function shapeOf(line: string): string {
  return line
    .replace(/: the manager is on .*/, ': …')
    .replaceAll(/sha256:[0-9a-f]+…?/g, '#')
    .replaceAll(/(?<![\w/])(?:any\b|\/\S+|[\w.:-]*\d(?:[\w.:-]*\w)?)/g, '#')
    .replaceAll('messages', 'message');
}

/** Whether an example begins with a command that is for a host with a key. */
function needsKey(example: string): boolean {
  return /^agent-enroll (check|export|retire)\b/.test(example);
}

/** One document, or one a line. */
function parseJson(text: string): void {
  const lines = text.trimEnd().split('\n');
  const documents = lines.every((line) => line.startsWith('{')) ? lines : [text];
  for (const document of documents) JSON.parse(document);
}

function complaintOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
