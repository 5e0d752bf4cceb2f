import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { installersFiles } from '../../src/host/agent-home.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import { narrowFiles } from '../../src/keystore/modes.js';
import { ensureNotesDirectory, notesDirectory } from '../../src/keystore/notes/notes-directory.js';
import { notesPath } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, installationAt, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();
const modeOf = async (path: string) => (await stat(path)).mode & 0o7777;

describe('files that others can use', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  it('are set right, and told', async () => {
    await mkdir(notesDirectory(agent));
    await chmod(notesDirectory(agent), 0o777);
    expect(await ensureNotesDirectory(agent, [], disk))
      .to.include(notesDirectory(agent))
      .and.to.include('0777');
    expect(await ensureNotesDirectory(agent, [], disk)).to.equal(undefined);
    for (const [path, mode] of [
      [notesPath(agent), 0o644],
      [agent.counterFile, 0o666],
      [belongingsPaths(agent).secret, 0o644],
      [installersFiles(agent).token, 0o640],
    ] as const) {
      await writeFile(path, '');
      await chmod(path, mode);
    }
    const told = await narrowFiles(agent, disk);
    expect(told).to.have.length(4);
    expect(told.join(' ')).to.include(notesPath(agent)).and.to.include(agent.counterFile).and.to.include('0666');
    expect([await modeOf(dirname(notesPath(agent))), await modeOf(notesPath(agent))]).to.deep.equal([0o700, 0o600]);
    expect(await modeOf(agent.counterFile)).to.equal(0o640);
    expect(await modeOf(belongingsPaths(agent).secret)).to.equal(0o640);
    expect(await modeOf(installersFiles(agent).token)).to.equal(0o600);
    expect(await narrowFiles(agent, disk)).to.deep.equal([]);
  });

  it('stay as they are where the system does not let them be set right, which is told', async () => {
    await writeFile(agent.counterFile, '0:1:');
    await chmod(agent.counterFile, 0o666);
    const stuck = watched(disk, (operation) => {
      if (operation === 'chmod') throw systemError('EPERM');
    });
    const error = await failure(narrowFiles(agent, stuck));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.contain(agent.counterFile);
  });

  it('are none in a home that is not there', async () => {
    expect(await narrowFiles(installationAt('/nowhere/at/all'), disk)).to.deep.equal([]);
  });

  it('are none where there are no files, nor where the daemon left its own', async () => {
    expect(await narrowFiles(agent, disk)).to.deep.equal([]);
    await writeFile(agent.counterFile, '0:1:');
    await chmod(agent.counterFile, 0o660);
    expect(await narrowFiles(agent, disk)).to.deep.equal([]);
    expect(await modeOf(agent.counterFile)).to.equal(0o660);
  });
});
