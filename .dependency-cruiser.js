/**
 * The rules of the house, as docs/architecture.md tells them. `npm run lint` checks every import against them: static
 * ones, type-only ones and `import()`.
 */

/**
 * The rooms of src, from the top down. An import goes to a lower line or stays in its own room; the rooms of one line
 * do not know one another. A room that is not in here is refused.
 */
const LEVELS = [
  ['cli'],
  ['index.ts'],
  ['journey'],
  ['settings', 'keystore'],
  ['host', 'obtain', 'link'],
  ['files', 'net', 'conf'],
  ['model'],
  ['errors.ts'],
];

/** The part of link/message without sockets, clock and randomness of its own: what the sandbox shares with the program. */
const CODEC = '^src/link/message/(aes|blowfish|cipher|codec|control|deflate|framing|key|transport)\\.ts$';

/** What is pure in the ways over HTTPS: requests, answers and formats, without connections, clock or randomness. */
const PURE =
  '^src/(link/https/(control|sightings)|obtain/https/(generation|reply|refusal|refusal-[a-z]+|request|token))\\.ts$';

const SOCKETS = ['^(net|tls|dgram|dns|dns/promises|http|https|http2|inspector|inspector/promises)$', inNpm('undici')];
const DISK = '^(fs|fs/promises)$';
/** Too heavy for the start of a program that may not need them. */
const HEAVY = inNpm('undici|yargs|node-forge|ora');

/** Where connections are opened and made, beside `net`. */
const TRANSPORTS = ['^src/link/message/(tcp|udp)\\.ts$', '^src/host/route\\.ts$', '^src/sandbox/'];
/** What is spoken over a socket that somebody else opened: these know its type. */
const SPEAKERS = ['^src/obtain/authd/source\\.ts$'];
const TYPES = ['type-only', 'type-import'];

/**
 * Imports that break a rule and are known to. This list only gets shorter: an entry whose import is gone fails the
 * check (`exception-still-needed`), and then the entry goes, too.
 */
const EXCEPTIONS = [{ rule: 'disk-in-files', from: '^src/host/system\\.ts$', to: DISK }];

