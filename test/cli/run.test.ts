import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { text as allOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { runJourney } from '../../src/cli/run.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { OptionName } from '../../src/settings/options.js';
import { removeHome, scratchHome } from '../keystore/scratch.js';

const PROGRAM = fileURLToPath(new URL('./settling-program.ts', import.meta.url));
const NOT_WELL_FORMED = '<ossec_config>\n<client>\n<server><adress>m</adres></server>\n';

describe('the reading of the settings', function () {
  this.timeout(20_000);
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  /** What is printed of a run that ends with its settings. */
  const printed = async (json: boolean, flags: readonly (readonly [OptionName, string])[]) => {
    const said = { out: '', err: '' };
    const into = (name: 'out' | 'err') =>
      new Writable({
        write: (chunk, _encoding, done) => {
          said[name] += String(chunk);
          done();
        },
      });
    const printing = { interactive: false, columns: 0, color: false, json, quiet: false, verbose: false };
    const code = await runJourney(
      'enroll',
      {
        flags: new Map([['agent-home', agent.home], ...flags]),
        environment: {},
        output: { out: into('out'), err: into('err'), ...printing },
        signal: new AbortController().signal,
        uninterrupted: (step) => step(),
      },
      async () => ({ changed: false }),
    );
    return { code, ...said };
  };

  it('loses no warning where it fails afterwards', async () => {
    await writeFile(agent.configFile, NOT_WELL_FORMED);
    const { code, out } = await printed(true, []);
    expect(code).to.equal(2);
    const { warnings, error } = JSON.parse(out);
    expect(error.code).to.equal('MANAGER_MISSING');
    expect(warnings.join()).to.include(`${agent.configFile}, line 3: `);
    expect((await printed(false, [])).err).to.match(/^Warning: .*ossec\.conf, line 3: .*\nError: No manager is named/s);
  });

  it('tells each warning once where it goes well', async () => {
    await writeFile(agent.configFile, NOT_WELL_FORMED);
    const { code, out } = await printed(true, [['manager', 'm']]);
    expect(code).to.equal(0);
    expect(JSON.parse(out).warnings).to.have.lengthOf(1);
  });

  it('refuses a deadline that is none', async () => {
    const { code, out } = await printed(true, [['deadline', 'soon']]);
    expect(code).to.equal(2);
    expect(JSON.parse(out).error.message).to.include('--deadline: "soon" is not a length of time');
  });

  describe('from a standard input that never ends', () => {
    /** Runs by itself, with an input that stays open until the program is gone. */
    const run = async (input: string | Uint8Array, flags: readonly (readonly [OptionName, string | boolean])[]) => {
      const all = [['agent-home', agent.home], ['manager', 'm'], ['password-file', '-'], ['json', true], ...flags];
      const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, JSON.stringify(all)], {
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: 15_000,
      });
      child.stdin.on('error', () => {}).write(input);
      const ended = once(child, 'close');
      const report = JSON.parse(await allOf(child.stdout));
      const [code] = await ended;
      return { code, report };
    };

    it('takes a password as soon as its line is there', async () => {
      const { code, report } = await run('secret\nand more', []);
      expect(code).to.equal(0);
      expect(report.warnings).to.deep.equal([Buffer.from('secret').toString('hex')]);
    });

    it('is cut off by the deadline of the run', async () => {
      const { code, report } = await run('no line', [['deadline', '200ms']]);
      expect(code).to.equal(3);
      expect(report.error.code).to.equal('DEADLINE_PASSED');
    });
  });
});
