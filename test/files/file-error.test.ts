import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, MEANINGS } from '../../src/errors.js';
import { UndurableError, Untouched, unreadable, unwritable } from '../../src/files/file-error.js';
import { systemError } from './faulty.js';

const MOUNT = 'Mount the file system for writing, or choose another place with --agent-home or --keys.';
const ROOM = 'Make room there, and run the command again.';
const OPEN = 'Raise the limit of open files, and run the command again.';
const DIRECTORY = 'In a container, mount the directory instead of the single file.';
/** What a system error is called; the advice, where there is better than that of the code. */
const WORDS = [
  ['EACCES', 'permission denied', undefined],
  ['EPERM', 'the system does not allow it', undefined],
  ['EROFS', 'the file system is read-only', MOUNT],
  ['ENOSPC', 'no space is left on the file system', ROOM],
  ['EDQUOT', 'the disk quota is used up', ROOM],
  ['EIO', 'the disk reports an input/output error', 'Check the disk and the system log.'],
  [
    'EBUSY',
    'it is in use or a mount of its own, and cannot be replaced',
    `Close the program that uses it. ${DIRECTORY}`,
  ],
  ['EXDEV', 'it lies on another file system than its directory, and cannot be replaced', DIRECTORY],
  ['ENOENT', 'there is no such file or directory', undefined],
  ['ENOTDIR', 'a part of its path is not a directory', undefined],
  ['EISDIR', 'it is a directory', undefined],
  ['ELOOP', 'a symbolic link was put in its place', undefined],
  ['ESTALE', 'its directory was moved away meanwhile', undefined],
  ['ENXIO', 'it is no regular file', undefined],
  ['ENAMETOOLONG', 'its name is too long', undefined],
  ['EMFILE', 'too many files are open', OPEN],
  ['ENFILE', 'too many files are open', OPEN],
] as const;

describe('files/file-error', () => {
  for (const [code, words, hint] of WORDS) {
    it(`calls ${code} by what it is to a user: ${words}`, () => {
      const cause = systemError(code);
      const written = unwritable('/etc/file', cause);
      expect(written).to.include({ code: 'FILE_UNWRITABLE', cause, hint: hint ?? MEANINGS.FILE_UNWRITABLE.hint });
      expect(written.message).to.equal(`/etc/file cannot be written: ${words} (${code}).`);
      const read = unreadable('/etc/file', cause);
      const root = code === 'EACCES' ? 'Run as root (Administrator on Windows).' : MEANINGS.FILE_UNREADABLE.hint;
      expect(read).to.include({ code: 'FILE_UNREADABLE', cause, hint: hint ?? root });
      expect(read.message).to.equal(`/etc/file cannot be read: ${words} (${code}).`);
    });
  }
  for (const code of ['Unknown system error -122', 'Unknown system error -69']) {
    it(`knows a used-up quota by its number: ${code}`, () => {
      const { message, hint } = unwritable('/etc/file', systemError(code));
      expect(message).to.equal('/etc/file cannot be written: the disk quota is used up (EDQUOT).');
      expect(hint).to.equal(ROOM);
    });
  }
  it('says what the system says where it has no words of its own', () => {
    expect(unwritable('/etc/file', systemError('EOTHER')).message).to.equal(
      '/etc/file cannot be written: EOTHER: made up.',
    );
    expect(unwritable('/etc/file', 'thrown').message).to.equal('/etc/file cannot be written: thrown.');
    expect(unwritable('/etc/file', new Error('in words')).hint).to.equal(MEANINGS.FILE_UNWRITABLE.hint);
  });
  it('says why a file was not touched, and what to do about that', () => {
    const untouched = new Untouched('it is a FIFO', 'Remove it.');
    expect(untouched.name).to.equal('Untouched');
    expect(unreadable('/etc/file', untouched)).to.include({
      message: '/etc/file cannot be read: it is a FIFO.',
      hint: 'Remove it.',
    });
    expect(unwritable('/etc/file', new Untouched('it is a FIFO')).hint).to.equal(MEANINGS.FILE_UNWRITABLE.hint);
  });
  it('lets no name move the cursor', () => {
    expect(unreadable('/etc/\u001b[2J', systemError('EIO')).message).to.match(/^\/etc\/\?\[2J cannot be read/);
  });
  it('passes on what is an error of the run already', () => {
    const error = new EnrollError('ANOTHER_RUN', 'Another run.');
    expect(unreadable('/etc/file', error)).to.equal(error);
    expect(unwritable('/etc/file', error)).to.equal(error);
  });
  it('says of a file that it is written and not certain to stay', () => {
    const cause = systemError('EIO');
    const error = new UndurableError('/etc/file', cause);
    expect(error).to.include({ code: 'FILE_UNWRITABLE', cause, hint: 'Check the disk and the system log.' });
    expect(error.message).to.equal(
      '/etc/file was written, but the disk did not confirm it: the disk reports an input/output error (EIO).',
    );
  });
});
