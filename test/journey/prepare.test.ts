import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { alone, prepared, rehearseKey } from '../../src/journey/prepare.js';
import { notesDirectory } from '../../src/keystore/notes/notes-directory.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot } from '../files/scratch.js';
import { failure, filesBelow, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, MACHINE, note, REQUEST } from './journey-scene.js';

const disk = nodeFileEdge();

describe('a journey that is prepared', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const journey = (given: Omit<Given, 'agent'> = {}) => journeyOf({ agent, ...given });
  const nothing = async () => expect.fail('Nothing is to be done then.');
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

  it('has what an earlier run noted, and gives what its steps come to', async () => {
    await note(agent, { request: REQUEST });
    const seen = await prepared(journey(), async ({ notes }) => notes.notes.request);
    expect(seen).to.deep.equal(REQUEST);
  });
  it('is none in the home of a manager, where nothing is touched', async () => {
    const files = { ...MACHINE.files, [`${agent.home}/bin/wazuh-authd`]: '' };
    const error = await failure(prepared(journey({ facts: { ...MACHINE, files } }), nothing));
    expect(error).to.include({ code: 'MANAGER_HOME' });
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });
  it('is none where the configuration that is to be written cannot be', async () => {
    expect(await failure(prepared(journey({ settings: { writeConfig: true } }), nothing))).to.include({
      code: 'FILE_UNREADABLE',
    });
  });
  it('is none where the counter of messages cannot be kept', async () => {
    await mkdir(agent.counterFile);
    expect((await failure(prepared(journey(), nothing))).message).to.contain(agent.counterFile);
  });
  it('tells of files that others could use, and sets them right', async () => {
    await note(agent, {});
    await writeFile(agent.counterFile, '1:1:');
    await chmod(notesDirectory(agent), 0o755);
    await chmod(agent.counterFile, 0o666);
    const run = journey();
    await prepared(run, async () => undefined);
    const warnings = run.warnings();
    expect(warnings).to.have.length(2);
    expect(warnings[0]).to.contain(notesDirectory(agent)).and.contain('0755');
    expect(warnings[1]).to.contain(agent.counterFile).and.contain('0666');
    expect([await modeOf(notesDirectory(agent)), await modeOf(agent.counterFile)]).to.deep.equal([0o700, 0o640]);
  });
  it('tells of a home where others can remove what is remembered', async function () {
    if (!isRoot) this.skip();
    const run = journey();
    await chmod(agent.home, 0o777);
    await prepared(run, async () => undefined);
    await chmod(agent.home, 0o755);
    expect(run.warnings()).to.have.length(1);
    expect(run.warnings()[0]).to.contain(agent.home).and.contain('0777');
  });
  it('leaves no directory behind that nothing was put into, also where a step fails', async () => {
    const stop = new EnrollError('TERMINATED', 'Terminated.');
    const error = await failure(
      prepared(journey(), async () => {
        throw stop;
      }),
    );
    expect(error).to.equal(stop);
    await prepared(journey(), async () => undefined);
    expect(await stat(notesDirectory(agent)).catch(() => 'gone')).to.equal('gone');
  });
  it('lets the next run have the home, also where a step fails', async () => {
    await failure(
      alone(journey(), async () => {
        throw new EnrollError('TERMINATED', 'Terminated.');
      }),
    );
    const run = journey();
    expect(await alone(run, async () => 'its turn')).to.equal('its turn');
    expect(run.kinds()).to.deep.equal([]);
  });
  it('tells whom it waits for, and has the home alone then', async () => {
    const order: string[] = [];
    let second: Promise<unknown> | undefined;
    await alone(journey(), async () => {
      await new Promise<void>((resolve) => {
        const run = journey();
        const observe: typeof run.observe = (event) => {
          order.push(event.kind === 'waiting' ? `waits for ${event.pid}` : event.kind);
          resolve();
        };
        second = alone({ ...run, observe }, async () => order.push('second'));
      });
      order.push('first');
    });
    await second;
    expect(order).to.deep.equal([`waits for ${process.pid}`, 'first', 'second']);
  });
  it('ends with the run', async () => {
    const stop = new AbortController();
    const reason = new EnrollError('TERMINATED', 'Terminated.');
    await alone(journey({ signal: stop.signal }), async ({ signal }) => {
      expect(signal.aborted).to.equal(false);
      stop.abort(reason);
      expect(signal.reason).to.equal(reason);
    });
  });

  describe('while another run takes the directory away', () => {
    /** A disk on which it is gone so many times when the lock is to be put there. */
    const going = (times: number, code = 'ENOENT') => {
      let gone = 0;
      const edge: FileEdge = watched(disk, (operation, path) => {
        if (operation !== 'makeDirectory' || !path.includes('/lock.') || gone === times) return;
        gone += 1;
        throw systemError(code);
      });
      return { edge, gone: () => gone };
    };
    it('makes it again', async () => {
      const { edge, gone } = going(99);
      expect(await alone(journey({ disk: edge }), async () => 'done')).to.equal('done');
      expect(gone()).to.equal(99);
    });
    it('gives up where it is never there', async () => {
      const { edge, gone } = going(1000);
      const error = await failure(alone(journey({ disk: edge }), nothing));
      expect(error).to.include({ code: 'FILE_UNWRITABLE' });
      expect(gone()).to.equal(100);
    });
    it('gives up at once where it is another thing that fails', async () => {
      const { edge, gone } = going(1000, 'ENOSPC');
      expect((await failure(alone(journey({ disk: edge }), nothing))).message).to.contain('no space is left');
      expect(gone()).to.equal(1);
    });
  });

  it('finds out that a key could not be put in its place', async () => {
    await writeFile(agent.keysFile, line(OLD) + line({ ...OLD, id: '002' }));
    expect(await failure(prepared(journey(), rehearseKey))).to.include({ code: 'FILE_UNWRITABLE' });
    await writeFile(agent.keysFile, line(OLD));
    await prepared(journey(), rehearseKey);
  });
});
