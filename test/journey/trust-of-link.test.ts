import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { trustOfLink } from '../../src/journey/trust-of-link.js';
import { NOTHING_KNOWN, type Notes } from '../../src/keystore/notes/notes.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { Settings } from '../../src/settings/settings.js';
import { removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

const AT = { host: 'siem.example', port: 1517 };
const KEY = 'ab'.repeat(32);
const NOTES: Notes = {
  ...NOTHING_KNOWN,
  managers: new Map([
    ['siem.example:1517', { fingerprint: `sha256:${KEY}`, firstSeen: '2026-01-02T03:04:05.000Z', other: {} }],
  ]),
};

describe('a Wazuh 5 that a key is proven to is trusted', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc']);
  });
  afterEach(() => removeHome(agent));

  const of = (trust: Settings['trust'], notes = NOTES, anchor?: string) =>
    trustOfLink(journeyOf({ agent, settings: { trust } }), AT, notes, anchor);
  const beside = async () => {
    await mkdir(join(agent.home, 'etc/certs'));
    await writeFile(join(agent.home, 'etc/certs/root-ca.pem'), 'beside the key', { mode: 0o640 });
  };

  it('as was asked for, before all else', async () => {
    await beside();
    expect(await of({ insecure: true }, NOTES, 'shown')).to.deep.equal({ insecure: true });
    expect(await of({ insecure: false, ca: 'given' }, NOTES, 'shown')).to.deep.equal({ insecure: false, ca: 'given' });
  });
  it('by the CA that was shown with the key, then by the one that lies beside it', async () => {
    await beside();
    expect(await of({ insecure: false }, NOTES, 'shown')).to.deep.equal({ insecure: false, ca: 'shown' });
    expect(await of({ insecure: false })).to.deep.equal({ insecure: false, ca: 'beside the key' });
  });
  it('by what an earlier run saw, where there is no CA', async () => {
    expect(await of({ insecure: false, pin: 'p' })).to.deep.equal({ insecure: false, pin: 'p', firstUse: KEY });
    expect(await of({ insecure: false }, NOTHING_KNOWN)).to.deep.equal({ insecure: false });
  });
});
