import { readdirSync } from 'node:fs';
import { chmod, chown, link, mkdir, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { atPlace } from '../../src/files/place.js';
import { type ReadFile, type ReadRules, ROOT_ONLY, readFile, readPlace, readTail } from '../../src/files/read.js';
import { systemError, watched } from './faulty.js';
import {
  isRoot,
  makeDevice,
  makeFifo,
  makeSocket,
  OTHER,
  removeScratch,
  scratchDirectory,
  thrownBy,
} from './scratch.js';

const RULES: ReadRules = { limit: 100, owners: ROOT_ONLY };

describe('files/read', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);
  const read = (name: string, rules = RULES, edge: FileEdge = nodeFileEdge()) => readFile(at(name), rules, edge);

  beforeEach(async () => {
    scratch = await scratchDirectory();
    await writeFile(at('file'), 'content', { mode: 0o640 });
  });
  afterEach(() => removeScratch(scratch));

  /** What the reading is refused with. */
  async function refusal(work: Promise<ReadFile | undefined>): Promise<EnrollError> {
    const error = await thrownBy(work);
    if (!(error instanceof EnrollError)) throw error;
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain(`${scratch}/`).and.to.contain(' cannot be read: ');
    return error;
  }

  it('reads a whole file, and tells what is known of it and of its directory', async () => {
    const seen = await read('file');
    expect(seen?.bytes.toString()).to.equal('content');
    expect(seen?.facts).to.include({ kind: 'file', size: 7, mode: 0o640, links: 1 });
    expect(seen?.directory).to.include({ kind: 'directory', mode: 0o700 });
    const { dev, ino } = await stat(at('file'));
    expect(seen?.facts.identity).to.equal(`${dev}:${ino}`);
  });

  it('reads what says that it is empty', async function () {
    if (process.platform !== 'linux') this.skip();
    const seen = await readFile('/proc/self/status', { ...RULES, limit: 100_000 }, nodeFileEdge());
    expect(seen?.facts.size).to.equal(0);
    expect(seen?.bytes.toString()).to.contain(`Pid:\t${process.pid}\n`);
  });

  it('finds nothing where nothing is', async () => {
    await symlink('none', at('dangling'));
    for (const name of ['none', 'none/file', 'file/file', 'dangling']) expect(await read(name)).to.equal(undefined);
    const edge = watched(nodeFileEdge(), (operation) => (operation === 'open r' ? rm(at('file')) : undefined));
    expect(await read('file', RULES, edge)).to.equal(undefined);
  });

  it('reads behind a link', async () => {
    await symlink('file', at('link'));
    expect((await read('link'))?.bytes.toString()).to.equal('content');
  });

  describe('refuses what is no file, at once and without opening it:', () => {
    for (const [what, make] of [
      ['a FIFO', (path: string) => makeFifo(path)],
      ['a socket', (path: string) => makeSocket(path)],
      ['a device', (path: string) => makeDevice(path)],
      ['a directory', (path: string) => mkdir(path)],
    ] as const) {
      it(what, async function () {
        if ((await make(at('odd'))) === false) this.skip(); // Not everybody can make a device.
        const opened: string[] = [];
        const edge = watched(nodeFileEdge(), (operation) => {
          if (operation.startsWith('open')) opened.push(operation);
        });
        expect((await refusal(read('odd', RULES, edge))).message).to.contain(`it is ${what}`);
        expect(opened).to.deep.equal([]);
      }).timeout(2000);

      it(`${what}, that is put in its place at the last moment`, async function () {
        if ((await make(at('odd'))) === false) this.skip();
        const edge = watched(nodeFileEdge(), (operation) =>
          operation === 'open r' ? rename(at('file'), at('away')).then(() => rename(at('odd'), at('file'))) : undefined,
        );
        expect((await refusal(read('file', RULES, edge))).message).to.match(
          what === 'a socket' ? /no regular file/ : new RegExp(`it is ${what}`),
        );
      }).timeout(2000);
    }

    it('a link, that is put in its place at the last moment', async () => {
      await writeFile(at('secret'), 'secret');
      const edge = watched(nodeFileEdge(), async (operation) => {
        if (operation !== 'open r') return;
        await rm(at('file'));
        await symlink('secret', at('file'));
      });
      expect((await refusal(read('file', RULES, edge))).message).to.contain('a symbolic link was put in its place');
    });
  });

  it('tells of the file that it has read, where another was put in its place', async () => {
    await writeFile(at('other'), 'other', { mode: 0o604 });
    const edge = watched(nodeFileEdge(), (operation) =>
      operation === 'open r' ? rename(at('other'), at('file')) : undefined,
    );
    const seen = await read('file', RULES, edge);
    expect(seen?.bytes.toString()).to.equal('other');
    expect(seen?.facts).to.include({ mode: 0o604, size: 5 });
  });

  it('refuses what is larger than it may be, and says by how much', async () => {
    await writeFile(at('file'), Buffer.alloc(2048));
    expect((await refusal(read('file', { ...RULES, limit: 1000 }))).message).to.contain('larger than 1000 bytes');
    expect((await refusal(read('file', { ...RULES, limit: 1024 }))).message).to.contain('larger than 1 KiB');
    expect((await read('file', { ...RULES, limit: 2048 }))?.bytes).to.have.length(2048);
    await writeFile(at('file'), Buffer.alloc(3 * 1024 * 1024 + 1));
    expect((await refusal(read('file', { ...RULES, limit: 3 * 1024 * 1024 }))).message).to.contain('than 3 MiB');
  });

  it('refuses a second name of a file where others can give names, and only there', async () => {
    await link(at('file'), at('second'));
    expect((await read('second'))?.bytes.toString()).to.equal('content');
    for (const [mode, gid] of [
      [0o777, 0],
      [0o1777, 0],
      [0o770, OTHER.gid],
    ] as const) {
      if (isRoot) await chown(scratch, 0, gid);
      await chmod(scratch, mode);
      if (!isRoot && mode === 0o770) continue; // Only root can give it to a group of others.
      expect((await refusal(read('second'))).message).to.contain('it has 2 names (hard links)');
    }
    await rm(at('second'));
    expect((await read('file'))?.bytes.toString()).to.equal('content');
  });

  describe('of another user', () => {
    beforeEach(async function () {
      if (!isRoot) this.skip(); // Only root can give files away.
      await chown(at('file'), OTHER.uid, OTHER.gid);
    });

    it("takes nobody's word but root's where root runs", async () => {
      const error = await refusal(read('file'));
      expect(error.message).to.contain(`it belongs to user ${OTHER.uid}`);
      expect(error.hint).to.contain('chown root');
      await refusal(read('file', { ...RULES, owners: [OTHER.uid + 1] }));
    });

    it('takes the word of whom it may', async () => {
      expect((await read('file', { ...RULES, owners: 'anyone' }))?.facts.uid).to.equal(OTHER.uid);
      expect((await read('file', { ...RULES, owners: [1, OTHER.uid] }))?.facts.uid).to.equal(OTHER.uid);
    });

    it("takes anybody's word where somebody else than root runs", async () => {
      const edge = { ...nodeFileEdge(), uid: OTHER.uid + 1 };
      expect((await read('file', RULES, edge))?.facts.uid).to.equal(OTHER.uid);
    });

    it('takes the word of whoever the file is given to at the last moment, as that file is', async () => {
      await writeFile(at('roots'), 'of root');
      const edge = watched(nodeFileEdge(), (operation) =>
        operation === 'open r' ? rename(at('file'), at('roots')) : undefined,
      );
      expect((await refusal(read('roots', RULES, edge))).message).to.contain(`it belongs to user ${OTHER.uid}`);
    });
  });

  it('says that root may read what the running user may not', async () => {
    const edge = watched(nodeFileEdge(), (operation) => {
      if (operation === 'open r') throw systemError('EACCES');
    });
    const error = await refusal(read('file', RULES, edge));
    expect(error.message).to.contain('permission denied (EACCES)');
    expect(error.hint).to.contain('Run as root');
  });

  it('leaves nothing open, at whatever operation it fails', async function () {
    if (process.platform !== 'linux') this.skip();
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    let failed = 0;
    for (let failing = 1, all = false; !all; failing += 1) {
      let count = 0;
      const edge = watched(nodeFileEdge(), () => {
        count += 1;
        if (count === failing) throw systemError('EIO');
      });
      const outcome = await read('file', RULES, edge).catch((error: unknown) => error);
      all = count < failing;
      if (outcome instanceof EnrollError) {
        failed += 1;
        expect(outcome.message).to.contain('input/output error (EIO)');
      } else {
        expect(outcome).to.have.property('bytes');
      }
      expect(open(), `operation ${failing}`).to.equal(before);
    }
    expect(failed).to.be.above(5);
  });
});

