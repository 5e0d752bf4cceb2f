import { expect } from 'chai';
import { EnrollError } from '../../src/errors.js';
import { formatEndpoint } from '../../src/model/endpoint.js';
import type { ServiceAccount } from '../../src/model/host.js';
import type { OptionName } from '../../src/settings/options.js';
import type { Hearsay } from '../../src/settings/settings.js';
import { requireVouched } from '../../src/settings/vouching.js';
import { certificates } from '../net/certificates.js';
import { AGENT, filesOf, type MemoryFile, type MemoryFiles, type Permissions, settleAndTell } from './in-memory.js';

/** The agent's account. */
export const WAZUH: ServiceAccount = { user: 'wazuh', group: 'wazuh', uid: 998, gid: 997 };
/** Its group. */
export const WAZUH_GROUP = 997;
/** The directories of an agent, as the packages install them. */
export const STOCK_HOME: readonly Permissions[] = [
  { gid: WAZUH_GROUP, mode: 0o770 },
  { gid: WAZUH_GROUP, mode: 0o750 },
];
/** Directories of root's. */
export const ROOTS: readonly Permissions[] = [{ mode: 0o755 }, { mode: 0o755 }];
/** What must not be shown. */
export const PASSWORD = 'xyzzy-plugh-4711';
const PIN = `sha256:${'ab'.repeat(32)}`;
/** The manager. */
export const HOST = 'named.example';

/** One thing that a run finds, and whether it speaks for the refusal. */
export interface Part {
  readonly what: string;
  readonly flags?: Partial<Record<OptionName, string | boolean>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: MemoryFiles;
  readonly input?: string;
  /** Of `<enrollment>` in ossec.conf. */
  readonly conf?: string;
  readonly speaks: boolean;
}

/** A file with these permissions. */
export function file(
  content: string,
  permissions: Permissions,
  directories: readonly Permissions[] = ROOTS,
): MemoryFile {
  return { content, ...permissions, directories };
}

const forRoot = (content: string) => file(content, { mode: 0o600 });
const forGroup = (content: string) => file(content, { gid: WAZUH_GROUP, mode: 0o640 });

