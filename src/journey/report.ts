import type { EnrollError, ErrorCode } from '../errors.js';
import type { AgentStatus } from '../host/agent-daemon.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { ManagerFamily } from '../model/endpoint.js';
import type { Method } from '../obtain/key-source.js';
import type { CommandName } from '../settings/options.js';
import type { Check } from './checks/finding.js';
import type { JourneyEvent, RetiredAgent } from './events.js';

/** What `--json` prints: the outcome as facts. Parts that do not apply are left out. */
export interface Report {
  readonly ok: boolean;
  /** Whether client.keys is another one than before. */
  readonly changed: boolean;
  readonly command: CommandName;
  readonly agent?: {
    readonly id: string;
    readonly name: string;
    readonly ip: string;
    readonly groups?: readonly string[];
  };
  readonly manager?: { readonly host: string; readonly port: number; readonly family?: ManagerFamily };
  readonly method?: Method;
  /** What decided the method, in words: with `auto`, whether there are API credentials. */
  readonly methodReason?: string;
  /** Of the server that was asked, also where nothing came of it; `by` is `refused` where it was not trusted. */
  readonly trust?: { readonly by: string; readonly fingerprint: string; readonly subject: string };
  readonly keysFile?: string;
  /** The agent's configuration, where it was to be pointed at the manager, and whether that changed it. */
  readonly config?: { readonly file: string; readonly changed: boolean };
  /** Where the key was written to for a backup. */
  readonly exportFile?: string;
  /** Of `retire`: what became of the agent at its manager, and where the key was set aside. */
  readonly retired?: { readonly agent: RetiredAgent; readonly keyFile?: string };
  readonly link?: {
    readonly protocol: string;
    readonly cipher?: string;
    readonly attempts?: number;
    readonly ms?: number;
  };
  /** The agent daemon that runs on this host, beside which no test message is sent; what it says of its connection. */
  readonly daemon?: { readonly name: string; readonly status: AgentStatus };
  /** Of `check`, always: what was looked at, in the order in which one thing leads to the next. */
  readonly checks?: readonly Check[];
  readonly warnings: readonly string[];
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint: string };
}

/** The report before anything has happened. */
export function emptyReport(command: CommandName): Report {
  return { ok: false, changed: false, command, ...(command === 'check' ? { checks: [] } : {}), warnings: [] };
}

/** The report after one more event: what failed half-way still tells how far it came. */
export function withEvent(report: Report, event: JourneyEvent): Report {
  switch (event.kind) {
    case 'identified':
      return { ...report, manager: event.manager, keysFile: event.host.agent.keysFile };
    case 'present':
      return { ...report, agent: agentOf(event.record), keysFile: event.keysFile };
    case 'method':
      return { ...report, method: event.method, methodReason: event.why };
    case 'certificate':
      return { ...report, trust: event.seen };
    case 'obtained': {
      const { record, groups, trust, family } = event.key;
      return {
        ...report,
        agent: { ...agentOf(record), groups },
        ...(trust === undefined ? {} : { trust }),
        ...withFamily(report, family),
        warnings: [...report.warnings, ...event.key.warnings],
      };
    }
    case 'imported':
      return { ...report, method: 'import', agent: agentOf(event.record), keysFile: event.keysFile };
    case 'configured':
      return { ...report, config: { file: event.file, changed: event.changed } };
    case 'exported':
      return {
        ...report,
        agent: agentOf(event.record),
        ...(event.file === undefined ? {} : { exportFile: event.file }),
      };
    case 'retired':
      if (event.agent === 'none') return { ...report, keysFile: event.keysFile, retired: { agent: event.agent } };
      // Of several keys, the one that the agent used.
      if (report.retired !== undefined) return report;
      return { ...report, agent: report.agent ?? agentOf(event.record), retired: { agent: event.agent } };
    case 'aside':
      return { ...report, changed: true, retired: { agent: 'not asked', ...report.retired, keyFile: event.file } };
    case 'installed':
      return { ...report, changed: true, keysFile: event.keysFile };
    case 'grouped':
      return {
        ...report,
        ...(report.agent === undefined ? {} : { agent: { ...report.agent, groups: event.groups } }),
        warnings: [...report.warnings, ...event.warnings],
      };
    case 'proving':
      return { ...report, manager: { ...report.manager, ...event.endpoint } };
    case 'proved': {
      const { protocol, cipher, attempts, ms, family } = event.proof;
      const link = { protocol, ...(cipher === undefined ? {} : { cipher }), attempts, ms };
      return { ...report, link, ...withFamily(report, family) };
    }
    case 'daemon': {
      const { name, status } = event.daemon;
      return { ...report, daemon: { name, status } };
    }
    case 'checked':
      return { ...report, checks: event.checks };
    case 'rejected':
      return { ...report, warnings: [...report.warnings, `${event.why}.`] };
    case 'warning':
      return { ...report, warnings: [...report.warnings, event.text] };
    case 'retiring':
      return { ...report, manager: { ...report.manager, ...event.endpoint } };
    case 'asking':
    case 'grouping':
    case 'left':
    case 'splaying':
    case 'waiting':
    case 'retrying':
    case 'attempt':
      return report;
  }
}

/** The report of a run that ended with an error. */
export function withError(report: Report, error: EnrollError): Report {
  const { code, message, hint } = error;
  return { ...report, ok: false, error: { code, message, hint } };
}

function agentOf({ id, name, ip }: AgentRecord): { id: string; name: string; ip: string } {
  return { id, name, ip };
}

function withFamily(report: Report, family: ManagerFamily | undefined): Pick<Report, 'manager'> {
  if (family === undefined || report.manager === undefined) return {};
  return { manager: { ...report.manager, family } };
}
