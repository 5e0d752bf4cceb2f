import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import { watched } from '../files/faulty.js';
import { failure, line, NEW, OLD } from '../keystore/scratch.js';
import { NOBODY, note, REQUEST, withDaemon } from './journey-scene.js';
import { leftKeyScene } from './left-key-scene.js';

const disk = nodeFileEdge();

describe('a key that a killed run had not put in the place of another yet', function () {
  this.timeout(20_000);
  const scene = leftKeyScene();

  describe('beside an older one', () => {
    /** An agent whose key the manager has forgotten, and that was enrolling again when it was killed. */
    const healing = async () => {
      await enroll(scene.journey());
      await scene.removed('001');
      const old = await scene.text();
      await scene.killed();
      return old;
    };

    it('takes its place once the manager has acknowledged it', async () => {
      const old = await healing();
      const seen: string[] = [];
      const watching = watched(disk, async (operation, path) => {
        if (operation === 'rename' && path === scene.agent.keysFile) seen.push(await scene.text());
      });
      const run = scene.journey({ disk: watching });
      const { changed, record: found } = await enroll(run);
      expect(changed).to.equal(true);
      expect(found.id).to.not.equal('001');
      expect(run.kinds()).to.deep.equal(['left', 'present', 'proving', 'proved', 'installed']);
      expect(seen).to.deep.equal([old]);
      expect(await scene.text()).to.equal(line(found));
      expect([scene.asked(), scene.sandbox.agents().length]).to.deep.equal([0, 1]);
      expect([await scene.open(), await scene.lying()]).to.deep.equal([false, []]);
      expect((await readNotes(scene.agent, disk)).acknowledged).to.equal(`${found.id} web-01`);
    });

    it('does not start the counters again once messages have been sent with it', async () => {
      await healing();
      await enroll(scene.journey());
      const [global, local] = (await readFile(scene.agent.counterFile, 'utf8')).split(':').map(Number);
      const last = scene.events.flatMap((event) => (event.type === 'message' ? [event.counter] : [])).at(-1);
      expect(`${global}:${local}`).to.equal(last);
    });

    it('is dropped where that one is the one that the manager acknowledges', async () => {
      await enroll(scene.journey());
      const [key, { ino }] = [await scene.text(), await stat(scene.agent.keysFile)];
      await note(scene.agent, { request: REQUEST });
      await writeFile(scene.at('aaaaaaaa'), line(NEW));
      const run = scene.journey();
      const { changed, record: found } = await enroll(run);
      expect({ changed, id: found.id }).to.deep.equal({ changed: false, id: '001' });
      expect(run.kinds()).to.deep.equal(['left', 'present', 'proving', 'rejected', 'present', 'proving', 'proved']);
      expect(await scene.text()).to.equal(key);
      expect((await stat(scene.agent.keysFile)).ino).to.equal(ino);
      expect([await scene.open(), await scene.lying(), scene.asked()]).to.deep.equal([false, [], 1]);
    });

    it('makes way, as that one does, for a third where the manager knows neither', async () => {
      await writeFile(scene.agent.keysFile, line(OLD));
      await note(scene.agent, { request: REQUEST });
      await writeFile(scene.at('aaaaaaaa'), line(NEW));
      const run = scene.journey();
      const { changed, record: found } = await enroll(run);
      expect(changed).to.equal(true);
      expect(run.kinds().filter((kind) => kind === 'rejected')).to.have.length(2);
      expect(await scene.text()).to.equal(line(found));
      expect([await scene.open(), await scene.lying(), scene.asked()]).to.deep.equal([false, [], 1]);
    });

    it('stays, as that one does, where no manager can be reached, and counts the next time', async () => {
      const old = await healing();
      const error = await failure(enroll(scene.journey({ remoted: NOBODY })));
      expect(error.exitCode).to.equal(7);
      expect(await scene.text()).to.equal(old);
      expect([await scene.open(), (await scene.lying()).length]).to.deep.equal([true, 1]);
      expect(await enroll(scene.journey())).to.include({ changed: true });
      expect(scene.asked()).to.equal(0);
    });

    it('stays, and does not take its place on a guess, where no handshake is wanted', async () => {
      const old = await healing();
      expect(await enroll(scene.journey({ settings: { handshake: false } }))).to.include({ changed: false });
      expect(await scene.text()).to.equal(old);
      expect([await scene.open(), (await scene.lying()).length]).to.deep.equal([true, 1]);
      expect(await enroll(scene.journey())).to.include({ changed: true });
      expect(scene.asked()).to.equal(0);
    });

    it('does not take its place on the word of an agent that runs with that one', async () => {
      await enroll(scene.journey());
      const key = await scene.text();
      await note(scene.agent, { request: REQUEST });
      await writeFile(scene.at('aaaaaaaa'), line(NEW));
      const { changed, record: found } = await enroll(scene.journey({ facts: withDaemon(scene.agent, 'connected') }));
      expect({ changed, id: found.id }).to.deep.equal({ changed: false, id: '001' });
      expect(await scene.text()).to.equal(key);
      const { acknowledged, binding } = await readNotes(scene.agent, disk);
      expect([acknowledged, binding?.agentId]).to.deep.equal(['001 web-01', '001']);
      const down = await failure(enroll(scene.journey({ facts: withDaemon(scene.agent, 'disconnected') })));
      expect(down.code).to.equal('AGENT_NOT_CONNECTED');
      expect(await scene.text()).to.equal(key);
    });

    it('tells that the older one was open to others, where that one is kept', async () => {
      await enroll(scene.journey());
      await chmod(scene.agent.keysFile, 0o644);
      await note(scene.agent, { request: REQUEST });
      await writeFile(scene.at('aaaaaaaa'), line(NEW));
      const run = scene.journey();
      await enroll(run);
      expect(run.warnings().join()).to.contain('mode 0644');
      expect((await stat(scene.agent.keysFile)).mode & 0o7777).to.equal(0o640);
    });
  });

  describe('beside one of another machine', () => {
    const COPY = { hostname: 'web-01', files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };

    it('takes its place, and this machine keeps to a name of its own', async () => {
      await enroll(scene.journey());
      const original = await scene.text();
      await scene.killed({ facts: COPY });
      expect(await scene.text()).to.equal(original);
      const { record: found } = await enroll(scene.journey({ facts: COPY }));
      expect(found.name).to.match(/^web-01-[0-9a-f]{8}$/);
      expect(scene.asked()).to.equal(0);
      expect((await readNotes(scene.agent, disk)).binding?.othersNames).to.deep.equal(['web-01']);
      expect(await enroll(scene.journey({ facts: COPY }))).to.include({ changed: false });
      // Also when it asks for another key later on, be it refused.
      const later = scene.journey({ facts: COPY, settings: { force: true } });
      await enroll(later).catch(() => undefined);
      const names = later.told.flatMap((event) => (event.kind === 'asking' ? [event.name] : []));
      expect(names).to.deep.equal([found.name]);
    });
  });
});
