import type { ConfShape, Element, Span } from './shape.js';
import { forgivenInPlace } from './text.js';

/** A piece of the text to be put in place of another. */
export interface Change extends Span {
  readonly text: string;
}

/** A place where nobody can say what a change would do. */
export class Unclear extends Error {
  readonly line: number;
  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

/** How much deeper the children of an element stand. */
export const UNIT = '  ';

/** A value of a file's, and what it is to be. */
export type Wanted = readonly [name: string, value: string];

/** Whether two values are one: `exact` to the letter, else in any case, as names of hosts are. */
export type Likeness = 'exact' | 'in any case';

/** The text of an element, as the reader takes it. */
export function textIn(text: string, { content }: Pick<Element, 'content'>): string {
  return content === undefined ? '' : forgivenInPlace(text.slice(content.start, content.end)).trim();
}

/** The first fault of a file. */
export function faultOf({ faults }: ConfShape): Unclear {
  const [fault] = faults;
  return new Unclear(fault?.line ?? 1, fault?.what ?? 'it is not well-formed');
}

/** @throws Unclear where a fault stands in that place */
export function refuseFaults({ faults }: ConfShape, { start, end }: Span): void {
  const fault = faults.find(({ at }) => at >= start && at <= end);
  if (fault !== undefined) throw new Unclear(fault.line, fault.what);
}

/** The last child of a name, which is the one that counts. */
export function lastNamed({ children }: Element, name: string): Element | undefined {
  return children.findLast((child) => child.name === name);
}

/** Gives an element's children these values. Those that are missing follow the one before them. */
export function setChildren(
  text: string,
  parent: Element,
  wanted: readonly Wanted[],
  likeness: Likeness = 'in any case',
): Change[] {
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
    changes.push(...valueChange(text, child, value, likeness));
    after = child.whole.end;
    lineBreak = breakBefore(text, child.whole.start);
  }
  add();
  return changes;
}

/** Puts a value in place of an element's own, the blanks and comments around it left alone. */
export function valueChange(
  text: string,
  { name, line, whole, content, children }: Element,
  value: string,
  likeness: Likeness = 'in any case',
): Change[] {
  if (children.length > 0) throw new Unclear(line, `<${name}> has elements in it`);
  if (content === undefined) return [{ ...whole, text: element(name, value) }];
  const inner = forgivenInPlace(text.slice(content.start, content.end));
  const present = inner.trim();
  if (present === value || (likeness !== 'exact' && present.toLowerCase() === value.toLowerCase())) return [];
  const start = content.start + (present === '' ? 0 : inner.indexOf(present));
  const end = start + present.length;
  if (text.slice(start, end).includes('<!--'))
    throw new Unclear(line, `a comment stands within the value of <${name}>`);
  return [{ start, end, text: escaped(value) }];
}

/** Puts lines at the beginning of an element, indented as what is in it. */
export function filled(text: string, parent: Element, lines: readonly string[]): Change {
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

/** Puts lines at the end of a file. */
export function appended(text: string, lines: readonly string[]): Change {
  const lineBreak = lineBreakOf(text);
  const before = text === '' || /[\r\n]$/.test(text) ? '' : lineBreak;
  return { start: text.length, end: text.length, text: `${before}${lines.join(lineBreak)}${lineBreak}` };
}

/** The line break and indentation before a place; nothing where something else stands before it on its line. */
export function breakBefore(text: string, at: number): string {
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

/** An element of its own. */
export function element(name: string, value: string): string {
  return `<${name}>${escaped(value)}</${name}>`;
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The text with its changes, which do not overlap. */
export function applied(text: string, changes: readonly Change[]): string {
  let result = '';
  let at = 0;
  for (const change of [...changes].sort((one, other) => one.start - other.start)) {
    result += text.slice(at, change.start) + change.text;
    at = change.end;
  }
  return result + text.slice(at);
}
