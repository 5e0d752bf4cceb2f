import type { EnrollError } from '../errors.js';
import { type IpSetting, parseIpSetting } from '../host/address-setting.js';
import { checkNameSetting } from '../host/name-pattern.js';
import { DEFAULT_ORIGIN, describeOrigin, RefusedSetting, type Sourced, withOrigin } from './origin.js';
import { isPlaceholder } from './placeholder.js';
import type { Settings } from './settings.js';
import type { Shown } from './shown.js';
import type { Sources } from './sources.js';
import { misfit, parseSetting, parseYesNo, refuse, splitList } from './values.js';

/** Addresses for which the reader of addresses has better words. */
const NO_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/**
 * As what this host is to be registered.
 * @throws EnrollError with `SETTING_INVALID` or `NAME_UNUSABLE`, the origin named
 */
export function readAgent(sources: Sources): {
  readonly settings: Pick<Settings, 'name' | 'nameOrigin' | 'ip' | 'groups'>;
  readonly shown: Shown;
} {
  const name = sources.text('name');
  if (name !== undefined) checkName(name);
  checkAddressOfConf(sources);
  const ip = readIp(sources);
  return {
    settings: {
      ...(name === undefined ? {} : { name: name.value, nameOrigin: name.origin }),
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
    if (isPlaceholder(value)) throw nameIsPlaceholder({ value, origin });
    throw withOrigin(origin, thrown);
  }
}

function nameIsPlaceholder({ value, origin }: Sourced<string>): EnrollError {
  const message = `${describeOrigin(origin)}: ${misfit(value, 'the name of an agent')}.`;
  return new RefusedSetting(origin, 'NAME_UNUSABLE', message);
}

/**
 * An agent that is told both enrolls with neither (Wazuh 4: "Incompatible sender_ip options"), so nobody knows which of
 * them is meant.
 *
 * @throws EnrollError `SETTING_INVALID`, unless another origin decides
 */
function checkAddressOfConf(sources: Sources): void {
  const address = sources.text('ip');
  const useSource = sources.has('ip') ? sources.confField('use_source_ip') : undefined;
  if (useSource === undefined || !parseSetting(useSource, parseYesNo, 'yes or no').value) return;
  if (address?.origin.kind !== 'file') return;
  throw refuse(
    useSource.origin,
    `<use_source_ip> contradicts <agent_address> (${describeOrigin(address.origin)}), and an agent that has both does not enroll.`,
    'Take one of the two out of the file, or say with --ip what is meant.',
  );
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
    if (isPlaceholder(value) && !NO_ADDRESS.has(value.trim())) throw refuse(origin, `${misfit(value, 'an address')}.`);
    throw withOrigin(origin, thrown);
  }
}
