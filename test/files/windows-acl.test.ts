import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Access } from '../../src/files/access.js';
import { makeDirectory } from '../../src/files/directories.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { unwritable } from '../../src/files/file-error.js';
import { atPlace } from '../../src/files/place.js';
import { rehearse, replaceFile } from '../../src/files/replace.js';
import { type CommandResult, icacls } from '../../src/files/windows-acl.js';
import { systemError, watched } from './faulty.js';
import { removeScratch, scratchDirectory, thrownBy } from './scratch.js';

/** The commands that would be run, each answered so. */
function commands(answer: CommandResult) {
  const calls: string[][] = [];
  const acl = icacls('D:\\Windows', async (file, args) => {
    calls.push([file, ...args]);
    return answer;
  });
  return { acl, calls };
}

describe('files/windows-acl', () => {
  const ICACLS = 'D:\\Windows\\System32\\icacls.exe';

  it('is set with icacls, by SIDs, inheritance off', async () => {
    const { acl, calls } = commands({ code: 0, output: '' });
    await acl.restrict('C:\\agent\\x.tmp');
    await acl.restrictDirectory('C:\\agent\\.agent-enroll');
    const grants = (rights: string) => ['/grant:r', `*S-1-5-32-544:${rights}`, `*S-1-5-18:${rights}`, '/q'];
    expect(calls).to.deep.equal([
      [ICACLS, 'C:\\agent\\x.tmp', '/inheritance:r', ...grants('F')],
      [ICACLS, 'C:\\agent\\.agent-enroll', '/inheritance:r', ...grants('(OI)(CI)F')],
    ]);
  });

  for (const [code, words] of [
    [5, 'icacls ended with code 5: Access is denied.'],
    [undefined, 'icacls did not run to its end: Access is denied.'],
  ] as const) {
    it(`fails in words: ${words}`, async () => {
      const { acl } = commands({ code, output: 'Access is denied.' });
      for (const work of [acl.restrict('x'), acl.restrictDirectory('x')]) {
        expect(await thrownBy(work))
          .to.be.an('error')
          .with.property('message', words);
      }
    });
  }

  it('fails where icacls is not there', async () => {
    const thrown = await thrownBy(icacls('/nowhere').restrict('x'));
    expect(String(thrown)).to.contain('did not run to its end').and.to.contain('spawn');
  });

  describe('run by a program', () => {
    let scratch: string;
    const path = process.env['PATH'];
    beforeEach(async () => {
      scratch = await scratchDirectory();
      process.env['PATH'] = `${scratch}:${path}`;
    });
    afterEach(async () => {
      process.env['PATH'] = path;
      await removeScratch(scratch);
    });
    /** Puts a script where the system finds the program by its whole name, backslashes and all. */
    const program = (script: string) =>
      writeFile(join(scratch, 'X:\\System32\\icacls.exe'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

    it('is given its arguments as they are', async () => {
      await program(`for each; do printf "%s\\n" "$each" >> ${join(scratch, 'arguments')}; done`);
      await icacls('X:').restrict('C:\\a b');
      expect((await readFile(join(scratch, 'arguments'), 'utf8')).split('\n')).to.deep.equal([
        ...['C:\\a b', '/inheritance:r', '/grant:r', '*S-1-5-32-544:F', '*S-1-5-18:F', '/q', ''],
      ]);
    });
    for (const [what, script, words] of [
      ['its words on one line', 'echo "  Access"; echo is denied. >&2; exit 5', 'ended with code 5: is denied. Access'],
      ['its code alone', 'exit 5', 'ended with code 5'],
      ['that it was ended', 'echo said; kill -9 $$', 'did not run to its end: said'],
      ['why nothing is known', 'kill -9 $$', 'did not run to its end: Command failed'],
    ] as const) {
      it(`is told of with ${what}`, async () => {
        await program(script);
        const error = await thrownBy(icacls('X:').restrict('x'));
        expect(String(error)).to.match(new RegExp(`^Error: icacls ${words}`));
        if (script.includes('exit')) expect(error).to.have.property('message', `icacls ${words}`);
      });
    }
  });

  describe('of a link', () => {
    for (const [who, owner, trusted] of [
      ['Administrators', 'S-1-5-32-544', true],
      ['SYSTEM', ' S-1-5-18\r\n', true],
      ['the installer of Windows', 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464', true],
      ['a user', 'S-1-5-21-1111111111-2222222222-3333333333-1001', false],
      ['an account whose SID begins like one', 'S-1-5-180', false],
      ['nobody that is told', '', false],
    ] as const) {
      it(`${trusted ? 'is' : 'is not'} administrators' where it belongs to ${who}`, async () => {
        expect(await commands({ code: 0, output: owner }).acl.isAdministrators('x')).to.equal(trusted);
      });
    }

    it("is not administrators' where it cannot be asked", async () => {
      for (const code of [1, undefined]) {
        expect(await commands({ code, output: 'S-1-5-18' }).acl.isAdministrators('x')).to.equal(false);
      }
      expect(await icacls('/nowhere').isAdministrators('x')).to.equal(false);
    });

    it('is asked for by its name alone, whatever quotes there are in it', async () => {
      const { acl, calls } = commands({ code: 0, output: '' });
      await acl.isAdministrators("C:\\it's\\a\u2018b\u2019c\u201ad\u201be");
      const [[program, ...args] = []] = calls;
      expect(program).to.equal('D:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe');
      const quoted = "'C:\\it''s\\a\u2018\u2018b\u2019\u2019c\u201a\u201ad\u201b\u201be'";
      expect(args.slice(0, -1)).to.deep.equal(['-NoProfile', '-NonInteractive', '-Command']);
      expect(args.at(-1))
        .to.match(/^\(Get-Acl -LiteralPath '/)
        .and.to.contain(`-LiteralPath ${quoted})`);
    });
  });
});

describe('files on Windows', () => {
  const SECRET: Access = { platform: 'windows', mode: 0o640, secret: true };
  let scratch: string;
  let edge: FileEdge;
  const file = () => join(scratch, 'file');
  const replace = (access = SECRET, through = edge) =>
    atPlace(file(), through, (place) => replaceFile(place, 'new', access, through));

  beforeEach(async () => {
    scratch = await scratchDirectory();
    const { uid: _, ...windows } = nodeFileEdge();
    edge = { ...windows, pause: async () => undefined };
  });
  afterEach(() => removeScratch(scratch));

  it('are restricted while they are empty, closed before they are renamed, and no directory is synced', async () => {
    const seen: string[] = [];
    const noted = watched(edge, (operation) => {
      if (!operation.startsWith('facts')) seen.push(operation);
    });
    await replace(SECRET, noted);
    const steps = ['open wx', 'acl', 'write', 'sync', 'close', 'rename'];
    expect(seen.slice(seen.indexOf('open wx'), seen.indexOf('rename') + 1)).to.deep.equal(steps);
    expect(seen).not.to.include('sync directory').and.not.to.include('chmod').and.not.to.include('chown');
    expect(await readFile(file(), 'utf8')).to.equal('new');
  });

  it('are not restricted where they are no secret', async () => {
    const seen: string[] = [];
    await replace(
      { ...SECRET, secret: false },
      watched(edge, (operation) => {
        seen.push(operation);
      }),
    );
    expect(seen).to.include('write').and.not.to.include('acl');
  });

  it('are not written where the ACL cannot be set, which a rehearsal notices', async () => {
    await writeFile(file(), 'old');
    const seen: string[] = [];
    const { acl } = commands({ code: 5, output: 'Access is denied.' });
    const failing = {
      ...watched(edge, (operation) => {
        seen.push(operation);
      }),
      acl,
    };
    const works: readonly (typeof rehearse)[] = [
      rehearse,
      (place, access, through) => replaceFile(place, 'new', access, through),
    ];
    for (const work of works) {
      const error = await thrownBy(atPlace(file(), failing, (place) => work(place, SECRET, failing)));
      expect(unwritable(file(), error).message).to.contain('icacls ended with code 5');
    }
    expect(seen).not.to.contain('write');
    expect(await readdir(scratch)).to.deep.equal(['file']);
    expect(await readFile(file(), 'utf8')).to.equal('old');
  });

  it('wait for a reader to let go, for a while', async () => {
    const refusals = ['EPERM', 'EBUSY', 'EACCES', 'EPERM', 'EBUSY'];
    const busy = watched(edge, (operation) => {
      const code = operation === 'rename' ? refusals.pop() : undefined;
      if (code !== undefined) throw systemError(code);
    });
    await replace(SECRET, busy);
    expect(refusals).to.deep.equal([]);
    expect(await readFile(file(), 'utf8')).to.equal('new');
  });

  it('give up on a reader that never lets go, whatever the wall clock does', async () => {
    let time = 0;
    const held: FileEdge = {
      ...watched(edge, (operation) => {
        if (operation === 'rename') throw systemError('EBUSY');
      }),
      now: () => 0,
      monotonic: () => time,
      pause: async (ms) => {
        time += ms;
      },
    };
    expect(unwritable(file(), await thrownBy(replace(SECRET, held))).message).to.contain('in use');
    expect(time).to.be.within(3000, 3200);
    expect(await readdir(scratch)).to.deep.equal([]);
  });

  it('do not wait where time does not help', async () => {
    const full = watched(edge, (operation) => {
      if (operation === 'rename') throw systemError('ENOSPC');
    });
    const impatient = { ...full, pause: () => Promise.reject(new Error('it waited')) };
    expect(await thrownBy(replace(SECRET, impatient))).to.have.property('code', 'ENOSPC');
  });

  it('lie in directories that are restricted as soon as they are made, or not made at all', async () => {
    const seen: string[] = [];
    const path = join(scratch, 'own');
    const noted = watched(edge, (operation, where) => {
      if (operation === 'makeDirectory' || operation.startsWith('acl')) seen.push(`${operation} ${where}`);
    });
    expect(await makeDirectory(path, () => SECRET, noted)).to.equal(true);
    expect(seen).to.deep.equal([`makeDirectory ${path}`, `acl of directory ${path}`]);
    expect(await makeDirectory(path, () => SECRET, noted)).to.equal(false);
    const { acl } = commands({ code: 5, output: '' });
    const error = await thrownBy(makeDirectory(join(scratch, 'other'), () => SECRET, { ...edge, acl }));
    expect(String(error)).to.contain('icacls ended with code 5');
    expect(await readdir(scratch)).to.deep.equal(['own']);
  });
});
