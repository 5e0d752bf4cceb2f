import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../src/errors.js';
import { withPlaceOfValue } from '../../src/journey/refused-value.js';
import type { OptionName } from '../../src/settings/options.js';
import type { Origin } from '../../src/settings/origin.js';

const shown = (name: OptionName, origin: Origin) => [
  { name: 'manager' as const, shown: 'm', value: 'm', origin: { kind: 'environment', name: 'WAZUH_MANAGER' } as const },
  { name, shown: 'x', value: 'x', origin },
];
const VARIABLE: Origin = { kind: 'environment', name: 'THE_VARIABLE' };

describe('a value that a manager refuses', () => {
  for (const [code, name, word] of [
    ['API_CREDENTIALS_REFUSED', 'api-user', 'API user'],
    ['CLIENT_CERTIFICATE_REFUSED', 'cert', 'client certificate'],
    ['GROUP_LIMIT', 'groups', 'groups'],
    ['GROUP_REFUSED', 'groups', 'groups'],
    ['GROUP_UNKNOWN', 'groups', 'groups'],
    ['IP_DUPLICATE', 'ip', 'address'],
    ['IP_REFUSED', 'ip', 'address'],
    ['NAME_DUPLICATE', 'name', 'name'],
    ['NAME_REFUSED', 'name', 'name'],
    ['PASSWORD_NOT_WANTED', 'password', 'password'],
    ['PASSWORD_REFUSED', 'password', 'password'],
    ['PIN_MISMATCH', 'pin', 'pin'],
  ] satisfies [ErrorCode, OptionName, string][]) {
    it(`is told with the place that it came from: ${code}`, () => {
      const cause = new Error('below');
      const error = new EnrollError(code, 'Refused.', { hint: 'Change it.', managerSaid: 'No.', cause });
      const told = withPlaceOfValue(error, shown(name, VARIABLE));
      expect(told).to.include({
        code,
        message: 'Refused.',
        hint: `Change it. The ${word} came from THE_VARIABLE.`,
        managerSaid: 'No.',
        cause,
      });
    });
  }
  it('has no cause and no words of the manager where there are none', () => {
    const told = withPlaceOfValue(new EnrollError('NAME_REFUSED', 'Refused.', { hint: 'Change it.' }), [
      ...shown('name', { kind: 'file', path: '/etc/names', line: 3 }),
    ]);
    expect(told.hint).to.equal('Change it. The name came from /etc/names, line 3.');
    expect(told.managerSaid).to.equal(undefined);
    expect(Object.hasOwn(told, 'cause')).to.equal(false);
  });
  for (const [what, code, origin] of [
    ['nobody gave', 'NAME_REFUSED', { kind: 'default' }],
    ['somebody has typed', 'NAME_REFUSED', { kind: 'flag', name: 'name' }],
    ['the error does not speak of', 'CONNECTION_REFUSED', VARIABLE],
    ['the error does not speak of, as another', 'PIN_MISMATCH', VARIABLE],
  ] satisfies [string, ErrorCode, Origin][]) {
    it(`is told as it is where it is one that ${what}`, () => {
      const error = new EnrollError(code, 'Refused.');
      expect(withPlaceOfValue(error, shown('name', origin))).to.equal(error);
    });
  }
});
