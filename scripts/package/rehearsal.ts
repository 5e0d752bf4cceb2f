import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { run } from './run.js';

const COMPILE = fileURLToPath(new URL('compile.cjs', import.meta.url));

/**
 * Runs the program as hosts do, against a manager on loopback, and writes the compiled code of what ran: a host enrolls,
 * finds its key good, and shows what it detects. Each run goes on from the code of the one before. Whatever could come
 * about in two ways is given, so that two builds are the same bytes.
 *
 * @param node the Node that the binary is made of
 * @param program the bundle's main file
 */
export async function rehearse(node: string, program: string, output: string): Promise<void> {
  const sandbox = await startSandbox({
    family: 'wazuh-4',
    certificate: await issueStockCertificate(),
    keyReloadMs: 1,
  });
  const home = await mkdtemp(join(tmpdir(), 'agent-enroll-rehearsal-'));
  try {
    for (const directory of ['etc', 'queue/rids']) await mkdir(join(home, directory), { recursive: true });
    const { agent, authd } = sandbox.endpoints;
    const manager = ['--manager', `${agent.host}:${agent.port}`, '--agent-home', home];
    const enroll = [
      ...manager,
      ...['--method', 'authd', '--enrollment-port', String(authd.port), '--insecure', '--protocol', 'tcp'],
      ...['--name', 'rehearsal', '--ip', 'any'],
    ];
    await rm(output, { force: true });
    for (const args of [enroll, enroll, ['detect', ...manager]]) {
      await run(node, ['--random-seed=1', COMPILE, program, output, ...args], { env: {} });
    }
  } finally {
    await sandbox.close();
    await rm(home, { recursive: true });
  }
}
