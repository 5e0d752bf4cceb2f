import { stat, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import { emptyReport, withEvent } from '../../src/journey/report.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { failure, line, NEW, record } from '../keystore/scratch.js';
import { askAuthd } from '../sandbox/clients.js';
import { openGate } from './gate.js';
import { type Given, NOBODY, note, REQUEST, withDaemon } from './journey-scene.js';
import { leftKeyScene } from './left-key-scene.js';

const disk = nodeFileEdge();

describe('a key that a killed run had not put in its place yet', function () {
  this.timeout(20_000);
  const scene = leftKeyScene();

  /** A record that the manager has issued to this name, as a line. */
  const issued = async (name: string) => {
    const { records } = await askAuthd(scene.sandbox.endpoints.authd, [`OSSEC A:'${name}'\n`]);
    const [, record = ''] = /'(.*)'/.exec(records.join('')) ?? [];
    return `${record}\n`;
  };

  describe('where there is no other', () => {
    it('is put there and proven, and the manager is not asked for another', async () => {
      await scene.killed();
      expect(await scene.text()).to.equal('none');
      const run = scene.journey();
      const { changed, record: found, link } = await enroll(run);
      expect({ changed, id: found.id }).to.deep.equal({ changed: true, id: '001' });
      expect(link?.attempts).to.be.greaterThan(0);
      expect(run.kinds()).to.deep.equal(['left', 'installed', 'present', 'proving', 'proved']);
      expect(run.warnings()).to.deep.equal([]);
      expect(scene.asked()).to.equal(0);
      expect(scene.sandbox.agents()).to.have.length(1);
      expect(await scene.text()).to.equal(line(found));
      expect((await stat(scene.agent.keysFile)).mode & 0o7777).to.equal(0o640);
      expect(await scene.lying()).to.deep.equal([]);
      expect(await scene.open()).to.equal(false);
      const { acknowledged, binding } = await readNotes(scene.agent, disk);
      expect([acknowledged, binding?.agentId]).to.deep.equal(['001 web-01', '001']);
      expect(await enroll(scene.journey())).to.include({ changed: false });
    });

    it('is in its place even if the manager cannot be reached then', async () => {
      await scene.killed();
      const error = await failure(enroll(scene.journey({ remoted: NOBODY })));
      expect(error.exitCode).to.equal(7);
      expect(await scene.text()).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
      expect(await scene.lying()).to.deep.equal([]);
      expect(await enroll(scene.journey())).to.include({ changed: false });
      expect(scene.asked()).to.equal(0);
    });

    it('is put there without a handshake, where none is wanted', async () => {
      await scene.killed();
      expect(await enroll(scene.journey({ settings: { handshake: false } }))).to.include({ changed: true });
      expect(await scene.text()).to.match(/^001 web-01 any /);
      expect([await scene.open(), await scene.lying(), scene.asked()]).to.deep.equal([false, [], 0]);
    });

    it('is put there, and the agent that runs has to be started again', async () => {
      await scene.killed();
      const run = scene.journey({ facts: withDaemon(scene.agent, 'connected') });
      expect(await failure(enroll(run))).to.include({ code: 'AGENT_RESTART_NEEDED', exitCode: 7 });
      expect(await scene.text()).to.match(/^001 web-01 any /);
      expect(run.told.reduce(withEvent, emptyReport('enroll')).changed).to.equal(true);
    });

    it('has the name with a number that the manager gave, and nothing is said to be open', async () => {
      await note(scene.agent, { request: REQUEST });
      const numbered = await issued('web-012');
      await writeFile(scene.at('aaaaaaaa'), numbered);
      const run = scene.journey();
      expect((await enroll(run)).record.name).to.equal('web-012');
      expect(run.warnings()).to.deep.equal([]);
      // The one request is that of this test.
      expect([await scene.open(), scene.asked()]).to.deep.equal([false, 1]);
    });

    it('is replaced by another where the manager does not acknowledge it', async () => {
      await scene.killed();
      await scene.removed('001');
      const run = scene.journey();
      const { record: found } = await enroll(run);
      expect(found.id).to.not.equal('001');
      expect(run.kinds()).to.include.members(['left', 'rejected', 'obtained']);
      expect(await scene.text()).to.equal(line(found));
      expect([await scene.open(), await scene.lying()]).to.deep.equal([false, []]);
    });

    it('counts as one that this run has put there where authd says that it knows it', async () => {
      const unknowing = await startSandbox({ family: 'wazuh-4', certificate: scene.certificate });
      const gate = await openGate(unknowing.endpoints.agent);
      try {
        await scene.killed();
        scene.onEvent(({ type }) => {
          if (type === 'request') gate.leadTo(scene.sandbox.endpoints.agent);
        });
        const managers = [
          { agent: gate.endpoint, protocol: 'tcp', enrollment: scene.sandbox.endpoints.authd },
        ] as const;
        const run = scene.journey({ settings: { managers } });
        expect(await enroll(run)).to.include({ changed: true });
        expect(run.kinds()).to.include.members(['left', 'installed', 'rejected', 'proved']);
        expect(scene.sandbox.agents()).to.have.length(1);
        expect(await scene.text()).to.match(/^001 web-01 any /);
      } finally {
        await gate.close();
        await unknowing.close();
      }
    });
  });

  describe('is not taken up', () => {
    const unused = async (given: Omit<Given, 'agent'> = {}) => {
      await writeFile(scene.at('aaaaaaaa'), line(record('077', 'web-01', 'any', 'c'.repeat(64))));
      const run = scene.journey(given);
      const { record: found } = await enroll(run);
      expect(found.id).to.equal('001');
      expect(run.kinds()).to.not.include('left');
      expect(scene.asked()).to.equal(1);
      expect([await scene.text(), await scene.lying()]).to.deep.equal([line(found), []]);
      return run;
    };

    it('with --force, which asks for a new one in any case', async () => {
      await note(scene.agent, { request: REQUEST });
      await unused({ settings: { force: true } });
    });

    it('where no request is open', async () => {
      await unused();
    });

    it('where the open request is for another name', async () => {
      await note(scene.agent, { request: { ...REQUEST, name: 'db-07' } });
      const { warnings } = await unused();
      expect(warnings().join()).to.contain('db-07');
    });

    it('where half of it was written', async () => {
      await note(scene.agent, { request: REQUEST });
      await writeFile(scene.at('bbbbbbbb'), line(NEW).slice(0, 40));
      const run = scene.journey();
      await enroll(run);
      expect(run.kinds()).to.not.include('left');
      expect(run.warnings().join()).to.contain('did not come to an end');
      expect(await scene.lying()).to.deep.equal([]);
    });
  });

  it('leaves nothing beside a key that works, whole or half', async () => {
    await enroll(scene.journey());
    await writeFile(scene.at('aaaaaaaa'), line(NEW).slice(0, 40));
    await writeFile(scene.at('bbbbbbbb'), line(NEW));
    expect(await enroll(scene.journey())).to.include({ changed: false });
    expect(await scene.lying()).to.deep.equal([]);
  });
});
