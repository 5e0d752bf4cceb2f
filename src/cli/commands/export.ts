import { EnrollError, type ExitCode } from '../../errors.js';
import { exportKey, writeExport } from '../../journey/export.js';
import type { CommandContext } from '../command-context.js';
import { runJourney } from '../run.js';

/** `agent-enroll export FILE|-`: this host's own key, for a backup. */
export async function exportCommand(context: CommandContext): Promise<ExitCode> {
  const { file, output } = context;
  return await runJourney('export', context, async ({ agent, edge, observe }) => {
    if (file === undefined || file === '') {
      throw new EnrollError(
        'SETTING_INVALID',
        'What export writes is a secret, so it is not printed without being told to.',
        {
          hint: 'Name a new file (agent-enroll export FILE), or ask for standard output (agent-enroll export -).',
        },
      );
    }
    if (file === '-' && output.json) {
      throw new EnrollError('SETTING_INVALID', '--json contradicts export -: both would be on standard output.', {
        hint: 'Name a file, or leave --json out.',
      });
    }
    const exported = await exportKey(agent, edge.disk);
    if (file === '-') output.out.write(`${exported.base64.reveal()}\n`);
    else await writeExport(exported, file, agent, edge.disk);
    observe({ kind: 'exported', record: exported.record, ...(file === '-' ? {} : { file }) });
    return { changed: false };
  });
}
