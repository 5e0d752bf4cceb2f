/**
 * What makes a binary deaf to the variables by which whoever sets its environment could have the Node inside of it load
 * code, read or write files, take over descriptors, or trust others. docs/binaries.md lists them.
 *
 * There are three ways, and a variable is closed by the first that reaches it:
 *
 * 1. A switch or an option that comes with the binary: `SEALED`.
 * 2. The loader takes the variable out of the environment before the program starts. It is early enough for what Node
 *    looks up only when it needs it.
 * 3. The variable's name is taken out of the Node that the binary is made of: `closeVariables`. That is for what Node and
 *    OpenSSL look up before any script runs, where there is neither switch nor option.
 */
import type { Target } from './config.js';

/** The part of a single executable's configuration that keeps options out. Its own options win over the variables. */
export const SEALED = {
  // NODE_OPTIONS.
  execArgvExtension: 'none',
  // NODE_PENDING_DEPRECATION, NODE_USE_ENV_PROXY, NODE_USE_SYSTEM_CA.
  execArgv: ['--no-pending-deprecation', '--no-use-env-proxy', '--no-use-system-ca'],
} as const;

/** How often the name of a variable stands in a Node, in each form that is to be emptied. */
interface Places {
  /** As a string of C. */
  readonly native: number;
  /** As a string of UTF-16, by which Windows is asked. */
  readonly wide: number;
  /** As `process.env.NAME`, in the sources of the part of Node that is written in JavaScript. */
  readonly source?: number;
  /** As a string of V8, in what was compiled from these sources. */
  readonly compiled?: number;
}

const NATIVE = [
  'OPENSSL_CONF',
  'OPENSSL_CONF_INCLUDE',
  'OPENSSL_MODULES',
  'OPENSSL_ENGINES',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'NODE_V8_COVERAGE',
  'NODE_COMPILE_CACHE',
  'NODE_REDIRECT_WARNINGS',
  'NODE_DEBUG_NATIVE',
  'NODE_ICU_DATA',
  'NODE_REPL_EXTERNAL_MODULE',
  'ICU_TIMEZONE_FILES_DIR',
];

function expected({ platform }: Target): ReadonlyMap<string, Places> {
  // The Node for Windows on arm64 was built on another processor. It holds its scripts as sources alone, and one kind of
  // what is elsewhere chosen by what the processor can do.
  const crossBuilt = platform === 'win-arm64';
  const scripts = (source: number) => ({ native: 0, wide: 0, source, compiled: crossBuilt ? 0 : 3 });
  const native = (there = true) => ({ native: there ? 1 : 0, wide: 0 });
  return new Map<string, Places>([
    ...NATIVE.map((name) => [name, native()] as const),
    ['SIMDUTF_FORCE_IMPLEMENTATION', native(!crossBuilt)],
    ['OPENSSL_ia32cap', { ...native(platform.endsWith('-x64')), wide: platform === 'win-x64' ? 1 : 0 }],
    ['OPENSSL_armcap', native(platform === 'linux-arm64')],
    ['NODE_CHANNEL_FD', scripts(4)],
    ['NODE_UNIQUE_ID', scripts(3)],
    ['NODE_DEBUG', scripts(3)],
  ]);
}

/**
 * Takes the names of variables out of a Node, in place. Each becomes the empty name, which no variable has: neither glibc
 * nor Windows finds one by it. All else keeps its length and its place.
 * @throws Error when a name does not stand there as often as in the Nodes that this was tried with
 */
export function closeVariables(node: Buffer, target: Target): void {
  for (const [name, places] of expected(target)) {
    for (const { form, written, emptied } of formsOf(name)) {
      const wanted = places[form];
      if (wanted === undefined) continue;
      const found = placesOf(node, written).filter((at) => form !== 'native' || !isLengthBefore(node, at + 1, name));
      if (found.length !== wanted) {
        throw new Error(`${target.base} holds ${name} ${found.length} times (${form}), where ${wanted} were expected.`);
      }
      for (const at of found) emptied.copy(node, at);
    }
  }
}

interface Form {
  readonly form: keyof Places;
  readonly written: Buffer;
  /** What takes its place, of the same length. */
  readonly emptied: Buffer;
}

function formsOf(name: string): readonly Form[] {
  const cut = `\0${name.slice(1)}`;
  const inSource = `process.env.${name}`;
  return [
    { form: 'native', written: Buffer.from(`\0${name}\0`), emptied: Buffer.from(`\0${cut}\0`) },
    { form: 'wide', written: Buffer.from(`\0${name}\0`, 'utf16le'), emptied: Buffer.from(`\0${cut}\0`, 'utf16le') },
    {
      form: 'source',
      written: Buffer.from(inSource),
      emptied: Buffer.from(`${'process.env[""'.padEnd(inSource.length - 1)}]`),
    },
    // V8 would take a zero for a character like others, but what is asked for a variable takes it for the end.
    {
      form: 'compiled',
      written: Buffer.concat([lengthOf(name), Buffer.from(name)]),
      emptied: Buffer.concat([lengthOf(name), Buffer.from(cut)]),
    },
  ];
}

/** The length of a string, as V8 writes it before the string. */
function lengthOf(name: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  return length;
}

/** Whether a name that ends with a zero is a string of V8: there the zero fills up the word. */
function isLengthBefore(node: Buffer, at: number, name: string): boolean {
  return node.subarray(at - 4, at).equals(lengthOf(name));
}

function placesOf(node: Buffer, written: Buffer): number[] {
  const places: number[] = [];
  for (let at = node.indexOf(written); at !== -1; at = node.indexOf(written, at + 1)) places.push(at);
  return places;
}
