/**
 * Run by the base Node of this platform: runs a script, and writes the compiled code of what ran, with that of the runs
 * before it. It ends with 0 if the run did.
 *
 *   node --random-seed=1 compile.cjs SCRIPT CODE ARGUMENT...
 *
 * The code of all functions would be three times as large, and taking it in would cost what it saves. A fixed seed makes
 * the same bytes each time.
 */
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const [, , file, output, ...args] = process.argv;
const cachedData = existsSync(output) ? readFileSync(output) : undefined;
const script = new Script(readFileSync(file, 'latin1'), { filename: 'agent-enroll.cjs', cachedData });
if (script.cachedDataRejected === true) throw new Error('The code of the run before is not taken.');
process.on('exit', (code) => {
  if (code === 0) writeFileSync(output, script.createCachedData());
});
process.argv = [process.execPath, process.execPath, ...args];
load(script);

function load(loaded) {
  const module = { exports: {} };
  loaded.runInThisContext()(module.exports, partOrModule, module, process.execPath, '/');
  return module.exports;
}

function partOrModule(id) {
  if (!id.startsWith('./')) return require(id);
  return load(new Script(readFileSync(join(dirname(file), id), 'latin1'), { filename: id }));
}
