import { EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';

// What every manager refuses in a name; a dot or two would make another path of it.
const NAME = /^(?!\.{1,2}$)[^\s\\/:*?"<>|,\p{C}]{1,255}$/u;

/** @throws EnrollError `GROUP_REFUSED` for a name that no manager takes */
export function checkGroupNames(names: readonly string[]): void {
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong === undefined) return;
  throw new EnrollError('GROUP_REFUSED', `${printable(JSON.stringify(wrong))} cannot be the name of a group.`);
}
