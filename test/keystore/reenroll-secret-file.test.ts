import {
  chmod,
  chown,
  lchown,
  link,
  lstat,
  mkdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import type { BegunRequest } from '../../src/keystore/notes/notes.js';
import {
  putReenrollSecret,
  readReenrollSecret,
  removeReenrollSecret,
  type SecretOwner,
} from '../../src/keystore/reenroll-secret-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, makeFifo, OTHER } from '../files/scratch.js';
import { wazuh5 } from '../wazuh5.js';
import { failure, filesBelow, NEW, OLD, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();
const ACCOUNT = { user: 'wazuh', group: 'wazuh', ...OTHER };
const HEX = 'd'.repeat(64);
const OLD_HEX = '0'.repeat(64);
const REQUEST: BegunRequest = { name: 'web-01', manager: 'siem:1517', startedAt: '2026-01-02T03:04:05.000Z' };
const BEGUN = Date.parse(REQUEST.startedAt) / 1000;

describe('keystore/reenroll-secret-file', () => {
  let agent: AgentInstallation;
  let path: string;

  beforeEach(async () => {
    agent = { ...(await scratchHome()), account: ACCOUNT };
    path = belongingsPaths(agent).secret;
  });
  afterEach(() => removeHome(agent));

  /** @param seconds when it was written, since 1970 */
  const lay = async (text: string, seconds = BEGUN - 3600, at = path) => {
    await writeFile(at, text, { mode: 0o640 });
    await utimes(at, seconds, seconds);
  };
  const beside = (token: string) => join(dirname(path), `.reenroll.secret.agent-enroll-${token}.tmp`);
  const found = async (owner: SecretOwner = { record: NEW }) => {
    const secret = await readReenrollSecret(agent, owner, disk);
    return secret === undefined ? undefined : `${secret.id} ${secret.secret.reveal()}`;
  };

  it('lies beside the key', () => {
    const { home } = agent;
    expect(path).to.equal(join(home, 'etc', 'reenroll.secret'));
    expect(belongingsPaths({ ...agent, keysFile: '/data/client.keys' }).secret).to.equal('/data/reenroll.secret');
    expect(belongingsPaths({ ...agent, keysFile: join(home, 'client.keys'), platform: 'windows' })).to.deep.equal({
      secret: join(home, 'reenroll.secret'),
      directory: join(home, 'certs'),
      anchor: join(home, 'certs', 'root-ca.pem'),
      marker: join(home, 'certs', '.anchor-committed'),
    });
  });

  it('is read where it is one, and ignored where it is none', async () => {
    for (const { name, text, expect: wanted } of wazuh5.reenroll_secret_file) {
      await lay(text);
      expect(await found({ record: { id: '003' } }), name).to.equal(wanted === 'use' ? text.trim() : undefined);
    }
    await lay(`002 ${HEX}\n# more\n`);
    expect(await found()).to.equal(undefined);
  });

  it('is none where there is no file and no directory', async () => {
    expect(await found()).to.equal(undefined);
    expect(await found({ request: REQUEST })).to.equal(undefined);
    agent = { ...agent, keysFile: join(agent.home, 'none', 'client.keys'), home: join(agent.home, 'none') };
    expect(await found({ request: REQUEST })).to.equal(undefined);
  });

  it('is used for the agent whose it is, or where there is no key', async () => {
    await lay(`002 ${HEX}\n`);
    expect(await found({ record: NEW })).to.equal(`002 ${HEX}`);
    expect(await found({ record: OLD })).to.equal(undefined);
    expect(await found({ record: { id: '2' } })).to.equal(undefined);
    expect(await found({})).to.equal(`002 ${HEX}`);
  });

  describe('of a run that was killed before it had the key in its place', () => {
    it("is the newer agent's, where it was written since the request was begun", async () => {
      await lay(`002 ${HEX}\n`, BEGUN + 1);
      expect(await found({ record: OLD })).to.equal(undefined);
      expect(await found({ record: OLD, request: REQUEST })).to.equal(`002 ${HEX}`);
      await lay(`002 ${HEX}\n`, BEGUN - 60);
      expect(await found({ record: OLD, request: REQUEST })).to.equal(undefined);
      expect(await found({ record: NEW, request: REQUEST })).to.equal(`002 ${HEX}`);
    });

    it('is an older one where the newest is none', async () => {
      await lay(`002 ${HEX}\n`, BEGUN + 1, beside('aaaaaaaa'));
      await lay('rubbish\n', BEGUN + 2, beside('bbbbbbbb'));
      expect(await found({ record: OLD, request: REQUEST })).to.equal(`002 ${HEX}`);
    });

    it('is taken from a temporary file, where it came no further', async () => {
      await lay(`001 ${OLD_HEX}\n`);
      await lay(`002 ${HEX}\n`, BEGUN + 1, beside('aaaaaaaa'));
      expect(await found({ record: OLD })).to.equal(`001 ${OLD_HEX}`);
      expect(await found({ record: OLD, request: REQUEST })).to.equal(`002 ${HEX}`);
      for (const [text, seconds] of [
        [`002 ${HEX}`, BEGUN + 1],
        [`002 ${HEX.slice(1)}`, BEGUN + 1],
        ['', BEGUN + 1],
        [`002 ${HEX}\n`, BEGUN - 60],
      ] as const) {
        await lay(text, seconds, beside('aaaaaaaa'));
        expect(await found({ record: OLD, request: REQUEST }), text).to.equal(`001 ${OLD_HEX}`);
      }
    });
  });

  describe('belongs to the user of the agent', () => {
    it('and is read from that user, and from nobody else', async function () {
      if (!isRoot) this.skip(); // Only root can give files away.
      await lay(`002 ${HEX}\n`);
      expect(await found()).to.equal(`002 ${HEX}`);
      await chown(path, OTHER.uid, OTHER.gid);
      expect(await found()).to.equal(`002 ${HEX}`);
      await chown(path, OTHER.uid + 1, OTHER.gid);
      const error = await failure(readReenrollSecret(agent, { record: NEW }, disk));
      expect(error.code).to.equal('FILE_UNREADABLE');
      expect(error.message)
        .to.contain(path)
        .and.to.contain(`belongs to user ${OTHER.uid + 1}`);
      expect(`${error.message} ${error.hint}`).to.not.contain(HEX.slice(0, 8));
    });

    it('who can make root read nothing else by it', async function () {
      if (!isRoot) this.skip(); // Only root can give files away.
      const elsewhere = join(agent.home, 'elsewhere');
      await writeFile(elsewhere, `002 ${HEX}\n`, { mode: 0o600 });
      await chown(dirname(path), 0, OTHER.gid);
      await chmod(dirname(path), 0o770);
      const refused = async (what: string) => {
        const error = await failure(readReenrollSecret(agent, { record: NEW }, disk));
        expect(error.code, what).to.equal('FILE_UNREADABLE');
        await rm(path, { recursive: true });
      };
      await link(elsewhere, path);
      await refused('hard link');
      await symlink(elsewhere, path);
      await lchown(path, OTHER.uid, OTHER.gid);
      await refused('link');
      makeFifo(path);
      await refused('FIFO');
      await mkdir(path);
      await refused('directory');
      await writeFile(path, `002 ${HEX}\n`.padEnd(5000, '\n'));
      await refused('size');
    });
  });

  it('is put in its place for the agent alone', async () => {
    await lay(`001 ${OLD_HEX}\n`);
    await lay(`001 ${OLD_HEX}\n`, BEGUN, beside('aaaaaaaa'));
    await putReenrollSecret({ id: '002', secret: new Secret(HEX) }, agent, disk);
    expect(await readFile(path, 'utf8')).to.equal(`002 ${HEX}\n`);
    const { mode, uid, gid } = await stat(path);
    expect(mode & 0o7777).to.equal(0o640);
    if (isRoot) expect({ uid, gid }).to.deep.equal(OTHER);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/reenroll.secret']);
  });

  it('is for Administrators and SYSTEM on Windows', async () => {
    const restricted: string[] = [];
    const edge = watched(disk, (operation, at) => {
      if (operation === 'acl') restricted.push(at);
    });
    const windows = { ...agent, platform: 'windows' } as const;
    await putReenrollSecret({ id: '002', secret: new Secret(HEX) }, windows, edge);
    expect(await readFile(join(agent.home, 'reenroll.secret'), 'utf8')).to.equal(`002 ${HEX}\n`);
    expect(restricted).to.have.length(1);
    expect(restricted[0]).to.contain('.reenroll.secret.agent-enroll-');
  });

  it('is removed with what lies beside it, and stays where that is not possible', async () => {
    await lay(`001 ${OLD_HEX}\n`);
    await lay(`001 ${OLD_HEX}\n`, BEGUN, beside('aaaaaaaa'));
    await removeReenrollSecret(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal([]);
    await removeReenrollSecret(agent, disk);
    await lay(`001 ${OLD_HEX}\n`);
    const stuck = watched(disk, (operation) => {
      if (operation === 'unlink') throw systemError('EROFS');
    });
    const error = await failure(removeReenrollSecret(agent, stuck));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect((await lstat(path)).isFile()).to.equal(true);
    await rm(path);
    await removeReenrollSecret(agent, stuck);
    await removeReenrollSecret({ ...agent, home: '/nowhere', keysFile: '/nowhere/etc/client.keys' }, disk);
  });
});