describe('the end of a file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await scratchDirectory();
  });
  afterEach(() => removeScratch(directory));

  it('is read, and no more of it, whoever writes it', async () => {
    const path = join(directory, 'ossec.log');
    await writeFile(path, `${'x'.repeat(100_000)}the end`);
    const tail = await readTail(path, 7, nodeFileEdge());
    expect([tail?.bytes.toString(), tail?.whole]).to.deep.equal(['the end', false]);
    const all = await readTail(path, 200_000, nodeFileEdge());
    expect([all?.bytes.length, all?.whole]).to.deep.equal([100_007, true]);
  });
  it('is none where there is no file', async () => {
    expect(await readTail(join(directory, 'none'), 7, nodeFileEdge())).to.equal(undefined);
    expect(await readTail(join(directory, 'none', 'none'), 7, nodeFileEdge())).to.equal(undefined);
  });
  it('is none where a part of the path is no directory', async () => {
    await writeFile(join(directory, 'file'), '');
    expect(await readTail(join(directory, 'file', 'none'), 7, nodeFileEdge())).to.equal(undefined);
  });
  it('is read of a file that belongs to another user', async function () {
    if (!isRoot) this.skip();
    const path = join(directory, 'ossec.log');
    await writeFile(path, 'the end');
    await chown(path, OTHER.uid, OTHER.gid);
    expect((await readTail(path, 3, nodeFileEdge()))?.bytes.toString()).to.equal('end');
  });
  it('is said to be unreadable where it is, and is closed in any case', async () => {
    const path = join(directory, 'ossec.log');
    await writeFile(path, 'the end');
    const closed: string[] = [];
    const edge = watched(nodeFileEdge(), (operation, of) => {
      if (operation === 'close') closed.push(of);
      if (operation === 'read') throw systemError('EIO');
    });
    expect(await thrownBy(readTail(path, 7, edge))).to.include({
      code: 'FILE_UNREADABLE',
      message: `${path} cannot be read: the disk reports an input/output error (EIO).`,
    });
    expect(closed).to.deep.equal([path]);
  });
});

