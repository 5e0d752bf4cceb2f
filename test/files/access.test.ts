import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Access, accessOf, type FileRole, formatMode, isAsWanted, isTooWide } from '../../src/files/access.js';
import type { FileFacts } from '../../src/files/files.js';

const AGENT = { user: 'wazuh', group: 'wazuh', uid: 998, gid: 997 };
const NEAR = { uid: 0, gid: 44 };

function factsOf(mode: number, owner = NEAR): FileFacts {
  return { kind: 'file', mode, size: 0, links: 1, identity: '1:2', modified: 0n, changed: 0n, ...owner };
}

const ROOT = { uid: 0 };
const NOBODY = { uid: 65534 };

// role, mode, owner and group with the account known, whether it is a secret, the widest that it may have
const ROWS: readonly (readonly [FileRole, number, number, number, boolean, number])[] = [
  ['client.keys', 0o640, 0, AGENT.gid, true, 0o640],
  ['ossec.conf', 0o660, 0, AGENT.gid, false, 0o664],
  ['sender_counter', 0o640, AGENT.uid, AGENT.gid, false, 0o664],
  ['reenroll.secret', 0o640, AGENT.uid, AGENT.gid, true, 0o640],
  ['root-ca.pem', 0o640, AGENT.uid, AGENT.gid, false, 0o664],
  ['.anchor-committed', 0o640, 0, AGENT.gid, false, 0o664],
  ['certs directory', 0o1770, 0, AGENT.gid, false, 0o1770],
  ['enrollment token', 0o600, 0, 0, true, 0o600],
  ['notes', 0o600, 0, 0, true, 0o600],
  ['notes directory', 0o700, 0, 0, true, 0o700],
  ['agent directory', 0o750, 0, AGENT.gid, false, 0o775],
  ['counter directory', 0o770, AGENT.uid, AGENT.gid, false, 0o775],
];

describe('files/access', () => {
  for (const [role, mode, uid, gid, secret, widest] of ROWS) {
    describe(`of ${role}`, () => {
      it(`is ${formatMode(mode)}, whatever lay there before`, () => {
        for (const before of [0o600, 0o777, 0o4755]) {
          const access = accessOf(role, { platform: 'unix', account: AGENT }, factsOf(before), ROOT);
          expect(access).to.deep.equal({ platform: 'unix', mode, secret, owner: { uid, gid } });
        }
      });

      it("is its directory's where the agent's account is not known", () => {
        const { owner } = accessOf(role, { platform: 'unix' }, factsOf(0o755), ROOT);
        expect(owner).to.deep.equal({ uid: uid === 0 ? 0 : NEAR.uid, gid: gid === 0 ? 0 : NEAR.gid });
      });

      it('gives nothing away where somebody else than root runs, or Windows', () => {
        const theirs = accessOf(role, { platform: 'unix', account: AGENT }, factsOf(0o755), NOBODY);
        expect(theirs).to.deep.equal({ platform: 'unix', mode, secret });
        expect(accessOf(role, { platform: 'windows' }, factsOf(0o755), {})).to.deep.equal({
          platform: 'windows',
          mode,
          secret,
        });
      });

      it(`is too wide where it allows more than ${formatMode(widest)}`, () => {
        expect(isTooWide(role, factsOf(mode), 'unix')).to.equal(false);
        expect(isTooWide(role, factsOf(widest), 'unix')).to.equal(false);
        expect(isTooWide(role, factsOf(0), 'unix')).to.equal(false);
        for (let bit = 1; bit <= 0o4000; bit *= 2) {
          const allowed = (widest & bit) !== 0;
          expect(isTooWide(role, factsOf(bit), 'unix'), formatMode(bit)).to.equal(!allowed);
          expect(isTooWide(role, factsOf(bit), 'windows')).to.equal(false);
        }
      });
    });
  }

  it('knows what is as it should be', () => {
    const wanted: Access = { platform: 'unix', mode: 0o640, secret: true, owner: { uid: 0, gid: 44 } };
    const { owner: _, ...anybodys } = wanted;
    expect(isAsWanted(factsOf(0o640), wanted)).to.equal(true);
    expect(isAsWanted(factsOf(0o644), wanted)).to.equal(false);
    expect(isAsWanted(factsOf(0o4640), wanted)).to.equal(false);
    expect(isAsWanted(factsOf(0o640, { uid: 1, gid: 44 }), wanted)).to.equal(false);
    expect(isAsWanted(factsOf(0o640, { uid: 0, gid: 1 }), wanted)).to.equal(false);
    expect(isAsWanted(factsOf(0o640, { uid: 1, gid: 1 }), anybodys)).to.equal(true);
    expect(isAsWanted(factsOf(0o777), { ...wanted, platform: 'windows' })).to.equal(true);
  });

  it('writes modes as people do', () => {
    expect([0o640, 0o4755, 0, 0o7].map(formatMode)).to.deep.equal(['0640', '04755', '0000', '0007']);
  });
});