/** Secrets; `speaks`: the agent's account cannot read it. */
export function secrets(): readonly Part[] {
  const { certificate, key } = certificates().client;
  const passFile = '<authorization_pass_path>etc/own.pass</authorization_pass_path>';
  const api = { 'api-user': 'enroll' };
  const pair = { cert: '/pki/c.pem', key: '/pki/k.pem' };
  return [
    { what: 'no secret', speaks: false },
    { what: 'a password of the environment', environment: { WAZUH_REGISTRATION_PASSWORD: PASSWORD }, speaks: true },
    { what: 'one of the command line', flags: { password: PASSWORD }, speaks: true },
    { what: 'one of standard input', flags: { 'password-file': '-' }, input: `${PASSWORD}\n`, speaks: true },
    {
      what: 'a systemd credential, whatever its mode',
      environment: { CREDENTIALS_DIRECTORY: '/run/c' },
      files: { '/run/c/agent-enroll.password': file(PASSWORD, { mode: 0o444 }) },
      speaks: true,
    },
    {
      what: "one in a file of root's",
      flags: { 'password-file': '/p' },
      files: { '/p': forRoot(PASSWORD) },
      speaks: true,
    },
    {
      what: 'one in a file of another group',
      flags: { 'password-file': '/p' },
      files: { '/p': file(PASSWORD, { gid: 4, mode: 0o640 }) },
      speaks: true,
    },
    {
      what: "one in a file that is open, in root's directory",
      flags: { 'password-file': '/root/p' },
      files: { '/root/p': file(PASSWORD, { mode: 0o644 }, [{ mode: 0o700 }, { mode: 0o755 }]) },
      speaks: true,
    },
    {
      what: "one in a file that is open, below root's directory",
      flags: { 'password-file': '/root/s/p' },
      files: { '/root/s/p': file(PASSWORD, { mode: 0o644 }, [{ mode: 0o755 }, { mode: 0o700 }]) },
      speaks: true,
    },
    {
      what: 'one in a file that is open',
      flags: { 'password-file': '/p' },
      files: { '/p': file(PASSWORD, { mode: 0o644 }) },
      speaks: false,
    },
    {
      what: "an authd.pass of the agent's group",
      files: { [AGENT.passwordFile]: file(PASSWORD, { gid: WAZUH_GROUP, mode: 0o640 }, STOCK_HOME) },
      speaks: false,
    },
    {
      what: "an authd.pass of root's",
      files: { [AGENT.passwordFile]: file(PASSWORD, { mode: 0o600 }, STOCK_HOME) },
      speaks: true,
    },
    {
      what: "a file of the group's that ossec.conf names",
      conf: passFile,
      files: { '/agent/etc/own.pass': file(PASSWORD, { gid: WAZUH_GROUP, mode: 0o640 }, STOCK_HOME) },
      speaks: false,
    },
    {
      what: "a file of root's that ossec.conf names",
      conf: passFile,
      files: { '/agent/etc/own.pass': file(PASSWORD, { mode: 0o600 }, STOCK_HOME) },
      speaks: true,
    },
    {
      what: 'an API password of the environment',
      flags: api,
      environment: { AGENT_ENROLL_API_PASSWORD: PASSWORD },
      speaks: true,
    },
    {
      what: "an API password in a file of root's",
      flags: { ...api, 'api-password-file': '/p' },
      files: { '/p': forRoot(PASSWORD) },
      speaks: true,
    },
    {
      what: "an API password in a file of the group's, beside an authd password that is not sent",
      flags: { ...api, 'api-password-file': '/p' },
      environment: { WAZUH_REGISTRATION_PASSWORD: PASSWORD },
      files: { '/p': forGroup(PASSWORD) },
      speaks: false,
    },
    {
      what: "a client certificate whose key is root's",
      flags: pair,
      files: { '/pki/c.pem': forGroup(certificate), '/pki/k.pem': forRoot(key) },
      speaks: true,
    },
    {
      what: "a client certificate whose key is the group's",
      flags: pair,
      files: { '/pki/c.pem': forRoot(certificate), '/pki/k.pem': forGroup(key) },
      speaks: false,
    },
    {
      what: "a client certificate with its key in one file of root's, which ossec.conf names",
      conf: '<agent_certificate_path>/pki/c.pem</agent_certificate_path>',
      files: { '/pki/c.pem': forRoot(certificate + key) },
      speaks: true,
    },
    {
      what: "a client certificate whose key is the group's and has a passphrase of root's",
      flags: { ...pair, 'key-passphrase-file': '/pki/pass' },
      files: { '/pki/c.pem': forGroup(certificate), '/pki/k.pem': forGroup(key), '/pki/pass': forRoot('x') },
      speaks: true,
    },
  ];
}

/** Who names the manager; `speaks`: nobody but ossec.conf. `conf` is what it says in `<client>`. */
export const NAMINGS: readonly Part[] = [
  { what: '<server>', conf: `<server><address>${HOST}</address></server>`, speaks: true },
  { what: '<server-hostname>', conf: `<server-hostname>${HOST}</server-hostname>`, speaks: true },
  {
    what: '<server-ip>, the second of two',
    conf: '<server-ip>192.0.2.1</server-ip><server-ip>192.0.2.2</server-ip>',
    speaks: true,
  },
  {
    what: 'a flag',
    flags: { manager: HOST },
    conf: '<server><address>other.example</address></server>',
    speaks: false,
  },
  {
    what: 'a flag as well as ossec.conf',
    flags: { manager: HOST },
    conf: `<server><address>${HOST}</address></server>`,
    speaks: false,
  },
  { what: 'a variable', environment: { WAZUH_MANAGER: HOST }, conf: '', speaks: false },
];

