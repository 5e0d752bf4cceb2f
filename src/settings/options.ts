/**
 * Every option of the command line, once: the parser, the environment, `detect` and the tables of the documentation
 * are all made from this list.
 */

/** The commands that take options. */
export type CommandName = 'enroll' | 'check' | 'import' | 'export' | 'retire' | 'detect' | 'sandbox';

/** What an option's value is. */
export type OptionKind = 'text' | 'list' | 'flag';

interface OptionRow {
  readonly kind: OptionKind;
  /** Variables of the environment, the current name first, names that older scripts use after it. */
  readonly environment: readonly string[];
  /** How the value is written in the help. */
  readonly value?: string;
  readonly describe: string;
  /** The default, in words. */
  readonly default?: string;
  readonly commands: readonly CommandName[];
  /** True where the help groups the option under trust, link or running rather than under the main ones. */
  readonly group: 'Manager' | 'Agent' | 'Trust' | 'Link' | 'Files' | 'Run' | 'Output';
  /** True for what must never be shown. */
  readonly secret?: boolean;
}

const JOURNEY = ['enroll', 'detect'] as const;
/** Of the enrollment service: looked at by `check`, which asks it for nothing. */
const SERVICE = ['enroll', 'check', 'detect'] as const;
const PROOF = ['enroll', 'check', 'import', 'detect'] as const;
/** Of who asks the REST API for something. */
const API = ['enroll', 'retire', 'detect'] as const;
const ALL = ['enroll', 'check', 'import', 'export', 'retire', 'detect'] as const;

