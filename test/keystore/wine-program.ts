import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { takeLock } from '../../src/files/lock.js';
import { checkWritable, installKey } from '../../src/keystore/client-keys.js';
import { readInstalled } from '../../src/keystore/installed.js';
import { ensureNotesDirectory, notesDirectory } from '../../src/keystore/notes/notes-directory.js';
import { openNotes } from '../../src/keystore/notes/notes-file.js';
import { SenderCounter } from '../../src/keystore/sender-counter.js';
import { sameRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { line, NEW, OLD } from './scratch.js';

/** Installs keys on Windows, and writes what it saw as JSON to the file that it was given: `wine-program REPORT`. */
const home = mkdtempSync(join(tmpdir(), 'agent enroll ü '));
const agent: AgentInstallation = {
  platform: 'windows',
  home,
  keysFile: join(home, 'client.keys'),
  counterFile: join(home, 'rids', 'sender_counter'),
  configFile: join(home, 'ossec.conf'),
  passwordFile: join(home, 'authd.pass'),
};

async function run(): Promise<Record<string, unknown>> {
  const edge = nodeFileEdge();
  await checkWritable(agent, edge);
  const afterCheck = readdirSync(home);
  const first = await installKey(OLD, agent, edge);
  await checkWritable(agent, edge);
  const second = await installKey(NEW, agent, edge);
  const third = await installKey(NEW, agent, edge);
  // A reader that holds the file for a moment keeps Windows from replacing it.
  const reader = openSync(agent.keysFile, 'r');
  setTimeout(() => closeSync(reader), 150);
  await installKey(OLD, agent, edge);
  const past = (await readInstalled(agent, edge))?.record;
  await installKey(NEW, agent, edge);
  const present = (await readInstalled(agent, edge))?.record;
  const counter = await SenderCounter.open(agent, edge);
  await counter.reserve(5);
  await counter.settle({ global: 0, local: 2 });
  await ensureNotesDirectory(agent, [], edge);
  const notes = await openNotes(agent, edge);
  await notes.update((before) => ({ ...before, other: { note: 1 } }));
  const lock = await takeLock(notesDirectory(agent), edge, () => {}, new AbortController().signal);
  await lock.release();
  const kept = readdirSync(notesDirectory(agent));
  const files = readdirSync(home).sort();
  mkdirSync(join(home, 'a directory'));
  const refused = await checkWritable({ ...agent, keysFile: join(home, 'a directory') }, edge).catch(String);
  return {
    home,
    afterCheck,
    changed: [first.changed, second.changed, third.changed],
    replacedWhileRead: past !== undefined && sameRecord(past, OLD),
    same: present !== undefined && sameRecord(present, NEW),
    whole: readFileSync(agent.keysFile, 'utf8') === line(NEW),
    counter: readFileSync(agent.counterFile, 'utf8'),
    files,
    kept,
    refused,
    icacls: existsSync('C:\\Windows\\System32\\icacls.exe'),
  };
}

const [, , report = ''] = process.argv;
run()
  .catch((error: unknown) => ({ error: error instanceof Error ? error.stack : String(error) }))
  .then((seen) => writeFileSync(report, JSON.stringify(seen)))
  .finally(() => rmSync(home, { recursive: true, force: true }));
