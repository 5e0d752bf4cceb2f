import { SaxesParser } from 'saxes';
import { forgiven } from './text.js';

/** What is larger, in bytes, is no configuration of an agent. */
export const CONF_LIMIT = 4 * 1024 * 1024;

/** A value of the file and the line that it stands on. */
export interface ConfValue {
  readonly value: string;
  readonly line: number;
}

/**
 * One `<server>` of `<client>`; OSSEC's `<server-ip>` and `<server-hostname>`, and the `<manager>` of Wazuh's 5.0 betas,
 * are servers too.
 */
export interface ConfServer {
  /** Where the file has none, an empty one on the line of the server. */
  readonly address: ConfValue;
  readonly port?: ConfValue;
  readonly protocol?: ConfValue;
  /** By which interface a link-local address is reached. */
  readonly interfaceIndex?: ConfValue;
}

/** The `<manager>` of `<agent>` (Wazuh 5): its endpoint, or the address and port that came before it. */
export interface ConfManager {
  /** `[https://]host[:port][/[prefix]]`. It wins over the address. */
  readonly endpoint?: ConfValue;
  readonly address?: ConfValue;
  /** Of https, with the address. */
  readonly port?: ConfValue;
  readonly line: number;
}

/** The settings of `<enrollment>`, in `<client>` or `<agent>`, that have a meaning here, by the file's own names. */
export const ENROLLMENT_FIELDS = [
  'enabled',
  'manager_address',
  'interface_index',
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
  /** Of `<client>`. */
  readonly servers: readonly ConfServer[];
  /** Of `<agent>`: the last one, which is the one that counts. */
  readonly manager?: ConfManager;
  readonly cryptoMethod?: ConfValue;
  /** What `<agent>` says of it wins over `<client>`, which an upgrade to Wazuh 5 leaves behind. */
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
  const ofClient = new Map<EnrollmentField, ConfValue>();
  const ofAgent = new Map<EnrollmentField, ConfValue>();
  const shared = new Map<string, ConfValue>();
  let cryptoMethod: ConfValue | undefined;
  let manager: ConfManager | undefined;

  const path: string[] = [];
  let content = '';
  let contentLine = 1;
  let parts = new Map<string, ConfValue>();
  let partsLine = 1;

  const leaf = (place: string, value: ConfValue) => {
    const part = PARTS.exec(place)?.[1];
    if (part !== undefined) parts.set(part, value);
    else if (place === 'client>server-ip' || place === 'client>server-hostname') servers.push({ address: value });
    else if (value.value === '') return;
    else if (place === 'client>port' || place === 'client>protocol') shared.set(place, value);
    else if (place === 'client>crypto_method') cryptoMethod = value;
    const field = ENROLLMENT_FIELDS.find((name) => place.endsWith(`>enrollment>${name}`));
    if (field !== undefined) (place.startsWith('agent>') ? ofAgent : ofClient).set(field, value);
  };
  const block = (place: string) => {
    const line = partsLine;
    if (place === 'agent>manager') {
      manager = { ...optional(parts, 'endpoint'), ...optional(parts, 'address'), ...optional(parts, 'port'), line };
    } else if (SERVER.test(place)) {
      servers.push({
        address: parts.get('address') ?? { value: '', line },
        ...optional(parts, 'port'),
        ...optional(parts, 'protocol'),
        ...optional(parts, 'interface_index', 'interfaceIndex'),
      });
    }
  };

  const parser = new SaxesParser({ fragment: true, position: false });
  parser.on('error', (error) => {
    if (faults.length < 20) faults.push({ line: parser.line, what: error.message });
  });
  parser.on('opentag', ({ name }) => {
    path.push(name);
    content = '';
    contentLine = parser.line;
    const here = place(path, faults.length > 0);
    if (here === 'agent>manager' || (here !== undefined && SERVER.test(here))) {
      parts = new Map();
      partsLine = parser.line;
    }
  });
  parser.on('text', (chunk) => {
    content += chunk;
  });
  parser.on('closetag', () => {
    const here = place(path, faults.length > 0);
    if (here !== undefined) {
      leaf(here, { value: content.trim(), line: contentLine });
      block(here);
    }
    path.pop();
    content = '';
  });
  parser.write(forgiven(text)).close();

  return {
    servers: servers.map((one) => ({
      ...optional(shared, 'client>port', 'port'),
      ...optional(shared, 'client>protocol', 'protocol'),
      ...one,
    })),
    ...(manager === undefined ? {} : { manager }),
    ...(cryptoMethod === undefined ? {} : { cryptoMethod }),
    enrollment: merged(ofClient, ofAgent),
    faults,
  };
}

/** The address to register is one setting in two parts, of which both come from one block. */
function merged(
  ofClient: ReadonlyMap<EnrollmentField, ConfValue>,
  ofAgent: ReadonlyMap<EnrollmentField, ConfValue>,
): ReadonlyMap<EnrollmentField, ConfValue> {
  const address: ReadonlySet<EnrollmentField> = new Set(['agent_address', 'use_source_ip']);
  const hasAddress = [...ofAgent.keys()].some((name) => address.has(name));
  const left = [...ofClient].filter(([name]) => !hasAddress || !address.has(name));
  return new Map([...left, ...ofAgent]);
}

/** The places of a server's own settings, and of a manager's. */
const PARTS = /^(?:client>(?:server|manager)|agent>manager)>(endpoint|address|port|protocol|interface_index)$/;
const SERVER = /^client>(?:server|manager)$/;

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
  return broken && (root === 'client' || root === 'agent') ? path.join('>') : undefined;
}

/** A value as a member of its own; what is empty is not there, but for an endpoint or address, which had to be filled in. */
function optional<N extends string>(from: ReadonlyMap<string, ConfValue>, name: string, as?: N) {
  const value = from.get(name);
  const isThere = value !== undefined && (value.value !== '' || name === 'endpoint' || name === 'address');
  return isThere ? { [as ?? name]: value } : {};
}
