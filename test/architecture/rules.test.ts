import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { PROJECT, tool } from '../deploy/tool.js';

const LIMIT_MS = 60_000;
const CHECKER = join(PROJECT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const CONFIG = join(PROJECT, '.dependency-cruiser.js');
const LINTER = join(PROJECT, 'node_modules/@biomejs/biome/bin/biome');

/** A small house in good order: every kind of import that is allowed, once. */
const HOUSE = {
  'src/errors.ts': 'export class EnrollError extends Error {}',
  'src/model/secret.ts': "import { EnrollError } from '../errors.js';\nexport const secret = EnrollError;",
  'src/net/connect.ts': "import { connect } from 'node:net';\nexport const open = connect;",
  'src/net/pkcs12.ts': "import type { pkcs12 } from 'node-forge';\nexport const forge = () => import('node-forge');",
  'src/files/read.ts':
    "import { open } from 'node:fs/promises';\nexport const read = process.platform === 'win32' || open;",
  'src/conf/text.ts': "export * from '../model/secret.js';",
  'src/host/name.ts': "export * from '../net/connect.js';",
  'src/obtain/authd/source.ts': "import type { TLSSocket } from 'node:tls';\nexport type Spoken = TLSSocket;",
  'src/link/message/codec.ts': "export * from '../../model/secret.js';",
  'src/link/message/tcp.ts': "import type { Socket } from 'node:net';\nexport * from './codec.js';",
  'src/settings/settle.ts': "export * from '../conf/text.js';",
  'src/settings/long.ts': `${'// A line\n'.repeat(299)}export {};\n`,
  'src/keystore/keys.ts': "export * from '../files/read.js';",
  'src/journey/enroll.ts': "export const obtain = () => import('../obtain/authd/source.js');",
  'src/index.ts': "export * from './journey/enroll.js';\nexport * from './errors.js';",
  'src/cli/main.ts': "export const argv = process.argv;\nexport const sandbox = () => import('./commands/sandbox.js');",
  'src/cli/commands/sandbox.ts': "export * from '../../sandbox/manager.js';",
  'src/sandbox/manager.ts': "import 'node:net';\nexport * from '../link/message/codec.js';",
  'bin/agent-enroll.js': "await import('../src/cli/main.js');",
  'test/cli/main.test.ts': "import '../../src/cli/main.js';\nimport '../../src/sandbox/manager.js';",
  'bench/acknowledge.ts': "import '../src/sandbox/manager.js';",
  'demo/demo.js': "import '../src/sandbox/manager.js';",
  'docs/tables.ts': "import '../src/errors.js';",
  'scripts/package/package.ts': "import '../../src/errors.js';",
  // Packages, for nothing is installed here.
  ...Object.fromEntries(['undici', 'node-forge', 'yargs'].map((name) => [`node_modules/${name}/index.js`, ''])),
};

/** One forbidden import each: what it is, the rule that must name it, the file that is at fault, and its text. */
const FORBIDDEN: readonly (readonly [what: string, rule: string, file: string, text: string])[] = [
  ['upwards', 'host-imports-lower-rooms', 'src/host/a.ts', "import '../journey/enroll.js';"],
  ['of the index', 'journey-imports-lower-rooms', 'src/journey/a.ts', "import '../index.js';"],
  [
    'upwards by a type',
    'model-imports-lower-rooms',
    'src/model/a.ts',
    "import type { open } from '../net/connect.js';",
  ],
  [
    'upwards by an inline type',
    'files-imports-lower-rooms',
    'src/files/a.ts',
    "export type A = import('../host/name.js').A;",
  ],
  ['upwards by a re-export', 'conf-imports-lower-rooms', 'src/conf/a.ts', "export * from '../settings/settle.js';"],
  [
    'upwards by import()',
    'net-imports-lower-rooms',
    'src/net/a.ts',
    "export const a = () => import('../host/name.js');",
  ],
  ['of a room beside', 'settings-imports-lower-rooms', 'src/settings/a.ts', "import '../keystore/keys.js';"],
  [
    'of a room beside, by import()',
    'obtain-imports-lower-rooms',
    'src/obtain/a.ts',
    "await import('../link/message/tcp.js');",
  ],
  [
    'of the sandbox by the program',
    'sandbox-for-its-command-and-tests',
    'src/journey/b.ts',
    "import '../sandbox/manager.js';",
  ],
  [
    'of the sandbox by another command',
    'sandbox-for-its-command-and-tests',
    'src/cli/a.ts',
    "await import('../sandbox/manager.js');",
  ],
  ['of the command line by the program', 'cli-for-bin-and-tests', 'src/settings/b.ts', "import '../cli/main.js';"],
  ['of the command line by a script', 'cli-for-bin-and-tests', 'scripts/a.ts', "import '../src/cli/main.js';"],
  [
    'of a transport by the sandbox',
    'sandbox-imports-model-and-codec',
    'src/sandbox/a.ts',
    "import '../link/message/tcp.js';",
  ],
  [
    'of net by the sandbox',
    'sandbox-imports-model-and-codec',
    'src/sandbox/b.ts',
    "import type { open } from '../net/connect.js';",
  ],
  ['of net by the codec', 'codec-is-pure', 'src/link/message/framing.ts', "import '../../net/connect.js';"],
  [
    'of a socket in another room',
    'sockets-in-net-and-transports',
    'src/keystore/a.ts',
    "import { connect } from 'node:tls';",
  ],
  [
    'of a socket under its old name',
    'sockets-in-net-and-transports',
    'src/keystore/b.ts',
    "import { connect } from 'net';",
  ],
  [
    'of a socket past import',
    'sockets-in-net-and-transports',
    'src/host/b.ts',
    "process.getBuiltinModule('node:dgram');",
  ],
  ['of undici in another room', 'sockets-in-net-and-transports', 'src/settings/c.ts', "await import('undici');"],
  [
    'of a socket where its type is allowed',
    'sockets-as-types',
    'src/obtain/authd/source.ts',
    "import { request } from 'node:https';",
  ],
  ['of the disk in another room', 'disk-in-files', 'src/conf/b.ts', "import { readFileSync } from 'node:fs';"],
  ['of the disk by the sandbox', 'disk-in-files', 'src/sandbox/c.ts', "await import('node:fs/promises');"],
  ['of a heavy module at the start', 'heavy-modules-late', 'src/net/b.ts', "import forge from 'node-forge';"],
  ['of yargs at the start', 'heavy-modules-late', 'src/cli/b.ts', "import yargs from 'yargs';"],
  ['by createRequire', 'no-way-around', 'src/net/c.ts', "import { createRequire } from 'node:module';"],
  ['of a file that is not there', 'every-import-is-found', 'src/net/d.ts', "import './nowhere.js';"],
  ['by a file beside the index', 'every-file-has-a-room', 'src/helpers.ts', "import './errors.js';"],
  ['from nowhere to nowhere', 'every-file-has-a-room', 'src/alone.ts', 'export {};'],
  ['by a room that nobody knows', 'every-file-has-a-room', 'src/common/a.ts', "import '../errors.js';"],
];

/** Circles, as the files that go round. */
const CIRCLES: readonly (readonly [what: string, files: Readonly<Record<string, string>>])[] = [
  ['of two files', { 'src/model/c.ts': "export * from './d.js';", 'src/model/d.ts': "export * from './c.js';" }],
  [
    'by types alone',
    {
      'src/conf/c.ts': "import type { D } from './d.js';\nexport type C = D[];",
      'src/conf/d.ts': "export type D = import('./c.js').C[];",
    },
  ],
  [
    'of three files, by import()',
    {
      'src/files/c.ts': "import './d.js';",
      'src/files/d.ts': "export const next = () => import('./e.js');",
      'src/files/e.ts': "import './c.js';",
    },
  ],
];

/** What the linter refuses: the rule, the file, its text. */
const REFUSED: readonly (readonly [what: string, rule: string, file: string, text: string])[] = [
  ['arguments', 'plugin', 'src/host/argv.ts', 'export const argv = process.argv;'],
  ['the environment', 'plugin', 'src/settings/env.ts', "export const env = process['env'];"],
  ['output', 'plugin', 'src/journey/out.ts', "process.stdout.write('x');"],
  ['the exit code', 'plugin', 'src/journey/exit-code.ts', 'process.exitCode = 1;'],
  ['the exit', 'plugin', 'src/sandbox/exit.ts', 'process?.exit();'],
  ['the process under another name', 'plugin', 'src/net/process.ts', 'const { env } = process;\nexport { env };'],
  ['the console', 'lint/suspicious/noConsole', 'src/obtain/console.ts', "console.log('x');"],
  [
    'a connection of its own',
    'lint/style/noRestrictedGlobals',
    'src/obtain/fetch.ts',
    "await fetch('http://localhost');",
  ],
  [
    'more than 300 lines',
    'lint/style/noExcessiveLinesPerFile',
    'src/conf/long.ts',
    `${'// A line\n'.repeat(300)}export {};\n`,
  ],
];

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string; readonly severity: string };
  readonly cycle?: readonly { readonly name: string }[];
}

