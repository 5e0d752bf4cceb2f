import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { agentName, checkAgentName } from '../../src/host/name.js';
import { isAgentName } from '../../src/model/agent-record.js';
import { anyCharacter } from '../any-text.js';

function refusal(work: () => unknown): EnrollError {
  try {
    work();
  } catch (error) {
    if (error instanceof EnrollError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('host/name: agentName', () => {
  const known: readonly [string, string][] = [
    ['web-01', 'web-01'],
    ['WEB_01.example.com', 'WEB_01.example.com'],
    ['büro-pc', 'b-ro-pc'],
    ['bu\u0308ro-pc', 'b-ro-pc'],
    ['Anna’s Mac', 'Anna-s-Mac'],
    ['東京-1', '---1'],
    ['a😀b', 'a-b'],
    ['..hidden', '--hidden'],
    ['web\n01', 'web-01'],
    ['localhosts', 'localhosts'],
    ['localhost-7f', 'localhost-7f'],
  ];
  for (const [own, name] of known) {
    it(`makes ${JSON.stringify(own)} ${name}`, () => {
      expect(agentName(own)).to.deep.equal(own === name ? { name } : { name, changedFrom: own });
    });
  }

  const nobodys = [
    '',
    'localhost',
    'LOCALHOST',
    'localhost.localdomain',
    'localhost4',
    'localhost6.localdomain6',
    'localhost-live',
    'localhost.example.com',
    '(none)',
    'ip6-localhost',
    'ip6-loopback',
    'localdomain',
    'unknown',
    '127.0.0.1',
    'x',
    '東京',
    '--',
  ];
  for (const own of nobodys) {
    it(`refuses ${JSON.stringify(own)} and advises --name`, () => {
      const error = refusal(() => agentName(own));
      expect(error.code).to.equal('NAME_UNUSABLE');
      expect(error.hint).to.contain('--name');
    });
  }

  it('keeps two long names apart that share 128 characters', () => {
    const one = agentName(`${'a'.repeat(128)}1`).name;
    const two = agentName(`${'a'.repeat(128)}2`).name;
    expect(one).to.have.lengthOf(128);
    expect(one).not.to.equal(two);
    expect(agentName('a'.repeat(128))).to.deep.equal({ name: 'a'.repeat(128) });
  });

  it('gives for any host name a valid one or a refusal, and shows the one that was changed', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 300 }), (own) => {
        try {
          const { name, changedFrom } = agentName(own);
          expect(isAgentName(name)).to.equal(true);
          expect(changedFrom ?? own).to.equal(own);
          expect(changedFrom === undefined).to.equal(name === own);
        } catch (error) {
          expect(error).to.be.instanceOf(EnrollError).with.property('code', 'NAME_UNUSABLE');
        }
      }),
    );
  });

  it('never shortens a name by dropping what is not allowed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 2, maxLength: 128 }), (own) => {
        try {
          expect(agentName(own).name).to.have.lengthOf(own.length);
        } catch (error) {
          expect(error).to.be.instanceOf(EnrollError);
        }
      }),
    );
  });
});

describe('host/name: checkAgentName', () => {
  it('takes what a manager takes, unchanged', () => {
    expect(checkAgentName('localhost')).to.deep.equal({ name: 'localhost' });
  });
  const wrong: readonly [string, string][] = [
    ['', 'it is empty'],
    ['a', 'it has 1 character'],
    ['b'.repeat(129), 'it has 129 characters'],
    ['.web', 'it begins with a dot'],
    ['web 01', 'character 4 is a space'],
    ['büro', 'character 2 is "ü" (U+00FC)'],
    ['a😀!', 'character 2 is "😀" (U+1F600)'],
    ['web\n', 'character 4 is U+000A'],
  ];
  for (const [name, fault] of wrong) {
    it(`refuses ${JSON.stringify(name.slice(0, 10))}: ${fault}`, () => {
      const error = refusal(() => checkAgentName(name));
      expect(error.code).to.equal('NAME_UNUSABLE');
      expect(error.message).to.contain(fault).and.not.contain('\n');
    });
  }
});
