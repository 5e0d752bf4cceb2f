import { readFile, stat, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeEdge } from '../../../src/files/file-edge.js';
import {
  formatSidecar,
  parseSidecar,
  readSidecar,
  type Sidecar,
  sidecarFile,
  updateSidecar,
} from '../../../src/keystore/notes/sidecar.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { systemError, watched } from '../faulty.js';
import { failure, filesBelow, removeHome, scratchHome } from '../scratch.js';

const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;
const SEEN = { fingerprint: FINGERPRINT, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };

const withManager = ({ managers, other }: Sidecar): Sidecar => {
  return { managers: new Map(managers).set('manager.example:1515', SEEN), other };
};

describe('the sidecar of client.keys', () => {
  let agent: AgentInstallation;
  let path: string;

  beforeEach(async () => {
    agent = await scratchHome();
    path = sidecarFile(agent.keysFile);
  });
  afterEach(() => removeHome(agent));

  it('lies beside the key, for its owner alone', async () => {
    await updateSidecar(agent, withManager);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys.agent-enroll.json']);
    expect((await stat(path)).mode & 0o7777).to.equal(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).to.deep.equal({
      version: 1,
      managers: { 'manager.example:1515': { fingerprint: FINGERPRINT, firstSeen: SEEN.firstSeen } },
    });
  });

  it('knows nothing at first, and what was noted afterwards', async () => {
    expect((await readSidecar(agent.keysFile)).managers.size).to.equal(0);
    await updateSidecar(agent, withManager);
    expect((await readSidecar(agent.keysFile)).managers.get('manager.example:1515')).to.deep.equal(SEEN);
  });

  it('keeps what another version noted', async () => {
    const note = {
      version: 1,
      managers: { 'a:1': { ...SEEN, other: undefined, alias: 'x' } },
      machine: { id: [1, 2] },
    };
    await writeFile(path, JSON.stringify(note));
    await updateSidecar(agent, withManager);
    const text = JSON.parse(await readFile(path, 'utf8'));
    expect(text.machine).to.deep.equal({ id: [1, 2] });
    expect(text.managers['a:1'].alias).to.equal('x');
    expect(Object.keys(text.managers)).to.deep.equal(['a:1', 'manager.example:1515']);
  });

  it('keeps on which machine a key was enrolled', async () => {
    const hash = 'cd'.repeat(32);
    const noted = {
      agentId: '001',
      key: hash,
      salt: 'ef'.repeat(16),
      hashes: { 'machine-id': hash, 'from-the-future': hash },
      othersNames: ['web-01'],
      alias: 'x',
    };
    await writeFile(path, JSON.stringify({ version: 1, binding: noted }));
    const { alias, ...known } = noted;
    const { binding } = await updateSidecar(agent, (before) => ({ ...before, managers: new Map([['a:1', SEEN]]) }));
    expect(binding).to.deep.equal({ ...known, hashes: new Map(Object.entries(noted.hashes)), other: { alias } });
    expect(JSON.parse(await readFile(path, 'utf8')).binding).to.deep.equal(noted);
    await updateSidecar(agent, ({ binding: _dropped, ...rest }) => rest);
    expect((await readSidecar(agent.keysFile)).binding).to.equal(undefined);
    for (const [wrong, words] of [
      [[], 'is not an object'],
      [{ ...noted, agentId: 'x' }, 'no valid agent id'],
      [{ ...noted, key: 'x' }, 'no valid key'],
      [{ ...noted, salt: '' }, 'no valid salt'],
      [{ ...noted, hashes: [] }, 'no hashes'],
      [{ ...noted, hashes: { 'machine-id': 1 } }, 'invalid hash'],
      [{ ...noted, othersNames: [1] }, 'invalid names'],
    ] as const) {
      await writeFile(path, JSON.stringify({ version: 1, binding: wrong }));
      const error = await failure(readSidecar(agent.keysFile));
      expect(error.code).to.equal('FILE_UNREADABLE');
      expect(error.message).to.contain('of the machine').and.to.contain(words);
    }
  });

  it('is not written again without a change', async () => {
    await updateSidecar(agent, withManager);
    const { ino } = await stat(path);
    await updateSidecar(agent, withManager);
    expect((await stat(path)).ino).to.equal(ino);
  });

  it('is not passed over when it is broken', async () => {
    for (const [text, words] of [
      ['', 'not JSON'],
      ['{"version":1,', 'not JSON'],
      ['[]', 'not a JSON object'],
      ['null', 'not a JSON object'],
      ['{}', 'no valid version'],
      ['{"version":"1"}', 'no valid version'],
      ['{"version":2}', 'newer agent-enroll'],
      ['{"version":1,"managers":[]}', '"managers" is not'],
      ['{"version":1,"managers":{"a:1":"x"}}', 'a:1 is not an object'],
      ['{"version":1,"managers":{"a:1":{"fingerprint":"x","firstSeen":"2026-01-01"}}}', 'no valid fingerprint'],
      [`{"version":1,"managers":{"a:1":{"fingerprint":"${FINGERPRINT}","firstSeen":"then"}}}`, 'no valid date'],
      [`"${'x'.repeat(300_000)}"`, 'larger than 256 KiB'],
    ] as const) {
      await writeFile(path, text);
      for (const work of [() => readSidecar(agent.keysFile), () => updateSidecar(agent, withManager)]) {
        const error = await failure(work());
        expect(error.code).to.equal('FILE_UNREADABLE');
        expect(error.message).to.contain(words).and.to.contain(path);
      }
      expect(await readFile(path, 'utf8')).to.equal(text);
    }
    await writeFile(path, '{');
    expect((await failure(readSidecar(agent.keysFile))).hint).to.contain('--pin');
  });

  it('reads any JSON as notes or as broken, and gives notes back as they were', () => {
    fc.assert(
      fc.property(fc.json(), fc.dictionary(fc.string(), fc.jsonValue()), (json, other) => {
        const { version: _version, managers: _managers, ...unknown } = other;
        const before = withManager({ managers: new Map(), other: unknown });
        const text = formatSidecar(before);
        expect(formatSidecar(parseSidecar(text, 'x'))).to.equal(text);
        expect(() => parseSidecar(json, 'x')).to.throw('x is broken');
      }),
    );
  });

  it('keeps the old notes when the new ones cannot be written', async () => {
    await updateSidecar(agent, withManager);
    const before = await readFile(path, 'utf8');
    const edge = watched(nodeEdge(), (operation) => {
      if (operation === 'write') throw systemError('ENOSPC');
    });
    const change = ({ other }: Sidecar) => ({ managers: new Map(), other });
    expect((await failure(updateSidecar(agent, change, edge))).code).to.equal('FILE_UNWRITABLE');
    expect(await readFile(path, 'utf8')).to.equal(before);
    expect(await filesBelow(agent.home)).to.have.length(1);
  });
});
