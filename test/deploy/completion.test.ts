import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { completionScript } from '../../src/cli/commands/completion.js';
import { completedCommands } from '../../src/cli/completion/model.js';
import { SHELLS } from '../../src/cli/syntax.js';
import { OPTION_ROWS } from '../../src/settings/options.js';

const run = promisify(execFile);
const env = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TERM: 'dumb' };

/** The words that a shell offers for what is typed so far. */
type Ask = (script: string, typed: readonly string[], home: string) => Promise<readonly string[]>;

const ZSH_SETUP = `
PS1= PROMPT_EOL_MARK=
stty -echo
autoload -U compinit
compinit -D -u
source $1
typeset -ga offered
compadd() {
  local -a found
  if [[ " \${(j: :)@[1,\${@[(i)-]}-1]} " != *' -'[OAD]' '* ]]; then
    builtin compadd -O found "$@"
    offered+=($found)
  fi
  builtin compadd "$@"
}
_all() { offered=(); _main_complete; }
zle -C all complete-word _all
show() { zle all; zle -I; print -r -- "FROM:\${(u)offered}:TO"; }
zle -N show
bindkey '^G' show
print READY
`;

const shells: Readonly<Record<'bash' | 'zsh' | 'fish', Ask>> = {
  bash: async (script, typed) => {
    const code = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _agent_enroll; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines((await run('bash', ['-c', code, 'bash', script, ...typed], { env })).stdout);
  },
  // In a terminal of its own, where completion can be tried: what is offered to the line editor is noted.
  zsh: async (script, typed, home) => {
    await writeFile(join(home, 'setup.zsh'), ZSH_SETUP);
    const code = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "source $2/setup.zsh $1"
      zpty -r -m shell answer '*READY*'
      zpty -w -n shell "$3"$'\\x07'
      zpty -r -m shell answer '*:TO*'
      print -r -- "$answer"`;
    const { stdout } = await run('zsh', ['-f', '-c', code, 'zsh', script, home, typed.join(' ')], {
      env: { ...env, HOME: home },
      timeout: 9000,
    });
    return lines((/FROM:([\s\S]*?):TO/.exec(stdout)?.[1] ?? '').trim().replaceAll(' ', '\n'));
  },
  fish: async (script, typed, home) => {
    const code = 'source $argv[1]; complete -C $argv[2]';
    const { stdout } = await run('fish', ['--no-config', '-c', code, script, typed.join(' ')], {
      env: { ...env, HOME: home },
    });
    return lines(stdout).map((line) => line.split('\t', 1)[0] ?? '');
  },
};

describe('agent-enroll completion', function () {
  this.timeout(15_000);
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'agent-enroll-completion-'));
    for (const shell of SHELLS) await writeFile(join(home, `completion.${shell}`), await completionScript(shell));
  });
  after(() => rm(home, { recursive: true, force: true }));

  it('knows every option of every command', () => {
    for (const { name, options } of completedCommands()) {
      const flags = options.map(({ flag }) => flag);
      for (const [option, { commands }] of OPTION_ROWS) {
        const taken = commands.some((command) => command === name);
        if (taken) expect(flags.some((flag) => flag === `--${option}` || flag === `--no-${option}`)).to.equal(true);
      }
    }
  });

  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    describe(`in ${shell}`, () => {
      before(function () {
        if (existsSync(`/usr/bin/${shell}`) || existsSync(`/bin/${shell}`)) return;
        process.stderr.write(`    skipped: ${shell} is not installed\n`);
        this.skip();
      });
      const offers = (...typed: readonly string[]) =>
        shells[shell](join(home, `completion.${shell}`), ['agent-enroll', ...typed], home);

      it('offers the commands', async () => {
        const offered = await offers('');
        expect(offered).to.include.members(['check', 'import', 'export', 'retire', 'detect', 'sandbox', 'completion']);
      });
      it('offers the options of the command that is named, and of enroll where none is', async () => {
        expect(await offers('--reg')).to.deep.equal([]);
        expect(await offers('--splay', '3s', '--fo')).to.deep.equal(['--force']);
        expect(await offers('check', '--fo')).to.deep.equal([]);
        expect(await offers('check', '--pro')).to.have.members(['--protocol', '--proxy']);
        expect(await offers('enroll', '--no-h')).to.deep.equal(['--no-handshake']);
      });
      it('offers the values of an option, and the shells', async () => {
        expect(await offers('--protocol', '')).to.have.members(['auto', 'tcp', 'udp']);
        expect(await offers('sandbox', '--family', 'wazuh-')).to.have.members(['wazuh-3', 'wazuh-4', 'wazuh-5']);
        expect(await offers('completion', '')).to.include.members([...SHELLS]);
      });
      it('offers files where a file is meant, and nothing where nobody can guess', async () => {
        expect((await offers('--ca', `${home}/comple`)).join()).to.contain('completion.bash');
        expect((await offers('import', `${home}/comple`)).join()).to.contain('completion.bash');
        expect(await offers('--manager', '')).to.deep.equal([]);
      });
    });
  }
});

function lines(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== '');
}
