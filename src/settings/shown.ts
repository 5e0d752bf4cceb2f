import { type CommandName, hasOption, OPTION_ROWS, type OptionName } from './options.js';
import { DEFAULT_ORIGIN, type Sourced } from './origin.js';
import type { ShownSetting } from './settings.js';
import type { Sources } from './sources.js';

/** What options come to, in words, where that is more than the text that was given. */
export type Shown = readonly (readonly [OptionName, Sourced<string>])[];

/** Every option of a command that has a value, in the order of the table. */
export function showSettings(command: CommandName, sources: Sources, settled: Shown): ShownSetting[] {
  const effective = new Map(settled);
  const lines: ShownSetting[] = [];
  for (const [name, row] of OPTION_ROWS) {
    if (row.group === 'Output' || !hasOption(command, name)) continue;
    const found = effective.get(name) ?? (row.secret === true ? undefined : sources.text(name));
    const flag = sources.switch(name);
    if (found !== undefined && found.value !== '') lines.push({ name, value: found.value, origin: found.origin });
    else if (flag !== undefined) lines.push({ name, value: flag.value ? 'yes' : 'no', origin: flag.origin });
    else if (row.default !== undefined) lines.push({ name, value: row.default, origin: DEFAULT_ORIGIN });
  }
  return lines;
}

/** A length of time in milliseconds, as it is shown. */
export function shownDuration({ value, origin }: Sourced<number>): Sourced<string> {
  return { value: `${value / 1000}s`, origin };
}
