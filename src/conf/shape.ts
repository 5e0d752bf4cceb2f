import { SaxesParser } from 'saxes';
import { forgivenInPlace } from './text.js';

/** A piece of the text: from the first character to the one after the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** An element and where its parts stand. */
export interface Element {
  readonly name: string;
  readonly line: number;
  /** With its tags. */
  readonly whole: Span;
  /** Between its tags; absent where it is one empty tag (`<port/>`). */
  readonly content?: Span;
  readonly children: readonly Element[];
}

/** Where the elements of an ossec.conf stand. */
export interface ConfShape {
  /** The outermost elements, in order. */
  readonly roots: readonly Element[];
  /** Places that are not well-formed. */
  readonly faults: readonly { readonly line: number; readonly at: number; readonly what: string }[];
}

/** So many are no file of settings any more; those after them are not kept. */
export const MOST_FAULTS = 1000;

interface Open {
  readonly name: string;
  readonly line: number;
  readonly start: number;
  readonly contentStart: number;
  readonly children: Element[];
}

/** Finds the elements of an ossec.conf with their places, without changing anything. */
export function readShape(text: string): ConfShape {
  const meant = forgivenInPlace(text);
  const roots: Element[] = [];
  const faults: { line: number; at: number; what: string }[] = [];
  const open: Open[] = [];

  const parser = new SaxesParser({ fragment: true });
  parser.on('error', (error) => {
    if (faults.length >= MOST_FAULTS) return;
    const what = error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '');
    faults.push({ line: parser.line, at: parser.position, what });
  });
  parser.on('opentag', ({ name }) => {
    const contentStart = parser.position;
    const start = meant.lastIndexOf('<', contentStart - 1);
    open.push({ name, line: parser.line, start, contentStart, children: [] });
  });
  parser.on('closetag', ({ isSelfClosing }) => {
    const element = open.pop();
    if (element === undefined) return;
    const { name, line, start, contentStart, children } = element;
    const end = parser.position;
    const content = isSelfClosing ? {} : { content: { start: contentStart, end: meant.lastIndexOf('<', end - 1) } };
    (open.at(-1)?.children ?? roots).push({ name, line, whole: { start, end }, ...content, children });
  });
  parser.write(meant).close();
  return { roots, faults };
}
