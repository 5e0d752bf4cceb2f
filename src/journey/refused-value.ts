import { EnrollError, type ErrorCode } from '../errors.js';
import type { OptionName } from '../settings/options.js';
import { describeOrigin } from '../settings/origin.js';
import type { ShownSetting } from '../settings/settings.js';

/** The setting that a manager speaks of, and what it is called in a sentence. */
const SPEAKS_OF: Readonly<Partial<Record<ErrorCode, readonly [OptionName, string]>>> = {
  API_CREDENTIALS_REFUSED: ['api-user', 'API user'],
  CLIENT_CERTIFICATE_REFUSED: ['cert', 'client certificate'],
  GROUP_LIMIT: ['groups', 'groups'],
  GROUP_REFUSED: ['groups', 'groups'],
  GROUP_UNKNOWN: ['groups', 'groups'],
  IP_DUPLICATE: ['ip', 'address'],
  IP_REFUSED: ['ip', 'address'],
  NAME_DUPLICATE: ['name', 'name'],
  NAME_REFUSED: ['name', 'name'],
  PASSWORD_NOT_WANTED: ['password', 'password'],
  PASSWORD_REFUSED: ['password', 'password'],
  PIN_MISMATCH: ['pin', 'pin'],
};

/**
 * An error about a value, with the place where the value comes from, where nobody has typed it: the variable, or the file
 * and the line. Others stay as they are.
 *
 * @param shown the settings of the run
 */
export function withPlaceOfValue(error: EnrollError, shown: readonly ShownSetting[]): EnrollError {
  const [name, word] = SPEAKS_OF[error.code] ?? [];
  const origin = shown.find((setting) => setting.name === name)?.origin;
  if (origin === undefined || origin.kind === 'default' || origin.kind === 'flag') return error;
  const { code, message, hint, managerSaid, cause } = error;
  return new EnrollError(code, message, {
    hint: `${hint} The ${word} came from ${describeOrigin(origin)}.`,
    managerSaid,
    cause,
  });
}
