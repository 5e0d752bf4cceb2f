import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { COMMAND_NAMES, optionSyntax } from '../../src/cli/syntax.js';
import { codeBlocks, commandsOf, PROJECT, pagePaths, readPage } from './code-blocks.js';

/** Options of the program that are no settings, and commands without any. */
const ANYWHERE = ['--help', '--version'];
const OTHER_COMMANDS = ['completion'];

const pages = await Promise.all((await pagePaths()).map(async (page) => ({ page, text: await readPage(page) })));

/** The commands of a page: those in its blocks, run or not, and those in the text. */
function commandsIn(page: string, text: string): readonly string[] {
  const inBlocks = codeBlocks(page, text).flatMap((block) => (block.language === 'sh' ? commandsOf(block.text) : []));
  const inText = [...text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...inBlocks, ...inText].flatMap((command) => command.split(/ \\?\| |; | && /));
}

/** What of an invocation of agent-enroll is none of its commands or options. */
function unknownIn(command: string): readonly string[] {
  const [, typed] = /(?:^|\s)agent-enroll((?: [^>]*)?)/.exec(command) ?? [];
  const words = typed?.trim().split(/\s+/) ?? [];
  const named = COMMAND_NAMES.find((name) => words.includes(name)) ?? 'enroll';
  const isCommand = words[0] === undefined || /^[^a-z]|^$/.test(words[0]);
  const options = words.filter((word) => word.startsWith('-') && word !== '-').map((word) => word.split('=')[0] ?? '');
  const known = optionSyntax()
    .filter(({ commands }) => commands.includes(named))
    .map(({ flag }) => flag);
  return [
    ...(isCommand || [...COMMAND_NAMES, ...OTHER_COMMANDS].includes(words[0] ?? '') ? [] : [words[0] ?? '']),
    ...options.filter((option) => ![...ANYWHERE, ...known].includes(option)),
  ];
}

describe('the commands that the pages name', () => {
  it('are commands and options that there are', () => {
    const wrong = pages.flatMap(({ page, text }) =>
      commandsIn(page, text)
        .filter((command) => /(?:^|\s)agent-enroll\s/.test(command))
        .flatMap((command) => unknownIn(command).map((word) => `${page}: ${word} in ${command}`)),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('are scripts of the project, and tests that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
    const wrong = pages.flatMap(({ page, text }) =>
      commandsIn(page, text).flatMap((command) => {
        const [, script] = /^npm run ([\w:-]+)/.exec(command) ?? [];
        const [, tests] = /\bmocha '?([\w/.-]+)/.exec(command) ?? [];
        const isThere =
          (script === undefined || script in scripts) && (tests === undefined || existsSync(join(PROJECT, tests)));
        return isThere ? [] : [`${page}: ${command}`];
      }),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('would be found where they are not', () => {
    expect(unknownIn('agent-enroll --manager siem.example.org check')).to.deep.equal([]);
    expect(unknownIn('WAZUH_MANAGER=a agent-enroll check --force --json')).to.deep.equal(['--force']);
    expect(unknownIn('agent-enroll verify --managers=a')).to.deep.equal(['verify', '--managers']);
    expect(commandsIn('a.md', 'Run `npm run nothing && agent-enroll retired`.')).to.deep.equal([
      'npm run nothing',
      'agent-enroll retired',
    ]);
  });
});
