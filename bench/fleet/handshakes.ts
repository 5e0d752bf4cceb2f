import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { check, enroll } from '../../src/index.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { type HandshakeResult, round } from './results.js';

const HANDSHAKES = 10_000;
const LANES = 16;

/** Proves the link ten thousand times, side by side on some hosts, in this process and with the manager in it. */
export async function handshakes(count = HANDSHAKES): Promise<HandshakeResult> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const memory = async () => {
    for (let round = 0; round < 5; round += 1) {
      collect();
      await setImmediate();
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: round((heapUsed + external) / 2 ** 20), rss: round(rss / 2 ** 20) };
  };
  const sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 50 });
  const homes = await mkdtemp(join(tmpdir(), 'agent-enroll-handshakes-'));
  try {
    const { agent, authd } = sandbox.endpoints;
    const manager = `${agent.host}:${agent.port}`;
    const lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const agentHome = join(homes, String(lane));
        await mkdir(join(agentHome, 'etc'), { recursive: true });
        await enroll({ manager, enrollmentPort: authd.port, agentHome, name: `host-${lane}` });
        return { manager, agentHome };
      }),
    );
    let left = count;
    const work = async (until: number) => {
      await Promise.all(
        lanes.map(async (options) => {
          while (left > until) {
            left -= 1;
            await check(options);
          }
        }),
      );
    };
    const started = performance.now();
    await work(Math.floor(count * 0.9));
    const before = await memory();
    await work(0);
    const after = await memory();
    const seconds = round((performance.now() - started) / 1000);
    return { handshakes: count, seconds, heapMiB: [before.heap, after.heap], rssMiB: [before.rss, after.rss] };
  } finally {
    await sandbox.close();
    await rm(homes, { recursive: true, force: true });
  }
}
