import type { ExitCode } from '../../errors.js';
import { enroll } from '../../journey/enroll.js';
import type { CommandContext } from '../command-context.js';
import { runJourney } from '../run.js';
import { detectCommand } from './detect.js';

/** `agent-enroll [enroll]`: enrolls this host and proves the link. */
export async function enrollCommand(context: CommandContext): Promise<ExitCode> {
  if (context.flags.get('dry-run') === true) return await detectCommand(context, 'enroll');
  return await runJourney('enroll', context, enroll);
}
