import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { checkWritable, installKey } from '../../src/keystore/client-keys.js';
import { unsynced, watched } from '../files/faulty.js';
import { LAST_KEY, NEW_KEY, putWhole } from './belongings-scene.js';
import { installationAt, NEW, OLD } from './scratch.js';

/**
 * A program of its own that installs keys in a home, for tests that kill it: `installer HOME die N|loop|whole|check`.
 * `whole`: keys of a Wazuh 5, with what belongs to them.
 */
const [, , home = '', task = ''] = process.argv;
const agent = installationAt(home);

async function dieAt(at: number): Promise<void> {
  let count = 0;
  const edge = watched(nodeFileEdge(), () => {
    count += 1;
    if (count === at) process.kill(process.pid, 'SIGKILL');
  });
  await installKey(NEW, agent, edge);
}

async function loop(): Promise<void> {
  const edge = unsynced(nodeFileEdge());
  process.stdout.write('ready\n');
  for (;;) {
    await installKey(NEW, agent, edge);
    await installKey(OLD, agent, edge);
  }
}

async function loopWhole(): Promise<void> {
  const edge = unsynced(nodeFileEdge());
  process.stdout.write('ready\n');
  for (;;) {
    await putWhole(NEW_KEY, agent, edge);
    await putWhole(LAST_KEY, agent, edge);
  }
}

async function check(): Promise<void> {
  try {
    await checkWritable(agent, nodeFileEdge());
  } catch (error) {
    if (!(error instanceof EnrollError)) throw error;
    process.stdout.write(`${error.code} ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

if (task === 'loop') void loop();
else if (task === 'whole') void loopWhole();
else if (task === 'check') void check();
else void dieAt(Number(task.replace('die ', '')));