/** The options by their names without the dashes, in the order of the help. */
export const OPTIONS = {
  manager: {
    kind: 'list',
    environment: ['WAZUH_MANAGER', 'WAZUH_MANAGER_IP'],
    value: 'HOST[:PORT]|https://HOST[:PORT][/PREFIX]',
    describe:
      'the manager; several, repeated or separated by commas or semicolons, are tried in order. PORT is the agent port. https: a Wazuh 5, on 1517 and below /wazuh-manager/ unless given',
    default: 'the server of ossec.conf, or what an enrollment token names',
    commands: [...PROOF, 'retire'],
    group: 'Manager',
  },
  method: {
    kind: 'text',
    environment: [],
    value: 'authd|api|https|auto',
    describe: 'how to get the key',
    default: 'auto: https with a token or an https manager, the API with API credentials, else what the manager offers',
    commands: JOURNEY,
    group: 'Manager',
  },
  'enrollment-server': {
    kind: 'text',
    environment: ['WAZUH_REGISTRATION_SERVER', 'WAZUH_AUTHD_SERVER'],
    value: 'HOST',
    describe: 'where authd runs, if not on the manager',
    default: 'the manager',
    commands: SERVICE,
    group: 'Manager',
  },
  'enrollment-port': {
    kind: 'text',
    environment: ['WAZUH_REGISTRATION_PORT', 'WAZUH_AUTHD_PORT'],
    value: 'PORT',
    describe: 'the port of authd',
    default: '1515',
    commands: SERVICE,
    group: 'Manager',
  },
  'api-url': {
    kind: 'text',
    environment: ['AGENT_ENROLL_API_URL'],
    value: 'URL',
    describe: "the manager's REST API",
    default: 'https://MANAGER:55000',
    commands: [...SERVICE, 'retire'],
    group: 'Manager',
  },
  'api-user': {
    kind: 'text',
    environment: ['AGENT_ENROLL_API_USER'],
    value: 'NAME',
    describe: 'the user of the REST API',
    commands: API,
    group: 'Manager',
  },
  'api-password-file': {
    kind: 'text',
    environment: [],
    value: 'FILE|-',
    describe: "that user's password: first line of a file, or of standard input; else AGENT_ENROLL_API_PASSWORD",
    commands: API,
    group: 'Manager',
  },
  proxy: {
    kind: 'text',
    environment: ['HTTPS_PROXY', 'https_proxy'],
    value: 'URL|none',
    describe:
      'reach the manager over TCP through this HTTP proxy (CONNECT); as a flag for every host, from the environment except for NO_PROXY and this host',
    commands: [...PROOF, 'retire'],
    group: 'Manager',
    secret: true,
  },
  name: {
    kind: 'text',
    environment: ['WAZUH_AGENT_NAME'],
    value: 'NAME',
    describe: "the agent's name; {hostname}, {fqdn}, {machine-id} and {instance-id} stand for this host's own",
    default: "the host's name, made valid",
    commands: ['enroll', 'import', 'detect'],
    group: 'Agent',
  },
  id: {
    kind: 'text',
    environment: [],
    value: 'ID',
    describe: "which agent of a manager's client.keys to import; --name does it by name",
    commands: ['import'],
    group: 'Agent',
  },
  ip: {
    kind: 'text',
    environment: ['AGENT_ENROLL_IP'],
    value: 'auto|any|source|ADDRESS|CIDR',
    describe: 'the address to register; source: the one that the manager sees',
    default: 'auto',
    commands: JOURNEY,
    group: 'Agent',
  },
  groups: {
    kind: 'list',
    environment: ['WAZUH_AGENT_GROUP', 'WAZUH_GROUP'],
    value: 'A,B',
    describe: 'groups to join; they must exist on the manager',
    commands: JOURNEY,
    group: 'Agent',
  },
  'token-file': {
    kind: 'text',
    environment: [],
    value: 'FILE|-',
    describe:
      'the enrollment token of a Wazuh 5, which names the manager and how to trust it: first line of a file, or of standard input; else WAZUH_ENROLLMENT_TOKEN',
    default: "the agent's enrollment_token",
    commands: JOURNEY,
    group: 'Trust',
  },
  'password-file': {
    kind: 'text',
    environment: [],
    value: 'FILE|-',
    describe: 'the enrollment password: first line of a file, or of standard input',
    default: "the agent's authd.pass",
    commands: JOURNEY,
    group: 'Trust',
  },
  password: {
    kind: 'text',
    environment: ['WAZUH_REGISTRATION_PASSWORD', 'WAZUH_PASSWORD'],
    value: 'TEXT',
    describe: 'the enrollment password itself; every user of this host can read it in the process list',
    commands: JOURNEY,
    group: 'Trust',
    secret: true,
  },
  ca: {
    kind: 'text',
    environment: ['WAZUH_REGISTRATION_CA', 'WAZUH_CERTIFICATE'],
    value: 'FILE',
    describe: "verify the manager's certificate and host name against this CA (PEM)",
    commands: [...SERVICE, 'retire'],
    group: 'Trust',
  },
  pin: {
    kind: 'text',
    environment: ['AGENT_ENROLL_PIN'],
    value: 'sha256:HEX',
    describe: "verify the manager by its certificate's public key (SPKI)",
    default: 'the key seen at the first enrollment',
    commands: [...SERVICE, 'retire'],
    group: 'Trust',
  },
  cert: {
    kind: 'text',
    environment: ['WAZUH_REGISTRATION_CERTIFICATE', 'WAZUH_PEM'],
    value: 'FILE',
    describe: 'client certificate: PEM, or PKCS#12 together with its key',
    commands: SERVICE,
    group: 'Trust',
  },
  key: {
    kind: 'text',
    environment: ['WAZUH_REGISTRATION_KEY', 'WAZUH_KEY'],
    value: 'FILE',
    describe: 'key of the client certificate (PEM)',
    commands: SERVICE,
    group: 'Trust',
  },
  'key-passphrase-file': {
    kind: 'text',
    environment: [],
    value: 'FILE',
    describe: 'passphrase of that key, first line of a file',
    commands: SERVICE,
    group: 'Trust',
  },
  insecure: {
    kind: 'flag',
    environment: [],
    describe: 'accept any certificate, remember nothing',
    commands: [...SERVICE, 'retire'],
    group: 'Trust',
  },
  protocol: {
    kind: 'text',
    environment: ['WAZUH_PROTOCOL'],
    value: 'auto|tcp|udp',
    describe: 'how agents reach the manager',
    default: 'ossec.conf, else auto',
    commands: PROOF,
    group: 'Link',
  },
  cipher: {
    kind: 'text',
    environment: [],
    value: 'auto|aes|blowfish',
    describe: 'how messages are encrypted',
    default: 'ossec.conf, else auto',
    commands: PROOF,
    group: 'Link',
  },
  port: {
    kind: 'text',
    environment: ['WAZUH_MANAGER_PORT'],
    value: 'PORT',
    describe: "the manager's agent port",
    default: 'ossec.conf, else 1514',
    commands: PROOF,
    group: 'Link',
  },
  wait: {
    kind: 'text',
    environment: [],
    value: 'TIME',
    describe: 'how long the manager may take to learn the key (10, 10s, 2m)',
    default: '60s; check: 15s',
    commands: PROOF,
    group: 'Link',
  },
  handshake: {
    kind: 'flag',
    environment: [],
    describe: '--no-handshake stops after the key is installed',
    default: 'true',
    commands: ['enroll', 'import'],
    group: 'Link',
  },
  'agent-home': {
    kind: 'text',
    environment: [],
    value: 'DIR',
    describe: 'where the agent is installed',
    default: '/var/ossec; C:\\Program Files (x86)\\ossec-agent',
    commands: ALL,
    group: 'Files',
  },
  keys: {
    kind: 'text',
    environment: [],
    value: 'FILE',
    describe: 'the client.keys file',
    default: "the agent's",
    commands: ALL,
    group: 'Files',
  },
  'write-config': {
    kind: 'flag',
    environment: [],
    describe: 'point the installed ossec.conf at the manager: address, port and protocol; nothing else in it changes',
    commands: ['enroll', 'import'],
    group: 'Files',
  },
  yes: {
    kind: 'flag',
    environment: [],
    describe:
      'import: replace a different key without asking; retire: although an agent daemon runs, or nobody is asked to delete the agent',
    commands: ['import', 'retire'],
    group: 'Run',
  },
  force: {
    kind: 'flag',
    environment: [],
    describe: 'enroll again although the present key works',
    commands: ['enroll'],
    group: 'Run',
  },
  'machine-binding': {
    kind: 'flag',
    environment: [],
    describe: '--no-machine-binding does not tie the key to this machine, and uses one that was enrolled on another',
    default: 'true',
    commands: ['enroll', 'check', 'import', 'retire'],
    group: 'Run',
  },
  splay: {
    kind: 'text',
    environment: [],
    value: 'TIME',
    describe: "wait for a part of this time first, always the same on one machine: spreads a fleet's first contact",
    default: '0',
    commands: ['enroll'],
    group: 'Run',
  },
  timeout: {
    kind: 'text',
    environment: [],
    value: 'TIME',
    describe: 'how long one attempt may take',
    default: '10s',
    commands: [...PROOF, 'retire'],
    group: 'Run',
  },
  reenroll: {
    kind: 'text',
    environment: ['AGENT_ENROLL_REENROLL'],
    value: 'certain|likely|never',
    describe:
      'when a key that is there and is not acknowledged is replaced: where a manager certainly refuses it; also where that is likely, because it was acknowledged before; or never',
    default: 'certain',
    commands: JOURNEY,
    group: 'Run',
  },
  retries: {
    kind: 'text',
    environment: [],
    value: 'N',
    describe: 'how often a manager that cannot be reached is tried again',
    default: '3',
    commands: API,
    group: 'Run',
  },
  deadline: {
    kind: 'text',
    environment: [],
    value: 'TIME',
    describe: 'how long the whole run may take',
    default: 'none',
    commands: ['enroll', 'check', 'import', 'retire'],
    group: 'Run',
  },
  'dry-run': {
    kind: 'flag',
    environment: [],
    describe: 'show what would be done; contact nobody, change nothing',
    commands: ['enroll'],
    group: 'Run',
  },
  json: {
    kind: 'flag',
    environment: [],
    describe: 'print one JSON object on standard output',
    commands: [...ALL, 'sandbox'],
    group: 'Output',
  },
  quiet: {
    kind: 'flag',
    environment: [],
    describe: 'print errors and warnings only',
    commands: [...ALL, 'sandbox'],
    group: 'Output',
  },
  verbose: {
    kind: 'flag',
    environment: [],
    describe: 'print every attempt, and where errors come from',
    commands: [...ALL, 'sandbox'],
    group: 'Output',
  },
  color: {
    kind: 'flag',
    environment: [],
    describe: '--no-color prints without colours, as NO_COLOR does',
    default: 'on a terminal',
    commands: [...ALL, 'sandbox'],
    group: 'Output',
  },
} as const satisfies Record<string, OptionRow>;

/** The name of an option, without its dashes. */
export type OptionName = keyof typeof OPTIONS;

/** The options' rows, typed as such: for code that goes through all of them. */
export const OPTION_ROWS: ReadonlyMap<OptionName, OptionRow> = new Map(
  (Object.keys(OPTIONS) as OptionName[]).map((name) => [name, OPTIONS[name]]),
);

/** An option's name as a member of an object: `password-file` as `passwordFile`. */
export function memberName(name: OptionName): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether an option belongs to a command. */
export function hasOption(command: CommandName, name: OptionName): boolean {
  return OPTION_ROWS.get(name)?.commands.includes(command) === true;
}
