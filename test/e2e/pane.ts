import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../../bin/agent-enroll.js', import.meta.url));
const LIMIT_MS = 20_000;
/** Between two looks, each of which starts a tmux. */
const LOOK_AGAIN_MS = 50;
/** Says how the program ended, and keeps the terminal as it was left. */
const KEEP = 'trap : INT; "$@"; echo "exit $?"; exec cat';

/** Whether there is a terminal to be had. */
export function hasTmux(): boolean {
  return spawnSync('tmux', ['-V']).status === 0;
}

/** A terminal with the built program in it. */
export interface Pane {
  /**
   * Waits until the screen matches, and gives it, without the spaces at the ends of its lines and the empty lines at its
   * end. @throws Error where it does not in time
   */
  until(wanted: RegExp): Promise<string>;
  /** The same, with the codes of bold and of colours in what it gives. */
  styledUntil(wanted: RegExp): Promise<string>;
  cursorIsShown(): Promise<boolean>;
  interrupt(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the program in a terminal of so many columns; `"exit CODE"` is shown when it has ended. */
export async function startInPane(columns: number, args: readonly string[]): Promise<Pane> {
  const place = await mkdtemp(join(tmpdir(), 'agent-enroll-pane-'));
  const run = promisify(execFile);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TERM: 'xterm-256color', LANG: 'C.UTF-8' };
  const tmux = async (...words: string[]) => {
    const told = await run('tmux', ['-u', '-S', join(place, 'socket'), '-f', '/dev/null', ...words], { env });
    return told.stdout;
  };
  const size = ['-x', String(columns), '-y', '40'];
  await tmux('new-session', '-d', ...size, '--', 'sh', '-c', KEEP, 'sh', process.execPath, PROGRAM, ...args);
  const until = async (wanted: RegExp, how: readonly string[]) => {
    const limit = performance.now() + LIMIT_MS;
    for (;;) {
      const shown = trimmed(await tmux('capture-pane', '-p', ...how));
      if (wanted.test(stripVTControlCharacters(shown))) return shown;
      if (performance.now() > limit) throw new Error(`The terminal does not show ${wanted}:\n${shown}`);
      await pause(LOOK_AGAIN_MS);
    }
  };
  return {
    until: (wanted) => until(wanted, []),
    styledUntil: (wanted) => until(wanted, ['-e']),
    cursorIsShown: async () => (await tmux('display-message', '-p', '#{cursor_flag}')).trim() === '1',
    interrupt: async () => {
      await tmux('send-keys', 'C-c');
    },
    close: async () => {
      await tmux('kill-server');
      await rm(place, { recursive: true, force: true });
    },
  };
}

function trimmed(screen: string): string {
  return screen.replaceAll(/[ \t]+$/gm, '').trimEnd();
}
