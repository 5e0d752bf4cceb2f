import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type KeystoreEdge, nodeEdge } from '../../src/files/file-edge.js';
import { icacls } from '../../src/files/windows-acl.js';
import { checkWritable, installKey } from '../../src/keystore/client-keys.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../keystore/faulty.js';
import { failure, filesBelow, line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';

describe('the ACL of a key on Windows', () => {
  it('is set with icacls, by SIDs, inheritance off', async () => {
    const calls: string[][] = [];
    const acl = icacls('D:\\Windows', async (file, args) => {
      calls.push([file, ...args]);
      return { code: 0, output: '' };
    });
    await acl.restrict('C:\\agent\\x.tmp');
    const grants = ['/inheritance:r', '/grant:r', '*S-1-5-32-544:F', '*S-1-5-18:F', '/q'];
    expect(calls).to.deep.equal([['D:\\Windows\\System32\\icacls.exe', 'C:\\agent\\x.tmp', ...grants]]);
  });

  for (const [code, words] of [
    [5, 'icacls ended with code 5: Access is denied.'],
    [undefined, 'icacls did not run to its end: Access is denied.'],
  ] as const) {
    it(`fails in words: ${words}`, async () => {
      const acl = icacls('C:\\Windows', async () => ({ code, output: 'Access is denied.' }));
      const thrown = await acl.restrict('x').catch((error: unknown) => error);
      expect(thrown).to.be.an('error').with.property('message', words);
    });
  }

  it('fails where icacls is not there', async () => {
    const thrown = await icacls('/nowhere')
      .restrict('x')
      .catch((error: unknown) => error);
    expect(String(thrown)).to.contain('did not run to its end').and.to.contain('spawn');
  });
});

describe('installing a key on Windows', () => {
  let agent: AgentInstallation;
  let edge: KeystoreEdge;

  beforeEach(async () => {
    const { uid: _, ...windows } = nodeEdge();
    edge = { ...windows, pause: async () => undefined };
    agent = { ...(await scratchHome()), platform: 'windows' };
  });
  afterEach(() => removeHome(agent));

  it('restricts the file while it is empty, and syncs no directory', async () => {
    const seen: string[] = [];
    await installKey(
      NEW,
      agent,
      watched(edge, (operation) => seen.push(operation)),
    );
    expect(seen.slice(seen.indexOf('open wx'))).to.deep.equal(['open wx', 'acl', 'write', 'sync', 'close', 'rename']);
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(NEW));
  });

  it('writes nothing where the ACL cannot be set, and notices it before the manager is asked', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const seen: string[] = [];
    const acl = { restrict: () => Promise.reject(new Error('icacls ended with code 5: Access is denied.')) };
    const failing = { ...watched(edge, (operation) => seen.push(operation)), acl };
    for (const work of [() => checkWritable(agent, failing), () => installKey(NEW, agent, failing)]) {
      const error = await failure(work());
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.contain('icacls ended with code 5');
    }
    expect(seen).not.to.contain('write');
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
  });

  it('waits for a reader to let go of the file, for a while', async () => {
    let refusals = 0;
    const busy = watched(edge, (operation) => {
      if (operation === 'rename' && refusals < 5) {
        refusals += 1;
        throw systemError(['EPERM', 'EBUSY', 'EACCES'][refusals % 3] ?? '');
      }
    });
    await installKey(NEW, agent, busy);
    expect(refusals).to.equal(5);
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(NEW));
  });

  it('gives up on a reader that never lets go', async () => {
    let clock = Date.now();
    const held = watched(edge, (operation) => {
      if (operation === 'rename') throw systemError('EBUSY');
    });
    const pause = async (ms: number) => {
      clock += ms;
    };
    const error = await failure(installKey(NEW, agent, { ...held, now: () => clock, pause }));
    expect(error.message).to.contain('in use');
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('refuses a read-only file beforehand', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const readOnly = watched(edge, (operation) => {
      if (operation === 'open r+') throw systemError('EPERM');
    });
    expect((await failure(checkWritable(agent, readOnly))).hint).to.contain('attrib -r');
  });
});
