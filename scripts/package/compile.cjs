/**
 * Run by the base Node of this platform: writes the compiled code of a script, as far as a run of it needs it.
 *
 *   node --random-seed=1 compile.cjs SCRIPT OUTPUT ARGUMENT...
 *
 * The code of all functions would be six times as large, and taking it in would cost what it saves. The arguments have
 * to make a run that is the same on every host. A fixed seed makes the same bytes each time.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [, , file, output, ...args] = process.argv;
const script = new Script(readFileSync(file, 'latin1'), { filename: 'agent-enroll.cjs' });
process.on('exit', () => {
  writeFileSync(output, script.createCachedData());
  process.exitCode = 0;
});
process.argv = [process.execPath, process.execPath, ...args];
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, process.execPath, '/');
