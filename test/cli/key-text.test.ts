import { execFileSync } from 'node:child_process';
import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readKeyText } from '../../src/cli/key-text.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { failure } from '../net/expect-error.js';

const disk = nodeFileEdge();
const err = new Writable();
const printing = { interactive: false, columns: 0, color: false, json: false, quiet: false, verbose: false };
const read = (file: string, edge = disk) =>
  readKeyText({ file, output: { out: err, err, ...printing } }, edge, new AbortController().signal);

describe('the key to import', () => {
  let agent: AgentInstallation;
  const path = () => join(agent.home, 'key');
  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  it('is the text of a file, in UTF-8 or UTF-16', async () => {
    const text = line(OLD);
    for (const bytes of [text, Buffer.from(`\uFEFF${text}`), Buffer.from(`\uFEFF${text}`, 'utf16le')]) {
      await writeFile(path(), bytes, { mode: 0o600 });
      expect(await read(path())).to.deep.equal({ text, where: path(), warnings: [] });
    }
  });

  it('is refused with its line where it is no text', async () => {
    await writeFile(path(), Buffer.from(`# Gr\xfcn\n${line(OLD)}`, 'latin1'));
    const { message, hint } = await failure('FILE_UNREADABLE', () => read(path()));
    expect(message).to.equal(`${path()} cannot be read: it is not UTF-8 (line 1).`);
    expect(hint).to.include('Save it as UTF-8');
  });

  it('is told of where every user can read it', async function () {
    if (process.platform === 'win32') this.skip();
    await writeFile(path(), line(OLD));
    await chmod(path(), 0o644);
    expect((await read(path())).warnings.join()).to.include('can be read by every user');
  });

  it('is not waited for, and is in a file', async function () {
    if (process.platform === 'win32') this.skip();
    execFileSync('mkfifo', [path()]);
    expect((await failure('FILE_UNREADABLE', () => read(path()))).message).to.include('FIFO');
    const none = await failure('FILE_UNREADABLE', () => read(`${path()}s`));
    expect(none.message).to.equal(`${path()}s cannot be read: there is no such file.`);
  });

  it("is in a file of root's where root runs this", async function () {
    if (process.platform === 'win32') this.skip();
    await writeFile(path(), line(OLD), { mode: 0o600 });
    if (process.getuid?.() === 0) await chown(path(), 12_345, 12_345);
    await failure('FILE_UNREADABLE', () => read(path(), { ...disk, uid: 0 }));
  });

  it('is not shown where it stands in the place of the name of a file', async () => {
    const base64 = (text: string) => Buffer.from(text.trim()).toString('base64');
    for (const record of [OLD, NEW]) {
      const whole = line(record).trim();
      for (const given of [whole, base64(whole), base64(whole).slice(0, 60), ` ${base64(whole)}\n`]) {
        const error = await failure('SETTING_INVALID', () => read(given));
        expect(`${error.message} ${error.hint} ${inspect(error)}`).not.to.include(given.trim().slice(0, 40));
        expect(error.hint).to.include('process list');
      }
    }
  });
});
