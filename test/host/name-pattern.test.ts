import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import {
  checkNameSetting,
  expandName,
  isNamePattern,
  PLACEHOLDERS,
  type Placeholder,
  type PlaceholderValue,
  placeholdersIn,
} from '../../src/host/name-pattern.js';
import { isAgentName } from '../../src/model/agent-record.js';
import { anyCharacter } from '../any-text.js';

function expand(pattern: string, known: Partial<Record<Placeholder, string>> = {}) {
  const values = new Map<Placeholder, PlaceholderValue>();
  for (const name of PLACEHOLDERS) {
    const value = known[name];
    values.set(name, value === undefined ? { found: false, lookedIn: '/nowhere' } : { found: true, value });
  }
  return expandName(pattern, values);
}

function refusal(work: () => unknown): EnrollError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof EnrollError) return thrown;
    throw thrown;
  }
  throw new Error('It should have been refused.');
}

describe('host/name-pattern', () => {
  it('puts the values of the host in place', () => {
    const known = { hostname: 'web-01', fqdn: 'web-01.example.com', 'machine-id': 'abc', 'instance-id': 'i-1' };
    expect(expand('{hostname}', known)).to.deep.equal({ name: 'web-01' });
    expect(expand('prod-{hostname}-{instance-id}', known)).to.deep.equal({ name: 'prod-web-01-i-1' });
    expect(expand('{fqdn}_{machine-id}{machine-id}', known)).to.deep.equal({ name: 'web-01.example.com_abcabc' });
    expect([...placeholdersIn('a{hostname}b{fqdn}c{hostname}')]).to.deep.equal(['hostname', 'fqdn']);
  });

  it('tells a pattern from a name, and checks both', () => {
    expect(isNamePattern('web-01')).to.equal(false);
    expect(isNamePattern('{hostname}')).to.equal(true);
    for (const good of ['web-01', '{hostname}', 'a.{fqdn}', '-{hostname}']) {
      expect(() => checkNameSetting(good), good).to.not.throw();
    }
    for (const [wrong, words] of [
      ['web 01', 'a space'],
      ['{host}', 'there is no {host}; there are {hostname}, {fqdn}, {machine-id}, {instance-id}'],
      ['{}', 'there is no {}'],
      ['{Hostname}', 'there is no {Hostname}'],
      ['{hostname', 'a "{" is never closed'],
      ['{{hostname}}', 'a "{" is never closed'],
      ['{hostname}}', 'a "}" closes nothing'],
      ['web}', 'a "}" closes nothing'],
      ['web 01{hostname}', 'a space may not stand in a name'],
      ['é{hostname}', '"é" (U+00E9) may not stand in a name'],
      ['😀{hostname}', '"😀" (U+1F600) may not stand in a name'],
      ['.{hostname}', 'it begins with a dot'],
      [`${'a'.repeat(128)}{hostname}`, 'too long'],
      ['\u001b[31m{hostname}', 'U+001B may not'],
    ] as const) {
      const error = refusal(() => checkNameSetting(wrong));
      expect(error.code, wrong).to.equal('NAME_UNUSABLE');
      expect(error.message).to.contain(words);
    }
    expect(refusal(() => checkNameSetting('{host}')).hint).to.contain('{instance-id}');
  });

  it('says where it looked for what the host does not have', () => {
    const error = refusal(() => expand('{hostname}-{instance-id}', { hostname: 'web-01' }));
    expect(error.code).to.equal('NAME_UNUSABLE');
    expect(error.message).to.contain('{instance-id}').and.to.contain('/nowhere');
    expect(refusal(() => expand('{fqdn}', { fqdn: '' })).code).to.equal('NAME_UNUSABLE');
  });

  it('names no host by a name that thousands have', () => {
    for (const name of ['localhost', 'localhost.localdomain', '(none)']) {
      expect(refusal(() => expand('prod-{hostname}', { hostname: name })).message).to.contain('too many others');
      expect(refusal(() => expand('prod-{fqdn}', { fqdn: name })).code).to.equal('NAME_UNUSABLE');
    }
  });

  it('replaces what no name may have', () => {
    expect(expand('{hostname}', { hostname: 'büro pc' })).to.deep.equal({ name: 'b-ro-pc', changedFrom: 'büro pc' });
    expect(expand('{instance-id}', { 'instance-id': '/subscriptions/a' }).name).to.equal('-subscriptions-a');
    expect(expand('{hostname}', { hostname: '.web' }).name).to.equal('-web');
    // One letter is too short for a name alone, and good as a part of one.
    expect(refusal(() => expand('{hostname}', { hostname: 'w' })).code).to.equal('NAME_UNUSABLE');
    expect(expand('{hostname}1', { hostname: 'w' }).name).to.equal('w1');
    expect(refusal(() => expand('{hostname}', { hostname: '日本' })).message).to.contain('日本');
  });

  it('cuts what is too long by a hash of the whole', () => {
    const long = 'a'.repeat(127);
    const one = expand('{hostname}-{machine-id}', { hostname: long, 'machine-id': '1' });
    const two = expand('{hostname}-{machine-id}', { hostname: long, 'machine-id': '2' });
    expect(one.name).to.match(/^a{119}-[0-9a-f]{8}$/);
    expect(one.name).to.not.equal(two.name);
    expect(expand('{hostname}-{machine-id}', { hostname: long, 'machine-id': '1' })).to.deep.equal(one);
    expect(expand('{hostname}-', { hostname: long })).to.deep.equal({ name: `${long}-` });
  });

  it('makes of any pattern and values a name that a manager takes, or refuses', () => {
    const word = fc.string({ unit: anyCharacter, maxLength: 150 });
    const pattern = fc
      .array(fc.oneof(fc.constantFrom('{hostname}', '{fqdn}', 'a', '-', '{', '.'), word))
      .map((p) => p.join(''));
    fc.assert(
      fc.property(pattern, word, word, (text, hostname, fqdn) => {
        try {
          expect(isAgentName(expand(text, { hostname, fqdn }).name)).to.equal(true);
        } catch (thrown) {
          if (!(thrown instanceof EnrollError)) throw thrown;
          expect(thrown.code).to.equal('NAME_UNUSABLE');
        }
      }),
    );
  });
});
