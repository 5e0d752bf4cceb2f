import type { EnrollError } from '../errors.js';
import type { JourneyEvent } from '../journey/events.js';
import type { Report } from '../journey/report.js';
import { formatEndpoint } from '../model/endpoint.js';
import type { HostName } from '../model/host.js';
import type { SeenCertificate } from '../net/trust.js';
import type { Method } from '../obtain/key-source.js';
import { checkConclusion } from './check-table.js';

/** A line for people: `start` is what goes on now, `done` what is finished, `note` a detail for --verbose. */
export interface Sentence {
  readonly kind: 'start' | 'done' | 'warning' | 'note';
  readonly text: string;
}

/** The one builder of what a person reads about a journey. */
export function sentences(event: JourneyEvent): readonly Sentence[] {
  switch (event.kind) {
    case 'identified': {
      const { name, address } = event.host;
      const from = nameOrigin(name);
      return [
        { kind: 'done', text: `This host is ${name.name}${from}` },
        { kind: 'done', text: `Address to register: ${address.why}` },
      ];
    }
    case 'present':
      return [
        { kind: 'done', text: `${event.keysFile} has a key already: agent ${event.record.id} ${event.record.name}` },
      ];
    case 'left': {
      const { id, name } = event.record;
      const text = `An earlier run had a key already and was ended before it was installed: agent ${id} ${name}. It is taken up`;
      return [{ kind: 'done', text }];
    }
    case 'rejected':
      return [{ kind: 'warning', text: event.why }];
    case 'splaying':
      return [{ kind: 'start', text: `Waiting ${(event.waitMs / 1000).toFixed(1)} s for this host's turn (--splay)` }];
    case 'waiting':
      return [
        { kind: 'start', text: `Another agent-enroll (process ${event.pid}) is at work on this host: waiting for it` },
      ];
    case 'retrying':
      return [{ kind: 'start', text: `${event.error.message} Trying again in ${(event.waitMs / 1000).toFixed(1)} s` }];
    case 'method':
      return [{ kind: 'done', text: `Method: ${inWords(event.method)} (${event.why})` }];
    case 'asking':
      return [
        {
          kind: 'start',
          text: `Asking ${inWords(event.method)} at ${formatEndpoint(event.endpoint)} for a key as ${event.name}`,
        },
      ];
    case 'certificate': {
      const text = trustSentence(event.seen);
      return text === undefined ? [] : [{ kind: 'done', text }];
    }
    case 'obtained': {
      const { record, groups } = event.key;
      const joined = groups.length === 0 ? '' : `, groups ${groups.join(', ')}`;
      return [
        {
          kind: 'done',
          text: `The manager issued a key: agent ${record.id} ${record.name}, address ${record.ip}${joined}`,
        },
        ...event.key.warnings.map((text) => ({ kind: 'warning', text }) as const),
      ];
    }
    case 'imported': {
      const { id, name, ip } = event.record;
      return [{ kind: 'done', text: `The key is that of agent ${id} ${name}, address ${ip}` }];
    }
    case 'configured':
      return [
        {
          kind: 'done',
          text: event.changed ? `${event.file} names this manager now` : `${event.file} names this manager already`,
        },
      ];
    case 'exported':
      return event.file === undefined ? [] : [{ kind: 'done', text: `Wrote the key of this host to ${event.file}` }];
    case 'retiring': {
      const { endpoint, record } = event;
      const text = `Asking the REST API at ${formatEndpoint(endpoint)} to delete agent ${record.id} ${record.name}`;
      return [{ kind: 'start', text }];
    }
    case 'retired':
      return retiredSentence(event);
    case 'aside':
      return [{ kind: 'done', text: `The key was set aside: ${event.file}` }];
    case 'installed':
      return [{ kind: 'done', text: `Installed the key in ${event.keysFile}` }];
    case 'grouping':
      return [{ kind: 'start', text: `Asking the manager to put the agent into ${groupsInWords(event.groups)}` }];
    case 'grouped':
      return [
        ...(event.groups.length === 0
          ? []
          : [{ kind: 'done', text: `The manager put the agent into ${groupsInWords(event.groups)}` } as const]),
        ...event.warnings.map((text) => ({ kind: 'warning', text }) as const),
      ];
    case 'proving':
      return [
        {
          kind: 'start',
          text: `Waiting for the manager to acknowledge the key at ${formatEndpoint(event.endpoint)} (up to ${event.waitMs / 1000} s${event.https ? '' : '; a manager reads new keys about every 10 s'})`,
        },
      ];
    case 'attempt':
      return [
        {
          kind: 'note',
          text: `${event.protocol === 'https' ? 'Request' : 'Message'} ${event.number} sent over ${event.protocol.toUpperCase()}`,
        },
      ];
    case 'proved': {
      const { protocol, cipher, ms, attempts } = event.proof;
      if (cipher === undefined) {
        const requests = attempts === 1 ? '1 request' : `${attempts} requests`;
        const text = `The manager answered a request signed with this key (HTTPS, after ${requests} and ${(ms / 1000).toFixed(1)} s)`;
        return [{ kind: 'done', text }];
      }
      const messages = attempts === 1 ? '1 message' : `${attempts} messages`;
      return [
        {
          kind: 'done',
          text: `The manager answered, encrypted with this key (${protocol.toUpperCase()}, ${cipher === 'aes' ? 'AES' : 'Blowfish'}, after ${messages} and ${(ms / 1000).toFixed(1)} s)`,
        },
      ];
    }
    case 'daemon':
      return [
        {
          kind: 'done',
          text: `The agent daemon runs (${event.daemon.name}), so no test message is sent; it says: ${event.daemon.status}`,
        },
      ];
    case 'warning':
      return [{ kind: 'warning', text: event.text }];
    // They are shown at the end, as a table.
    case 'checked':
      return [];
  }
}

