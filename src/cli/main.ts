import type { Argv } from 'yargs';
import { asEnrollError, EnrollError, type ExitCode } from '../errors.js';
import { emptyReport, withError } from '../report.js';
import type { CommandName } from '../settings/options.js';
import { declareOptions, readFlags } from './arguments.js';
import type { CommandContext } from './context.js';
import { errorLines } from './sentences.js';
import { createOutput, tolerateClosedStreams } from './streams.js';
import { programVersion } from './version.js';

const COMMANDS = ['check', 'import', 'export', 'detect', 'sandbox'] as const satisfies readonly CommandName[];

/** How long an ended command may take to let go of its last sockets. */
const LINGER_MS = 500;
/** How long an interrupted command may take to end by itself. */
const INTERRUPT_MS = 60;

/** The program: reads the arguments, runs the command, sets the exit code. */
export async function main(): Promise<void> {
  // A password among the arguments would stay readable for every user of this host as long as the program runs.
  process.title = 'agent-enroll';
  tolerateClosedStreams();
  const interrupt = new AbortController();
  const stop = (error: EnrollError) => {
    interrupt.abort(error);
    // Nothing on the disk is ever half-written, so what still hangs may be dropped.
    setTimeout(() => process.exit(error.exitCode), INTERRUPT_MS).unref();
  };
  process.once('SIGINT', () => stop(new EnrollError('INTERRUPTED', 'Interrupted.')));
  process.once('SIGTERM', () => stop(new EnrollError('TERMINATED', 'Terminated.')));

  process.exitCode = await run(process.argv.slice(2), interrupt.signal);
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

async function run(args: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const { default: yargs } = await import('yargs');
  const command =
    (name: CommandName, load: () => Promise<(context: CommandContext) => Promise<ExitCode>>) =>
    async (argv: Readonly<Record<string, unknown>>) => {
      const flags = readFlags(argv);
      const output = createOutput(flags, process.env);
      if (output.quiet && output.verbose) {
        throw new EnrollError('SETTING_INVALID', `--quiet and --verbose contradict each other (agent-enroll ${name}).`);
      }
      const file = fileOf(argv['file'], args);
      const context = {
        flags,
        environment: process.env,
        output,
        signal,
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
      'enroll this host and prove the link (the default)',
      (y) => declareOptions(y, 'enroll').example('agent-enroll --manager siem.example.org', 'enroll this host'),
      command('enroll', async () => (await import('./commands/enroll.js')).enrollCommand),
    )
    .command(
      'check',
      'prove the link with the key that is there; say what is wrong',
      (y) => declareOptions(y, 'check'),
      command('check', async () => (await import('./commands/check.js')).checkCommand),
    )
    .command(
      'import [file]',
      'install a key exported by manage_agents or the API, then prove the link',
      (y) =>
        declareFile(
          declareOptions(y, 'import'),
          'the key: base64, a line of client.keys, or a client.keys with --id or --name; -: standard input',
        ),
      command('import', async () => (await import('./commands/import.js')).importCommand),
    )
    .command(
      'export [file]',
      "write this host's own key for a backup",
      (y) => declareFile(declareOptions(y, 'export'), 'the new file (mode 0600); -: standard output'),
      command('export', async () => (await import('./commands/export.js')).exportCommand),
    )
    .command(
      'detect',
      'show what would be used, and where each value comes from; contacts nobody',
      (y) => declareOptions(y, 'detect'),
      command('detect', async () => (await import('./commands/detect.js')).detectCommand),
    )
    .command(
      'sandbox',
      'a throw-away manager on loopback to try against',
      (y) => declareSandbox(declareOptions(y, 'sandbox')),
      async (argv) => {
        const output = createOutput(readFlags(argv), process.env);
        const { sandboxCommand } = await import('./commands/sandbox.js');
        exitCode = await sandboxCommand(argv, output, signal);
      },
    )
    .completion('completion', 'print a completion script for bash or zsh')
    .strict()
    .recommendCommands()
    .version(programVersion())
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new EnrollError('SETTING_INVALID', `${message}.`, { hint: 'Run agent-enroll --help.' });
    });
  try {
    await parser.parseAsync([...args]);
  } catch (thrown) {
    return showUsageError(asEnrollError(thrown), args);
  }
  return exitCode;
}

/** An error from before any command ran: it is shown as the command would have shown it. */
function showUsageError(error: EnrollError, args: readonly string[]): ExitCode {
  if (args.includes('--json')) {
    const command = COMMANDS.find((name) => args.includes(name)) ?? 'enroll';
    process.stdout.write(`${JSON.stringify(withError(emptyReport(command), error))}\n`);
  } else {
    const { rest } = errorLines(error, false);
    process.stderr.write(`Error: ${error.message}\n${rest.map((line) => `  ${line}\n`).join('')}`);
  }
  return error.exitCode;
}

/** The file that a command was given. The parser makes an empty text of `-`. */
function fileOf(given: unknown, args: readonly string[]): string | undefined {
  if (typeof given !== 'string') return undefined;
  return given === '' && args.includes('-') ? '-' : given;
}

function declareFile(yargs: Argv, describe: string): Argv {
  return yargs.positional('file', { type: 'string', describe });
}

function declareSandbox(yargs: Argv): Argv {
  return yargs
    .option('family', {
      choices: ['wazuh-4', 'wazuh-3', 'ossec'] as const,
      default: 'wazuh-4',
      describe: 'whose manager to behave like',
    })
    .option('authd-port', { type: 'number', default: 0, describe: 'port of authd; 0: chosen by the system' })
    .option('agent-port', {
      type: 'number',
      default: 0,
      describe: 'port of remoted, TCP and UDP; 0: chosen by the system',
    })
    .option('api-port', { type: 'number', default: 0, describe: 'port of the REST API; 0: chosen by the system' })
    .option('password-file', {
      type: 'string',
      requiresArg: true,
      describe: 'FILE: ask for the password on its first line',
    })
    .option('groups', { type: 'string', requiresArg: true, describe: 'A,B: groups that exist beside default' })
    .option('reload-delay', {
      type: 'string',
      requiresArg: true,
      describe: 'TIME: how long remoted takes to learn a new key [default: as real ones, 10s]',
    });
}