describe('a file that is read', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await scratchDirectory();
  });
  afterEach(() => removeScratch(directory));

  it('is none where it is removed at the last moment', async () => {
    const path = join(directory, 'file');
    await writeFile(path, '');
    const edge = watched(nodeFileEdge(), (operation) => (operation === 'open r' ? rm(path) : undefined));
    expect(await readFile(path, { limit: 7, owners: 'anyone' }, edge)).to.equal(undefined);
    await writeFile(path, '');
    const inPlace = atPlace(path, edge, (place) => readPlace(place, { limit: 7, owners: 'anyone' }, edge));
    expect(await inPlace).to.equal(undefined);
  });
  for (const [limit, words] of [
    [1023, '1023 bytes'],
    [1024, '1 KiB'],
    [64 * 1024, '64 KiB'],
    [1024 * 1024, '1 MiB'],
  ] as const) {
    it(`is refused where it is larger than ${words}, with what that may mean`, async () => {
      const path = join(directory, 'file');
      await writeFile(path, '');
      await truncate(path, limit + 1);
      expect(await thrownBy(readFile(path, { limit, owners: 'anyone' }, nodeFileEdge()))).to.include({
        message: `${path} cannot be read: it is larger than ${words}.`,
        hint: 'This is most likely another file than was meant.',
      });
    });
  }
  it('is refused where others may have given it a second name, with what to do about it', async () => {
    const path = join(directory, 'file');
    await writeFile(path, '');
    await link(path, join(directory, 'second'));
    await chmod(directory, 0o777);
    expect(await thrownBy(readFile(path, { limit: 7, owners: 'anyone' }, nodeFileEdge()))).to.include({
      hint: 'Make a copy of it, and put the copy in its place.',
    });
  });
});
