import { type ConfShape, type Element, MOST_FAULTS, readShape, type Span } from './shape.js';
import { forgivenInPlace } from './text.js';

/** Where agents are to connect. */
export interface ConfTarget {
  readonly host: string;
  readonly port: number;
  /** Absent: not known, and what the file says of it stays. */
  readonly protocol?: 'tcp' | 'udp';
}

/** The outcome of {@link pointAt}: the new text, or why the file cannot be changed. */
export type EditedConf =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly line: number; readonly what: string };

/** Whose agent reads the file: an OSSEC agent knows no `<server>`, and does not start with an element that it does not know. */
export type ConfDialect = 'wazuh' | 'ossec';

/** A piece of the text to be put in place of another. */
interface Change extends Span {
  readonly text: string;
}

class Unclear extends Error {
  readonly line: number;
  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

/**
 * Points an ossec.conf at a manager: address, port and protocol of one server are changed, and nothing else in the file.
 *
 * Which one: a server that has this address already, else the first. What it lacks is added in the form of the lines
 * around it. A file without a server is given one. To do it twice changes nothing.
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
  const clients = roots.flatMap((root) => root.children.filter(({ name }) => name === 'client'));
  const servers = clients.flatMap((client) =>
    client.children.filter(({ name }) => SERVERS.has(name)).map((server) => ({ server, client })),
  );
  const found = servers.find(({ server }) => sameHost(addressOf(text, server), target.host)) ?? servers[0];
  const [client] = clients;
  const [root] = roots;
  if (found !== undefined) {
    refuseFaults(shape, found.client.whole);
    return found.server.name === 'server'
      ? changesOfServer(text, found.server, target)
      : changesOfAddress(text, found.server, found.client, target);
  }
  // Where nothing was found, any fault may be what hides it.
  if (shape.faults.length > 0) throw faultOf(shape);
  if (client !== undefined) return [filled(text, client, serverLines(target, dialect))];
  const lines = ['<client>', ...serverLines(target, dialect).map((line) => `${UNIT}${line}`), '</client>'];
  if (root !== undefined) return [filled(text, root, lines)];
  return [appended(text, ['<ossec_config>', ...lines.map((line) => `${UNIT}${line}`), '</ossec_config>'])];
}

const SERVERS: ReadonlySet<string> = new Set(['server', 'server-ip', 'server-hostname']);
const UNIT = '  ';

function faultOf({ faults }: ConfShape): Unclear {
  const [fault] = faults;
  return new Unclear(fault?.line ?? 1, fault?.what ?? 'it is not well-formed');
}

function refuseFaults({ faults }: ConfShape, { start, end }: Span): void {
  const fault = faults.find(({ at }) => at >= start && at <= end);
  if (fault !== undefined) throw new Unclear(fault.line, fault.what);
}

/** The address of a server: of `<server>` that of its last `<address>`, as the reader takes it. */
function addressOf(text: string, server: Element): string {
  const element = server.name === 'server' ? lastNamed(server, 'address') : server;
  return element?.content === undefined
    ? ''
    : forgivenInPlace(text.slice(element.content.start, element.content.end)).trim();
}

function sameHost(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function lastNamed({ children }: Element, name: string): Element | undefined {
  return children.findLast((child) => child.name === name);
}

function changesOfServer(text: string, server: Element, target: ConfTarget): Change[] {
  const wanted: [string, string][] = [
    ['address', target.host],
    ['port', String(target.port)],
    ...(target.protocol === undefined ? [] : [['protocol', target.protocol] as [string, string]]),
  ];
  return setChildren(text, server, wanted);
}

/** OSSEC's `<server-ip>` and `<server-hostname>`, whose port stands beside them. A protocol it knows none. */
function changesOfAddress(text: string, server: Element, client: Element, target: ConfTarget): Change[] {
  const name = isAddress(target.host) ? 'server-ip' : 'server-hostname';
  const address: Change[] =
    server.name === name
      ? valueChange(text, server, target.host)
      : sameHost(addressOf(text, server), target.host)
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

/** Gives an element's children these values. Those that are missing follow the one before them. */
function setChildren(text: string, parent: Element, wanted: readonly [string, string][]): Change[] {
  if (parent.content === undefined) {
    return [
      filled(
        text,
        parent,
        wanted.map(([name, value]) => element(name, value)),
      ),
    ];
  }
  const changes: Change[] = [];
  let missing = '';
  let after = parent.content.start;
  let lineBreak = breakAfter(text, parent.content.start) ?? '';
  const add = () => {
    if (missing !== '') changes.push({ start: after, end: after, text: missing });
    missing = '';
  };
  for (const [name, value] of wanted) {
    const child = lastNamed(parent, name);
    if (child === undefined) {
      missing += `${lineBreak}${element(name, value)}`;
      continue;
    }
    add();
    changes.push(...valueChange(text, child, value));
    after = child.whole.end;
    lineBreak = breakBefore(text, child.whole.start);
  }
  add();
  return changes;
}

/** Puts a value in place of an element's own, the blanks and comments around it left alone. */
function valueChange(text: string, { name, line, whole, content, children }: Element, value: string): Change[] {
  if (children.length > 0) throw new Unclear(line, `<${name}> has elements in it`);
  if (content === undefined) return [{ ...whole, text: element(name, value) }];
  const inner = forgivenInPlace(text.slice(content.start, content.end));
  const present = inner.trim();
  if (present.toLowerCase() === value.toLowerCase()) return [];
  const start = content.start + (present === '' ? 0 : inner.indexOf(present));
  const end = start + present.length;
  if (text.slice(start, end).includes('<!--'))
    throw new Unclear(line, `a comment stands within the value of <${name}>`);
  return [{ start, end, text: escaped(value) }];
}

/** Puts lines at the beginning of an element, indented as what is in it. */
function filled(text: string, parent: Element, lines: readonly string[]): Change {
  const { whole, content, name } = parent;
  const own = breakBefore(text, whole.start);
  const outer = own === '' ? lineBreakOf(text) : own;
  const inner = content === undefined ? undefined : breakAfter(text, content.start);
  const block = lines.map((line) => `${inner ?? `${outer}${UNIT}`}${line}`).join('');
  if (content === undefined) {
    const tag = text.slice(whole.start, whole.end).replace(/\s*\/>$/, '>');
    return { ...whole, text: `${tag}${block}${outer}</${name}>` };
  }
  const closing = inner === undefined && text.slice(content.start, content.end).trim() === '' ? outer : '';
  return { start: content.start, end: content.start, text: `${block}${closing}` };
}

function appended(text: string, lines: readonly string[]): Change {
  const lineBreak = lineBreakOf(text);
  const before = text === '' || /[\r\n]$/.test(text) ? '' : lineBreak;
  return { start: text.length, end: text.length, text: `${before}${lines.join(lineBreak)}${lineBreak}` };
}

function serverLines(target: ConfTarget, dialect: ConfDialect): string[] {
  const port = element('port', String(target.port));
  if (dialect === 'ossec') {
    return [element(isAddress(target.host) ? 'server-ip' : 'server-hostname', target.host), port];
  }
  const protocol = target.protocol === undefined ? [] : [element('protocol', target.protocol)];
  const parts = [element('address', target.host), port, ...protocol].map((line) => `${UNIT}${line}`);
  return ['<server>', ...parts, '</server>'];
}

/** The line break and indentation before a place; nothing where something else stands before it on its line. */
function breakBefore(text: string, at: number): string {
  return /(?:\r\n|\r|\n)[ \t]*$/.exec(text.slice(Math.max(0, at - 1000), at))?.[0] ?? '';
}

/** The line break and indentation of the first element after a place. */
function breakAfter(text: string, at: number): string | undefined {
  const next = /^[ \t]*((?:\r\n|\r|\n)[ \t]*)(?=<[^/])/.exec(text.slice(at, at + 1000));
  return next?.[1];
}

function lineBreakOf(text: string): string {
  return /\r\n|\r|\n/.exec(text)?.[0] ?? '\n';
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}

function element(name: string, value: string): string {
  return `<${name}>${escaped(value)}</${name}>`;
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function applied(text: string, changes: readonly Change[]): string {
  let result = '';
  let at = 0;
  for (const change of [...changes].sort((one, other) => one.start - other.start)) {
    result += text.slice(at, change.start) + change.text;
    at = change.end;
  }
  return result + text.slice(at);
}
