import { DEFAULT_ORIGIN, type Sourced } from './origin.js';
import type { Sources } from './sources.js';
import { oneOf, parseSetting } from './values.js';

/** How the user wants the key to be got. */
export type AskedMethod = 'auto' | 'authd' | 'api' | 'https';

/** @throws EnrollError with `SETTING_INVALID` for a method that there is not */
export function readAskedMethod(sources: Sources): Sourced<AskedMethod> {
  const given = sources.text('method') ?? { value: 'auto', origin: DEFAULT_ORIGIN };
  return parseSetting(given, oneOf('auto', 'authd', 'api', 'https'), 'authd, api, https or auto');
}
