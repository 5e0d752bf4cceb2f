import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { exportKey, writeExport } from '../../src/journey/export.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, filesBelow, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';

const disk = nodeFileEdge();
/** Of `001 web-01 any aaaa…`. */
const BASE64 =
  'MDAxIHdlYi0wMSBhbnkgYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ==';

describe('an exported key', () => {
  let agent: AgentInstallation;
  let file: string;
  beforeEach(async () => {
    agent = await scratchHome();
    file = join(agent.home, 'backup');
    await writeFile(agent.keysFile, line(OLD));
  });
  afterEach(() => removeHome(agent));

  it('is what manage_agents shows of it', async () => {
    const { record, base64 } = await exportKey(agent, disk);
    expect(record).to.deep.equal(OLD);
    expect(base64.reveal()).to.equal(BASE64);
  });
  it('is none where there is no file, and where that is empty', async () => {
    const message = `There is no key in ${agent.keysFile}.`;
    await writeFile(agent.keysFile, '');
    expect(await failure(exportKey(agent, disk))).to.include({ code: 'KEY_MISSING', message });
    const absent = { ...agent, keysFile: `${agent.home}/etc/none` };
    expect(await failure(exportKey(absent, disk))).to.include({ code: 'KEY_MISSING' });
  });

  const write = async (edge = disk, platform: 'unix' | 'windows' = 'unix') =>
    await writeExport(await exportKey(agent, disk), file, { platform }, edge);
  /** What is done to the file, in order. */
  const recorded = (...fails: string[]) => {
    const done: string[] = [];
    const edge = watched(disk, (operation, path) => {
      if (path !== file) return;
      done.push(operation);
      if (fails.includes(operation)) throw systemError(operation === 'unlink' ? 'EIO' : 'ENOSPC');
    });
    return { done, edge };
  };

  it('is one line of a file for its owner alone, which is on the disk then', async () => {
    const { done, edge } = recorded();
    await write(edge);
    expect(await readFile(file, 'utf8')).to.equal(`${BASE64}\n`);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(done.filter((operation) => operation !== 'look')).to.deep.equal(['open wx', 'write', 'sync', 'close']);
  });
  it('is for Administrators alone on Windows before anything is in the file', async () => {
    const { done, edge } = recorded();
    await write(edge, 'windows');
    expect(done.filter((operation) => operation !== 'look')).to.deep.equal([
      'open wx',
      'acl',
      'write',
      'sync',
      'close',
    ]);
  });
  it('leaves no half of a file where the disk is full', async () => {
    const { done, edge } = recorded('write');
    const error = await failure(write(edge));
    expect(error).to.include({ code: 'FILE_UNWRITABLE' });
    expect(error.message).to.contain(file).and.contain('no space is left');
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
    expect(done).to.include('close');
  });
  it('says what failed first where the file cannot be removed either', async () => {
    const error = await failure(write(recorded('write', 'unlink').edge));
    expect(error.message).to.contain('no space is left');
  });
  it('takes the place of no file', async () => {
    await writeFile(file, 'precious');
    const error = await failure(write());
    expect(error).to.include({
      code: 'FILE_UNWRITABLE',
      message: `${file} cannot be written: it is there already.`,
      hint: 'Name a new file: an existing one is never overwritten.',
    });
    expect(await readFile(file, 'utf8')).to.equal('precious');
  });
});
