/**
 * Runs the program as on a terminal of a given width.
 *
 *   node render.cjs PROGRAM COLUMNS ARGUMENT...
 */
const [, , program, columns, ...args] = process.argv;
Object.defineProperty(process.stdout, 'columns', { value: Number(columns) });
process.argv = [process.execPath, program, ...args];
require(program);