/** What is not said here is said by a warning. */
function retiredSentence(event: Extract<JourneyEvent, { kind: 'retired' }>): readonly Sentence[] {
  if (event.agent !== 'deleted' && event.agent !== 'gone') return [];
  const agent = `agent ${event.record.id} ${event.record.name}`;
  return [
    event.agent === 'deleted'
      ? { kind: 'done', text: `The manager has deleted ${agent}` }
      : { kind: 'done', text: `The manager has no ${agent} with this key` },
  ];
}

function nameOrigin({ changedFrom, ofKey }: HostName): string {
  if (ofKey) return ', by the name in its key';
  return changedFrom === undefined ? '' : ` (made valid from the host's name "${changedFrom}")`;
}

function groupsInWords(groups: readonly string[]): string {
  return `the ${groups.length === 1 ? 'group' : 'groups'} ${groups.join(', ')}`;
}

function inWords(method: Method): string {
  if (method === 'https') return 'HTTPS';
  return method === 'api' ? 'the REST API' : method;
}

function trustSentence({ by, fingerprint, subject }: SeenCertificate): string | undefined {
  const shown = `"${subject}", ${fingerprint}`;
  switch (by) {
    case 'ca':
      return `The manager's certificate is trusted by the CA given: ${shown}`;
    case 'system':
      return `The manager's certificate is trusted by the system's CAs: ${shown}`;
    case 'pin':
      return `The manager's certificate has the pinned key: ${shown}`;
    case 'stored':
      return `The manager's certificate has the same key as at the first enrollment: ${shown}`;
    case 'first use':
      return `The manager's certificate was seen for the first time, and nothing vouches for it: ${shown}`;
    case 'nothing':
      return `The manager's certificate was NOT checked (--insecure): ${shown}`;
    case 'refused':
      // The error says it, with all that is known of the certificate.
      return undefined;
  }
}

/** The last line of a run that went well. */
export function conclusion(report: Report): string {
  const agent = report.agent === undefined ? 'The agent' : `Agent ${report.agent.id} ${report.agent.name}`;
  const proven = proof(report);
  switch (report.command) {
    case 'export':
      return `${agent} was exported. Whoever has this key can speak to the manager as this host.`;
    case 'retire':
      return retirement(agent, report);
    case 'check':
      return checkConclusion(report);
    default:
      if (report.changed) return `${agent} is enrolled${proven}.`;
      return `${agent} was enrolled already${proven}: ${report.config?.changed === true ? 'its key was left as it is' : 'nothing was changed'}.`;
  }
}

function retirement(agent: string, { retired, keysFile }: Report): string {
  switch (retired?.agent) {
    case 'deleted':
      return `${agent} is retired: the manager has deleted it, and its key was set aside.`;
    case 'gone':
      return `${agent} is retired: the manager did not have it, and its key was set aside.`;
    case 'none':
      return `There was nothing to retire: ${keysFile ?? 'client.keys'} has no key.`;
    default:
      return `The key of this host was set aside. ${agent} was not deleted on the manager.`;
  }
}

function proof({ link, daemon }: Report): string {
  if (link !== undefined) return ', and the manager answered';
  return daemon === undefined ? '; the link was not tested' : ', and its daemon is connected';
}

/** What a person reads about an error: what happened, what to do, and with `verbose` what lies behind it. */
export function errorLines(
  error: EnrollError,
  verbose: boolean,
): { readonly message: string; readonly rest: readonly string[] } {
  const rest = [`${error.hint}`, `(${error.code}, exit ${error.exitCode})`];
  if (verbose || error.code === 'INTERNAL') rest.push(...causes(error));
  return { message: error.message, rest };
}

function causes(error: Error): string[] {
  const lines: string[] = [];
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    // OpenSSL's end in a line feed, and others have several lines.
    lines.push(`because: ${cause.message.trim().replace(/\s*\n\s*/g, '; ')}`);
    cause = cause.cause;
  }
  if (error.name !== 'EnrollError' || lines.length === 0) return lines;
  const stack = error.cause instanceof Error ? error.cause.stack : error.stack;
  return [
    ...lines,
    ...(stack === undefined
      ? []
      : stack
          .split('\n')
          .slice(1, 5)
          .map((line) => line.trim())),
  ];
}
