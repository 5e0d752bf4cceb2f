import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import stringWidth from 'string-width';
import { PlainReporter } from '../../src/cli/plain-reporter.js';
import { TerminalReporter } from '../../src/cli/terminal-reporter.js';
import { EnrollError } from '../../src/errors.js';
import type { JourneyEvent } from '../../src/journey/events.js';

const PROVING: JourneyEvent = { kind: 'proving', endpoint: { host: '127.0.0.1', port: 1514 }, waitMs: 60_000 };
const SPLAYING: JourneyEvent = { kind: 'splaying', waitMs: 3_000 };
const SHOW_CURSOR = '\u001b[?25h';

/** A terminal that writes down what is drawn on it, and does nothing else. */
class Drawn extends Writable {
  readonly isTTY = true;
  text = '';
  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
  cursorTo(): void {}
  moveCursor(): void {}
  clearLine(): void {}
  /** What was written since the last time. */
  take(): string {
    const taken = this.text;
    this.text = '';
    return taken;
  }
}

describe('the reporter for a terminal', () => {
  let now = 0;
  let reporter: TerminalReporter | undefined;
  const stop = () => reporter?.event({ kind: 'checked', checks: [] });
  afterEach(stop);

  /** What is drawn for an event so many milliseconds after it; the reporter draws when it is told something, too. */
  async function drawn(columns: number, event: JourneyEvent, later = 0): Promise<string> {
    const err = new Drawn();
    const printing = { interactive: true, color: false, json: false, quiet: false, verbose: false };
    now = 0;
    const at = () => {
      now += later;
      return now - later;
    };
    reporter = await TerminalReporter.create({ out: err, err, columns, ...printing }, new AbortController().signal, at);
    reporter.event(event);
    const line = stripVTControlCharacters(err.take());
    stop();
    return line;
  }

  it('tells what is left of a wait, and that it may be over before', async () => {
    expect(await drawn(120, PROVING)).to.include('at 127.0.0.1:1514 (at most 60 s more)');
    expect(await drawn(120, PROVING, 22_400)).to.include('(at most 38 s more)');
    expect(await drawn(120, SPLAYING, 1_001)).to.include('turn (--splay) (2 s more)');
    expect(await drawn(120, SPLAYING, 9_000)).to.include('(0 s more)');
  });

  for (const columns of [20, 21, 30, 40, 80]) {
    it(`takes one line of ${columns} columns, with what is left on it and space for a ^C`, async () => {
      for (const event of [PROVING, SPLAYING]) {
        const line = await drawn(columns, event);
        expect(stringWidth(line)).to.be.lessThan(columns - 2);
        expect(line).to.match(/\((60|3) s\)$|more\)$/);
      }
      const error = new EnrollError('CONNECTION_REFUSED', '管理者 refused the connection, and so did the other one.');
      expect(stringWidth(await drawn(columns, { kind: 'retrying', error, waitMs: 4_000 }))).to.be.lessThan(columns - 2);
      const asking = { kind: 'asking', method: 'authd', endpoint: { host: 'a.example.org', port: 1515 } } as const;
      expect(stringWidth(await drawn(columns, { ...asking, name: 'web-01' }))).to.be.lessThan(columns - 2);
    });
  }

  it('leaves the terminal as it was once the run is interrupted, and draws nothing more', async () => {
    const own = new AbortController();
    const err = new Drawn();
    const printing = { interactive: true, color: false, json: false, quiet: false, verbose: false, columns: 80 };
    reporter = await TerminalReporter.create({ out: err, err, ...printing }, own.signal);
    reporter.event(PROVING);
    err.take();
    own.abort();
    expect(err.take().endsWith(SHOW_CURSOR)).to.equal(true);
    reporter.event(PROVING);
    expect(err.take()).to.equal('');
  });
});

describe('the reporter for a log', () => {
  it('tells of a wait once, with its whole length', () => {
    const err = new Drawn();
    const printing = { interactive: false, columns: 0, color: false, json: false, quiet: false, verbose: false };
    const plain = new PlainReporter({ out: err, err, ...printing });
    for (const event of [PROVING, SPLAYING]) plain.event(event);
    expect(err.text).to.equal(
      'Waiting for the manager to acknowledge the key at 127.0.0.1:1514 (up to 60 s; a manager reads new keys about every 10 s) …\n' +
        "Waiting 3.0 s for this host's turn (--splay) …\n",
    );
  });
});
