import type { ExitCode } from '../../errors.js';
import { check } from '../../journey/check.js';
import type { CommandContext } from '../command-context.js';
import { runJourney } from '../run.js';

/** `agent-enroll check`: proves the link with the key that is there. */
export async function checkCommand(context: CommandContext): Promise<ExitCode> {
  return await runJourney('check', context, async (journey) => {
    await check(journey);
    return { changed: false };
  });
}
