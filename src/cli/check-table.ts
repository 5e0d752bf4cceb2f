import type { Check, CheckId } from '../journey/checks/finding.js';
import type { Report } from '../journey/report.js';
import { marks } from './marks.js';
import { type Output, styled } from './output.js';

/** What each check is called in the table. */
export const CHECK_TITLES: Readonly<Record<CheckId, string>> = {
  'key-file': 'key file',
  'key-access': 'access to the key',
  machine: 'machine',
  'ossec-conf': 'ossec.conf',
  'manager-name': "manager's name",
  route: 'route',
  'agent-port': 'agent port',
  remoted: 'remoted',
  address: 'address',
  version: 'version',
  counter: 'message counter',
  key: 'key',
  daemon: 'agent daemon',
  'agent-log': "agent's log",
  enrollment: 'enrollment port',
  api: 'REST API',
  clock: 'clock',
};

const WIDTH = Math.max(...Object.values(CHECK_TITLES).map((title) => title.length));
/** A mark, the title, and a gap after each. */
const INDENT = WIDTH + 4;
/** On a narrower terminal a column of text is harder to read than lines that the terminal breaks. */
const NARROWEST = INDENT + 40;

/** The checks as a table: a tick, a cross or a dash each, what was seen, and below it what to do. */
export function checkTable(checks: readonly Check[], output: Output): readonly string[] {
  return checks.flatMap(({ id, ok, detail, hint }) => {
    const [first = '', ...rest] = broken(detail, output);
    const remedy = hint === undefined || ok === true ? [] : broken(`→ ${hint}`, output);
    return [
      `${mark(ok, output)} ${CHECK_TITLES[id].padEnd(WIDTH)}  ${first}`,
      ...[...rest, ...remedy].map((line) => `${' '.repeat(INDENT)}${line}`),
    ];
  });
}

function mark(ok: boolean | null, output: Output): string {
  const { done, failed } = marks();
  if (ok === null) return styled(output, 'faint', '–');
  return ok ? styled(output, 'good', done) : styled(output, 'bad', failed);
}

/** Lines that fit beside the titles; one line where the output is no terminal, or a narrow one. */
function broken(text: string, { columns, interactive }: Output): readonly string[] {
  if (!interactive || columns < NARROWEST) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns - INDENT)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Whether something was found that is to be told. */
export function hasCross(checks: readonly Check[]): boolean {
  return checks.some(({ ok }) => ok === false);
}

/** The last line of a check after which the link is known to work. */
export function checkConclusion({ agent, link, checks = [] }: Report): string {
  const who = agent === undefined ? 'The agent' : `Agent ${agent.id} ${agent.name}`;
  const works = link === undefined ? 'is connected to its manager' : 'is known to its manager, which answered its key';
  return `${who} ${works}: ${hasCross(checks) ? 'what else was found stands above' : 'nothing to do'}.`;
}
