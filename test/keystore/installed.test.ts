import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { readInstalled } from '../../src/keystore/installed.js';
import { sameRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, line, NEW, OLD, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();

describe('reading the installed key', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  const withText = async (text: string | Uint8Array) => {
    await writeFile(agent.keysFile, text);
    return (await readInstalled(agent, disk))?.record;
  };

  it('finds none where no file is, or an empty one', async () => {
    expect(await readInstalled(agent, disk)).to.equal(undefined);
    expect(await withText('')).to.equal(undefined);
    expect(await withText('\n# none\n')).to.equal(undefined);
  });

  it('finds the first entry, with the line ends of Windows too', async () => {
    const found = await withText(`# x\r\n${line(NEW).replace('\n', '\r\n')}${line(OLD)}`);
    expect(found !== undefined && sameRecord(found, NEW)).to.equal(true);
  });

  it('says what is wrong without showing the key', async () => {
    const key = 'd'.repeat(64);
    for (const [text, words] of [
      [`001 web-01 nowhere ${key}`, 'address'],
      [`001 web-01 any ${key}!`, 'key is not'],
      [`${key}`, 'four fields'],
      [`001 w\0eb any ${key}`, 'printable ASCII'],
    ] as const) {
      const error = await failure(withText(text));
      expect(error.code).to.equal('KEYS_INVALID');
      expect(error.message).to.contain(words).and.to.contain(agent.keysFile);
      expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.to.contain(key.slice(0, 8));
    }
  });

  it('does not read a file of any size', async () => {
    const error = await failure(withText(Buffer.alloc(200_000, '#')));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain('larger');
  });

  it('is not held up by a pipe, a directory or a link in a circle', async () => {
    execFileSync('mkfifo', [`${agent.keysFile}.pipe`]);
    await mkdir(`${agent.keysFile}.d`);
    await symlink('client.keys.l', `${agent.keysFile}.l`);
    for (const end of ['.pipe', '.d', '.l']) {
      expect((await failure(readInstalled({ ...agent, keysFile: `${agent.keysFile}${end}` }, disk))).code).to.equal(
        'FILE_UNREADABLE',
      );
    }
  });

  it('tells a file that may not be read from none', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const edge = watched(nodeFileEdge(), (operation) => {
      if (operation === 'open r') throw systemError('EACCES');
    });
    const error = await failure(readInstalled(agent, edge));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain('permission denied');
  });
});
