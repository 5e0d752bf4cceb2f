import { expect } from 'chai';
import { describe, it } from 'mocha';
import { checkGroupNames } from '../../src/obtain/group-names.js';
import { failure } from '../net/expect-error.js';

describe('the names of groups', () => {
  it('are what a manager takes', () => {
    checkGroupNames([]);
    checkGroupNames(['web', '...', '.a', 'a.', "we'b", 'ü', 'g'.repeat(255)]);
  });

  for (const name of ['', '.', '..', 'a b', 'a/b', 'a\\b', 'a:b', 'a*', 'a?', '"a', '<a', 'a>', 'a|b', 'a,b', 'a\n']) {
    it(`are not ${JSON.stringify(name)}, whichever stand before it`, async () => {
      const error = await failure('GROUP_REFUSED', () => checkGroupNames(['web', name]));
      expect(error.message).to.equal(`${JSON.stringify(name)} cannot be the name of a group.`);
    });
  }

  it('are no longer than 255 characters', () => failure('GROUP_REFUSED', () => checkGroupNames(['g'.repeat(256)])));
});
