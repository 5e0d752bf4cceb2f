#!/usr/bin/env node
/**
 * Runs the bundled program (`npm run build` makes it). Compiling it takes longer than all else that it does, so V8's
 * compiled code of a run that went well is kept beside the program, and taken for the next one: one file a command,
 * because only what ran is in it. NODE_DISABLE_COMPILE_CACHE, which is Node's own word for it, turns that off.
 */
const fs = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const PROGRAM = join(__dirname, '..', 'dist', 'program');
const COMMANDS = ['check', 'import', 'export', 'detect', 'retire', 'sandbox', 'completion', '--help', '--version'];
const OTHERS_MAY_WRITE = 0o022;

const command = COMMANDS.find((name) => process.argv.includes(name)) ?? 'enroll';
const user = process.geteuid?.();
const directory = fs.statSync(PROGRAM, { throwIfNoEntry: false });
const loaded = new Map();

load('agent-enroll.cjs');

/** Runs a file of the bundle once, and gives what it exports. Each is the expression of a module's function. */
function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const file = join(PROGRAM, name);
  const source = fs.readFileSync(file, 'latin1');
  const module = { exports: {} };
  loaded.set(name, module);
  const body = compile(name, file, source).runInThisContext();
  body(module.exports, (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id)), module, file, PROGRAM);
  return module.exports;
}

function compile(name, file, source) {
  // The first line holds the hash: V8 itself compares lengths only.
  const hash = /^.*\/\/([0-9a-f]{64})\n/.exec(source.slice(0, 200))?.[1]?.slice(0, 16);
  const compiled = join(PROGRAM, `${name}-${hash}-${command}-${process.version}-${process.arch}.v8`);
  const cachedData = isOurs(directory) ? readCompiled(compiled) : undefined;
  const script = new Script(source, { filename: file, cachedData });
  const isNew = cachedData === undefined || script.cachedDataRejected === true;
  if (isNew && hash !== undefined && isOurs(directory) && directory.uid === user) {
    process.on('exit', (code) => {
      if (code === 0) writeCompiled(compiled, script.createCachedData());
    });
  }
  return script;
}

/**
 * Whether nobody but this user and root can have put something there. Compiled code is believed as the program is. On
 * Windows that cannot be told so cheaply, and nothing is kept.
 */
function isOurs(stat) {
  if (process.env['NODE_DISABLE_COMPILE_CACHE'] !== undefined) return false;
  if (stat === undefined || user === undefined || process.platform === 'win32') return false;
  return (stat.uid === user || stat.uid === 0) && (stat.mode & OTHERS_MAY_WRITE) === 0;
}

function readCompiled(file) {
  let descriptor;
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    const stat = fs.fstatSync(descriptor);
    return stat.isFile() && isOurs(stat) ? fs.readFileSync(descriptor) : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/** Two runs may end at once, and one may be killed: the file is whole or not there. Where it cannot be kept, it is not. */
function writeCompiled(file, bytes) {
  const own = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(own, bytes, { flag: 'wx', mode: 0o644 });
    fs.renameSync(own, file);
  } catch {
    quietly(() => fs.unlinkSync(own));
  }
}

/** How the run ended is said by now, and nothing here may change it. */
function quietly(work) {
  try {
    work();
  } catch {}
}
