import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../../src/files/file-edge.js';
import { keyAccess, lookAtKey } from '../../../src/journey/checks/key-file.js';
import { nodeJourneyEdge } from '../../../src/journey/journey-edge.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { systemError, watched } from '../../files/faulty.js';
import { removeHome, scratchHome } from '../../keystore/scratch.js';
import { agent, withoutAccount } from './check-scene.js';

const PATH = '/var/ossec/etc/client.keys';
const access = (mode: number, uid = 0, gid = 997, tooWide = false) => ({ uid, gid, mode, tooWide });

describe('the check of access to the key', () => {
  for (const [what, given, detail] of [
    [
      "root's and the agent's group",
      access(0o640),
      'has mode 0640 and belongs to user 0, group 997; the agent (wazuh) can read it.',
    ],
    [
      "the agent's own",
      access(0o400, 998, 0),
      'has mode 0400 and belongs to user 998, group 0; the agent (wazuh) can read it.',
    ],
  ] as const) {
    it(`is content with a file that is ${what}`, () => {
      expect(keyAccess(agent, given)).to.deep.equal({ id: 'key-access', ok: true, detail: `${PATH} ${detail}` });
    });
  }
  for (const [what, given, detail, more] of [
    [
      'its user may not read, though everybody else may',
      access(0o244, 998, 997),
      'has mode 0244 and belongs to user 998, group 997: the agent, which runs as wazuh, cannot read it.',
      '',
    ],
    [
      'its group may not read',
      access(0o604),
      'has mode 0604 and belongs to user 0, group 997: the agent, which runs as wazuh, cannot read it.',
      '',
    ],
    [
      "is root's alone",
      access(0o640, 0, 0),
      'has mode 0640 and belongs to user 0, group 0: the agent, which runs as wazuh, cannot read it.',
      '',
    ],
    [
      'others can read',
      access(0o644, 0, 997, true),
      'has mode 0644 and belongs to user 0, group 997: others than root and the agent can read or change this key.',
      ' (agent-enroll does it too). If others may have read it, get a new key with agent-enroll --force.',
    ],
    [
      "is a third user's",
      access(0o640, 1000),
      "has mode 0640 and belongs to user 1000, group 997, and should be root's or the agent's.",
      '',
    ],
  ] as const) {
    it(`finds a file wrong that ${what}`, () => {
      expect(keyAccess(agent, given)).to.deep.equal({
        id: 'key-access',
        ok: false,
        detail: `${PATH} ${detail}`,
        hint: `As root: chown root:wazuh ${PATH}; chmod 640 ${PATH}${more}`,
      });
    });
  }
  it('says whose it should be where no account of an agent is known', () => {
    const detail = `${PATH} has mode 0640 and belongs to user 1000, group 0`;
    expect(keyAccess(withoutAccount, access(0o640, 1000, 0))).to.deep.equal({
      id: 'key-access',
      ok: true,
      detail: `${detail}.`,
    });
    expect(keyAccess(withoutAccount, access(0o640, 1000, 0, true)).hint).to.include(`As root: chown root ${PATH};`);
  });
  it('looks at no access lists, and at no file that it may not look at', () => {
    expect(keyAccess({ ...agent, platform: 'windows' }, access(0o777))).to.deep.equal({
      id: 'key-access',
      ok: null,
      detail: 'Access lists are not looked at here.',
    });
    expect(keyAccess(agent, undefined)).to.deep.equal({
      id: 'key-access',
      ok: null,
      detail: `${PATH} cannot be looked at.`,
    });
  });
});

describe('the look at client.keys', () => {
  let home: AgentInstallation;
  const edge = nodeJourneyEdge({});
  beforeEach(async () => {
    home = await scratchHome(['etc']);
  });
  afterEach(() => removeHome(home));

  it('shows the record, and not its key', async () => {
    await writeFile(home.keysFile, `001 web-01 any ${'a'.repeat(64)}\n`, { mode: 0o600 });
    const { file, finding } = await lookAtKey(home, edge);
    expect(file?.record.id).to.equal('001');
    expect(finding).to.deep.equal({
      id: 'key-file',
      ok: true,
      detail: `${home.keysFile}: agent 001 web-01, address any.`,
    });
  });
  it('ends the run where there is none', async () => {
    const { file, finding } = await lookAtKey(home, edge);
    expect(file).to.equal(undefined);
    expect(finding).to.include({ id: 'key-file', ok: false, detail: `There is no key in ${home.keysFile}.` });
    expect(finding.error).to.include({ code: 'KEY_MISSING' });
  });
  it('ends the run where it holds none that an agent would use', async () => {
    await writeFile(home.keysFile, 'rubbish\n', { mode: 0o600 });
    const { finding } = await lookAtKey(home, edge);
    expect(finding).to.include({ id: 'key-file', ok: false });
    expect(finding.error).to.include({ code: 'KEYS_INVALID', message: finding.detail });
  });
  it('does not call wrong what it may not read, but ends with that', async () => {
    await writeFile(home.keysFile, '', { mode: 0o600 });
    const disk = watched(nodeFileEdge(), (operation, path) => {
      if (operation === 'open r' && path === home.keysFile) throw systemError('EACCES');
    });
    const { finding } = await lookAtKey(home, { ...edge, disk });
    expect(finding).to.include({
      id: 'key-file',
      ok: null,
      detail: `${home.keysFile} cannot be read: permission denied (EACCES).`,
    });
    expect(finding.error).to.include({ code: 'FILE_UNREADABLE' });
  });
});
