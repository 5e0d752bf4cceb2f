import type { ExitCode } from '../../errors.js';
import { check } from '../../journey/check.js';
import { CheckReporter } from '../check-reporter.js';
import type { CommandContext } from '../command-context.js';
import { runJourney } from '../run.js';

/** `agent-enroll check`: proves the link with the key that is there, and tells step by step what is right and wrong. */
export async function checkCommand(context: CommandContext): Promise<ExitCode> {
  return await runJourney('check', context, check, (reporter) => new CheckReporter(context.output, reporter));
}
