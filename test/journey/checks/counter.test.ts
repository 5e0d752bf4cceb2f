import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { counter, isLost } from '../../../src/journey/checks/counter.js';
import { GLOBAL_MAX } from '../../../src/model/message-counter.js';
import { agent, byDaemon, failed, none, proved, record, withoutAccount } from './check-scene.js';

const PATH = '/var/ossec/queue/rids/sender_counter';
const own = { uid: 998, gid: 997, mode: 0o640 };
const at = (global: number, local: number, facts = own) => ({
  look: { last: { global, local }, facts },
  usedBefore: true,
});
const refused = failed('LINK_UNANSWERED', { kind: 'silent-udp' });

describe('the check of the message counter', () => {
  for (const [what, facts, look, ok, detail] of [
    ['has acknowledged the last message', at(0, 7), proved, true, 'The last message had 0:7.'],
    ['has the agent connected', at(3, 7), byDaemon, true, 'The last message had 3:7.'],
    [
      'does not answer',
      at(3, 7),
      refused,
      null,
      'The last message had 3:7; whether the manager has seen later ones is not told.',
    ],
    [
      'is not asked',
      at(3, 7),
      none,
      null,
      'The last message had 3:7; whether the manager has seen later ones is not told.',
    ],
    [
      'was sent nothing yet',
      { look: undefined, usedBefore: false },
      proved,
      true,
      `There is no ${PATH}: nothing was sent yet.`,
    ],
    [
      'is sent the first number, as none is noted',
      { look: { facts: own }, usedBefore: false },
      proved,
      true,
      `${PATH} holds no number, so the agent begins at 0:1.`,
    ],
  ] as const) {
    it(`says where a manager ${what}: ${detail}`, () => {
      expect(counter(agent, record, facts, look, undefined)).to.deep.equal({ id: 'counter', ok, detail });
    });
  }

  for (const [what, look, gone] of [
    ['is gone', undefined, `There was no ${PATH}`],
    ['holds no number', { facts: own }, `${PATH} held no number or 0:0`],
    ['is at its beginning', at(0, 0).look, `${PATH} held no number or 0:0`],
  ] as const) {
    it(`ends the run where the counter of a key that was in use ${what}`, () => {
      const hint = `Restore ${PATH} along with the key, or remove queue/rids/001 on the manager and restart that, or get a new key with agent-enroll --force. The manager's log says "(1407): Duplicated counter" if this is it.`;
      const { error, ...shown } = counter(agent, record, { look, usedBefore: true }, refused, 'counter');
      expect(shown).to.deep.equal({
        id: 'counter',
        ok: false,
        detail: `${gone}, though a manager has acknowledged this key before: the messages are numbered from the beginning again, and a manager that checks the numbers (OSSEC does) takes none of them.`,
        hint,
      });
      expect(error).to.include({ code: 'LINK_UNANSWERED', message: 'It failed.', hint, cause: refused.error });
    });
  }

  describe('that is used up', () => {
    const detail = `${PATH} says that all message numbers are used up.`;
    const hint = `Remove ${PATH}, with the agent stopped; a manager that checks the numbers needs a new key: agent-enroll --force.`;
    const used = at(GLOBAL_MAX, 9997);
    it('is what a link ends with that failed', () => {
      const look = failed('LINK_UNANSWERED');
      expect(counter(agent, record, used, look, 'key')).to.deep.equal({
        id: 'counter',
        ok: false,
        detail,
        hint,
        error: look.error,
      });
    });
    it('is wrong, and no end, where the link works', () => {
      expect(counter(agent, record, used, byDaemon, undefined)).to.deep.equal({
        id: 'counter',
        ok: false,
        detail,
        hint,
      });
    });
  });

  describe('that cannot be read', () => {
    const error = new EnrollError('FILE_UNREADABLE', 'It cannot be read.', { hint: 'Be root.' });
    const facts = { look: undefined, error, usedBefore: true };
    it('is the end where it is needed', () => {
      expect(counter(agent, record, facts, none, undefined)).to.deep.equal({
        id: 'counter',
        ok: null,
        detail: 'It cannot be read.',
        hint: 'Be root.',
        error,
      });
      expect(isLost(facts)).to.equal(false);
    });
    it('is none where there is no key', () => {
      expect(counter(agent, undefined, facts, none, undefined)).to.deep.equal({
        id: 'counter',
        ok: null,
        detail: 'It cannot be read.',
      });
    });
  });

  it('is lost only where it stands at its very beginning', () => {
    expect(isLost(at(1, 0))).to.equal(false);
    expect(isLost(at(0, 1))).to.equal(false);
    expect(isLost(at(0, 0))).to.equal(true);
  });

  describe('whose file belongs to', () => {
    for (const [what, facts, writable] of [
      ["the agent's user, which may write it", { uid: 998, gid: 0, mode: 0o200 }, true],
      ["the agent's user, which may not", { uid: 998, gid: 997, mode: 0o466 }, false],
      ["the agent's group, which may write it", { uid: 0, gid: 997, mode: 0o020 }, true],
      ["the agent's group, which may not", { uid: 0, gid: 997, mode: 0o646 }, false],
      ['others, but everybody may write it', { uid: 0, gid: 0, mode: 0o002 }, true],
      ['others', { uid: 0, gid: 0, mode: 0o664 }, false],
    ] as const) {
      it(`${what} is ${writable ? 'right' : 'wrong'}`, () => {
        const finding = counter(agent, record, at(0, 7, facts), proved, undefined);
        if (writable) expect(finding).to.include({ ok: true, detail: 'The last message had 0:7.' });
        else {
          expect(finding).to.deep.equal({
            id: 'counter',
            ok: false,
            detail: `${PATH} has mode 0${facts.mode.toString(8)} and belongs to user ${facts.uid}: the agent, which runs as wazuh, cannot write it, and ends over that.`,
            hint: `As root: chown wazuh:wazuh ${PATH}; chmod 640 ${PATH}`,
          });
        }
        expect(counter(withoutAccount, record, at(0, 7, facts), proved, undefined)).to.include({ ok: true });
      });
    }
  });
});
