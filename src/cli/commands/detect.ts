import { identifyEdge, type JourneyEdge, nodeJourneyEdge } from '../../edge.js';
import { abortReason, asEnrollError, EXIT, type ExitCode } from '../../errors.js';
import { agentDaemon } from '../../host/agent-daemon.js';
import type { AgentInstallation } from '../../host/host.js';
import { identify } from '../../host/identify.js';
import { identifyRequest } from '../../identify-request.js';
import { readInstalled } from '../../keystore/installed.js';
import { emptyReport, withError } from '../../report.js';
import { describeOrigin } from '../../settings/origin.js';
import type { Settled } from '../../settings/settle.js';
import type { CommandContext } from '../context.js';
import { settleFor } from '../journey.js';
import { createReporter } from '../reporter.js';

/** One line of the table: what, its value, where it comes from. */
interface Line {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

/**
 * `agent-enroll detect`: what would be used, and where each value comes from. Contacts nobody.
 * @param command whose settings are shown: `enroll` for its `--dry-run`
 */
export async function detectCommand(
  context: CommandContext,
  command: 'detect' | 'enroll' = 'detect',
): Promise<ExitCode> {
  const { output, signal } = context;
  try {
    const edge = nodeJourneyEdge(context.environment);
    const { settled, agent } = await settleFor(command, context, edge);
    const host = await hostLines(settled, agent, edge, signal);
    const lines = [...host.lines, ...settingLines(settled)];
    const warnings = [...settled.warnings, ...host.warnings];
    if (output.json) {
      output.out.write(`${JSON.stringify({ ok: true, changed: false, command, detected: lines, warnings })}\n`);
    } else {
      output.out.write(table(lines));
      for (const text of warnings) output.err.write(`Warning: ${text}\n`);
    }
    return EXIT.ok;
  } catch (thrown) {
    const error = signal.aborted ? abortReason(signal) : asEnrollError(thrown);
    (await createReporter(output)).fail(error, withError(emptyReport(command), error));
    return error.exitCode;
  }
}

async function hostLines(
  { settings }: Settled,
  agent: AgentInstallation,
  edge: JourneyEdge,
  signal: AbortSignal,
): Promise<{ readonly lines: readonly Line[]; readonly warnings: readonly string[] }> {
  const [manager] = settings.managers;
  const host =
    manager === undefined
      ? undefined
      : await identify(identifyRequest(settings, manager), agent, identifyEdge(edge, settings.timeoutMs), signal);
  const daemon = await agentDaemon(agent, edge.system, signal);
  const warnings: string[] = [];
  const present = await readInstalled(agent.keysFile, edge.keystore.files).catch((thrown: unknown) => {
    warnings.push(asEnrollError(thrown).message);
    return undefined;
  });
  const changedFrom = host?.name.changedFrom;
  const lines: Line[] = [
    ...(host === undefined
      ? []
      : [
          {
            name: 'this host',
            value: host.name.name,
            origin:
              settings.name !== undefined
                ? 'given'
                : changedFrom === undefined
                  ? "the host's name"
                  : `the host's name "${changedFrom}", made valid`,
          },
          {
            name: 'address',
            value:
              host.address.register.kind === 'address' ? host.address.register.address : host.address.register.kind,
            origin: host.address.why,
          },
        ]),
    {
      name: 'agent',
      value: agent.flavor === undefined ? 'none installed' : `${agent.flavor} ${agent.version ?? '(version unknown)'}`,
      origin: agent.home,
    },
    {
      name: 'account',
      value: agent.account === undefined ? 'none' : `${agent.account.user}:${agent.account.group}`,
      origin: 'system',
    },
    {
      name: 'present key',
      value: present === undefined ? 'none' : `agent ${present.id} ${present.name} ${present.ip}`,
      origin: agent.keysFile,
    },
    {
      name: 'agent daemon',
      value: daemon === undefined ? 'not running' : `running, ${daemon.status}`,
      origin: agent.home,
    },
  ];
  return { lines, warnings };
}

function settingLines(settled: Settled): Line[] {
  return settled.shown.map(({ name, value, origin }) => ({ name: `--${name}`, value, origin: describeOrigin(origin) }));
}

function table(lines: readonly Line[]): string {
  const width = (of: (line: Line) => string, limit: number) =>
    Math.min(limit, Math.max(...lines.map((line) => of(line).length)));
  const first = width(({ name }) => name, 24);
  const second = width(({ value }) => value, 44);
  return lines.map(({ name, value, origin }) => `${name.padEnd(first)}  ${value.padEnd(second)}  ${origin}\n`).join('');
}
