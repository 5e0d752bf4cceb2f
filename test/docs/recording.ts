import type { Screen, Span } from '../../docs/pictures/terminal.js';
import { COLOURS, type Style } from '../../src/cli/output.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { type Pane, startInPane } from '../e2e/pane.js';
import { against, scratchHome } from '../e2e/program.js';

/** So wide that no line is broken before it is the same in every run. */
const COLUMNS = 240;
const RELOAD_MS = 2500;
const COMMAND: Span = { text: '$ agent-enroll --manager 127.0.0.1 --name web-01', style: 'strong' };
const LATER: Span = { text: '# in the place of the last line, once the manager has read the new key:', style: 'faint' };

const WAITING = /\(at most \d+ s more\)$/m;
const ENDED = /^exit 0$/m;

/**
 * The screens of a real run in a real terminal, against the sandbox: while it waits, what is new at its end, and of a second run. What
 * differs from run to run (ports, home, certificate, time and number of messages) is put in the place that a first run
 * against a manager of today would show.
 */
export async function recordTerminal(): Promise<readonly Screen[]> {
  const scratch = await scratchHome();
  const sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: RELOAD_MS });
  const { agent, authd } = sandbox.endpoints;
  const alike = (proof: string) => (text: string) =>
    text
      .replaceAll(`:${agent.port}`, ':1514')
      .replaceAll(`:${authd.port}`, ':1515')
      .replaceAll(scratch.home, '/var/ossec')
      .replaceAll(/sha256:[0-9a-f]{64}/g, `sha256:${'8109c3e7'.repeat(8)}`)
      .replaceAll(/at most \d+ s/g, 'at most 52 s')
      .replaceAll(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/gu, '⠋')
      .replaceAll(/after \d+ messages? and [\d.]+ s/g, proof);
  const args = [...against(sandbox, scratch.home), '--name', 'web-01', '--wait', '60s'];
  const seen = async (use: (pane: Pane) => Promise<void>) => {
    const pane = await startInPane(COLUMNS, args);
    try {
      await use(pane);
    } finally {
      await pane.close();
    }
  };
  const screens: Screen[] = [];
  const take = async (pane: Pane, wanted: RegExp, proof: string) => {
    const shown = (await pane.styledUntil(wanted)).split('\n').map((line) => spansOf(line, alike(proof)));
    return shown.filter(([first]) => first?.text !== 'exit 0');
  };
  try {
    await seen(async (pane) => {
      const waiting = await take(pane, WAITING, '');
      const before = new Set(waiting.map(textOf));
      const ended = (await take(pane, ENDED, 'after 71 messages and 8.6 s')).filter(
        (line) => !before.has(textOf(line)),
      );
      screens.push({ head: COMMAND, lines: waiting }, { head: LATER, lines: ended });
    });
    await seen(async (pane) => {
      screens.push({ head: COMMAND, lines: await take(pane, ENDED, 'after 1 message and 0.1 s') });
    });
  } finally {
    await sandbox.close();
    await scratch.remove();
  }
  return screens;
}

const textOf = (line: readonly Span[]) => line.map(({ text }) => text).join('');

const STYLE_OF: ReadonlyMap<string, Style> = new Map<string, Style>([
  ['1', 'strong'],
  ...Object.entries(COLOURS).map(([style, colour]): [string, Style] => [`38;5;${colour}`, asStyle(style)]),
]);

function asStyle(name: string): Style {
  if (name === 'good' || name === 'bad' || name === 'faint') return name;
  throw new Error(`"${name}" is the style of no colour.`);
}

/** The parts of a line that look alike, from the codes of the terminal between them. */
function spansOf(line: string, alike: (text: string) => string): readonly Span[] {
  const [plain = '', ...parts] = line.split('\u001b[');
  const spans: Span[] = plain === '' ? [] : [{ text: alike(plain) }];
  for (const part of parts) {
    const end = part.indexOf('m');
    const style = STYLE_OF.get(part.slice(0, end));
    const text = alike(part.slice(end + 1));
    if (text !== '') spans.push({ text, ...(style === undefined ? {} : { style }) });
  }
  return spans;
}