/** Whose word there is for it; `speaks`: nobody's. */
export function vouchers(): readonly Part[] {
  const { ca } = certificates();
  const ofConf = '<server_ca_path>etc/ca.pem</server_ca_path>';
  return [
    { what: 'nobody', speaks: true },
    { what: 'a pin', flags: { pin: PIN }, speaks: false },
    { what: 'a pin of the environment', environment: { AGENT_ENROLL_PIN: PIN }, speaks: false },
    {
      what: "a CA of root's",
      flags: { ca: '/ca' },
      files: { '/ca': file(ca.certificate, { mode: 0o644 }) },
      speaks: false,
    },
    {
      what: 'a CA of the environment',
      environment: { WAZUH_REGISTRATION_CA: '/ca' },
      files: { '/ca': file(ca.certificate, { mode: 0o644 }) },
      speaks: false,
    },
    {
      what: 'a CA that the group can write',
      flags: { ca: '/ca' },
      files: { '/ca': file(ca.certificate, { gid: WAZUH_GROUP, mode: 0o660 }) },
      speaks: true,
    },
    {
      what: "a CA in the agent's own directory",
      flags: { ca: '/agent/etc/ca.pem' },
      files: { '/agent/etc/ca.pem': file(ca.certificate, { mode: 0o644 }, STOCK_HOME) },
      speaks: true,
    },
    {
      what: "a CA of root's that ossec.conf names",
      conf: ofConf,
      files: { '/agent/etc/ca.pem': file(ca.certificate, { mode: 0o644 }) },
      speaks: true,
    },
    { what: '--insecure', flags: { insecure: true }, speaks: true },
  ];
}

/** Who asks, what ossec.conf allows, and what was noted. */
export interface Surroundings {
  /** Absent: Windows. */
  readonly uid?: number | undefined;
  readonly account?: ServiceAccount | undefined;
  /** Of ossec.conf. */
  readonly permissions?: Permissions;
  readonly directories?: readonly Permissions[];
  /** The endpoints of which there is a note. */
  readonly known?: readonly string[];
}

/** Root, on a stock installation. */
export const STOCK: Surroundings = { uid: 0, account: WAZUH };

/** What is settled about whose word there is. */
export async function hearsay(
  secret: Part,
  naming: Part,
  voucher: Part,
  around: Surroundings = STOCK,
): Promise<readonly Hearsay[]> {
  const parts = [secret, naming, voucher];
  const enrollment = `<enrollment>${secret.conf ?? ''}${voucher.conf ?? ''}</enrollment>`;
  const conf = `<ossec_config><client>\n${naming.conf}\n${enrollment}</client></ossec_config>`;
  const { permissions = { gid: WAZUH_GROUP, mode: 0o660 }, directories = STOCK_HOME } = around;
  const files: MemoryFiles = Object.assign(
    { [AGENT.configFile]: file(conf, permissions, directories) },
    ...parts.map((part) => part.files ?? {}),
  );
  const flags = new Map<OptionName, string | boolean>();
  for (const part of parts) {
    for (const [name, value] of Object.entries(part.flags ?? {})) flags.set(name as OptionName, value);
  }
  const { uid: _, ...edge } = filesOf(files, secret.input ?? '');
  const { settings, warnings } = await settleAndTell({
    command: 'enroll',
    flags,
    environment: Object.assign({}, ...parts.map((part) => part.environment ?? {})),
    agent: { ...AGENT, ...(around.account === undefined ? {} : { account: around.account }) },
    edge: { ...edge, ...(around.uid === undefined ? {} : { uid: around.uid }) },
  });
  expect(JSON.stringify([settings, warnings])).not.to.include(PASSWORD);
  return settings.hearsay ?? [];
}

/** Settles, and looks whether a run may go on. */
export async function ends(
  secret: Part,
  naming: Part,
  voucher: Part,
  around: Surroundings = STOCK,
): Promise<EnrollError | 'well'> {
  const { known = [] } = around;
  const found = await hearsay(secret, naming, voucher, around);
  try {
    requireVouched(found, (endpoint) => known.includes(formatEndpoint(endpoint)));
    return 'well';
  } catch (thrown) {
    if (thrown instanceof EnrollError) return thrown;
    throw thrown;
  }
}
