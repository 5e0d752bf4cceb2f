import { mkdir, writeFile } from 'node:fs/promises';
import { bindingOf, saltedHash } from '../../src/host/binding.js';
import type { Notes } from '../../src/keystore/notes/notes.js';
import { notesDirectory } from '../../src/keystore/notes/notes-directory.js';
import { notesPath } from '../../src/keystore/notes/notes-file.js';
import { type AgentRecord, keyHash } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type FakeFacts, procStat } from '../host/fake-system.js';
import { MACHINE, note } from '../journey/journey-scene.js';
import { line, record } from '../keystore/scratch.js';
import type { State } from './states.js';

const OTHER = record('900', 'other-host', 'any', 'e'.repeat(64));
const SALT = '5'.repeat(32);

/** Puts into an agent's home what a state has there. */
export async function putHost(agent: AgentInstallation, state: State, key: AgentRecord): Promise<void> {
  const keys = keysText(state, key);
  if (keys !== undefined) await writeFile(agent.keysFile, keys, { mode: 0o640 });
  const noted = notesOf(state, key);
  if (typeof noted !== 'string') return await note(agent, noted);
  await mkdir(notesDirectory(agent), { mode: 0o700 });
  await writeFile(notesPath(agent), noted, { mode: 0o600 });
}

function keysText({ key }: State, own: AgentRecord): string | undefined {
  switch (key) {
    case 'none':
      return undefined;
    case 'broken':
      return line(own).replace(/ any /, ' any, ');
    case 'two':
      return line(own) + line(OTHER);
    default:
      return line(own);
  }
}

/** A text: what is no notes of this version. */
function notesOf({ notes, key }: State, own: AgentRecord): Partial<Notes> | string {
  switch (notes) {
    case 'none':
      return {};
    case 'broken':
      return '{"version":2,"managers":7}';
    case 'newer':
      return '{"version":99}';
    case 'another key':
      return { acknowledged: `${OTHER.id} ${OTHER.name}` };
    case 'this key': {
      const binding = key === "another machine's" ? { binding: boundElsewhere(own) } : {};
      return { acknowledged: `${own.id} ${own.name}`, ...binding };
    }
  }
}

function boundElsewhere(own: AgentRecord) {
  const { hashes } = bindingOf({ machineId: '2'.repeat(32) }, SALT);
  const key = saltedHash('key', keyHash(own), SALT);
  return { agentId: own.id, key, salt: SALT, hashes, othersNames: [], other: {} };
}

const HOUR_OF_TICKS = 360_000;

/** What the system of a host in this state tells of it. */
export function factsOf({ home }: AgentInstallation, { daemon, family }: State, hostname: string): FakeFacts {
  const facts = { ...MACHINE, hostname };
  if (daemon === 'none') return facts;
  const name = family === 'ossec' ? 'ossec-agentd' : 'wazuh-agentd';
  const status = daemon === 'disconnected' ? 'disconnected' : 'connected';
  const started = daemon === 'another key' ? 0 : 2 * HOUR_OF_TICKS;
  const said: Record<string, string> =
    family === 'ossec'
      ? { [`${home}/queue/ossec/${daemon === 'disconnected' ? '.wait' : 'queue'}`]: '' }
      : { [`${home}/var/run/${name}.state`]: `status='${status}'\n` };
  return {
    ...facts,
    files: {
      ...facts.files,
      [`${home}/var/run/${name}-77.pid`]: '77',
      '/proc/77/comm': `${name}\n`,
      '/proc/77/stat': procStat(77, name, started),
      '/proc/self/stat': procStat(1, 'node', HOUR_OF_TICKS),
      '/proc/sys/kernel/random/boot_id': 'a-boot\n',
      ...(daemon === 'says nothing' ? {} : said),
    },
  };
}
