import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { MEANINGS } from '../../src/errors.js';
import { isRunnable, readPage } from './code-blocks.js';
import { runExample } from './example-host.js';

/** A command whose manager is made after what it names, or that takes the key away. */
const ALONE = /\b(?:FILE|DIR|retire)\b|--api-url/;
/** The first takes a CA that the manager knows: test/e2e/trust.test.ts has one; the second is refused, as its row says. */
const NOT_RUN = ['agent-enroll --cert FILE --key FILE', 'agent-enroll retire'];

function named(commands: string): string {
  return commands.replaceAll('HOST', 'siem.example.org').replaceAll('NAME', 'web-07');
}

describe('the page of what to do when something is wrong', function () {
  this.timeout(60_000);
  let page = '';
  let commands: readonly string[] = [];
  before(async () => {
    page = await readPage('docs/troubleshooting.md');
    const code = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
    commands = [...new Set(code)].filter((text) => /^agent-enroll( |$)/.test(text) && !NOT_RUN.includes(text));
  });

  it('has every error code, and none that there is not', () => {
    const [, table = ''] = page.split('### By the error code');
    const named = [...table.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, code = '']) => code);
    const known = Object.keys(MEANINGS);
    expect(named.filter((code) => code.includes('_') && !known.includes(code))).to.deep.equal([]);
    expect(known.filter((code) => !named.includes(code))).to.deep.equal([]);
  });

  it('has commands for a host with a key, which end well one after the other', async () => {
    const forAnyHost = commands.filter((command) => !ALONE.test(command));
    expect(forAnyHost.filter((command) => !isRunnable(command))).to.deep.equal([]);
    const { code, said } = await runExample(named(forAnyHost.join('\n')), true);
    expect(code, said).to.equal(0);
    expect(said.match(/answered/g)).to.have.length.above(10);
  });

  it('has commands that need a file or an API, which end well each on a host of its own', async () => {
    const alone = commands.filter((command) => ALONE.test(command));
    expect(alone).to.not.be.empty;
    const ended = await Promise.all(
      alone.map(async (command) => ({ command, ...(await runExample(named(command), command.includes('check'))) })),
    );
    expect(ended.filter(({ code }) => code !== 0)).to.deep.equal([]);
  });
});
