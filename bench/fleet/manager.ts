/** A manager in a process of its own, until the process that started it lets go of it. */
import { startSandbox } from '../../src/sandbox/manager.js';

const sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 50 });
process.once('disconnect', () => void sandbox.close());
process.send?.(sandbox.endpoints);
