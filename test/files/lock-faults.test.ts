import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { takeLock } from '../../src/files/lock.js';
import { systemError, watched } from './faulty.js';
import { anybody, edgeOf, fastEdge, LockScene, never, nobody, process } from './lock-scene.js';
import { thrownBy } from './scratch.js';

describe('files/lock where something fails', () => {
  let scene: LockScene;
  beforeEach(async () => {
    scene = await LockScene.open();
  });
  afterEach(() => scene.close());

  for (const [what, dead] of [
    ['', []],
    [', with a dead lock to break', [process(99, [])]],
  ] as const) {
    it(`says that it cannot be written, at whatever operation, and leaves nothing in the way${what}`, async () => {
      const outcomes = new Set<string>();
      for (let failing = 1, all = false; !all; failing += 1) {
        for (const holder of dead) await scene.leave(holder);
        let count = 0;
        let armed = true;
        const edge = watched(edgeOf(process(100, [100])), () => {
          if (armed) count += 1;
          if (armed && count === failing) throw systemError('ENOSPC');
        });
        const taken = takeLock(scene.directory, edge, nobody, never);
        try {
          const lock = await taken;
          armed = false;
          await lock.release();
          outcomes.add('taken');
        } catch (error) {
          expect(error).to.be.instanceOf(EnrollError).and.include({ code: 'FILE_UNWRITABLE' });
          outcomes.add('refused');
          expect(await scene.names(), `operation ${failing}`).to.deep.equal(
            existsSync(scene.path('lock')) ? ['lock'] : [],
          );
        }
        all = count < failing;
        await (await takeLock(scene.directory, fastEdge(process(101, [101])).edge, nobody, never)).release();
        expect(await scene.names(), `operation ${failing}`).to.deep.equal([]);
      }
      expect([...outcomes].sort()).to.deep.equal(['refused', 'taken']);
    });
  }

  it('names what cannot be written where the directory is not there', async () => {
    const error = await thrownBy(takeLock(scene.path('none'), nodeFileEdge(), nobody, never));
    expect(error).to.be.instanceOf(EnrollError).and.include({ code: 'FILE_UNWRITABLE' });
    expect(error).to.have.property('message').that.includes(scene.path('none', 'lock'));
  });

  it('is held where it was taken and only the answer was lost', async () => {
    let lost = 0;
    const lossy = watched(nodeFileEdge(), anybody, (operation) => {
      if (operation !== 'rename') return;
      lost += 1;
      throw systemError('ENOENT');
    });
    await scene.take(lossy);
    expect(lost).to.equal(1);
  });

  it('waits on Windows where its place is taken, or what is there is looked at by somebody', async () => {
    await scene.leave(process(99, []));
    const renamings = ['EBUSY', 'EPERM', 'EACCES'];
    const removals = ['EPERM', 'EBUSY'];
    const { uid: _, ...windows } = fastEdge(process(100, [100])).edge;
    const edge = watched(windows, (operation, path) => {
      const codes = operation === 'rename' ? renamings : path.endsWith('99') && operation === 'unlink' ? removals : [];
      const code = codes.pop();
      if (code !== undefined) throw systemError(code);
    });
    const lock = await scene.take(edge);
    expect([...renamings, ...removals]).to.deep.equal([]);
    await lock.release();
    expect(await scene.names()).to.deep.equal([]);
  });
});
