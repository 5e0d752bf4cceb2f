import { SaxesParser } from 'saxes';
import { forgiven } from './text.js';

/** What is larger, in bytes, is no configuration of an agent. */
export const CONF_LIMIT = 4 * 1024 * 1024;

/** A value of the file and the line that it stands on. */
export interface ConfValue {
  readonly value: string;
  readonly line: number;
}

/** One `<server>` of `<client>`; OSSEC's `<server-ip>` and `<server-hostname>` are servers too. */
export interface ConfServer {
  readonly address: ConfValue;
  readonly port?: ConfValue;
  readonly protocol?: ConfValue;
}

/** The settings of `<enrollment>` that have a meaning here, by the file's own names. */
export const ENROLLMENT_FIELDS = [
  'enabled',
  'manager_address',
  'port',
  'agent_name',
  'groups',
  'agent_address',
  'use_source_ip',
  'server_ca_path',
  'agent_certificate_path',
  'agent_key_path',
  'authorization_pass_path',
] as const;

/** The name of one such setting. */
export type EnrollmentField = (typeof ENROLLMENT_FIELDS)[number];

/** What an agent's ossec.conf says about its manager. */
export interface AgentConf {
  readonly servers: readonly ConfServer[];
  readonly cryptoMethod?: ConfValue;
  readonly enrollment: ReadonlyMap<EnrollmentField, ConfValue>;
  /** Places where the file is not well-formed. What could be read is in the other members all the same. */
  readonly faults: readonly { readonly line: number; readonly what: string }[];
}

/**
 * Reads an agent's ossec.conf. The file may have several root elements, and an agent's own reader forgives what XML
 * does not (a bare `&`, `--` in a comment), so those are taken as meant; other
 * faults are collected with their lines and reading goes on.
 */
export function readOssecConf(text: string): AgentConf {
  const faults: { line: number; what: string }[] = [];
  const servers: ConfServer[] = [];
  const enrollment = new Map<EnrollmentField, ConfValue>();
  const shared = new Map<string, ConfValue>();
  let cryptoMethod: ConfValue | undefined;

  const path: string[] = [];
  let content = '';
  let contentLine = 1;
  let server = new Map<string, ConfValue>();

  const leaf = (place: string, value: ConfValue) => {
    const server_ = /^client>server>(address|port|protocol)$/.exec(place)?.[1];
    if (server_ !== undefined) server.set(server_, value);
    else if (place === 'client>server-ip' || place === 'client>server-hostname') servers.push({ address: value });
    else if (place === 'client>port' || place === 'client>protocol') shared.set(place, value);
    else if (place === 'client>crypto_method') cryptoMethod = value;
    const field = ENROLLMENT_FIELDS.find((name) => place === `client>enrollment>${name}`);
    if (field !== undefined) enrollment.set(field, value);
  };

  const parser = new SaxesParser({ fragment: true });
  parser.on('error', (error) => {
    if (faults.length < 20) faults.push({ line: parser.line, what: error.message.replace(/^\d+:\d+: /, '') });
  });
  parser.on('opentag', ({ name }) => {
    path.push(name);
    content = '';
    contentLine = parser.line;
    if (place(path, faults.length > 0) === 'client>server') server = new Map();
  });
  parser.on('text', (chunk) => {
    content += chunk;
  });
  parser.on('closetag', () => {
    const here = place(path, faults.length > 0);
    const value = content.trim();
    if (here !== undefined && value !== '') leaf(here, { value, line: contentLine });
    const address = server.get('address');
    if (here === 'client>server' && address !== undefined) {
      servers.push({ address, ...optional(server, 'port'), ...optional(server, 'protocol') });
    }
    path.pop();
    content = '';
  });
  parser.write(forgiven(text)).close();

  return {
    servers: servers.map((one) => ({
      ...sharedValue(shared, 'port'),
      ...sharedValue(shared, 'protocol'),
      ...one,
    })),
    ...(cryptoMethod === undefined ? {} : { cryptoMethod }),
    enrollment,
    faults,
  };
}

/** The longest place that has a meaning here: `ossec_config>client>server>address`. */
const DEEPEST = 4;

/**
 * The place below an `<ossec_config>`: `client>server>address`. After a closing tag that closes nothing the parser takes
 * all elements for closed, so that `<client>` seems to be outermost.
 */
function place(path: readonly string[], broken: boolean): string | undefined {
  if (path.length > DEEPEST) return undefined;
  const [root, ...rest] = path;
  if (root === 'ossec_config') return rest.join('>');
  return broken && root === 'client' ? path.join('>') : undefined;
}

function optional<N extends 'port' | 'protocol'>(from: ReadonlyMap<string, ConfValue>, name: N) {
  const value = from.get(name);
  return value === undefined ? {} : { [name]: value };
}

function sharedValue(from: ReadonlyMap<string, ConfValue>, name: 'port' | 'protocol') {
  const value = from.get(`client>${name}`);
  return value === undefined ? {} : { [name]: value };
}
