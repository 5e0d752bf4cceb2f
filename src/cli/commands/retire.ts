import type { ExitCode } from '../../errors.js';
import { retire } from '../../journey/retire.js';
import type { CommandContext } from '../command-context.js';
import { runJourney } from '../run.js';

/** `agent-enroll retire`: takes this host out at its manager, and sets its key aside. */
export async function retireCommand(context: CommandContext): Promise<ExitCode> {
  const yes = context.flags.get('yes') === true;
  return await runJourney('retire', context, (journey) => retire(journey, { yes }));
}
