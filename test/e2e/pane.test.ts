import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { hasTmux, type Pane, startInPane } from './pane.js';
import { against, scratchHome } from './program.js';

const RELOAD_MS = 4000;
/** More than a test takes: the manager never learns the key. */
const NEVER_MS = 60_000;
const SPINNER = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/u;

describe('a real terminal', function () {
  this.timeout(30_000);
  let sandbox: Sandbox | undefined;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let pane: Pane | undefined;

  before(function () {
    if (!hasTmux()) this.skip();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(async () => {
    await pane?.close();
    pane = undefined;
    await sandbox?.close();
    sandbox = undefined;
    await scratch.remove();
  });

  const start = async (columns: number, keyReloadMs: number, more: readonly string[] = []) => {
    sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs });
    const args = [...against(sandbox, scratch.home), '--name', 'web-01', '--wait', '60s', ...more];
    pane = await startInPane(columns, args);
    return pane;
  };

  for (const columns of [80, 30]) {
    it(`of ${columns} columns counts the wait down on one line, and has nothing of it at the end`, async () => {
      const terminal = await start(columns, RELOAD_MS);
      let wanted = /\((\d\d) s\)$/m;
      for (let looks = 0; looks < 2; looks++) {
        const waiting = (await terminal.until(wanted)).split('\n');
        const line = waiting.at(-1) ?? '';
        expect(line).to.match(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Waiting for .*\(\d\d s\)$/u);
        expect(waiting.filter((one) => SPINNER.test(one))).to.deep.equal([line]);
        const seconds = Number(wanted.exec(line)?.[1]);
        wanted = new RegExp(`\\((${seconds - 1}|${seconds - 2}|${seconds - 3}) s\\)$`, 'm');
      }
      expect(await terminal.cursorIsShown(), 'while it waits').to.equal(false);
      const ended = await terminal.until(/^exit 0$/m);
      expect(ended).to.not.match(SPINNER).and.not.include('Waiting');
      expect(ended.split('\n').at(0)).to.equal('✔ This host is web-01');
      expect(ended.replaceAll('\n', '')).to.match(/Agent 001 web-01 is enrolled, ?and the manager answered\.exit 0$/);
      expect(await terminal.cursorIsShown(), 'at the end').to.equal(true);
    });

    it(`of ${columns} columns is as it was after Ctrl-C`, async () => {
      const terminal = await start(columns, NEVER_MS);
      await terminal.until(/\(\d\d s\)$/m);
      await terminal.interrupt();
      const ended = await terminal.until(/^exit 130$/m);
      expect(ended).to.not.match(SPINNER).and.not.include('Waiting');
      expect(ended, 'and told why it ended').to.match(/^✖ Interrupted\.$/m);
      expect(await terminal.cursorIsShown()).to.equal(true);
    });
  }

  it('has complete lines where they are asked for, each once', async () => {
    const terminal = await start(200, RELOAD_MS, ['--plain']);
    const ended = await terminal.until(/^exit 0$/m);
    expect(ended).to.not.match(SPINNER);
    expect(ended.match(/^Waiting for the manager .*\(up to 60 s; .*\) …$/gm)).to.have.length(1);
  });
});
