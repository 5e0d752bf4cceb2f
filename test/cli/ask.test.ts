import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ask, type Question } from '../../src/cli/ask.js';
import { EnrollError } from '../../src/errors.js';
import { isAroundExportedKey } from '../../src/keystore/exported-key.js';
import { failure } from '../keystore/scratch.js';

class FakeTerminal extends EventEmitter {
  readonly modes: boolean[] = [];
  paused = true;
  shown = '';
  setRawMode(raw: boolean): void {
    this.modes.push(raw);
  }
  resume(): void {
    this.paused = false;
  }
  pause(): void {
    this.paused = true;
  }
  write(text: string): void {
    expect(this.modes[0], 'shown before the terminal was told not to echo').to.equal(true);
    this.shown += text;
  }
}

const HIDDEN: Question = { prompt: '? ', echo: false, limit: 100 };

/** Asks, types, and makes sure that the terminal is as it was. */
async function typed(keys: readonly string[], question = HIDDEN, signal = new AbortController().signal) {
  const terminal = new FakeTerminal();
  const answer = ask({ input: terminal, output: terminal }, question, signal);
  answer.catch(() => {});
  for (const key of keys) terminal.emit('data', Buffer.from(key));
  const done = async () => {
    expect(terminal.modes).to.deep.equal([true, false]);
    expect(terminal.paused).to.equal(true);
    expect(terminal.listenerCount('data') + terminal.listenerCount('end')).to.equal(0);
  };
  return { terminal, answer, done };
}

describe('asking at the terminal', () => {
  it('shows nothing of what is typed where it is a secret', async () => {
    const { terminal, answer, done } = await typed(['sec', 'rex\u007ft', '\r']);
    expect(await answer).to.equal('secret');
    expect(terminal.shown).to.equal('? \n');
    await done();
  });

  it('shows what is typed where it is none', async () => {
    const { terminal, answer } = await typed(['n\u007fyes\u0015y\n'], { ...HIDDEN, echo: true });
    expect(await answer).to.equal('y');
    expect(terminal.shown).to.equal('? n\b \byes\b \b\b \b\b \by\n');
  });

  it('finds the key in what manage_agents prints', async () => {
    const pasted = "\r\nAgent key information for '001' is: \r\nMDAx\r\n** Press ENTER to return";
    const { answer } = await typed([pasted], { ...HIDDEN, skip: isAroundExportedKey });
    expect(await answer).to.equal('MDAx');
  });

  it('ends with Ctrl-C, Ctrl-D, the end of input and the signal, the terminal as it was', async () => {
    const interrupted = await typed(['abc\u0003']);
    expect((await failure(interrupted.answer)).code).to.equal('INTERRUPTED');
    await interrupted.done();
    const ended = await typed(['abc\u0004']);
    expect(await ended.answer).to.equal('abc');
    const closed = await typed(['abc']);
    closed.terminal.emit('end');
    expect(await closed.answer).to.equal('abc');
    const controller = new AbortController();
    const aborted = await typed(['abc'], HIDDEN, controller.signal);
    controller.abort(new EnrollError('TERMINATED', 'Terminated.'));
    expect((await failure(aborted.answer)).code).to.equal('TERMINATED');
    await aborted.done();
  });

  it('takes no line without an end', async () => {
    const { answer, done } = await typed(['x'.repeat(101)]);
    expect((await failure(answer)).code).to.equal('SETTING_INVALID');
    await done();
  });
});
