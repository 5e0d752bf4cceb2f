import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { scratchHome } from './program.js';

const PROGRAM = fileURLToPath(new URL('../../bin/agent-enroll.js', import.meta.url));
const TYPED = 'S3cret-as-typed';

describe('agent-enroll at a terminal', function () {
  this.timeout(20_000);
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(() => scratch.remove());

  it('asks for a password that standard input is to give, shows none of it, and needs no width to go on', async function () {
    if (spawnSync('script', ['--version']).status !== 0) this.skip();
    const args = [
      ...['--manager', '127.9.9.9', '--retries', '0', '--timeout', '1s', '--name', 'web-01'],
      ...['--agent-home', scratch.home, '--api-user', 'enroll', '--api-password-file', '-'],
    ];
    const command = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
    // Without a terminal of its own script makes one that has no columns.
    const child = spawn('script', ['-qec', command, '/dev/null'], { env: { PATH: '/usr/bin:/bin', TERM: 'xterm' } });
    const limit = setTimeout(() => child.kill('SIGKILL'), 15_000);
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (text.includes('Password')) child.stdin.write(`${TYPED}\n`);
    });
    const [code] = await once(child, 'close');
    clearTimeout(limit);
    expect(code, shown.slice(0, 2000)).to.equal(3);
    expect(shown).to.include('not displayed').and.include('Asking the REST API').and.not.include(TYPED);
    expect(shown.length).to.be.lessThan(5000);
  });
});
