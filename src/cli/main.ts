import type { Argv } from 'yargs';
import { asEnrollError, EnrollError, type ExitCode } from '../errors.js';
import { emptyReport, withError } from '../journey/report.js';
import { jsonLine, onOneLine } from '../model/printable.js';
import { quote } from '../obtain/quote.js';
import type { CommandName } from '../settings/options.js';
import type { Environment } from '../settings/sources.js';
import { declareOptions, mayAskForHelp, readFlags, withValues } from './arguments.js';
import type { CommandContext } from './command-context.js';
import { takeEnvironment } from './environment.js';
import { type Interruption, listenToSignals } from './interruption.js';
import { leave } from './leave.js';
import { programVersion } from './program-version.js';
import { errorLines } from './sentences.js';
import { createOutput, tolerateClosedStreams } from './streams.js';
import { COMMAND_NAMES, COMMANDS, COMPLETION, SANDBOX_OPTIONS, SHELLS } from './syntax.js';

/** How long, in milliseconds, an ended command may take to let go of its last sockets. */
const LINGER_MS = 100;
/** The program: reads the arguments, runs the command, sets the exit code. */
export async function main(): Promise<void> {
  // A password among the arguments would stay readable for every user of this host as long as the program runs.
  process.title = 'agent-enroll';
  // What is trusted is decided here, and Node would warn of what this changes nothing about.
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  const environment = takeEnvironment(process.env, process.platform);
  tolerateClosedStreams();
  const args = process.argv.slice(2);
  const interruption = listenToSignals();
  const overdue = interruption.overdue.then((error) => ({ exitCode: showUsageError(error, args), hangs: true }));
  const ended = run(args, environment, interruption).then((exitCode) => ({ exitCode, hangs: false }));
  const { exitCode, hangs } = await Promise.race([ended, overdue]);
  process.exitCode = exitCode;
  if (hangs) await leave(exitCode);
  else setTimeout(() => void leave(exitCode), LINGER_MS).unref();
}

async function run(
  given: readonly string[],
  environment: Environment,
  interruption: Pick<Interruption, 'signal' | 'uninterrupted'>,
): Promise<ExitCode> {
  try {
    return await runCommand(withValues(given), environment, interruption);
  } catch (thrown) {
    return showUsageError(asEnrollError(thrown), given);
  }
}

async function runCommand(
  args: readonly string[],
  environment: Environment,
  { signal, uninterrupted }: Pick<Interruption, 'signal' | 'uninterrupted'>,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const { default: yargs } = await import('yargs');
  const forHelp = mayAskForHelp(args);
  const command =
    (name: CommandName, load: () => Promise<(context: CommandContext) => Promise<ExitCode>>) =>
    async (argv: Readonly<Record<string, unknown>>) => {
      const flags = readFlags(argv);
      const output = createOutput(flags, environment);
      if (output.quiet && output.verbose) {
        throw new EnrollError('SETTING_INVALID', `--quiet and --verbose contradict each other (agent-enroll ${name}).`);
      }
      const file = fileOf(argv['file'], args);
      const context = {
        flags,
        environment,
        output,
        signal,
        uninterrupted,
        ...(file === undefined ? {} : { file }),
      };
      exitCode = await (await load())(context);
    };

  const parser = yargs()
    .scriptName('agent-enroll')
    .parserConfiguration({ 'parse-numbers': false, 'dot-notation': false, 'camel-case-expansion': false })
    .locale('en')
    .usage('Takes this host from "no key" to "the manager answered, encrypted with this key".')
    .command(
      ['enroll', '$0'],
      COMMANDS.enroll.describe,
      (y) =>
        declareOptions(y, 'enroll', forHelp).example('agent-enroll --manager siem.example.org', 'enroll this host'),
      command('enroll', async () => (await import('./commands/enroll.js')).enrollCommand),
    )
    .command(
      'check',
      COMMANDS.check.describe,
      (y) => declareOptions(y, 'check', forHelp),
      command('check', async () => (await import('./commands/check.js')).checkCommand),
    )
    .command(
      'import [file]',
      COMMANDS.import.describe,
      (y) => declareFile(declareOptions(y, 'import', forHelp), COMMANDS.import.file),
      command('import', async () => (await import('./commands/import.js')).importCommand),
    )
    .command(
      'export [file]',
      COMMANDS.export.describe,
      (y) => declareFile(declareOptions(y, 'export', forHelp), COMMANDS.export.file),
      command('export', async () => (await import('./commands/export.js')).exportCommand),
    )
    .command(
      'retire',
      COMMANDS.retire.describe,
      (y) => declareOptions(y, 'retire', forHelp),
      command('retire', async () => (await import('./commands/retire.js')).retireCommand),
    )
    .command(
      'detect',
      COMMANDS.detect.describe,
      (y) => declareOptions(y, 'detect', forHelp),
      command('detect', async () => (await import('./commands/detect.js')).detectCommand),
    )
    .command(
      'sandbox',
      COMMANDS.sandbox.describe,
      (y) => declareOptions(y, 'sandbox', forHelp).options(SANDBOX_OPTIONS),
      async (argv) => {
        const output = createOutput(readFlags(argv), environment);
        const { sandboxCommand } = await import('./commands/sandbox.js');
        exitCode = await sandboxCommand(argv, output, signal);
      },
    )
    .command(
      'completion <shell>',
      COMPLETION,
      (y) => y.positional('shell', { choices: SHELLS, demandOption: true, describe: 'which shell' }),
      async ({ shell }) => {
        const { completionScript } = await import('./commands/completion.js');
        process.stdout.write(await completionScript(shell));
      },
    )
    .strict()
    .recommendCommands()
    .version(programVersion())
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns || 100))
    .exitProcess(false)
    .fail((message, error) => {
      // The parser throws some of its complaints, and has words of its own for them.
      if (error !== undefined && error.name !== 'YError') throw error;
      const hint = 'Run agent-enroll --help.';
      // What it does not know may be a key.
      throw new EnrollError('SETTING_INVALID', `${quote(`${message ?? error?.message}`, [])}.`, { hint });
    });
  await parser.parseAsync([...args]);
  return exitCode;
}

/** An error from before any command ran: it is shown as the command would have shown it. */
function showUsageError(error: EnrollError, args: readonly string[]): ExitCode {
  if (args.includes('--json')) {
    const command = COMMAND_NAMES.find((name) => args.includes(name)) ?? 'enroll';
    process.stdout.write(`${jsonLine(withError(emptyReport(command), error))}\n`);
  } else {
    const { rest } = errorLines(error, false);
    const lines = [`Error: ${error.message}`, ...rest.map((line) => `  ${line}`)];
    process.stderr.write(lines.map((line) => `${onOneLine(line)}\n`).join(''));
  }
  return error.exitCode;
}

/** The file that a command was given. The parser makes an empty text of `-`. */
function fileOf(given: unknown, args: readonly string[]): string | undefined {
  if (typeof given !== 'string') return undefined;
  return given === '' && args.includes('-') ? '-' : given;
}

function declareFile(yargs: Argv, describe: string | undefined): Argv {
  return yargs.positional('file', { type: 'string', ...(describe === undefined ? {} : { describe }) });
}
