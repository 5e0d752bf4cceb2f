import { chown, lchown, link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../../src/files/file-edge.js';
import { NOTHING_KNOWN, type Notes } from '../../../src/keystore/notes/notes.js';
import { ensureNotesDirectory } from '../../../src/keystore/notes/notes-directory.js';
import { type NotesFile, notesPath, openNotes, readNotes } from '../../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { systemError, watched } from '../../files/faulty.js';
import { isRoot, makeFifo, OTHER } from '../../files/scratch.js';
import { failure, filesBelow, removeHome, scratchHome } from '../scratch.js';

const disk = nodeFileEdge();
const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;
const SEEN = { fingerprint: FINGERPRINT, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
const REQUEST = { name: 'web-01', manager: 'siem:1515', startedAt: '2026-01-02T03:04:05.000Z' };
const withManager = (before: Notes): Notes => ({
  ...before,
  managers: new Map([...before.managers, ['manager.example:1515', SEEN]]),
});

describe('the notes of a host', () => {
  let agent: AgentInstallation;
  let path: string;

  beforeEach(async () => {
    agent = await scratchHome();
    path = notesPath(agent);
    await ensureNotesDirectory(agent, [], disk);
  });
  afterEach(() => removeHome(agent));

  /** Fails alike, whether they are to be read or to be written; and leaves what lies there. */
  const refused = async (words: string) => {
    const seen: string[] = [];
    for (const work of [() => readNotes(agent, disk), () => openNotes(agent, disk)]) {
      const error = await failure(work());
      expect(error.code).to.equal('FILE_UNREADABLE');
      expect(error.message).to.contain(words).and.to.contain(dirname(path));
      seen.push(error.hint);
    }
    return seen.join('\n');
  };

  it('lie in a directory of their own, for their owner alone', async () => {
    const umask = process.umask(0);
    try {
      await (await openNotes(agent, disk)).update(withManager);
    } finally {
      process.umask(umask);
    }
    expect(path).to.equal(join(agent.home, '.agent-enroll', 'notes.json'));
    expect((await stat(path)).mode & 0o7777).to.equal(0o600);
    expect(await filesBelow(agent.home)).to.deep.equal(['.agent-enroll/notes.json']);
    expect(JSON.parse(await readFile(path, 'utf8'))).to.deep.equal({
      version: 2,
      managers: { 'manager.example:1515': { fingerprint: FINGERPRINT, firstSeen: SEEN.firstSeen } },
    });
  });

  it('know nothing at first, and what was noted afterwards', async () => {
    expect((await readNotes(agent, disk)).managers.size).to.equal(0);
    const file = await openNotes(agent, disk);
    await file.update(withManager);
    expect(file.notes.managers.get('manager.example:1515')).to.deep.equal(SEEN);
    expect((await readNotes(agent, disk)).managers.get('manager.example:1515')).to.deep.equal(SEEN);
    await file.update((before) => ({ ...before, request: REQUEST }));
    const { managers, request } = await readNotes(agent, disk);
    expect(managers.size).to.equal(1);
    expect(request).to.deep.equal(REQUEST);
  });

  it('are not there for a reader who finds no directory either', async () => {
    await rm(dirname(path), { recursive: true });
    expect((await readNotes(agent, disk)).managers.size).to.equal(0);
    expect(await readdir(agent.home)).to.deep.equal(['etc']);
  });

  it('leave nothing behind by being opened', async () => {
    await openNotes(agent, disk);
    expect(await readdir(dirname(path))).to.deep.equal([]);
  });

  it('keep what another version noted', async () => {
    const binding = { agentId: '001', key: 'cd'.repeat(32), salt: 'ef'.repeat(16), hashes: {}, alias: 'x' };
    await writeFile(path, JSON.stringify({ version: 2, managers: {}, binding, future: { id: [1, 2] } }));
    await (await openNotes(agent, disk)).update(withManager);
    const text = JSON.parse(await readFile(path, 'utf8'));
    expect(text.future).to.deep.equal({ id: [1, 2] });
    expect(text.binding).to.deep.equal(binding);
    expect(Object.keys(text.managers)).to.deep.equal(['manager.example:1515']);
  });

  describe('without a change', () => {
    /** The operations that change something on the disk. */
    const written: string[] = [];
    const counting = watched(disk, (operation) => {
      if (/^(write|rename|unlink|open wx|chmod|chown)$/.test(operation)) written.push(operation);
    });
    const twice = async (file: NotesFile) => {
      await file.update(withManager);
      const { ino } = await stat(path);
      written.length = 0;
      await file.update(withManager);
      expect((await stat(path)).ino).to.equal(ino);
      expect(written).to.deep.equal([]);
    };

    it('are not written again', async () => {
      await twice(await openNotes(agent, counting));
    });

    it('are not written again by the next run either', async () => {
      await (await openNotes(agent, disk)).update(withManager);
      await twice(await openNotes(agent, counting));
    });

    it('are not written where there is nothing to remember', async () => {
      const file = await openNotes(agent, counting);
      written.length = 0;
      await file.update((before) => ({ ...before, managers: new Map() }));
      expect(written).to.deep.equal([]);
      expect(await readdir(dirname(path))).to.deep.equal([]);
    });
  });

  it('are gone when there is nothing to remember any more', async () => {
    const notes = await openNotes(agent, disk);
    await notes.update(withManager);
    await notes.update((before) => ({ ...before, managers: new Map() }));
    expect(await readdir(dirname(path))).to.deep.equal([]);
    await notes.update(withManager);
    expect((await readNotes(agent, disk)).managers.size).to.equal(1);
  });

  it('are not passed over when they are broken', async () => {
    for (const [text, words] of [
      ['', 'not JSON'],
      ['{"version":2,', 'not JSON'],
      ['[]', 'not a JSON object'],
      ['null', 'not a JSON object'],
      ['{}', 'no valid version'],
      ['{"version":"2"}', 'no valid version'],
      ['{"version":3}', 'newer agent-enroll'],
      ['{"version":2,"managers":[]}', '"managers" is not'],
      ['{"version":2,"managers":{"a:1":"x"}}', 'a:1 is not an object'],
      ['{"version":2,"managers":{"a:1":{"fingerprint":"x","firstSeen":"2026-01-01"}}}', 'no valid fingerprint'],
      [`{"version":2,"managers":{"a:1":{"fingerprint":"${FINGERPRINT}","firstSeen":"then"}}}`, 'no valid date'],
      ['{"version":2,"links":{"a:1":{"protocol":"x"}}}', 'no valid protocol'],
      ['{"version":2,"binding":{"agentId":"x"}}', 'no valid agent id'],
      [`"${'x'.repeat(300_000)}"`, 'larger than 256 KiB'],
    ] as const) {
      await writeFile(path, text);
      await refused(words);
      expect(await readFile(path, 'utf8')).to.equal(text);
    }
    await writeFile(path, '{');
    expect(await refused('not JSON')).to.contain('--pin');
    await writeFile(path, '{"version":3}');
    expect(await refused('newer agent-enroll')).to.contain('Use that version, or the newest one.');
  });

  describe('with something else in their place', () => {
    it('are refused, a directory', async () => {
      await mkdir(path);
      await refused('it is a directory');
    });

    it('are refused, a FIFO, and nobody is waited for', async () => {
      makeFifo(path);
      await refused('it is a FIFO');
    });

    it('are refused, a link that leads in a circle', async () => {
      await symlink('notes.json', path);
      await refused('lead in a circle');
    });

    it("are refused, a link of somebody else's, which is not followed", async function () {
      if (!isRoot) this.skip(); // Only root can give links away.
      const victim = join(agent.home, 'victim');
      await writeFile(victim, '{"version":2}');
      await symlink(victim, path);
      await lchown(path, OTHER.uid, OTHER.gid);
      await refused('belongs to another user');
      expect(await readFile(victim, 'utf8')).to.equal('{"version":2}');
    });

    it("are refused, a file of somebody else's", async function () {
      if (!isRoot) this.skip(); // Only root can give files away.
      await writeFile(path, '{"version":2}');
      await chown(path, OTHER.uid, OTHER.gid);
      await refused(`belongs to user ${OTHER.uid}`);
    });

    it('are none where the home is a file', async () => {
      const home = join(agent.home, 'file');
      await writeFile(home, '');
      const inFile = { ...agent, home, keysFile: join(home, 'etc', 'client.keys') };
      expect(await readNotes(inFile, disk)).to.deep.equal(NOTHING_KNOWN);
    });

    it("are read on Windows, which tells no owner, though it is nobody's", async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await (await openNotes(agent, disk)).update(withManager);
      const { uid: _, ...windows } = disk;
      await chown(dirname(path), OTHER.uid, OTHER.gid);
      expect((await readNotes({ ...agent, platform: 'windows' }, windows)).managers.size).to.equal(1);
    });

    it('are refused where the directory is a file', async () => {
      await rm(dirname(path), { recursive: true });
      await writeFile(dirname(path), '');
      await refused('it is not a directory');
    });

    it('are found through a link, and through another name, that whoever runs this has made', async () => {
      const elsewhere = join(agent.home, 'elsewhere.json');
      await symlink(elsewhere, path);
      await (await openNotes(agent, disk)).update(withManager);
      expect((await readNotes(agent, disk)).managers.size).to.equal(1);
      expect(JSON.parse(await readFile(elsewhere, 'utf8')).version).to.equal(2);
      await rm(path);
      await link(elsewhere, path);
      expect((await readNotes(agent, disk)).managers.size).to.equal(1);
    });
  });

  describe('that cannot be written', () => {
    it('tell it when they are opened, before anything is done', async () => {
      await (await openNotes(agent, disk)).update(withManager);
      const before = await readFile(path, 'utf8');
      const full = watched(disk, (operation) => {
        if (operation === 'write') throw systemError('ENOSPC');
      });
      const error = await failure(openNotes(agent, full));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.contain(path).and.to.contain('no space');
      expect(await readFile(path, 'utf8')).to.equal(before);
      expect(await readdir(dirname(path))).to.deep.equal(['notes.json']);
    });

    it('stay as they were', async () => {
      await (await openNotes(agent, disk)).update(withManager);
      const before = await readFile(path, 'utf8');
      let armed = false;
      const full = watched(disk, (operation) => {
        if (armed && operation === 'write') throw systemError('ENOSPC');
      });
      const notes = await openNotes(agent, full);
      armed = true;
      const change = (now: Notes): Notes => ({ ...now, request: REQUEST });
      expect((await failure(notes.update(change))).code).to.equal('FILE_UNWRITABLE');
      expect(notes.notes.request).to.equal(undefined);
      expect(await readFile(path, 'utf8')).to.equal(before);
      expect(await readdir(dirname(path))).to.have.length(1);
      armed = false;
      await notes.update(change);
      expect((await readNotes(agent, disk)).request).to.deep.equal(REQUEST);
    });
  });
});