interface Report {
  readonly summary: {
    readonly violations: readonly Violation[];
    readonly ruleSetUsed: { readonly required?: readonly { readonly module: { readonly path: string } }[] };
  };
}

describe('the rules of the house', function () {
  this.timeout(LIMIT_MS);
  let folder = '';
  let checked: readonly string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-enroll-rules-'));
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(
      await readFile(join(PROJECT, 'package.json'), 'utf8'),
    );
    checked = (scripts['rules'] ?? '').split(' ').slice(1);
    const planted = [...FORBIDDEN, ...REFUSED].map(([, , file, text]) => [file, text] as const);
    const circles = CIRCLES.flatMap(([, files]) => Object.entries(files));
    for (const [file, text] of [...Object.entries(HOUSE), ...planted, ...circles]) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    for (const file of ['biome.json', 'scripts/lint'])
      await cp(join(PROJECT, file), join(folder, file), { recursive: true });
  });
  after(() => rm(folder, { recursive: true }));

  describe('for imports', () => {
    const check = (directory: string, ...more: readonly string[]) =>
      tool(process.execPath, [CHECKER, '--config', CONFIG, ...checked, ...more], { cwd: directory });
    let violations: readonly Violation[] = [];
    let exceptions: readonly string[] = [];

    before(async () => {
      const { stdout } = await check(folder, '--output-type', 'json');
      const { summary }: Report = JSON.parse(stdout);
      violations = summary.violations;
      exceptions = (summary.ruleSetUsed.required ?? []).map((rule) => rule.module.path);
    });

    for (const [what, rule, file] of FORBIDDEN) {
      it(`refuse one ${what}`, () => {
        const found = violations.filter(({ from }) => from === file);
        expect(found.map((violation) => violation.rule)).to.deep.equal([{ name: rule, severity: 'error' }]);
      });
    }

    for (const [what, files] of CIRCLES) {
      it(`refuse a circle ${what}`, () => {
        const found = violations.filter(({ from }) => from in files);
        expect(found.map((violation) => violation.rule)).to.deep.equal([{ name: 'no-circle', severity: 'error' }]);
        expect(found[0]?.cycle?.map(({ name }) => name)).to.have.members(Object.keys(files));
      });
    }

    it('refuse nothing else', () => {
      const atFault = [...FORBIDDEN.map(([, , file]) => file), ...CIRCLES.flatMap(([, files]) => Object.keys(files))];
      expect(violations.filter(({ from }) => !atFault.includes(from))).to.deep.equal([]);
    });

    it('fail the build, and name themselves and the file', async () => {
      const { code, stdout } = await check(folder);
      expect(code).to.be.greaterThan(0);
      for (const [, rule, file] of FORBIDDEN) expect(stdout).to.contain(`error ${rule}: ${file}`);
    });

    it('hold in this project', async () => {
      const { code, stdout } = await check(PROJECT);
      expect(stdout).to.contain('no dependency violations found');
      expect(code).to.equal(0);
    });

    it('know no exception for a file that is gone', async () => {
      const files = (await readdir(join(PROJECT, 'src'), { recursive: true })).map((file) => `src/${file}`);
      expect(exceptions.filter((path) => !files.some((file) => new RegExp(path).test(file)))).to.deep.equal([]);
    });
  });

  describe('for what is global, and for length', () => {
    let errors: readonly (readonly [rule: string, file: string])[] = [];
    let code = 0;

    before(async () => {
      const args = [LINTER, 'lint', '--vcs-enabled=false', '--reporter=github', '--max-diagnostics=none', 'src'];
      const ended = await tool(process.execPath, args, { cwd: folder });
      const found = ended.stdout.matchAll(/^::error title=(?<rule>[^,]+),file=(?<file>[^,]+),/gm);
      errors = [...found].map(({ groups = {} }) => [groups['rule'] ?? '', groups['file'] ?? '']);
      code = ended.code;
    });

    for (const [what, rule, file] of REFUSED) {
      it(`refuse ${what}`, () => {
        expect(errors.filter(([, at]) => at.endsWith(`/${file}`)).map(([name]) => name)).to.deep.equal([rule]);
      });
    }

    it('refuse nothing else, and fail the build', () => {
      const inOrder = errors.filter(([, at]) => Object.keys(HOUSE).some((file) => at.endsWith(`/${file}`)));
      const rules = REFUSED.map(([, rule]) => rule);
      expect(inOrder.filter(([rule]) => rules.includes(rule))).to.deep.equal([]);
      expect(code).to.be.greaterThan(0);
    });
  });
});
