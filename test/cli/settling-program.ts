/**
 * Settles an enrollment as the command line does, without the journey after it; prints the report, with the password's
 * bytes as a warning. The flags are its one argument, in JSON.
 */
import { runJourney } from '../../src/cli/run.js';
import { createOutput } from '../../src/cli/streams.js';
import type { Flags } from '../../src/settings/sources.js';

const flags: Flags = new Map(JSON.parse(process.argv[2] ?? '[]'));
process.exitCode = await runJourney(
  'enroll',
  {
    flags,
    environment: {},
    output: createOutput(flags, process.env),
    signal: new AbortController().signal,
    uninterrupted: (step) => step(),
  },
  async ({ settings, observe }) => {
    observe({ kind: 'warning', text: Buffer.from(settings.password?.reveal() ?? '').toString('hex') });
    return { changed: false };
  },
);
