import { chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../../src/files/file-edge.js';
import { ensureNotesDirectory } from '../../../src/keystore/notes/notes-directory.js';
import { notesPath, openNotes, readNotes } from '../../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { systemError, watched } from '../../files/faulty.js';
import { isRoot, makeFifo, OTHER } from '../../files/scratch.js';
import { failure, filesBelow, removeHome, scratchHome } from '../scratch.js';

const disk = nodeFileEdge();
const HASH = 'cd'.repeat(32);
const SEEN = { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05.000Z' };
const BINDING = { agentId: '001', key: HASH, salt: 'ef'.repeat(16), hashes: { 'machine-id': HASH } };
const FIRST = { version: 1, managers: { 'a:1515': SEEN }, acknowledged: '001 web-01', binding: BINDING };
const REQUEST = { name: 'web-01', manager: 'siem.example.org:1515', startedAt: '2026-01-02T03:04:05.000Z' };

describe('notes of the version that kept them beside the key', () => {
  let agent: AgentInstallation;
  let notes: string;
  let journal: string;

  beforeEach(async () => {
    agent = await scratchHome();
    notes = `${agent.keysFile}.agent-enroll.json`;
    journal = join(agent.home, '.agent-enroll.journal');
    await ensureNotesDirectory(agent, [], disk);
  });
  afterEach(() => removeHome(agent));

  const refused = async (words: string, path: string) => {
    for (const work of [() => readNotes(agent, disk), () => openNotes(agent, disk)]) {
      const error = await failure(work());
      expect(error.code).to.equal('FILE_UNREADABLE');
      expect(error.message).to.contain(words).and.to.contain(path);
    }
    expect(await readdir(dirname(notesPath(agent)))).to.deep.equal([]);
  };

  it('are taken over with all that they hold, and their files are gone', async () => {
    await writeFile(notes, JSON.stringify(FIRST));
    await writeFile(journal, JSON.stringify(REQUEST));
    const file = await openNotes(agent, disk);
    expect(file.notes.managers.get('a:1515')).to.deep.equal({ ...SEEN, other: {} });
    expect(file.notes.acknowledged).to.equal('001 web-01');
    expect(file.notes.binding?.agentId).to.equal('001');
    expect(file.notes.request).to.deep.equal(REQUEST);
    expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll/notes.json']);
    expect((await stat(notesPath(agent))).mode & 0o7777).to.equal(0o600);
    expect(JSON.parse(await readFile(notesPath(agent), 'utf8'))).to.deep.equal({
      ...FIRST,
      version: 2,
      request: REQUEST,
    });
  });

  it('are taken over once: what is put there afterwards is not looked at', async () => {
    await writeFile(notes, JSON.stringify(FIRST));
    await openNotes(agent, disk);
    await writeFile(notes, JSON.stringify({ version: 1, managers: { 'evil:1515': SEEN } }));
    await writeFile(journal, JSON.stringify({ ...REQUEST, name: 'evil' }));
    for (const found of [await readNotes(agent, disk), (await openNotes(agent, disk)).notes]) {
      expect([...found.managers.keys()]).to.deep.equal(['a:1515']);
      expect(found.request).to.equal(undefined);
    }
  });

  it('may be either of the two', async () => {
    await writeFile(journal, JSON.stringify(REQUEST));
    const { notes: found } = await openNotes(agent, disk);
    expect(found.request).to.deep.equal(REQUEST);
    expect(found.managers.size).to.equal(0);
    await rm(notesPath(agent));
    await writeFile(notes, JSON.stringify(FIRST));
    expect((await openNotes(agent, disk)).notes).to.not.have.property('request');
    expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll/notes.json']);
  });

  it('that say nothing are gone all the same, and nothing is written of them', async () => {
    await writeFile(notes, '{"version":1,"managers":{}}');
    await openNotes(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('are only looked at by somebody who only looks', async () => {
    await writeFile(notes, JSON.stringify(FIRST));
    await writeFile(journal, JSON.stringify(REQUEST));
    const found = await readNotes(agent, disk);
    expect(found.managers.size).to.equal(1);
    expect(found.request).to.deep.equal(REQUEST);
    expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll.journal', 'etc/client.keys.agent-enroll.json']);
  });

  it('have their request beside a key that lies outside the home', async () => {
    const volume = join(agent.home, 'etc');
    const elsewhere = { ...agent, home: join(agent.home, 'home'), keysFile: join(volume, 'client.keys') };
    await mkdir(elsewhere.home);
    await mkdir(join(volume, '.agent-enroll'), { mode: 0o700 });
    await writeFile(join(volume, '.agent-enroll.journal'), JSON.stringify(REQUEST));
    await writeFile(notes, JSON.stringify(FIRST));
    const { notes: found } = await openNotes(elsewhere, disk);
    expect(found.request).to.deep.equal(REQUEST);
    expect(found.managers.size).to.equal(1);
    expect(await filesBelow(volume)).to.deep.equal(['.agent-enroll/notes.json']);
  });

  it('are not passed over when they are broken', async () => {
    for (const [text, words] of [
      ['', 'not JSON'],
      ['[]', 'not a JSON object'],
      ['{}', 'no valid version'],
      ['{"version":3}', 'newer agent-enroll'],
      ['{"version":1,"managers":[]}', '"managers" is not'],
      [`"${'x'.repeat(300_000)}"`, 'larger than 256 KiB'],
    ] as const) {
      await writeFile(notes, text);
      await refused(words, notes);
      expect(await readFile(notes, 'utf8')).to.equal(text);
    }
  });

  for (const text of ['', 'not json', '[]', '{"name":1}', '{"name":"web-01"}', 'x'.repeat(10_000)]) {
    it(`still tell that there was a request where it cannot be read: ${text.slice(0, 20)}`, async () => {
      await writeFile(journal, text);
      const { request } = (await openNotes(agent, disk)).notes;
      expect(request).to.have.all.keys('name', 'manager', 'startedAt');
      expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll/notes.json']);
    });
  }

  it('are refused where they belong to somebody else', async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    for (const path of [notes, journal]) {
      await writeFile(path, JSON.stringify(path === notes ? FIRST : REQUEST));
      await chown(path, OTHER.uid, OTHER.gid);
      await refused(`belongs to user ${OTHER.uid}`, path);
      await rm(path);
    }
  });

  it('are refused, a FIFO, a directory and a link in a circle', async () => {
    for (const path of [notes, journal]) {
      makeFifo(path);
      await refused('FIFO', path);
      await rm(path);
      await mkdir(path);
      await refused('it is a directory', path);
      await rm(path, { recursive: true });
      await symlink(path, path);
      await refused('lead in a circle', path);
      await rm(path);
    }
  });

  it('stay where the new ones cannot be written', async () => {
    await writeFile(notes, JSON.stringify(FIRST));
    await writeFile(journal, JSON.stringify(REQUEST));
    const full = watched(disk, (operation) => {
      if (operation === 'write') throw systemError('ENOSPC');
    });
    expect((await failure(openNotes(agent, full))).code).to.equal('FILE_UNWRITABLE');
    expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll.journal', 'etc/client.keys.agent-enroll.json']);
    expect((await openNotes(agent, disk)).notes.request).to.deep.equal(REQUEST);
  });

  it('are no trouble where they cannot be removed', async () => {
    await writeFile(notes, JSON.stringify(FIRST));
    const stuck = watched(disk, (operation, path) => {
      if (operation === 'unlink' && path === notes) throw systemError('EPERM');
    });
    await (await openNotes(agent, stuck)).update((before) => ({ ...before, managers: new Map() }));
    expect((await openNotes(agent, stuck)).notes.managers.size).to.equal(0);
  });

  it('are removed by the next run where one was killed once it had taken them over', async () => {
    await writeFile(notes, JSON.stringify(FIRST));
    await openNotes(agent, disk);
    await writeFile(notes, JSON.stringify(FIRST));
    await writeFile(journal, JSON.stringify(REQUEST));
    await openNotes(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll/notes.json']);
  });
});
