import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { nodeSystem } from '../../src/host/system.js';
import { never } from './fake-system.js';

describe('host/system', () => {
  const disk = nodeFileEdge();
  const system = nodeSystem({}, disk);
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-system-'));
    await writeFile(join(directory, 'text'), 'hello\n');
    await writeFile(join(directory, 'large'), Buffer.alloc(16 * 1024 * 1024, 'x'));
    await writeFile(join(directory, 'larger'), Buffer.alloc(16 * 1024 * 1024 + 1, 'x'));
    await mkdir(join(directory, 'folder'));
  });
  after(() => rm(directory, { recursive: true }));

  it('reads files, of at most 16 MiB', async () => {
    expect(await system.readText(join(directory, 'text'))).to.equal('hello\n');
    expect(await system.readText(join(directory, 'large'))).to.have.lengthOf(16 * 1024 * 1024);
    expect(await system.readText(join(directory, 'larger'))).to.equal(undefined);
    expect(await system.readText(join(directory, 'none'))).to.equal(undefined);
    expect(await system.readText(join(directory, 'text', 'below'))).to.equal(undefined);
    expect(await system.readText(join(directory, 'folder'))).to.equal(undefined);
  });
  it('reads the files of the kernel, which say that they are empty', async function () {
    if (process.platform !== 'linux') this.skip();
    // Behind a link of root's as well.
    expect(await system.readText('/proc/net/if_inet6')).to.be.a('string');
    expect(await system.readText('/proc/self/comm')).to.match(/\S\n$/);
  });
  it('reads through nothing but the disk that it is given', async () => {
    const read: string[] = [];
    const root = async (path: string) => {
      read.push(path);
      throw Object.assign(new Error('made up'), { code: 'EIO' });
    };
    const without = nodeSystem({}, { ...disk, files: { ...disk.files, root } });
    expect(await without.readText(join(directory, 'text'))).to.equal(undefined);
    expect(read).to.have.lengthOf(1);
  });
  it('does not wait for a pipe', async function () {
    if (process.platform === 'win32') this.skip();
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    expect(await system.readText(join(directory, 'pipe'))).to.equal(undefined);
  });
  it('lists and finds', async () => {
    expect(await system.list(directory)).to.include.members(['text', 'folder']);
    expect(await system.list(join(directory, 'none'))).to.deep.equal([]);
    expect(await system.exists(join(directory, 'folder'))).to.equal(true);
    expect(await system.exists(join(directory, 'none'))).to.equal(false);
  });
  it('runs programs without a shell, and bears those that fail', async () => {
    const echo = ['-e', 'process.stdout.write(process.argv[1])', '$HOME;'];
    expect(await system.run(process.execPath, echo, never)).to.equal('$HOME;');
    expect(await system.run(process.execPath, ['-e', 'process.exit(3)'], never)).to.equal(undefined);
    expect(await system.run(join(directory, 'none'), [], never)).to.equal(undefined);
  });
  it('ends a program when it is told to', async () => {
    const user = new AbortController();
    const running = system.run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], user.signal);
    user.abort();
    expect(await running).to.equal(undefined);
    expect(await system.run(process.execPath, ['-e', '0'], user.signal)).to.equal(undefined);
  });
  it('knows its addresses with their prefixes', () => {
    const loopback = system.addresses().find(({ address }) => address === '127.0.0.1');
    if (loopback !== undefined) expect(loopback.prefix).to.equal(8);
    for (const { prefix } of system.addresses()) expect(prefix).to.be.within(0, 128);
  });
});
