import { isatty } from 'node:tty';
import { abortReason, EnrollError } from '../errors.js';
import { onOneLine } from '../model/printable.js';

/** A terminal to read from, as `process.stdin` is one. */
export interface TerminalInput {
  setRawMode(raw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: 'data', listener: (chunk: Buffer | string) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (chunk: Buffer | string) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
}

/** Where a question is asked: read from one stream, shown on the other. */
export interface Terminal {
  readonly input: TerminalInput;
  readonly output: { write(text: string): unknown };
}

/** The terminal to ask at, if standard input is one. Node makes the stream of it no sooner than it is needed. */
export function terminalOf(output: Terminal['output']): Terminal | undefined {
  return isatty(STANDARD_INPUT) ? { input: process.stdin, output } : undefined;
}

/** How a line is read. */
export interface Question {
  readonly prompt: string;
  /** Whether what is typed is shown. */
  readonly echo: boolean;
  /** More characters than this are no answer. */
  readonly limit: number;
  /** Lines that are passed over; absent: none. */
  readonly skip?: (line: string) => boolean;
}

const STANDARD_INPUT = 0;
const INTERRUPT = '\u0003';
const END = '\u0004';
const ERASE: ReadonlySet<string> = new Set(['\u007f', '\b']);
const ERASE_LINE = '\u0015';

/**
 * Asks a person for one line. The terminal is as it was before, whatever happens; what was pasted after the line is
 * dropped, so that it does not reach the shell.
 *
 * @throws EnrollError `INTERRUPTED` on Ctrl-C (a terminal that shows nothing does not make a signal of it), the signal's
 * reason, `SETTING_INVALID` for a line that is too long
 */
export async function ask({ input, output }: Terminal, question: Question, signal: AbortSignal): Promise<string> {
  if (signal.aborted) throw abortReason(signal);
  // Before the prompt: whoever types as soon as it is there must not be shown what is a secret.
  input.setRawMode(true);
  output.write(question.prompt);
  const line = new Line(question, output);
  let onData: (chunk: Buffer | string) => void = () => {};
  let onEnd: () => void = () => {};
  let onAbort: () => void = () => {};
  try {
    return await new Promise<string>((resolve, reject) => {
      onData = (chunk) => {
        try {
          const answer = line.take(chunk.toString());
          if (answer !== undefined) resolve(answer);
        } catch (error) {
          reject(error);
        }
      };
      onEnd = () => resolve(line.text);
      onAbort = () => reject(abortReason(signal));
      input.on('data', onData);
      input.on('end', onEnd);
      signal.addEventListener('abort', onAbort);
      input.resume();
    });
  } finally {
    input.off('data', onData);
    input.off('end', onEnd);
    signal.removeEventListener('abort', onAbort);
    input.pause();
    input.setRawMode(false);
    output.write('\n');
  }
}

/** A line as it is typed. */
class Line {
  readonly #question: Question;
  readonly #output: Terminal['output'];
  text = '';

  constructor(question: Question, output: Terminal['output']) {
    this.#question = question;
    this.#output = output;
  }

  /** Takes what was typed. Returns the line once it is finished. */
  take(typed: string): string | undefined {
    for (const character of typed) {
      if (character === INTERRUPT) throw new EnrollError('INTERRUPTED', 'Interrupted.');
      if (character === '\r' || character === '\n') {
        if (this.#question.skip?.(this.text) !== true) return this.text;
        this.text = '';
      } else if (character === END) return this.text;
      else if (ERASE.has(character)) this.#erase(1);
      else if (character === ERASE_LINE) this.#erase(this.text.length);
      else if (character >= ' ') this.#add(character);
    }
    return undefined;
  }

  #add(character: string): void {
    this.text += character;
    if (this.text.length > this.#question.limit) {
      throw new EnrollError('SETTING_INVALID', `The line is longer than ${this.#question.limit} characters.`);
    }
    if (this.#question.echo) this.#output.write(onOneLine(character));
  }

  #erase(count: number): void {
    const erased = Math.min(count, this.text.length);
    this.text = this.text.slice(0, this.text.length - erased);
    if (this.#question.echo) this.#output.write('\b \b'.repeat(erased));
  }
}
