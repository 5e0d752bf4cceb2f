/**
 * Runs the program as on a terminal of a given width.
 *
 *   node render.cjs PROGRAM COLUMNS ARGUMENT...
 */
const { readFileSync } = require('node:fs');
const { runInThisContext } = require('node:vm');

const [, , program, columns, ...args] = process.argv;
Object.defineProperty(process.stdout, 'columns', { value: Number(columns) });
process.argv = [process.execPath, program, ...args];
const module_ = { exports: {} };
runInThisContext(readFileSync(program, 'latin1'))(module_.exports, require, module_, program, '/');
