import { bareHost, isSameHost } from '../model/zone.js';
import {
  appended,
  applied,
  breakBefore,
  type Change,
  element,
  faultOf,
  filled,
  lastNamed,
  refuseFaults,
  setChildren,
  textIn,
  UNIT,
  Unclear,
  valueChange,
  type Wanted,
} from './change.js';
import { agentLines, changesOfAgent } from './edit-agent.js';
import { type ConfShape, type Element, MOST_FAULTS, readShape } from './shape.js';
import type { ConfTarget } from './target.js';

/** The outcome of {@link pointAt}: the new text, or why the file cannot be changed. */
export type EditedConf =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly line: number; readonly what: string };

/**
 * Whose agent reads the file: an OSSEC agent knows no `<server>`, and does not start with an element that it does not
 * know; a Wazuh 5 agent has its manager in `<agent>`.
 */
export type ConfDialect = 'wazuh' | 'wazuh-5' | 'ossec';

/**
 * Points an ossec.conf at a manager: address, port and protocol of one server are changed, and nothing else in the file.
 *
 * Which one: the last `<manager>` of `<agent>`, by which a Wazuh 5 agent goes; else a server of `<client>` that has this
 * address already, else the first. What it lacks is added in the form of the lines around it, and each form stays the
 * form that it is. A file without any is given one. To do it twice changes nothing.
 *
 * The text is taken character by character, so a caller may decode the file as Latin-1, whatever it is written in.
 *
 * @param dialect how a server is written where the file has none
 */
export function pointAt(text: string, target: ConfTarget, dialect: ConfDialect = 'wazuh'): EditedConf {
  try {
    const changes = changesFor(text, readShape(text), target, dialect);
    return { ok: true, text: applied(text, changes) };
  } catch (thrown) {
    if (thrown instanceof Unclear) return { ok: false, line: thrown.line, what: thrown.message };
    throw thrown;
  }
}

function changesFor(text: string, shape: ConfShape, target: ConfTarget, dialect: ConfDialect): Change[] {
  if (shape.faults.length >= MOST_FAULTS) throw faultOf(shape);
  const roots = shape.roots.filter(({ name }) => name === 'ossec_config');
  const agents = roots.flatMap((root) => root.children.filter(({ name }) => name === 'agent'));
  const clients = roots.flatMap((root) => root.children.filter(({ name }) => name === 'client'));
  const servers = clients.flatMap((client) =>
    client.children.filter(({ name }) => SERVERS.has(name)).map((server) => ({ server, client })),
  );
  const found = servers.find(({ server }) => isSameHost(addressOf(text, server), target.host)) ?? servers[0];
  const hasManager = agents.some((agent) => lastNamed(agent, 'manager') !== undefined);
  if (found !== undefined && !hasManager) {
    refuseFaults(shape, found.client.whole);
    if (target.https !== undefined) throw ofOlderForm(found.server);
    return FORMS_OF_SERVER.has(found.server.name)
      ? changesOfServer(text, found.server, target)
      : changesOfAddress(text, found.server, found.client, target);
  }
  if (hasManager) for (const agent of agents) refuseFaults(shape, agent.whole);
  // Where nothing was found, any fault may be what hides it.
  else if (shape.faults.length > 0) throw faultOf(shape);
  if (agents.length > 0) return changesOfAgent(text, agents, target);
  return added(text, roots[0], clients[0], target, dialect);
}

/** Whoever has the older form may have an older agent, which would not read the newer one: it is not converted by itself. */
function ofOlderForm({ name, line }: Element): Unclear {
  return new Unclear(
    line,
    `<${name}> of <client> is what agents before Wazuh 5 go by, and a Wazuh 5 agent goes by <endpoint> in <manager> of <agent>; the one is not turned into the other`,
  );
}

/** A server where the file has none. */
function added(
  text: string,
  root: Element | undefined,
  client: Element | undefined,
  target: ConfTarget,
  dialect: ConfDialect,
): Change[] {
  if (client !== undefined && dialect !== 'wazuh-5') return [filled(text, client, serverLines(target, dialect))];
  const [parent, inner] =
    dialect === 'wazuh-5' ? ['agent', agentLines(target)] : ['client', serverLines(target, dialect)];
  const lines = [`<${parent}>`, ...inner.map((line) => `${UNIT}${line}`), `</${parent}>`];
  if (root !== undefined) return [filled(text, root, lines)];
  return [appended(text, ['<ossec_config>', ...lines.map((line) => `${UNIT}${line}`), '</ossec_config>'])];
}

/** `<server>` of Wazuh 3 and 4, and what the 5.0 betas called it. */
const FORMS_OF_SERVER: ReadonlySet<string> = new Set(['server', 'manager']);
const SERVERS: ReadonlySet<string> = new Set([...FORMS_OF_SERVER, 'server-ip', 'server-hostname']);

/** The address of a server: of `<server>` that of its last `<address>`, as the reader takes it. */
function addressOf(text: string, server: Element): string {
  const element = FORMS_OF_SERVER.has(server.name) ? lastNamed(server, 'address') : server;
  return element === undefined ? '' : textIn(text, element);
}

/** What a server is to say. The agent has the interface of a link-local address apart. */
function wantedOfServer({ host, port, protocol, interfaceIndex }: ConfTarget): Wanted[] {
  return [
    ['address', interfaceIndex === undefined ? host : bareHost(host)],
    ...(interfaceIndex === undefined ? [] : [['interface_index', String(interfaceIndex)] as const]),
    ['port', String(port)],
    ...(protocol === undefined ? [] : [['protocol', protocol] as const]),
  ];
}

function changesOfServer(text: string, server: Element, target: ConfTarget): Change[] {
  return setChildren(text, server, wantedOfServer(target));
}

/** OSSEC's `<server-ip>` and `<server-hostname>`, whose port stands beside them. A protocol it knows none. */
function changesOfAddress(text: string, server: Element, client: Element, target: ConfTarget): Change[] {
  const name = isAddress(target.host) ? 'server-ip' : 'server-hostname';
  const address: Change[] =
    server.name === name
      ? valueChange(text, server, target.host)
      : isSameHost(addressOf(text, server), target.host)
        ? []
        : [{ ...server.whole, text: element(name, target.host) }];
  const port = lastNamed(client, 'port');
  const protocol = lastNamed(client, 'protocol');
  return [
    ...address,
    ...(port === undefined
      ? [
          {
            start: server.whole.end,
            end: server.whole.end,
            text: `${breakBefore(text, server.whole.start)}${element('port', String(target.port))}`,
          },
        ]
      : valueChange(text, port, String(target.port))),
    ...(protocol === undefined || target.protocol === undefined ? [] : valueChange(text, protocol, target.protocol)),
  ];
}

function serverLines(target: ConfTarget, dialect: ConfDialect): string[] {
  if (dialect === 'ossec') {
    const name = isAddress(target.host) ? 'server-ip' : 'server-hostname';
    return [element(name, target.host), element('port', String(target.port))];
  }
  const parts = wantedOfServer(target).map(([name, value]) => `${UNIT}${element(name, value)}`);
  return ['<server>', ...parts, '</server>'];
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}
