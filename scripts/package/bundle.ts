import { createHash } from 'node:crypto';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { ROOT } from './config.js';

/** The bundled program. */
export interface Bundle {
  /** The files that it consists of, in its directory: the program first. */
  readonly files: readonly [string, ...string[]];
  /** The packages whose code is in it: directory names below `node_modules`, sorted. */
  readonly packages: readonly string[];
}

/** What a bundle is made for. */
export interface BundleFor {
  /** What `--version` is to say. */
  readonly version: string;
  /** Whether it goes into a single binary, whose runtime runs nothing else. */
  readonly binary: boolean;
  /** Whether source maps are written beside it. */
  readonly maps: boolean;
}

/** The program's own file in a bundle. */
const PROGRAM = 'agent-enroll.cjs';
/** What few runs need, and is large: a file each, which is read when it is needed. Its value is what `import()` gives. */
const PARTS: Readonly<Record<string, string>> = {
  undici: "module.exports = require('undici');",
  'node-forge': "module.exports = require('node-forge');",
  ora: "module.exports = require('ora').default;",
};
/** Each file is a function, so that whoever loads it need not copy it to make one of it. The hash tells which it is. */
const HASH = '0'.repeat(64);
const OPEN = `(function(exports,require,module,__filename,__dirname){//${HASH}`;
const CLOSE = '})';

/**
 * Bundles the program: CommonJS, each file the expression of a module's function. What the program imports when first
 * needed is evaluated when first needed there too. The files are ASCII, so that they can be read without decoding.
 */
export async function bundle(directory: string, { version, binary, maps }: BundleFor): Promise<Bundle> {
  const common: BuildOptions = {
    absWorkingDir: await realpath(ROOT),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    minify: true,
    // The line of an error that nobody expected tells something then.
    lineLimit: 160,
    charset: 'ascii',
    legalComments: 'none',
    sourcemap: maps ? 'external' : false,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    footer: { js: CLOSE },
  };
  const main = await build({
    ...common,
    stdin: { contents: "import { main } from './src/cli/main.ts'; void main();", resolveDir: ROOT, loader: 'ts' },
    outfile: join(directory, PROGRAM),
    // What compiles the file has `require` only.
    supported: { 'dynamic-import': false },
    define: {
      AGENT_ENROLL_VERSION: JSON.stringify(version),
      AGENT_ENROLL_BINARY: JSON.stringify(binary),
      'import.meta.url': 'importMetaUrl',
    },
    banner: { js: `${OPEN}\n"use strict";const importMetaUrl=require('node:url').pathToFileURL(__filename).href;` },
    plugins: [partsApart, lightYargs],
  });
  const inputs = Object.keys(main.metafile?.inputs ?? {});
  for (const [name, contents] of Object.entries(PARTS)) {
    const outfile = join(directory, fileOf(name));
    const stdin = { contents, resolveDir: ROOT, loader: 'js' } as const;
    const part = await build({ ...common, stdin, outfile, banner: { js: OPEN } });
    inputs.push(...Object.keys(part.metafile?.inputs ?? {}));
  }
  const packages = new Set<string>();
  for (const file of inputs) {
    const found = /(?:^|[/\\])(node_modules[/\\](?:.*[/\\]node_modules[/\\])?(?:@[^/\\]+[/\\])?[^/\\]+)[/\\]/.exec(
      file,
    )?.[1];
    if (found !== undefined) packages.add(found.split(sep).join('/'));
  }
  const parts = Object.keys(PARTS).map(fileOf);
  for (const name of [PROGRAM, ...parts]) await nameByHash(join(directory, name));
  return { files: [PROGRAM, ...parts], packages: [...packages].sort() };
}

function fileOf(part: string): string {
  return `${part}.cjs`;
}

/** Writes the hash of a file into its first line. */
async function nameByHash(file: string): Promise<void> {
  const source = await readFile(file, 'latin1');
  if (!source.startsWith(OPEN)) throw new Error(`${file} does not begin as it should.`);
  const hash = createHash('sha256').update(source, 'latin1').digest('hex');
  await writeFile(file, source.replace(HASH, hash), 'latin1');
}

/** Leaves the parts out of the program: it requires their files. */
const partsApart: Plugin = {
  name: 'parts-apart',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${Object.keys(PARTS).join('|')})$`) }, ({ path }) => ({
      path: `./${fileOf(path)}`,
      external: true,
    }));
  },
};

/**
 * What yargs loads costs more than yargs itself: string-width compiles regular expressions of all of Unicode (a whole
 * start of Node), `assert` pulls in a dozen modules, y18n reads files. For the plain text that the help consists of
 * none of that is needed.
 */
const lightYargs: Plugin = {
  name: 'light-yargs',
  setup(build) {
    const real = 'real';
    build.onResolve({ filter: /^string-width$/ }, async ({ pluginData, path, ...from }) => {
      if (pluginData === real) return undefined;
      const found = await build.resolve(path, { resolveDir: from.resolveDir, kind: from.kind, pluginData: real });
      return { path: found.path, namespace: 'string-width' };
    });
    build.onLoad({ filter: /.*/, namespace: 'string-width' }, ({ path }) => ({
      resolveDir: ROOT,
      contents: `module.exports = (text, options) =>
        /^[\\x20-\\x7e]*$/.test(text) ? text.length : require(${JSON.stringify(path)}).default(text, options);`,
    }));

    // It looks for the program's package.json when it is made, finds none, and catches what it throws then.
    build.onResolve({ filter: /^assert$/ }, ({ importer }) =>
      /[/\\]yargs[/\\]/.test(importer) ? { path: 'assert', namespace: 'assert' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'assert' }, () => ({
      contents: `const hold = (held, text) => { if (!held) throw new Error(text); };
        exports.strictEqual = (a, b, text) => hold(Object.is(a, b), text);
        exports.notStrictEqual = (a, b, text) => hold(!Object.is(a, b), text);`,
    }));

    // The text of a command's help, made whenever a command runs, is for whoever asks the parser for it afterwards.
    build.onLoad({ filter: /[/\\]yargs[/\\]build[/\\]lib[/\\]command\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace('yargs.getInternalMethods().getUsageInstance().cacheHelpMessage();', '');
      if (contents === source) throw new Error(`${path} does not make its help where it did.`);
      return { contents };
    });

    // y18n allows for a bundle without files: every text then stays as it is, in English.
    build.onLoad({ filter: /[/\\]y18n[/\\]build[/\\]lib[/\\]platform-shims[/\\]node\.js$/ }, () => ({
      contents: `import { format } from 'node:util';
        export default { fs: {}, format, resolve: (...parts) => parts.join('/'), exists: () => false };`,
    }));
  },
};
