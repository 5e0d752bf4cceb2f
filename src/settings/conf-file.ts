import { CONF_LIMIT, readOssecConf } from '../conf/ossec-conf.js';
import type { AgentInstallation } from '../model/host.js';
import { readIfThere, textOf } from './named-file.js';
import { describeOrigin } from './origin.js';
import type { Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import type { ConfFile, Sources } from './sources.js';
import { parseSetting, parseYesNo } from './values.js';
import { canOthersChange } from './vouching.js';

/**
 * Reads the agent's ossec.conf; `undefined`: there is none. A file that is not well-formed is read as far as it can be,
 * and that is told.
 *
 * @throws EnrollError `FILE_UNREADABLE`
 */
export async function readConf(
  { configFile: path, home, version = '' }: AgentInstallation,
  edge: SettingsEdge,
  warn: Warn,
): Promise<ConfFile | undefined> {
  const named = { value: path, origin: { kind: 'file', path } } as const;
  const file = await readIfThere(named, CONF_LIMIT, edge);
  if (file === undefined) return undefined;
  const conf = readOssecConf(textOf(file.bytes, named));
  const [fault] = conf.faults;
  if (fault !== undefined) {
    const what = fault.what.replace(/\.$/, '');
    warn(`${path}, line ${fault.line}: ${what}. What could be read of the file was used.`);
  }
  return { path, home, conf, ofOthers: canOthersChange(file, edge), of5: version.startsWith('v5.') };
}

/** Tells of an agent that is not to enroll itself. @throws EnrollError `SETTING_INVALID` */
export function tellOfSwitchedOff(sources: Sources, warn: Warn): void {
  const enabled = sources.confField('enabled');
  if (enabled === undefined || parseSetting(enabled, parseYesNo, 'yes or no').value) return;
  const where = describeOrigin(enabled.origin);
  warn(`${where}: the agent's own enrollment is switched off there; this run enrolls all the same.`);
}
