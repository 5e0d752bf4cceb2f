import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { ROOT } from './config.js';

/** The bundled program. */
export interface Bundle {
  /** The packages whose code is in it: directory names below `node_modules`, sorted. */
  readonly packages: readonly string[];
}

/**
 * Bundles the program to one CommonJS file. What the program imports when first needed is evaluated when first needed
 * there too. The file is ASCII, so that it can be read without decoding.
 * @param version what `--version` is to say: no package.json lies beside a binary
 */
export async function bundle(outfile: string, version: string): Promise<Bundle> {
  const { metafile } = await build({
    absWorkingDir: await realpath(ROOT),
    stdin: { contents: "import { main } from './src/cli/main.ts'; void main();", resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    minify: true,
    charset: 'ascii',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    // The script inside a binary has `require` only.
    supported: { 'dynamic-import': false },
    define: { AGENT_ENROLL_VERSION: JSON.stringify(version), 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [lightYargs],
  });
  const packages = new Set<string>();
  for (const file of Object.keys(metafile.inputs)) {
    const found = /(?:^|[/\\])(node_modules[/\\](?:.*[/\\]node_modules[/\\])?(?:@[^/\\]+[/\\])?[^/\\]+)[/\\]/.exec(
      file,
    )?.[1];
    if (found !== undefined) packages.add(found.split(sep).join('/'));
  }
  return { packages: [...packages].sort() };
}

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

    build.onResolve({ filter: /^assert$/ }, ({ importer }) =>
      /[/\\]yargs[/\\]/.test(importer) ? { path: 'assert', namespace: 'assert' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'assert' }, () => ({
      resolveDir: ROOT,
      contents: `exports.strictEqual = (a, b, text) => Object.is(a, b) || require('node:assert').strictEqual(a, b, text);
        exports.notStrictEqual = (a, b, text) => Object.is(a, b) && require('node:assert').notStrictEqual(a, b, text);`,
    }));

    // y18n allows for a bundle without files: every text then stays as it is, in English.
    build.onLoad({ filter: /[/\\]y18n[/\\]build[/\\]lib[/\\]platform-shims[/\\]node\.js$/ }, () => ({
      contents: `import { format } from 'node:util';
        export default { fs: {}, format, resolve: (...parts) => parts.join('/'), exists: () => false };`,
    }));
  },
};
