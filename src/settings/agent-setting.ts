import { type IpSetting, parseIpSetting } from '../host/address-setting.js';
import { checkNameSetting } from '../host/name-pattern.js';
import { DEFAULT_ORIGIN, type Sourced, withOrigin } from './origin.js';
import type { Settings } from './settings.js';
import type { Shown } from './shown.js';
import type { Sources } from './sources.js';
import { parseSetting, parseYesNo, splitList } from './values.js';

/**
 * As what this host is to be registered.
 * @throws EnrollError with `SETTING_INVALID` or `NAME_UNUSABLE`, the origin named
 */
export function readAgent(sources: Sources): {
  readonly settings: Pick<Settings, 'name' | 'ip' | 'groups'>;
  readonly shown: Shown;
} {
  const name = sources.text('name');
  if (name !== undefined) checkName(name);
  const ip = readIp(sources);
  return {
    settings: {
      ...(name === undefined ? {} : { name: name.value }),
      ip: ip.value,
      groups: splitList(sources.text('groups')?.value ?? ''),
    },
    shown: [['ip', { value: ip.value.kind === 'address' ? ip.value.address : ip.value.kind, origin: ip.origin }]],
  };
}

function checkName({ value, origin }: Sourced<string>): void {
  try {
    checkNameSetting(value);
  } catch (thrown) {
    throw withOrigin(origin, thrown);
  }
}

function readIp(sources: Sources): Sourced<IpSetting> {
  const given = sources.text('ip');
  if (given !== undefined) return parseIp(given);
  const useSource = sources.has('ip') ? sources.confField('use_source_ip') : undefined;
  if (useSource !== undefined && parseSetting(useSource, parseYesNo, 'yes or no').value) {
    return { value: { kind: 'source' }, origin: useSource.origin };
  }
  return { value: { kind: 'auto' }, origin: DEFAULT_ORIGIN };
}

function parseIp({ value, origin }: Sourced<string>): Sourced<IpSetting> {
  try {
    return { value: parseIpSetting(value), origin };
  } catch (thrown) {
    throw withOrigin(origin, thrown);
  }
}
