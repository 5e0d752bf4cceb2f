import { EnrollError } from '../errors.js';
import { type AgentRecord, faultInWords, type ParsedRecord, parseRecord } from '../model/agent-record.js';
import { memberOf, parseJson } from '../model/json.js';
import { printable } from '../model/printable.js';

/** Which agent is meant, where a text has several; where it has one, it must be this. */
export interface ExportedChoice {
  /** With or without its leading zeros. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * Reads a key that was exported by hand: the base64 that `manage_agents -e` and the API show, with what manage_agents
 * prints around it or as the API's JSON answer; a line of client.keys; or a manager's whole client.keys, of which one
 * agent is chosen.
 *
 * (`manage_agents -e`, OSSEC and Wazuh: base64 of `id name ip key`. API 3.x: `data` or `data.key`; 4.x and later:
 * `data.key` or `data.affected_items[0].key`.)
 *
 * @throws EnrollError `IMPORT_INVALID` with the reason, and nothing of the text but ids and names
 */
export function readExportedKey(text: string, choice: ExportedChoice = {}): AgentRecord {
  const { lines, titles } = meaningful(text);
  if (lines.length === 0) throw invalid('There is no key in it: it is empty.');
  const entries = lines.some(isEntry) ? lines.filter(isEntry) : decoded(lines);
  const record = chosen(entries, choice);
  for (const id of titles) {
    if (!sameId(id, record.id)) {
      throw invalid(
        `The text says that the key is that of agent ${id}, but it is that of ${record.id} ${record.name}.`,
      );
    }
  }
  return record;
}

/** What manage_agents prints before a key, and what its menu prints after it. */
const TITLE = /^Agent key information for '(\d{1,10})' is:$/;
const MENU = /^\*\* Press ENTER to return to the main menu\.$/;

/** Whether a line is none of the key: an empty one, or what manage_agents prints around it. */
export function isAroundExportedKey(line: string): boolean {
  const trimmed = line.trim();
  return trimmed === '' || TITLE.test(trimmed) || MENU.test(trimmed);
}

/** The lines that hold something, and the ids that manage_agents names. */
function meaningful(text: string): { readonly lines: readonly string[]; readonly titles: readonly string[] } {
  const plain = text.replace(/^\uFEFF/, '');
  const lines: string[] = [];
  const titles: string[] = [];
  for (const line of (apiKey(plain) ?? plain).split(/\r\n|\r|\n/)) {
    const title = TITLE.exec(line.trim())?.[1];
    if (title !== undefined) titles.push(title);
    // As in client.keys, a line that begins with a blank or # is none of its entries.
    else if (!isAroundExportedKey(line) && !line.startsWith('#')) lines.push(line.trimEnd());
  }
  return { lines, titles };
}

/** Whether a line begins as an entry of client.keys does. Base64 has no blanks. */
function isEntry(line: string): boolean {
  return /^\d+ +\S/.test(line);
}

/** The entries in base64, on one line or folded into several. */
function decoded(lines: readonly string[]): string[] {
  // Of a folded one no two lines are a record each.
  const whole = lines.filter((line) => parseRecord(fromBase64(line.trim()) ?? '').ok);
  if (whole.length > 1) throw several(whole.length);
  const entry = fromBase64(lines.map((line) => line.trim()).join(''));
  if (entry === undefined) {
    throw invalid('What was given is neither a line "id name ip key" nor valid base64; a part of it may be missing.');
  }
  return entry.split(/\r?\n/).filter((line) => line.trim() !== '');
}

function fromBase64(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Node decodes nearly everything: only what encodes to itself again is base64. Some tools leave the padding out.
  const again = bytes.toString('base64');
  return again === text || again.replaceAll('=', '') === text ? bytes.toString('latin1') : undefined;
}

function chosen(entries: readonly string[], { id, name }: ExportedChoice): AgentRecord {
  if (id === undefined && name === undefined) return only(entries);
  const asked = [
    ...(id === undefined ? [] : [`id ${printable(id)}`]),
    ...(name === undefined ? [] : [`name ${printable(name)}`]),
  ];
  const who = asked.join(' and the ');
  const parsed = entries
    .filter((entry) => isOf(entry, id, name))
    .map((entry) => ({ entry, parsed: parseRecord(entry) }));
  const present = parsed.filter(({ parsed }) => parsed.ok || parsed.fault !== 'removed');
  const [first] = present;
  if (present.length > 1) throw invalid(`${present.length} agents in it have the ${who}. Give both --id and --name.`);
  if (first !== undefined) return checked(first.parsed);
  if (parsed.length > 0)
    throw invalid(`The agent with the ${who} was removed on the manager: its key is no longer valid.`);
  const [sole = ''] = entries;
  const other = entries.length === 1 ? parseRecord(sole) : undefined;
  if (other?.ok) {
    throw invalid(`The key is that of agent ${other.record.id} ${other.record.name}, not of one with the ${who}.`);
  }
  throw invalid(`None of the ${entries.length} agents in it has the ${who}.`);
}

function isOf(entry: string, id: string | undefined, name: string | undefined): boolean {
  const [ownId = '', ownName = ''] = entry.split(' ');
  if (id !== undefined && !sameId(id, ownId)) return false;
  return name === undefined || ownName.replace(/^[!#]/, '') === name;
}

function sameId(one: string, other: string): boolean {
  return one.replace(/^0+/, '') === other.replace(/^0+/, '');
}

function only(entries: readonly string[]): AgentRecord {
  const parsed = entries.map(parseRecord);
  const present = parsed.filter((one) => one.ok || one.fault !== 'removed');
  if (present.length > 1) throw several(present.length);
  const [first] = present.length === 1 ? present : parsed;
  if (first === undefined) throw invalid('There is no key in it: it is empty.');
  return checked(first);
}

function checked(parsed: ParsedRecord): AgentRecord {
  if (parsed.ok) return parsed.record;
  if (parsed.fault === 'removed') {
    throw invalid('Its only entry is that of an agent that was removed on the manager: its key is no longer valid.');
  }
  throw invalid(`The entry in it is not valid: ${faultInWords(parsed.fault)}.`);
}

function several(count: number): EnrollError {
  return new EnrollError('IMPORT_INVALID', `It holds the keys of ${count} agents, and a host has one.`, {
    hint: 'Say which is meant with --id or --name.',
  });
}

function invalid(what: string): EnrollError {
  return new EnrollError('IMPORT_INVALID', what);
}

/** The base64 in an answer of the API; `undefined` where the text is no JSON object. */
function apiKey(text: string): string | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const answer = parseJson(text);
  if (answer === undefined) throw invalid('It begins as JSON does, but it is none.');
  const data = memberOf(answer, 'data');
  const items = memberOf(data, 'affected_items');
  if (Array.isArray(items) && items.length > 1) throw several(items.length);
  const key = typeof data === 'string' ? data : memberOf(Array.isArray(items) ? items[0] : data, 'key');
  if (typeof key !== 'string') throw invalid("It is JSON, but no answer of the manager's API with a key in it.");
  return key;
}
