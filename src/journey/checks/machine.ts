import type { MachineVerdict } from '../../host/binding.js';
import type { AgentRecord } from '../../model/agent-record.js';
import type { AgentInstallation } from '../../model/host.js';
import { keyOfAnotherMachine } from '../machine-binding.js';
import { broken, type Finding, right, untold } from './finding.js';

/**
 * Whether the key was enrolled on this machine.
 * @param verdict `undefined`: that is not asked (`--no-machine-binding`)
 */
export function machine(
  agent: AgentInstallation,
  record: AgentRecord | undefined,
  verdict: MachineVerdict | undefined,
): Finding {
  if (record === undefined) return untold('machine', 'Not looked at: there is no key that can be used.');
  switch (verdict) {
    case 'same':
      return right('machine', 'The key was enrolled on this machine.');
    case 'other':
      return broken('machine', keyOfAnotherMachine(agent, record));
    case 'unknown':
      return untold('machine', 'Not told: nothing was noted of the machine that this key was enrolled on.');
    case undefined:
      return untold('machine', 'Not looked at (--no-machine-binding).');
  }
}
