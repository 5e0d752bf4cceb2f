import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../../src/files/file-edge.js';
import { leftoverKey } from '../../../src/keystore/leftover-key.js';
import type { Notes } from '../../../src/keystore/notes/notes.js';
import { ensureNotesDirectory, notesDirectory } from '../../../src/keystore/notes/notes-directory.js';
import { notesPath, openNotes, readNotes } from '../../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { systemError, watched } from '../../files/faulty.js';
import { failure, line, NEW, removeHome, scratchHome } from '../scratch.js';

const disk = nodeFileEdge();
const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;
const SEEN = { fingerprint: FINGERPRINT, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
const REQUEST = { name: 'web-01', manager: 'siem:1515', startedAt: '2026-01-02T03:04:05.000Z' };
const withManager = (before: Notes): Notes => ({ ...before, managers: new Map([['manager.example:1515', SEEN]]) });

describe('the notes of a host', () => {
  let agent: AgentInstallation;
  let path: string;

  beforeEach(async () => {
    agent = await scratchHome();
    path = notesPath(agent);
    await ensureNotesDirectory(agent, [], disk);
  });
  afterEach(() => removeHome(agent));

  it('lie in a directory of their own, for their owner alone', async () => {
    await (await openNotes(agent, disk)).update(withManager);
    expect(path).to.equal(join(agent.home, '.agent-enroll', 'notes.json'));
    expect((await stat(path)).mode & 0o7777).to.equal(0o600);
    expect((await stat(dirname(path))).mode & 0o7777).to.equal(0o700);
    expect((await readNotes(agent, disk)).managers.get('manager.example:1515')).to.deep.equal(SEEN);
  });

  it('lie beside a key that is kept outside the home, whatever its directory is called', () => {
    const elsewhere = { home: '/var/ossec', keysFile: '/data/client.keys' };
    expect(notesDirectory(elsewhere)).to.equal('/data/.agent-enroll');
    expect(notesDirectory({ home: '/var/ossec', keysFile: '/var/ossec-2/client.keys' })).to.equal(
      '/var/ossec-2/.agent-enroll',
    );
    expect(notesDirectory({ home: '/var/ossec', keysFile: '/var/ossec/..etc/client.keys' })).to.equal(
      '/var/ossec/.agent-enroll',
    );
  });

  it('are not written again without a change, and are gone when there is nothing to remember', async () => {
    const notes = await openNotes(agent, disk);
    await notes.update(withManager);
    const { ino } = await stat(path);
    await notes.update(withManager);
    expect((await stat(path)).ino).to.equal(ino);
    await notes.update((before) => ({ ...before, managers: new Map() }));
    expect(await readdir(dirname(path))).to.deep.equal([]);
  });

  it('keep what another version noted', async () => {
    const binding = { agentId: '001', key: 'cd'.repeat(32), salt: 'ef'.repeat(16), hashes: {}, alias: 'x' };
    await writeFile(path, JSON.stringify({ version: 2, managers: {}, binding, future: { id: [1, 2] } }));
    await (await openNotes(agent, disk)).update(withManager);
    const text = JSON.parse(await readFile(path, 'utf8'));
    expect(text.future).to.deep.equal({ id: [1, 2] });
    expect(text.binding).to.deep.equal(binding);
  });

  it('are not passed over when they are broken', async () => {
    for (const [text, words] of [
      ['', 'not JSON'],
      ['[]', 'not a JSON object'],
      ['{}', 'no valid version'],
      ['{"version":3}', 'newer agent-enroll'],
      ['{"version":2,"managers":[]}', '"managers" is not'],
      ['{"version":2,"managers":{"a:1":{"fingerprint":"x","firstSeen":"2026-01-01"}}}', 'no valid fingerprint'],
      [`{"version":2,"managers":{"a:1":{"fingerprint":"${FINGERPRINT}","firstSeen":"then"}}}`, 'no valid date'],
      ['{"version":2,"links":{"a:1":{"protocol":"x"}}}', 'no valid protocol'],
      ['{"version":2,"binding":{"agentId":"x"}}', 'no valid agent id'],
      [`"${'x'.repeat(300_000)}"`, 'larger than 256 KiB'],
    ] as const) {
      await writeFile(path, text);
      for (const work of [() => readNotes(agent, disk), () => openNotes(agent, disk)]) {
        const error = await failure(work());
        expect(error.code).to.equal('FILE_UNREADABLE');
        expect(error.message).to.contain(words).and.to.contain(path);
      }
      expect(await readFile(path, 'utf8')).to.equal(text);
    }
  });

  it('of the version that kept them beside the key are taken over, once', async () => {
    const old = `${agent.keysFile}.agent-enroll.json`;
    await writeFile(old, JSON.stringify({ version: 1, managers: { 'a:1': { ...SEEN, other: undefined } } }));
    await writeFile(join(agent.home, '.agent-enroll.journal'), JSON.stringify(REQUEST));
    const { notes } = await openNotes(agent, disk);
    expect(notes.managers.get('a:1')).to.deep.equal(SEEN);
    expect(notes.request).to.deep.equal(REQUEST);
    expect(await readdir(agent.home)).to.not.include('.agent-enroll.journal');
    expect(await readdir(dirname(old))).to.deep.equal([]);
    await writeFile(old, '{"version":1,"managers":{}}');
    expect((await readNotes(agent, disk)).managers.size).to.equal(1);
  });

  it('stay as they were when the new ones cannot be written', async () => {
    await (await openNotes(agent, disk)).update(withManager);
    const before = await readFile(path, 'utf8');
    let armed = false;
    const full = watched(disk, (operation) => {
      if (armed && operation === 'write') throw systemError('ENOSPC');
    });
    const notes = await openNotes(agent, full);
    armed = true;
    expect((await failure(notes.update((now) => ({ ...now, request: REQUEST })))).code).to.equal('FILE_UNWRITABLE');
    expect(await readFile(path, 'utf8')).to.equal(before);
    expect(await readdir(dirname(path))).to.have.length(1);
  });
});

describe('a key that a killed run left', () => {
  let agent: AgentInstallation;
  const leave = (token: string, text: string) =>
    writeFile(join(dirname(agent.keysFile), `.client.keys.agent-enroll-${token}.tmp`), text);

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  it('is taken where it is whole and for the name that was asked for', async () => {
    expect(await leftoverKey(agent, 'web-01', disk)).to.equal(undefined);
    await leave('aaaaaaaa', line(NEW).slice(0, -1));
    await leave('bbbbbbbb', line(NEW).slice(0, 20));
    expect(await leftoverKey(agent, 'web-01', disk)).to.equal(undefined);
    await leave('cccccccc', line(NEW));
    expect((await leftoverKey(agent, 'web-01', disk))?.id).to.equal(NEW.id);
    expect((await leftoverKey(agent, 'web-', disk))?.id).to.equal(NEW.id);
    expect(await leftoverKey(agent, 'db-01', disk)).to.equal(undefined);
  });

  it('is none where a link or a directory has its name', async () => {
    await writeFile(join(agent.home, 'elsewhere'), line(NEW));
    const at = (token: string) => join(dirname(agent.keysFile), `.client.keys.agent-enroll-${token}.tmp`);
    await mkdir(at('aaaaaaaa'));
    await symlink('/nowhere', at('bbbbbbbb'));
    expect(await leftoverKey(agent, 'web-01', disk)).to.equal(undefined);
  });
});
