/**
 * How many messages a manager gets, and how many lines it writes into its log for them: for one enrollment, for a second
 * run, for the healing of a host whose agent was removed, and for a minute with a key that stays unknown. The managers
 * load new keys as stock ones do.
 *
 *   npm run bench:log
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, enroll, type OptionsOf } from '../src/index.js';
import { type Sandbox, startSandbox } from '../src/sandbox/manager.js';
import { issueStockCertificate } from '../src/sandbox/own-certificate.js';

const MINUTE_S = 60;
const certificate = await issueStockCertificate();

/** Messages and log lines that one run costs the manager. */
async function costOf(sandbox: Sandbox, messages: () => number, run: () => Promise<unknown>): Promise<string> {
  const [lines, sent] = [sandbox.log().length, messages()];
  const started = performance.now();
  await run().catch((error: unknown) => error);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return `${messages() - sent} / ${sandbox.log().length - lines} (${seconds} s)`;
}

async function measure(family: 'wazuh-4' | 'wazuh-3' | 'ossec'): Promise<readonly string[]> {
  let sent = 0;
  const sandbox = await startSandbox({
    family,
    certificate,
    onEvent: ({ type }) => {
      if (type === 'message') sent += 1;
    },
  });
  const home = await mkdtemp(join(tmpdir(), 'agent-enroll-bench-'));
  try {
    await mkdir(join(home, 'etc'));
    const { agent, authd } = sandbox.endpoints;
    const options: OptionsOf<'enroll'> & { manager: string } = {
      manager: `${agent.host}:${agent.port}`,
      enrollmentPort: authd.port,
      agentHome: home,
      name: 'web-01',
      retries: 0,
    };
    const cost = (run: () => Promise<unknown>) => costOf(sandbox, () => sent, run);
    const first = await cost(() => enroll(options));
    const second = await cost(() => enroll(options));
    const [known] = sandbox.agents();
    if (known !== undefined) sandbox.removeAgent(known.id);
    await sandbox.restartRemoted();
    const healed = await cost(() => enroll({ ...options, reenroll: 'likely' }));
    for (const { id } of sandbox.agents()) sandbox.removeAgent(id);
    await sandbox.restartRemoted();
    const dead = await cost(() => check({ manager: options.manager, agentHome: home, wait: MINUTE_S }));
    return [family, first, second, healed, dead];
  } finally {
    await sandbox.close();
    await rm(home, { recursive: true, force: true });
  }
}

const rows = await Promise.all((['wazuh-4', 'wazuh-3', 'ossec'] as const).map(measure));
console.log('messages / lines in the log (time of the run)');
for (const row of [['', 'enrollment', 'second run', 'healing', 'a minute, unknown'], ...rows]) {
  console.log(row.map((cell, column) => cell.padEnd(column === 0 ? 9 : 22)).join(''));
}
