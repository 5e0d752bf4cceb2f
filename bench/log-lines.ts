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
import { check, enroll, type OptionsOf, type RunContext } from '../src/index.js';
import { type Sandbox, startSandbox } from '../src/sandbox/manager.js';
import { issueStockCertificate } from '../src/sandbox/own-certificate.js';

const MINUTE_S = 60;
const certificate = await issueStockCertificate();

/** Messages and log lines that one run costs the manager. */
async function costOf(sandbox: Sandbox, run: (context: RunContext) => Promise<unknown>): Promise<string> {
  const lines = sandbox.log().length;
  let sent = 0;
  const onEvent: RunContext['onEvent'] = ({ kind }) => {
    if (kind === 'attempt') sent += 1;
  };
  const started = performance.now();
  await run({ onEvent }).catch((error: unknown) => error);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return `${sent} / ${sandbox.log().length - lines} (${seconds} s)`;
}

async function measure(family: 'wazuh-4' | 'wazuh-3' | 'ossec'): Promise<readonly string[]> {
  const sandbox = await startSandbox({ family, certificate });
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
    const cost = (run: (context: RunContext) => Promise<unknown>) => costOf(sandbox, run);
    const first = await cost((context) => enroll(options, context));
    const second = await cost((context) => enroll(options, context));
    const [known] = sandbox.agents();
    if (known !== undefined) sandbox.removeAgent(known.id);
    await sandbox.restartRemoted();
    const healed = await cost((context) => enroll({ ...options, reenroll: 'likely' }, context));
    for (const { id } of sandbox.agents()) sandbox.removeAgent(id);
    await sandbox.restartRemoted();
    const dead = await cost((context) => check({ manager: options.manager, agentHome: home, wait: MINUTE_S }, context));
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
