import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { run } from './program.js';

const PROGRAM = fileURLToPath(new URL('../../bin/agent-enroll.js', import.meta.url));

describe('the streams', function () {
  this.timeout(20_000);

  it('may be closed by whoever reads them', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'detect', '--json'], {
      env: {},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code] = await once(child, 'close');
    expect(code).to.be.oneOf([0, 1, 2]);
    expect(said).to.not.include('EPIPE');
    expect(said).to.not.include('    at ');
  });

  for (const [what, env] of [
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['a dumb terminal', { TERM: 'dumb' }],
    ['no terminal', {}],
  ] as const) {
    it(`have no control characters with ${what}`, async () => {
      for (const args of [
        ['--help'],
        ['detect'],
        ['--manager', '127.0.0.1', '--agent-home', '/nowhere/at/all'],
        ['nonsense'],
      ]) {
        const { stdout, stderr } = await run(args, { env });
        expect(stdout + stderr, args.join(' ')).to.not.match(/[^\P{Cc}\n]/u);
      }
    });
  }

  it('have data on standard output and everything else on standard error', async () => {
    const detected = await run(['detect', '--manager', '127.0.0.1']);
    expect(detected.code).to.equal(0);
    expect(detected.stdout).to.include('--manager').and.to.include('127.0.0.1:1514');
    const failed = await run(['--manager', '127.0.0.1', '--agent-home', '/nowhere/at/all']);
    expect(failed.code).to.equal(6);
    expect(failed.stdout).to.equal('');
    expect(failed.stderr).to.include('/nowhere/at');
  });

  it('say what is wrong with the arguments, with exit 2', async () => {
    for (const args of [
      ['--manager'],
      ['--nonsense'],
      ['nonsense'],
      ['check', '--wait'],
      ['sandbox', '--family', 'x'],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect(code, args.join(' ')).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).to.match(/^Error: .+\n {2}.+\n {2}\(SETTING_INVALID, exit 2\)\n$/s);
      expect(stderr).to.not.include('    at ');
      const { stdout: json } = await run([...args, '--json']);
      expect(JSON.parse(json)).to.have.nested.property('error.code', 'SETTING_INVALID');
    }
  });

  it('show version and help', async () => {
    expect((await run(['--version'])).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    const { code, stdout } = await run(['--help']);
    expect(code).to.equal(0);
    for (const word of ['enroll', 'check', 'import', 'export', 'retire', 'detect', 'sandbox', '--manager', '--pin']) {
      expect(stdout).to.include(word);
    }
  });
});
