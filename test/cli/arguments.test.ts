import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { mayAskForHelp, withValues } from '../../src/cli/arguments.js';
import { EnrollError } from '../../src/errors.js';
import { wazuh5 } from '../wazuh5.js';

describe('the values among the arguments', () => {
  it('begin with whatever they begin with', () => {
    const given = ['--password', '-hx9', '--name', '--', '--groups', '---', 'import', '--json', '-'];
    expect(withValues(given)).to.deep.equal(['--password=-hx9', '--name=--', '--groups=---', 'import', '--json', '-']);
    expect(withValues(['--password=-hx9', '--wait=-5'])).to.deep.equal(['--password=-hx9', '--wait=-5']);
    expect(withValues(['sandbox', '--agent-port', '-5'])).to.deep.equal(['sandbox', '--agent-port=-5']);
  });

  it('are none after --, where only files stand', () => {
    expect(withValues(['import', '--', '-key'])).to.deep.equal(['import', './-key']);
    expect(withValues(['import', '--', '-'])).to.deep.equal(['import', '-']);
  });

  it('are missing where an option of this program follows, or nothing', () => {
    for (const [args, said] of [
      [['--name', '--json'], '--name needs a value, and the option --json follows it.'],
      [['--password', '--password-file=x'], '--password needs a value, and the option --password-file follows it.'],
      [['--manager', '-h'], '--manager needs a value, and the option -h follows it.'],
      [['--ca', '--no-handshake'], '--ca needs a value, and the option --no-handshake follows it.'],
      [['check', '--wait'], '--wait needs a value, and nothing follows it.'],
    ] as const) {
      expect(() => withValues(args)).to.throw(EnrollError, said);
    }
    expect(withValues(['--password=--json'])).to.deep.equal(['--password=--json']);
  });

  it('are not repeated where they stand beside an option that there is not', () => {
    for (const [args, said] of [
      [['--pasword', '-s3cr3t'], 'There is no option --pasword.'],
      [['--json', '-s3cr3t'], 'An argument begins with a dash, and is neither an option'],
      [['-ps3cr3t'], 'An argument begins with a dash, and is neither an option'],
    ] as const) {
      expect(() => withValues(args))
        .to.throw(EnrollError, said)
        .with.property('message')
        .which.does.not.include('s3cr3t');
    }
    expect(withValues(['-h'])).to.deep.equal(['-h']);
  });

  it('come through whole', () => {
    const value = fc.string().filter((text) => !/^--?[a-z]/.test(text));
    fc.assert(
      fc.property(value, (text) => {
        expect(withValues(['--password', text, '--json'])).to.deep.equal([`--password=${text}`, '--json']);
      }),
    );
  });

  it('are no enrollment token, wherever it stands, and it is not repeated', () => {
    for (const { token } of wazuh5.token_valid) {
      for (const args of [
        [token],
        ['--token', token],
        [`--token=${token}`],
        ['--token-file', token],
        ['--manager', token],
        ['--password', token],
        ['import', '--', token],
        ['--token-file', `/tmp/a-directory-with-a-name-of-more-than-forty-characters/${token}`],
        ['--token-file', `${token.slice(0, 60)}`],
      ]) {
        expect(() => withValues(args)).to.throw(EnrollError, /^There is an enrollment token among the arguments\.$/);
      }
    }
    const path = '/etc/a-directory-with-a-name-of-more-than-forty-characters/eyJ2ZXIi';
    expect(withValues(['--token-file', path])).to.deep.equal([`--token-file=${path}`]);
  });
});

describe('the help', () => {
  it('may be asked for in each of the ways that the parser knows', () => {
    for (const args of [['--help'], ['-h'], ['check', '--help=true'], ['help'], ['check', 'help'], ['--json', '--h']]) {
      expect(mayAskForHelp(args), args.join(' ')).to.equal(true);
    }
    for (const args of [[], ['check', '--json'], ['--name=help'], ['--manager=h.example.org'], ['helpful']]) {
      expect(mayAskForHelp(args), args.join(' ')).to.equal(false);
    }
  });
});
