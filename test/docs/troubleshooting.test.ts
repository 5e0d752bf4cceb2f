import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { MEANINGS } from '../../src/errors.js';
import { isRunnable, readPage } from './code-blocks.js';
import { runExample } from './example-host.js';

/** Takes a CA that the manager knows: test/e2e/trust.test.ts has one. */
const NOT_RUN = ['agent-enroll --cert FILE --key FILE'];

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
    const forAnyHost = commands.filter((command) => !/\b(FILE|DIR)\b/.test(command));
    expect(forAnyHost.filter((command) => !isRunnable(command))).to.deep.equal([]);
    const script = forAnyHost.join('\n').replaceAll('HOST', 'siem.example.org').replaceAll('NAME', 'web-07');
    const { code, said } = await runExample(script, true);
    expect(code, said).to.equal(0);
    expect(said.match(/answered/g)).to.have.length.above(10);
  });

  it('has commands for a host without one, which end well each on its own', async () => {
    const alone = commands.filter((command) => /\b(FILE|DIR)\b/.test(command));
    expect(alone).to.not.be.empty;
    const ended = await Promise.all(alone.map(async (command) => ({ command, ...(await runExample(command, false)) })));
    expect(ended.filter(({ code }) => code !== 0)).to.deep.equal([]);
  });
});
