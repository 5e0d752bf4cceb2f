import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { FileEdge } from '../../src/files/file-edge.js';
import type { Directory } from '../../src/files/files.js';
import { beatLock, endLock, findLock, putLock } from '../../src/files/lock-on-disk.js';
import { atPlace } from '../../src/files/place.js';
import { systemError, watched } from './faulty.js';
import { anybody, edgeOf, fastEdge, LockScene, process } from './lock-scene.js';
import { thrownBy } from './scratch.js';

const TOKEN = '0123456789abcdef';
const OWN = edgeOf(process(100, [100]));
/** An edge of Windows, where no user is known. */
const { uid: _, ...WINDOWS } = OWN;

describe('files/lock-on-disk', () => {
  let scene: LockScene;
  beforeEach(async () => {
    scene = await LockScene.open();
  });
  afterEach(() => scene.close());

  /** Does something in the directory that the lock lies in. */
  const within = <T>(work: (own: Directory, edge: FileEdge) => Promise<T>, edge: FileEdge = OWN) =>
    atPlace(scene.directory, edge, async (place) => {
      const own = await place.directory.directory(place.name);
      return await work(own, edge).finally(() => own.close());
    });
  const failing = (operation: string, code: string, edge: FileEdge = OWN) =>
    watched(edge, (now) => {
      if (now === operation) throw systemError(code);
    });
  const leave = async (content: string) => {
    await mkdir(scene.path('lock'));
    await writeFile(scene.path('lock', TOKEN), content);
  };
  const found = () => within((own) => findLock(own));

  it('is put for its user alone, with who has it', async () => {
    const token = await within((own, edge) => putLock(own, edge));
    expect(token).to.match(/^[0-9a-f]{16}$/);
    expect((await stat(scene.path('lock'))).mode & 0o777).to.equal(0o700);
    expect((await stat(scene.path('lock', token ?? ''))).mode & 0o777).to.equal(0o600);
    const lock = await found();
    expect(lock).to.deep.include({ token, holder: { pid: 100, start: 'start of 100', space: 'here' } });
    expect(await within((own, edge) => putLock(own, edge))).to.equal(undefined);
    expect(await scene.names()).to.deep.equal(['lock']);
  });

  for (const [content, holder] of [
    ['{"pid":1}', { pid: 1 }],
    ['{"pid":2147483647,"start":"a","space":"b"}', { pid: 2_147_483_647, start: 'a', space: 'b' }],
    ['{"pid":7,"start":1,"space":null}', { pid: 7 }],
    ['{"pid":2147483648}', undefined],
    ['{"pid":0}', undefined],
    ['{"pid":-7}', undefined],
    ['{"pid":1.5}', undefined],
    ['{"pid":"7"}', undefined],
    ['[7]', undefined],
    ['', undefined],
  ] as const) {
    it(`is that of ${holder === undefined ? 'nobody who is known' : `process ${holder.pid}`} where it says ${content}`, async () => {
      await leave(content);
      const lock = await found();
      expect(lock?.token).to.equal(TOKEN);
      if (holder === undefined) expect(lock).to.not.have.any.keys('holder');
      else expect(lock?.holder).to.deep.equal(holder);
    });
  }

  it('is none where there is none, or it has gone meanwhile', async () => {
    expect(await found()).to.equal(undefined);
    await mkdir(scene.path('lock'));
    expect(await found()).to.equal(undefined);
    await leave('{"pid":1}').catch(() => undefined);
    await writeFile(scene.path('lock', TOKEN), '{"pid":1}');
    for (const code of ['ENOENT', 'ESTALE']) {
      expect(await within((own) => findLock(own), failing('open r', code))).to.equal(undefined);
    }
    expect(await thrownBy(within((own) => findLock(own), failing('open r', 'EIO')))).to.include({ code: 'EIO' });
  });

  it('fails as the system does where nobody has it and it cannot be put', async () => {
    const error = await thrownBy(within((own, edge) => putLock(own, edge), failing('rename', 'EIO')));
    expect(error).to.include({ code: 'EIO' });
    expect(await scene.names()).to.deep.equal([]);
    // What stands in the way on Windows for a moment stands there for good elsewhere.
    const busy = within((own, edge) => putLock(own, edge), failing('rename', 'EBUSY'));
    expect(await thrownBy(busy)).to.include({ code: 'EBUSY' });
    expect(await within((own, edge) => putLock(own, edge), failing('rename', 'EBUSY', WINDOWS))).to.equal(undefined);
    expect(await thrownBy(within((own, edge) => putLock(own, edge), failing('rename', 'EIO', WINDOWS)))).to.include({
      code: 'EIO',
    });
  });
  it('is given up where somebody has it, whatever the system says then', async () => {
    await leave('{"pid":1}');
    expect(await within((own, edge) => putLock(own, edge), failing('rename', 'EIO'))).to.equal(undefined);
  });

  it('has a heart that stops only where the lock is gone', async () => {
    await leave('{"pid":1}');
    expect(await within((own) => beatLock(own, TOKEN))).to.equal(true);
    expect(await within((own) => beatLock(own, TOKEN), failing('write', 'ENOSPC'))).to.equal(true);
    for (const code of ['ENOENT', 'ENOTDIR', 'ESTALE']) {
      expect(await within((own) => beatLock(own, TOKEN), failing('open r+', code))).to.equal(false);
    }
    expect(await within((own) => beatLock(own, 'fedcba9876543210'))).to.equal(false);
  });

  it('is ended, and no other one', async () => {
    await leave('{"pid":1}');
    expect(await within((own, edge) => endLock(own, 'fedcba9876543210', edge))).to.equal(true);
    expect(await readdir(scene.path('lock'))).to.deep.equal([TOKEN]);
    const ended = (code: string, edge: FileEdge) =>
      within((own, watching) => endLock(own, TOKEN, watching), failing('unlink', code, edge));
    expect(await ended('EBUSY', WINDOWS)).to.equal(false);
    for (const edge of [OWN, WINDOWS]) expect(await thrownBy(ended('EIO', edge))).to.include({ code: 'EIO' });
    expect(await thrownBy(ended('EBUSY', OWN))).to.include({ code: 'EBUSY' });
    expect(await within((own, edge) => endLock(own, TOKEN, edge))).to.equal(true);
    expect(await scene.names()).to.deep.equal([]);
  });

  it('sweeps away what was begun and never came to be, and nothing else', async () => {
    for (const name of ['lock.00ff', 'lock.00fe.gone', 'lock.old', 'other']) {
      await mkdir(scene.path(name));
      await writeFile(join(scene.path(name), 'file'), '');
    }
    const renamed: string[] = [];
    const edge = watched(OWN, (operation, path) => {
      if (operation === 'rename') renamed.push(path.slice(scene.directory.length + 1));
    });
    await within((own, watching) => putLock(own, watching), edge);
    expect(await scene.names()).to.deep.equal(['lock', 'lock.old', 'other']);
    expect(renamed).to.deep.equal(['lock', 'lock.00ff.gone']);
  });

  it('leaves no descriptor open', async () => {
    let open = 0;
    const edge = watched(
      OWN,
      (operation) => {
        if (operation === 'close' || operation === 'close directory') open -= 1;
      },
      (operation) => {
        if (operation.startsWith('open ') || operation === 'directory' || operation === 'root') open += 1;
      },
    );
    const token = await within((own, watching) => putLock(own, watching), edge);
    await within((own) => findLock(own), edge);
    await within((own) => beatLock(own, token ?? ''), edge);
    await within((own, watching) => endLock(own, token ?? '', watching), edge);
    expect(open).to.equal(0);
  });
});

