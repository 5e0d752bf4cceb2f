import { abortReason, asEnrollError, type EnrollError, EXIT, type ExitCode } from '../../errors.js';
import { agentDaemon } from '../../host/agent-daemon.js';
import { hostAddress, hostName } from '../../host/identify.js';
import type { JourneyEvent } from '../../journey/events.js';
import { identifyRequest } from '../../journey/identify-request.js';
import { ofName } from '../../journey/identity.js';
import { identifyEdge, type JourneyEdge } from '../../journey/journey-edge.js';
import { checkBinding } from '../../journey/machine-binding.js';
import { emptyReport, withError } from '../../journey/report.js';
import { settleOn, withinLimits } from '../../journey/run.js';
import { readInstalled } from '../../keystore/installed.js';
import { isVouchedFor } from '../../keystore/notes/notes.js';
import { readNotes } from '../../keystore/notes/notes-file.js';
import type { AgentInstallation, HostName } from '../../model/host.js';
import { jsonLine, onOneLine } from '../../model/printable.js';
import { describeOrigin } from '../../settings/origin.js';
import type { Settings, Warn } from '../../settings/settings.js';
import { type Settled, settleInPart } from '../../settings/settle.js';
import { requireVouched } from '../../settings/vouching.js';
import type { CommandContext } from '../command-context.js';
import { createReporter } from '../create-reporter.js';
import { inputOf } from '../run.js';

/** One line of the table: what, its value, where it comes from. */
interface Line {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

/**
 * `agent-enroll detect`: what would be used, and where each value comes from. Contacts nobody but the name servers, for the
 * address by which this host reaches the manager. Values that cannot be right are all told, and the rest is shown as it
 * would be without them; the exit code is that of the first.
 * @param command whose settings are shown: `enroll` for its `--dry-run`
 */
export async function detectCommand(
  context: CommandContext,
  command: 'detect' | 'enroll' = 'detect',
): Promise<ExitCode> {
  const { output, signal } = context;
  const warnings: string[] = [];
  const warn = (text: string) => {
    warnings.push(text);
  };
  const showWarnings = () => {
    if (!output.json) for (const text of warnings) output.err.write(`Warning: ${onOneLine(text)}\n`);
  };
  try {
    const observe = (event: JourneyEvent) => (event.kind === 'warning' ? warn(event.text) : undefined);
    const { settled, lines } = await withinLimits({ ...inputOf(command, context), observe }, async (limited) => {
      const { settled, agent } = await settleOn(limited, settleInPart);
      const host = await hostLines(settled, agent, limited.edge, limited.signal, warn);
      return { settled, lines: [...host, ...settingLines(settled)] };
    });
    const { refused } = settled;
    const [first] = refused;
    if (output.json) {
      const { ok, error } = first === undefined ? { ok: true } : withError(emptyReport(command), first);
      const found = {
        ok,
        changed: false,
        command,
        detected: lines,
        ...(first === undefined ? {} : { refused: refused.map(asFound) }),
        warnings,
        error,
      };
      output.out.write(`${jsonLine(found)}\n`);
      return first?.exitCode ?? EXIT.ok;
    }
    output.out.write(table(lines));
    showWarnings();
    const reporter = await createReporter(output, signal);
    for (const error of refused) reporter.fail(error, emptyReport(command));
    return first?.exitCode ?? EXIT.ok;
  } catch (thrown) {
    const error = signal.aborted ? abortReason(signal) : asEnrollError(thrown);
    showWarnings();
    (await createReporter(output, signal)).fail(error, withError({ ...emptyReport(command), warnings }, error));
    return error.exitCode;
  }
}

function asFound({ code, message, hint }: EnrollError) {
  return { code, message, hint };
}

/** The lines about this host. What is wrong with it is told: a name that cannot be used is no reason to show nothing. */
async function hostLines(
  { settings }: Settled,
  agent: AgentInstallation,
  edge: JourneyEdge,
  signal: AbortSignal,
  warn: Warn,
): Promise<readonly Line[]> {
  const orWarn = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const { message, hint } = asEnrollError(thrown);
      warn(`${message} ${hint}`);
      return undefined;
    }
  };
  const name = await orWarn(
    hostName(settings.name, edge.system, signal).catch((thrown: unknown) => {
      throw ofName(settings, thrown);
    }),
  );
  const file = await orWarn(readInstalled(agent, edge.disk));
  const present = file?.record;
  if (file?.tooWide !== undefined) warn(file.tooWide);
  await orWarn(checkVouched(settings, agent, edge));
  const daemon = await agentDaemon(agent, edge.system, signal);
  const lines = [
    ...(name === undefined ? [] : [nameLine(name, settings.name !== undefined)]),
    ...(await addressLines(settings, edge, signal)),
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
  if (present !== undefined && settings.machineBinding) {
    const notes = await orWarn(readNotes(agent, edge.disk));
    const machine = notes === undefined ? undefined : await checkBinding(notes, present, edge, signal);
    if (machine === 'other') {
      warn(`The key of agent ${present.id} ${present.name} was enrolled on another machine: it will not be used.`);
    }
  }
  return lines;
}

/** As an enrollment would, before it contacts anybody. */
async function checkVouched(
  { hearsay = [] }: Settings,
  agent: AgentInstallation,
  { disk }: JourneyEdge,
): Promise<void> {
  if (hearsay.length === 0) return;
  const notes = await readNotes(agent, disk);
  requireVouched(hearsay, (endpoint) => isVouchedFor(notes, endpoint));
}

function nameLine({ name, changedFrom }: HostName, given: boolean): Line {
  const own = changedFrom === undefined ? "the host's name" : `the host's name "${changedFrom}", made valid`;
  return { name: 'this host', value: name, origin: given ? 'given' : own };
}

async function addressLines(settings: Settings, edge: JourneyEdge, signal: AbortSignal): Promise<readonly Line[]> {
  const [manager] = settings.managers;
  if (manager === undefined) return [];
  const asked = identifyRequest(settings, manager);
  const { register, why } = await hostAddress(asked, identifyEdge(edge, settings.timeoutMs), signal);
  return [{ name: 'address', value: register.kind === 'address' ? register.address : register.kind, origin: why }];
}

function settingLines(settled: Settled): Line[] {
  return settled.shown.map(({ name, value, origin }) => ({ name: `--${name}`, value, origin: describeOrigin(origin) }));
}

function table(found: readonly Line[]): string {
  const lines = found.map(({ name, value, origin }) => ({
    name,
    value: onOneLine(value),
    origin: onOneLine(origin),
  }));
  const width = (of: (line: Line) => string, limit: number) =>
    Math.min(limit, Math.max(...lines.map((line) => of(line).length)));
  const first = width(({ name }) => name, 24);
  const second = width(({ value }) => value, 44);
  return lines.map(({ name, value, origin }) => `${name.padEnd(first)}  ${value.padEnd(second)}  ${origin}\n`).join('');
}