const rules = [
  ...LEVELS.flatMap((rooms, level) =>
    rooms.map((room) => ({
      name: `${room.replace('.ts', '')}-imports-lower-rooms`,
      comment:
        'Arrows go down: cli, index, journey, settings | keystore, host | obtain | link, files | net | conf, model, errors.',
      from: { path: inRoom(room) },
      // What imports cli and the sandbox is said by rules of their own.
      to: { path: '^src/', pathNot: [room, ...LEVELS.slice(level + 1).flat(), 'cli', 'sandbox'].map(inRoom) },
    })),
  ),
  {
    name: 'cli-for-bin-and-tests',
    comment:
      'Nothing imports the command line but the executable, the tests, the page that describes its syntax and the picture of a terminal.',
    from: { pathNot: ['^src/cli/', '^(bin|test)/', '^docs/(man-page|pictures/terminal)\\.ts$'] },
    to: { path: '^(src|dist)/cli/' },
  },
  {
    name: 'sandbox-imports-model-and-codec',
    comment:
      'The sandbox is a manager of its own: it shares plain values and the pure codec with the program, nothing else.',
    from: { path: '^src/sandbox/' },
    to: { path: '^src/', pathNot: [...['sandbox', 'model', 'errors.ts', 'cli'].map(inRoom), CODEC] },
  },
  {
    name: 'sandbox-for-its-command-and-tests',
    comment:
      'Nothing of the program leans on the sandbox: its command imports it, tests, bench, demo and the run that is compiled for.',
    from: {
      pathNot: [
        '^src/sandbox/',
        '^src/cli/commands/sandbox\\.ts$',
        '^scripts/package/rehearsal\\.ts$',
        '^(test|bench|demo)/',
      ],
    },
    to: { path: '^(src|dist)/sandbox/' },
  },
  {
    name: 'codec-is-pure',
    comment: 'Bytes in, bytes out: no sockets, no deadlines, nothing of link/message that has them.',
    from: { path: CODEC },
    to: { path: '^src/', pathNot: [CODEC, ...['model', 'errors.ts', 'cli', 'sandbox'].map(inRoom)] },
  },
  {
    name: 'pure-without-net',
    comment: 'Requests, answers and formats of HTTPS are values: who connects is another file.',
    from: { path: PURE },
    to: { path: ['^src/(net|files)/', ...SOCKETS] },
  },
  {
    name: 'no-circle',
    comment: 'Files that need one another, by types alone too, are one file, or a third one is missing below them.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'sockets-in-net-and-transports',
    comment: 'Connections are opened and made in net and in the transports, where deadlines and proxies are.',
    from: { path: '^src/', pathNot: ['^src/net/', ...TRANSPORTS, ...SPEAKERS] },
    to: { path: SOCKETS },
  },
  {
    name: 'sockets-as-types',
    comment: 'These speak over a socket that they are given. They know its type and open none.',
    from: { path: SPEAKERS },
    to: { path: SOCKETS, dependencyTypesNot: TYPES },
  },
  {
    name: 'disk-in-files',
    comment: 'A file is touched through files alone, which opens safely in a home that others can write to.',
    from: { path: '^src/', pathNot: ['^src/files/', '^src/cli/program-version\\.ts$'] },
    to: { path: DISK },
  },
  {
    name: 'heavy-modules-late',
    comment: 'Loaded with import() where they are first needed, for most runs need none of them.',
    from: { path: '^src/' },
    to: { path: HEAVY, dynamic: false, dependencyTypesNot: TYPES },
  },
  {
    name: 'no-way-around',
    comment: 'createRequire and a process by import are not seen by these rules.',
    from: { path: '^src/' },
    to: { path: '^(module|process)$' },
  },
  {
    name: 'every-import-is-found',
    comment: 'An import that does not resolve is an arrow that nobody checks.',
    from: { path: '^(src|test|bench|docs|scripts)/' },
    to: { couldNotResolve: true, pathNot: '^(\\.\\./)*dist/' },
  },
  ...withoutRoom(),
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: rules.flatMap(withExceptions).map((rule) => ({ severity: 'error', ...rule })),
  required: EXCEPTIONS.map(({ rule, from, to }) => ({
    name: 'exception-still-needed',
    severity: 'error',
    comment: `Nothing here breaks ${rule} any more: take the entry out of EXCEPTIONS in .dependency-cruiser.js.`,
    module: { path: from },
    to: { path: to },
  })),
  options: {
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    doNotFollow: ['^node_modules/', '^dist/'],
  },
};

/** The path of a room: a folder of src, or a file that stands alone in it. */
function inRoom(room) {
  return room.endsWith('.ts') ? `^src/${room.replace('.', '\\.')}$` : `^src/${room}/`;
}

function inNpm(names) {
  return `^node_modules/(${names})/`;
}

/** A file of src in no room: it has an import, or somebody who imports it, or neither. */
function withoutRoom() {
  const path = '^src/';
  const pathNot = [...LEVELS.flat(), 'sandbox'].map(inRoom);
  const about = {
    name: 'every-file-has-a-room',
    comment:
      'src has the rooms of LEVELS, sandbox, index.ts and errors.ts. A new room gets its place among them first.',
  };
  return [
    { ...about, from: { path, pathNot }, to: {} },
    { ...about, from: {}, to: { path, pathNot } },
    { ...about, from: { path, pathNot, orphan: true }, to: {} },
  ];
}

/** A rule, and beside it one for each file that may break it in one way. */
function withExceptions(rule) {
  const own = EXCEPTIONS.filter((exception) => exception.rule === rule.name);
  const list = (paths) => (paths === undefined ? [] : [paths].flat());
  const files = [...new Set(own.map(({ from }) => from))];
  return [
    { ...rule, from: { ...rule.from, pathNot: [...list(rule.from.pathNot), ...files] } },
    ...files.map((file) => ({
      ...rule,
      from: { path: file },
      to: {
        ...rule.to,
        pathNot: [...list(rule.to.pathNot), ...own.filter(({ from }) => from === file).map(({ to }) => to)],
      },
    })),
  ];
}
