/** The tables of the documentation that are made from the code. */
import { readResults } from '../bench/fleet/results.js';
import { measuredTable, simulatedTable, steadyTable, type Table } from '../bench/fleet/tables.js';
import { readGrowth } from '../bench/growth/results.js';
import { growthTable } from '../bench/growth/tables.js';
import { EXIT, EXIT_MEANINGS, type ExitCode, MEANINGS } from '../src/errors.js';
import { OPTION_ROWS } from '../src/settings/options.js';
import { CHANNELS, cells, PHASES } from '../test/faults/network/cells.js';
import { RULES as FAULT_RULES, ruleFor } from '../test/faults/network/rules.js';
import { RULES } from '../test/states/states.js';
import { dependencyTable, licenceTable } from './dependencies.js';

/** A document and the tables in it, by the names of their markers. */
export interface GeneratedDocument {
  readonly file: string;
  readonly tables: Readonly<Record<string, string>>;
}

/** All documents with generated tables, their files relative to this directory. */
export function generatedDocuments(): readonly GeneratedDocument[] {
  return [
    { file: 'options.md', tables: { options: optionTables() } },
    { file: 'errors.md', tables: { exits: exitTable(), codes: codeTable() } },
    { file: 'states.md', tables: { states: stateTable() } },
    { file: 'faults.md', tables: { faults: faultTable(), cells: cellTable() } },
    { file: 'security.md', tables: securityTables() },
    { file: 'fleet.md', tables: fleetTables() },
    { file: 'performance.md', tables: growthTables() },
    { file: '../README.md', tables: { 'exit codes': exitTable() } },
  ];
}

/** The text with its tables as the code has them now. */
export function withTables(text: string, tables: GeneratedDocument['tables']): string {
  let result = text;
  for (const [name, table] of Object.entries(tables)) {
    const [begin, end] = [`<!-- begin: ${name} -->`, `<!-- end: ${name} -->`];
    const [start, stop] = [result.indexOf(begin), result.indexOf(end)];
    if (start < 0 || stop < start) throw new Error(`There is no place for the table "${name}".`);
    result = `${result.slice(0, start + begin.length)}\n\n${table}\n\n${result.slice(stop)}`;
  }
  return result;
}

function optionTables(): string {
  const groups = new Map<string, string[][]>();
  for (const [name, row] of OPTION_ROWS) {
    const flag = row.kind === 'flag' && row.describe.startsWith(`--no-${name}`) ? `--no-${name}` : `--${name}`;
    const option = row.value === undefined ? code(flag) : code(`${flag} ${row.value}`);
    const lines = groups.get(row.group) ?? [];
    groups.set(row.group, lines);
    lines.push([
      option,
      row.environment.map(code).join(', '),
      sentence(row.describe.replace(/^--no-\S+ /, '')),
      flag.startsWith('--no-') ? '' : text(row.default ?? ''),
      row.commands.join(', '),
    ]);
  }
  return [...groups]
    .map(
      ([group, lines]) => `## ${group}\n\n${table(['Option', 'Environment', 'Meaning', 'Default', 'Commands'], lines)}`,
    )
    .join('\n\n');
}

function exitTable(): string {
  const lines = Object.entries(EXIT).map(([name, exit]) => [
    String(exit),
    text(Object.entries(EXIT_MEANINGS).find(([key]) => key === name)?.[1] ?? ''),
  ]);
  return table(['Exit', 'Meaning'], lines);
}

function codeTable(): string {
  const meanings: [string, { readonly exit: ExitCode; readonly retry: boolean; readonly hint: string }][] =
    Object.entries(MEANINGS);
  const lines = meanings.map(([name, { exit, retry, hint }]) => [
    code(name),
    String(exit),
    retry ? 'yes' : '',
    text(hint),
  ]);
  return table(['Code', 'Exit', 'Can pass by itself', 'What to do'], lines);
}

function stateTable(): string {
  const lines = RULES.map(({ when, what, outcome }) => {
    const parts = [when.command, when.key, when.manager, when.daemon, when.notes, when.family];
    const values = parts.map((part) => text((part ?? []).join(', ')));
    if (outcome === 'cannot be') return [...values, 'cannot be', '', '', text(what)];
    const yes = (value: boolean) => (value ? 'yes' : 'no');
    return [...values, String(outcome.exit), yes(outcome.changed), yes(outcome.asked), text(what)];
  });
  const head = ['Command', 'Key', 'Manager', 'Daemon', 'Notes', 'Family', 'Exit', 'Key changed', 'Asked for a key'];
  return table([...head, 'What happens'], lines);
}

function faultTable(): string {
  const lines = FAULT_RULES.map((rule) => {
    const { when, what, outcome } = rule;
    const decided = [...cells()].filter((cell) => ruleFor(cell) === rule);
    const parts = [when.channel, when.phase, when.fault, when.times];
    const values = parts.map((part) => text((part ?? []).join(', ')));
    const codes = outcome.codes.map(code).join(', ');
    return [...values, String(outcome.exit), codes, String(outcome.agents), String(decided.length), text(what)];
  });
  const head = ['Over', 'When', 'What breaks', 'How often', 'Exit', 'Code', 'Agents', 'Cells', 'What happens'];
  return table(head, lines);
}

/** How many cells there are of each channel and phase. */
function cellTable(): string {
  const all = [...cells()];
  const lines = CHANNELS.map((channel) => {
    const own = all.filter((cell) => cell.channel === channel);
    const counts = PHASES.map((phase) => own.filter((cell) => cell.phase === phase).length);
    return [channel, ...counts.map((count) => (count === 0 ? '' : String(count))), String(own.length)];
  });
  return table(['Over', ...PHASES, `Cells of ${all.length}`], lines);
}

function securityTables(): GeneratedDocument['tables'] {
  const [packages, licences] = [dependencyTable(), licenceTable()];
  return { packages: table(packages.head, packages.lines), licences: table(licences.head, licences.lines) };
}

function fleetTables(): GeneratedDocument['tables'] {
  const results = readResults();
  const drawn = ({ head, lines }: Table) => table(head, lines);
  return {
    measured: drawn(measuredTable(results)),
    simulated: drawn(simulatedTable(results)),
    steady: drawn(steadyTable(results)),
  };
}

function growthTables(): GeneratedDocument['tables'] {
  const { head, lines } = growthTable(readGrowth());
  return { growth: table(head, lines) };
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const width = head.map((_, column) => Math.max(3, ...[head, ...lines].map((cells) => cells[column]?.length ?? 0)));
  const row = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(width[column] ?? 0, fill)).join(' | ')} |`;
  return [
    row(head),
    row(
      head.map(() => ''),
      '-',
    ),
    ...lines.map((cells) => row(cells)),
  ].join('\n');
}

function code(value: string): string {
  return `\`${value.replaceAll('|', '\\|')}\``;
}

function text(value: string): string {
  return value.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');
}

function sentence(value: string): string {
  return text(value.charAt(0).toUpperCase() + value.slice(1));
}