describe('files/lock, what is said of it', () => {
  let scene: LockScene;
  beforeEach(async () => {
    scene = await LockScene.open();
  });
  afterEach(() => scene.close());
  const hint = () => `Wait for it or end it. If there is no such process, remove ${scene.path('lock')}.`;

  it('names who has been at work for long', async () => {
    await scene.leave(process(100, [100]));
    const error = await thrownBy(scene.take(fastEdge(process(101, [100, 101]), async () => {}, 1000).edge, anybody));
    expect(error).to.include({
      code: 'ANOTHER_RUN',
      message: 'Another agent-enroll (process 100) has been at work on this host for long.',
      hint: hint(),
    });
  });
  it('says that the deadline of this run passed meanwhile', async () => {
    await scene.leave(process(100, [100]));
    const limit = new AbortController();
    const passed = new EnrollError('DEADLINE_PASSED', 'Too late.');
    const waiting = () => limit.abort(passed);
    expect(await thrownBy(scene.take(edgeOf(process(101, [100, 101])), waiting, limit.signal))).to.include({
      message:
        'Another agent-enroll (process 100) was still at work on this host when the deadline of this run passed (--deadline).',
      hint: hint(),
    });
  });
  it('names nobody who is not known', async () => {
    await mkdir(scene.path('lock'));
    await writeFile(scene.path('lock', TOKEN), '');
    const limit = new AbortController();
    const { edge } = fastEdge(process(101, [101]), async () =>
      limit.abort(new EnrollError('DEADLINE_PASSED', 'Late.')),
    );
    expect(await thrownBy(scene.take(edge, anybody, limit.signal))).to.include({
      message: 'Another agent-enroll was still at work on this host when the deadline of this run passed (--deadline).',
    });
    await rm(scene.path('lock'), { recursive: true });
  });
  it('is the deadline, and no other run, where nobody had it', async () => {
    const limit = new AbortController();
    const passed = new EnrollError('DEADLINE_PASSED', 'Late.');
    const { uid: __, ...windows } = fastEdge(process(101, [101]), async () => limit.abort(passed)).edge;
    const edge = watched(windows, (operation) => {
      if (operation === 'rename') throw systemError('EBUSY');
    });
    expect(await thrownBy(scene.take(edge, anybody, limit.signal))).to.equal(passed);
  });
});
