import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { UndurableError } from '../../src/files/file-error.js';
import { putAnchorAround } from '../../src/keystore/anchor.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { watched } from '../files/faulty.js';
import { removeHome, scratchHome } from './scratch.js';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

describe('the anchor of a Wazuh 5', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome(['etc']);
  });
  afterEach(() => removeHome(agent));

  it('has its bytes and its name on the disk before the key is put in its place', async () => {
    const certs = join(agent.home, 'etc', 'certs');
    await mkdir(certs);
    const seen: string[] = [];
    const edge = watched(nodeFileEdge(), (operation, path) => {
      if (!path.startsWith(certs) || !/^(open wx|write|sync|rename)/.test(operation)) return;
      const name = path.slice(certs.length + 1);
      seen.push(`${operation} ${/^\.root-ca\.pem\..*\.tmp$/.test(name) ? 'temporary' : name}`.trim());
    });
    await putAnchorAround(PEM, agent, edge, async () => {
      seen.push('the key');
    });
    expect(seen.slice(0, 7)).to.deep.equal([
      'open wx temporary',
      'write temporary',
      'sync temporary',
      'sync directory',
      'the key',
      'rename root-ca.pem',
      'sync directory',
    ]);
  });

  it('follows a key that is in its place, if the disk did not confirm that', async () => {
    const unconfirmed = new UndurableError(agent.keysFile, new Error('no space is left'));
    const put = putAnchorAround(PEM, agent, nodeFileEdge(), () => Promise.reject(unconfirmed));
    expect(await put.catch((error: unknown) => error)).to.equal(unconfirmed);
    expect((await readdir(join(agent.home, 'etc', 'certs'))).sort()).to.deep.equal([
      '.anchor-committed',
      'root-ca.pem',
    ]);
  });

  it('is gone where the key was not put in its place', async () => {
    const failed = new EnrollError('FILE_UNWRITABLE', 'no key');
    const put = putAnchorAround(PEM, agent, nodeFileEdge(), () => Promise.reject(failed));
    expect(await put.catch((error: unknown) => error)).to.equal(failed);
    expect(await readdir(join(agent.home, 'etc'))).to.deep.equal([]);
  });
});
