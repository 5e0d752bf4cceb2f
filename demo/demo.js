#!/usr/bin/env node
/**
 * The main job, end to end, with the program as a user runs it: starts the sandbox manager, enrolls a scratch agent
 * home against it, runs again, and checks the link. Everything is on loopback and in a temporary directory.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../bin/agent-enroll.js', import.meta.url));
const home = await mkdtemp(join(tmpdir(), 'agent-enroll-demo-'));

/** Runs the program with what it prints shown, and gives its exit code. */
function run(...args) {
  console.log(`\n$ agent-enroll ${args.join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code));
  });
}

const sandboxArgs = ['sandbox', '--family', 'wazuh-4', '--reload-delay', '2s', '--json'];
console.log(
  `$ agent-enroll ${sandboxArgs.join(' ')} &   (a manager to try against; real ones take up to 10 s to load a key)`,
);
const sandbox = spawn(process.execPath, [program, ...sandboxArgs], { stdio: ['ignore', 'pipe', 'inherit'] });
let failed = false;
try {
  const ports = {};
  for await (const line of createInterface({ input: sandbox.stdout })) {
    const event = JSON.parse(line);
    if (event.type !== 'listening') continue;
    ports[event.service] = event.endpoint.port;
    if (ports.authd !== undefined && ports.remoted !== undefined) break;
  }
  const where = ['--manager', `127.0.0.1:${ports.remoted}`, '--agent-home', home];
  where.push('--enrollment-port', String(ports.authd));
  const enroll = [...where, '--name', 'demo-host'];
  for (const args of [enroll, enroll, ['check', ...where, '--verbose']]) {
    const code = await run(...args);
    console.log(`(exit ${code})`);
    failed ||= code !== 0;
  }
  const keys = join(home, 'etc', 'client.keys');
  const mode = ((await stat(keys)).mode & 0o777).toString(8).padStart(4, '0');
  console.log(`\n${keys} (mode ${mode}):`);
  console.log((await readFile(keys, 'utf8')).replace(/[0-9a-f]{60}$/m, '…'));
} finally {
  sandbox.kill();
  await rm(home, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
