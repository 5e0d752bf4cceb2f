import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const INTERRUPTION = new URL('../../src/cli/interruption.ts', import.meta.url).href;
/** A program that says when a signal has come, and does not end by itself. */
const PROGRAM = `
  import { listenToSignals } from '${INTERRUPTION}';
  const { signal } = listenToSignals();
  signal.addEventListener('abort', () => console.log(signal.reason.code));
  setInterval(() => {}, 1000);
  console.log('listening');
`;

describe('an interruption', function () {
  this.timeout(20_000);

  for (const [name, code] of [
    ['SIGINT', 'INTERRUPTED'],
    ['SIGTERM', 'TERMINATED'],
  ] as const) {
    it(`is told by the first ${name}, and the second one ends the program at once`, async () => {
      const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM];
      const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL('../..', import.meta.url)) });
      const limit = setTimeout(() => child.kill('SIGKILL'), 15_000);
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        child.kill(name);
      });
      const [, signal] = await once(child, 'close');
      clearTimeout(limit);
      expect(signal).to.equal(name);
      expect(said).to.equal(`listening\n${code}\n`);
    });
  }
});
