/**
 * The main script of a binary. It answers `--version` and `--help` from texts that the program itself rendered when the
 * binary was built, and else runs the program, whose compiled code lies beside it where it was built on this platform.
 */
for (const name of Reflect.ownKeys(process.env)) {
  // NODE_TLS_REJECT_UNAUTHORIZED, say: what Node and the libraries of the program look up when they first need it.
  if (/^(?:NODE|UV|UNDICI|YARGS)_/i.test(name)) delete process.env[name];
}

const { getAsset, getRawAsset } = require('node:sea');

const answer = process.argv.length === 3 ? prepared(process.argv[2]) : undefined;
if (answer === undefined) run();
else process.stdout.on('error', () => {}).write(answer);

function prepared(argument) {
  if (!['--version', '--help', '-h'].includes(argument)) return undefined;
  const answers = JSON.parse(getAsset('answers.json', 'utf8'));
  return answers[Math.min(answers.widest, process.stdout.columns ?? answers.usual)]?.[argument];
}

function run() {
  const compiled = Buffer.from(getRawAsset('program.cache'));
  load('agent-enroll.cjs', compiled);
}

/**
 * Runs a file of the bundle, and gives what it exports. Code that another Node compiled is refused by V8, and then
 * compiled anew.
 */
function load(name, compiled = Buffer.alloc(0)) {
  const { Script } = require('node:vm');
  const source = Buffer.from(getRawAsset(name)).latin1Slice();
  const cachedData = compiled.length === 0 ? undefined : compiled;
  const body = new Script(source, { filename: name, cachedData }).runInThisContext();
  const module = { exports: {} };
  const requireHere = (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id));
  body(module.exports, requireHere, module, process.execPath, require('node:path').dirname(process.execPath));
  return module.exports;
}
