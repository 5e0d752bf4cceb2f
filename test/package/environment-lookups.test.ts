import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { built, LINUX_X64, onPath, ROOT, run, skipped, where } from './binaries.js';

/** Put before the C library: notes each variable that is looked up, and whether it is there. */
const SPY = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

typedef char *lookup(const char *);

static char *note(const char *name, char *value) {
  int file = open(NOTES, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  dprintf(file, "%s %s\\n", name, value == NULL ? "absent" : "found");
  close(file);
  return value;
}

char *getenv(const char *name) {
  return note(name, ((lookup *)dlsym(RTLD_NEXT, "getenv"))(name));
}

char *secure_getenv(const char *name) {
  return note(name, ((lookup *)dlsym(RTLD_NEXT, "secure_getenv"))(name));
}
`;

/** Read by Node, OpenSSL, ICU or a library before or while the program runs, if nobody sees to it. */
const CLOSED = [
  'ICU_TIMEZONE_FILES_DIR',
  'NODE_CHANNEL_FD',
  'NODE_COMPILE_CACHE',
  'NODE_DEBUG',
  'NODE_DEBUG_NATIVE',
  'NODE_EXTRA_CA_CERTS',
  'NODE_ICU_DATA',
  'NODE_OPTIONS',
  'NODE_REDIRECT_WARNINGS',
  'NODE_UNIQUE_ID',
  'OPENSSL_CONF',
  'OPENSSL_ia32cap',
  'SIMDUTF_FORCE_IMPLEMENTATION',
  'UV_THREADPOOL_SIZE',
  'YARGS_MIN_NODE_VERSION',
];
/** Are found, and change nothing. */
const HARMLESS = [
  'NODE_NO_WARNINGS',
  'NODE_PATH',
  'NODE_PENDING_DEPRECATION',
  'NODE_PRESERVE_SYMLINKS',
  'NODE_PRESERVE_SYMLINKS_MAIN',
  'NODE_USE_ENV_PROXY',
  'NODE_USE_SYSTEM_CA',
  'NODE_V8_COVERAGE',
];
/** Would be looked up if others were found, or on other ways through the program. */
const OTHERS = ['NODE_REPL_EXTERNAL_MODULE', 'NODE_TLS_REJECT_UNAUTHORIZED', 'SSL_CERT_DIR', 'SSL_CERT_FILE'];

const missing = skipped({
  ...built(LINUX_X64),
  'Linux on x64': process.platform === 'linux' && process.arch === 'x64',
  'cc, a compiler for C': onPath('cc'),
});

(missing === '' ? describe : describe.skip)(`what the binary looks up in its environment${missing}`, function () {
  this.timeout(60_000);
  let directory: string;
  let lines: readonly string[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-lookups-'));
    const [source, spy, notes] = [join(directory, 'spy.c'), join(directory, 'spy.so'), join(directory, 'notes')];
    await writeFile(source, SPY);
    const compiler = await run(
      where('cc') ?? '',
      ['-shared', '-fPIC', `-DNOTES="${notes}"`, '-o', spy, source, '-ldl'],
      { PATH: process.env['PATH'] },
    );
    expect(compiler.code, compiler.stderr).to.equal(0);
    // Empty, they are there and do nothing, in a binary that is deaf and in one that is not.
    const empty = Object.fromEntries([...CLOSED, ...HARMLESS, ...OTHERS].map((name) => [name, '']));
    const { code, stdout, stderr } = await run(
      LINUX_X64,
      [
        ...['--manager', '127.0.0.1:1', '--api-url', 'https://127.0.0.1:1', '--api-user', 'wazuh', '--retries', '0'],
        ...['--name', 'web-01', '--ip', 'any', '--agent-home', join(directory, 'home')],
      ],
      { ...empty, AGENT_ENROLL_API_PASSWORD: 'wazuh', LD_PRELOAD: spy },
    );
    expect(code, stdout + stderr).to.equal(3);
    lines = (await readFile(notes, 'utf8')).trimEnd().split('\n');
    expect(lines, 'the spy sees what is the user’s').to.include('AGENT_ENROLL_API_PASSWORD found');
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  for (const name of CLOSED) {
    it(`does not come to ${name}`, () => {
      expect(lines).to.not.include(`${name} found`);
    });
  }

  it('comes to nothing else that is not harmless', () => {
    const found = new Set(
      lines.filter((line) => line.endsWith(' found')).map((line) => line.slice(0, -' found'.length)),
    );
    const ours = ['AGENT_ENROLL_API_PASSWORD', ...HARMLESS];
    expect([...found].filter((name) => !ours.includes(name))).to.deep.equal([]);
  });

  it('is told in docs/binaries.md, as far as it is Node’s', async () => {
    const told = await readFile(join(ROOT, 'docs', 'binaries.md'), 'utf8');
    const names = new Set(lines.map((line) => line.replace(/ (found|absent)$/, '')));
    const untold = [...names].filter((name) => /^(NODE|OPENSSL|SSL|ICU|SIMD|UV|UNDICI|YARGS)/.test(name));
    expect(untold.filter((name) => !told.includes(`\`${name}\``))).to.deep.equal([]);
  });
});
