import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { text as allOf } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeProcesses } from '../../src/files/processes.js';
import { listenTcp } from '../../src/sandbox/listen.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { scratchHome, snapshot, start } from './program.js';

const PROGRAM = fileURLToPath(new URL('../../bin/agent-enroll.js', import.meta.url));
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
/** What the program may take; the rest is for a busy machine. */
const SOON_MS = 100 + 400;

/** A signal in the middle of something that would last: the program is to end at once, with its code and its word. */
describe('an interrupted run', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let server: Server | undefined;
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket.on('error', () => {}));
  };
  /** The flags that lead to a server that takes connections and says nothing. */
  const silent = async (made: Server) => {
    server = made;
    const port = await listenTcp(made, { host: '127.0.0.1', port: 0 });
    return ['--manager', '127.0.0.1', '--enrollment-port', String(port), '--agent-home', scratch.home];
  };

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(async () => {
    for (const socket of open) socket.destroy();
    open.clear();
    if (server !== undefined) await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    await scratch.remove();
  });
  after(() => {});

  const nobody = () => ['--manager', '127.0.0.1', '--enrollment-port', '1', '--agent-home', scratch.home];
  type Busy = { readonly args: readonly string[]; readonly busy: string | Promise<unknown> };
  const phases: readonly (readonly [what: string, begin: () => Promise<Busy>])[] = [
    [
      'the TLS handshake',
      async () => {
        const made = createServer(keep);
        return { args: await silent(made), busy: once(made, 'connection') };
      },
    ],
    [
      'the wait for the reply',
      async () => {
        const made = createTlsServer({ cert: certificate.certificate, key: certificate.key.reveal() }, keep);
        const request = once(made, 'secureConnection').then(([socket]: Socket[]) => once(socket ?? made, 'data'));
        return { args: await silent(made), busy: request };
      },
    ],
    ['the pause before a retry', async () => ({ args: [...nobody(), '--retries', '9999'], busy: 'Trying again' })],
    ['the splay', async () => ({ args: [...nobody(), '--splay', '9000m'], busy: 'turn (--splay)' })],
    [
      'the wait for another run',
      async () => {
        const { pid, start, space } = nodeProcesses();
        const lock = join(scratch.home, '.agent-enroll', 'lock');
        await mkdir(lock, { recursive: true, mode: 0o700 });
        await writeFile(join(lock, '0'), JSON.stringify({ pid, start, space }));
        return { args: nobody(), busy: `${process.pid}` };
      },
    ],
    [
      'the wait for a password on standard input',
      async () => ({ args: [...nobody(), '--password-file', '-'], busy: 'reading' }),
    ],
  ];
  for (const [what, begin] of phases) {
    for (const [signal, exit, code] of [
      ['SIGINT', 130, 'INTERRUPTED'],
      ['SIGTERM', 143, 'TERMINATED'],
    ] as const) {
      it(`ends at once with ${exit} in ${what}, and says so`, async function () {
        if (process.platform !== 'linux' && what.includes('password')) this.skip();
        const { args, busy } = await begin();
        const input = busy === 'reading' ? { input: { open: true } as const } : {};
        const program = start([...args, '--name', 'web-01', '--json', '--verbose'], input);
        if (busy === 'reading') await readsInput(program.pid);
        else if (typeof busy === 'string') await program.said(busy);
        else await busy;
        const at = performance.now();
        program.signal(signal);
        const { code: ended, stdout } = await program.finished;
        expect(performance.now() - at, 'ms').to.be.below(SOON_MS);
        expect(ended).to.equal(exit);
        expect(JSON.parse(stdout)).to.include({ ok: false, changed: false });
        expect(JSON.parse(stdout).error.code).to.equal(code);
        const left = Object.keys(await snapshot(scratch.home));
        // Only a request that went out leaves a note for the next run; the lock that stays is the other run's.
        expect(left.filter((path) => /client\.keys|\.tmp|sender_counter/.test(path))).to.deep.equal([]);
        expect(left.includes('/.agent-enroll/lock/0')).to.equal(what === 'the wait for another run');
      });
    }
  }

  it('does not wait for what the system does in its own threads', async function () {
    // A name look-up that no server answers lasts for seconds, and an exit would wait for it.
    const resolver = join(scratch.home, 'resolv.conf');
    await writeFile(resolver, 'nameserver 192.0.2.1\n');
    if (!isPermitted(silentResolver(resolver, 'true', []))) this.skip();
    const args = ['--manager', 'manager.example', '--agent-home', scratch.home, '--name', 'web-01', '--json'];
    const [command, ...rest] = silentResolver(resolver, process.execPath, [PROGRAM, ...args]);
    const program = spawn(command, rest, { env: { PATH }, stdio: ['ignore', 'pipe', 'inherit'], timeout: 15_000 });
    const stdout = allOf(program.stdout);
    const ended = once(program, 'close');
    await looksUp(program.pid);
    const at = performance.now();
    program.kill('SIGTERM');
    const [code, signal] = await ended;
    expect(performance.now() - at, 'ms').to.be.below(SOON_MS);
    // What a shell makes of both is 143.
    expect(code === 143 || signal === 'SIGTERM', `code ${code}, signal ${signal}`).to.equal(true);
    expect(JSON.parse(await stdout).error.code).to.equal('TERMINATED');
  });

  it('does not begin to wait for a pipe in the place of a file', async function () {
    if (process.platform === 'win32') this.skip();
    const pipe = join(scratch.home, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { code, stdout, ms } = await start([...nobody(), '--password-file', pipe, '--json']).finished;
    expect(code).to.equal(6);
    expect(JSON.parse(stdout).error.message).to.include(pipe).and.to.include('FIFO');
    expect(ms).to.be.below(5000);
  });
});

// A network of its own, with a name server that never answers.
const SILENT_NETWORK = `
mount --bind "$0" /etc/resolv.conf && ip link set lo up &&
ip link add v1 type veth peer name p1 && ip link set v1 up && ip link set p1 up &&
ip addr add 192.0.2.2/24 dev v1 && exec "$@"`;

/** The command line that runs a program where every name look-up hangs. */
function silentResolver(resolver: string, program: string, args: readonly string[]): [string, ...string[]] {
  return ['unshare', '--net', '--mount', 'sh', '-c', SILENT_NETWORK, resolver, program, ...args];
}

function isPermitted([command, ...args]: [string, ...string[]]): boolean {
  if (process.platform !== 'linux') return false;
  return spawnSync(command, args, { env: { PATH }, timeout: 5000 }).status === 0;
}

/** Resolves when the process has asked the name server, whose port is 53. */
async function looksUp(pid: number | undefined): Promise<void> {
  for (;;) {
    const sockets = await readFile(`/proc/${pid}/net/udp`, 'utf8');
    if (/^ *\d+: [0-9A-F]+:[0-9A-F]{4} 010200C0:0035 /m.test(sockets)) return;
    await pause(20);
  }
}

/** Resolves when the process waits for its standard input: its epoll instance watches descriptor 0 then. */
async function readsInput(pid: number | undefined): Promise<void> {
  for (;;) {
    const names = await readdir(`/proc/${pid}/fdinfo`);
    const infos = await Promise.all(
      names.map((name) => readFile(`/proc/${pid}/fdinfo/${name}`, 'utf8').catch(() => '')),
    );
    if (infos.some((info) => /^tfd:\s+0 /m.test(info))) return;
    await pause(20);
  }
}
