import { EnrollError, EXIT, type ExitCode } from '../../errors.js';
import { nodeFileEdge } from '../../files/file-edge.js';
import { formatEndpoint, type ManagerFamily } from '../../model/endpoint.js';
import { firstLine } from '../../model/first-line.js';
import { jsonLine, onOneLine } from '../../model/printable.js';
import { Secret } from '../../model/secret.js';
import type { SandboxFamily } from '../../sandbox/authd-protocol.js';
import type { EnrollmentMode } from '../../sandbox/https/exchange.js';
import type { HttpsSandbox, IssuedToken } from '../../sandbox/https/options.js';
import type { Sandbox } from '../../sandbox/manager.js';
import { HTTPS_ODDITIES, ODDITIES, type Oddity, requireOddities } from '../../sandbox/oddities.js';
import { describeEvent, type SandboxEvent } from '../../sandbox/sandbox-events.js';
import { readNamed } from '../../settings/named-file.js';
import { nodeSettingsEdge } from '../../settings/settings-edge.js';
import { oneOf, parseDuration, splitList } from '../../settings/values.js';
import type { Output } from '../output.js';

type Arguments = Readonly<Record<string, unknown>>;

const PASSWORD_LIMIT = 64 * 1024;
// Nobody is there to start it again by hand.
const REMOTED_RESTART_MS = 2_000;

/** `agent-enroll sandbox`: a throw-away manager on loopback, until it is interrupted. */
export async function sandboxCommand(argv: Arguments, output: Output, signal: AbortSignal): Promise<ExitCode> {
  const password = await readPassword(text(argv, 'password-file'), signal);
  const keyReloadMs = reloadDelay(text(argv, 'reload-delay'));
  const common: Common = {
    groups: splitList(text(argv, 'groups') ?? ''),
    ...(password === undefined ? {} : { password }),
    ...(keyReloadMs === undefined ? {} : { keyReloadMs }),
    onEvent: (event) => {
      if (output.json) output.out.write(`${jsonLine(event)}\n`);
      // A line of the log tells again what the event before it told.
      else if (!output.quiet && (event.type !== 'log' || output.verbose))
        output.err.write(`${onOneLine(describeEvent(event))}\n`);
    },
  };
  const family = familyOf(text(argv, 'family') ?? 'wazuh-4');
  if (family === 'wazuh-5') await runHttps(argv, common, output, signal);
  else await runElder(family, argv, common, output, signal);
  return EXIT.ok;
}

/** What every manager is started with. */
interface Common {
  readonly groups: readonly string[];
  readonly password?: Secret<Uint8Array>;
  readonly keyReloadMs?: number;
  readonly onEvent: (event: SandboxEvent) => void;
}

async function runElder(
  family: SandboxFamily,
  argv: Arguments,
  common: Common,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const { startSandbox } = await import('../../sandbox/manager.js');
  const ports = { authd: port(argv, 'authd-port'), agent: port(argv, 'agent-port'), api: port(argv, 'api-port') };
  const oddities = odditiesOf(argv['oddity']);
  const sandbox = await startSandbox(
    { ...common, family, ports, oddities, remotedRestartMs: REMOTED_RESTART_MS },
    signal,
  );
  if (!output.json) output.out.write(introduction(sandbox, common.password !== undefined));
  await untilAborted(signal);
  await sandbox.close();
}

async function runHttps(argv: Arguments, common: Common, output: Output, signal: AbortSignal): Promise<void> {
  const oddities = odditiesOf(argv['oddity']);
  requireOddities(oddities, 'wazuh-5');
  const { startHttpsSandbox } = await import('../../sandbox/https/manager.js');
  const legacy = text(argv, 'legacy') === 'on';
  const [prefix, enrollment] = [text(argv, 'prefix'), enrollmentOf(text(argv, 'enrollment'))];
  const sandbox = await startHttpsSandbox(
    {
      ...common,
      ports: {
        https: port(argv, 'https-port'),
        ...(legacy ? { authd: port(argv, 'authd-port'), agent: port(argv, 'agent-port') } : {}),
      },
      ...(prefix === undefined ? {} : { prefix }),
      ...(enrollment === undefined ? {} : { enrollment }),
      legacy,
      oddities: HTTPS_ODDITIES.filter((oddity) => oddities.includes(oddity)),
    },
    signal,
  );
  // Here alone it is shown: whoever has it can enroll.
  const token = sandbox.mintToken({ credential: enrollment !== 'open' });
  if (output.json) output.out.write(`${jsonLine({ type: 'token', token: token.text.reveal() })}\n`);
  else output.out.write(httpsIntroduction(sandbox, token, common.password !== undefined));
  await untilAborted(signal);
  await sandbox.close();
}

function httpsIntroduction(
  { url, pin, endpoints }: HttpsSandbox,
  { text }: IssuedToken,
  withPassword: boolean,
): string {
  const { authd, agent } = endpoints;
  return [
    'A throw-away wazuh-5 manager for trying and testing, on loopback only. It forgets everything when it ends (Ctrl-C).',
    `  remoted  ${url}/ (HTTPS, key of its CA ${pin})`,
    ...(authd === undefined ? [] : [`  authd    ${formatEndpoint(authd)} (TLS, for 4.x agents)`]),
    ...(agent === undefined ? [] : [`  messages ${formatEndpoint(agent)} (TCP, for 4.x agents)`]),
    `  token    ${text.reveal()}`,
    'Enroll against it, with a FILE that holds the token, into a directory of your own:',
    '  agent-enroll --token-file FILE --agent-home DIR',
    ...(withPassword
      ? [
          'Or with a FILE that holds the password:',
          `  agent-enroll --manager ${url} --pin ${pin} --password-file FILE --agent-home DIR`,
        ]
      : []),
    '',
    '',
  ].join('\n');
}

function introduction(sandbox: Sandbox, withPassword: boolean): string {
  const { family, endpoints, fingerprint } = sandbox;
  const password = withPassword ? ' --password-file FILE' : '';
  return [
    `A throw-away ${family} manager for trying and testing, on loopback only. It forgets everything when it ends (Ctrl-C).`,
    `  authd    ${formatEndpoint(endpoints.authd)} (TLS, key ${fingerprint})`,
    `  remoted  ${formatEndpoint(endpoints.agent)} (${family === 'ossec' ? 'UDP' : 'TCP and UDP'})`,
    ...apiUsers(sandbox),
    'Enroll against it, into a directory of your own:',
    `  agent-enroll --manager ${formatEndpoint(endpoints.agent)} --enrollment-port ${endpoints.authd.port}${password} --agent-home DIR`,
    ...apiEnrollment(sandbox),
    '',
    '',
  ].join('\n');
}

function apiUsers({ api }: Sandbox): readonly string[] {
  if (api === undefined) return [];
  const trust = api.fingerprint === undefined ? 'not encrypted' : `TLS, key ${api.fingerprint}`;
  const users = api.users.map(({ name, password, permissions }) => {
    const rights = permissions === 'all' ? 'everything' : permissions.join(', ');
    // They are there to be known: this manager is thrown away.
    return `           user ${name}, password ${password.reveal()}: may do ${rights}`;
  });
  return [`  api      ${api.url} (${trust})`, ...users];
}

function apiEnrollment({ api, endpoints }: Sandbox): readonly string[] {
  const [user] = api?.users ?? [];
  if (api === undefined || user === undefined) return [];
  const trust = api.fingerprint === undefined ? '--insecure' : `--pin ${api.fingerprint}`;
  return [
    "Or through the API, with a FILE that holds the user's password:",
    `  agent-enroll --manager ${formatEndpoint(endpoints.agent)} --api-url ${api.url} --api-user ${user.name} --api-password-file FILE ${trust} --agent-home DIR`,
  ];
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function text(argv: Arguments, name: string): string | undefined {
  const value = argv[name];
  return typeof value === 'string' ? value : undefined;
}

function port(argv: Arguments, name: string): number {
  const value = argv[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new EnrollError('SETTING_INVALID', `--${name}: "${String(value)}" is not a port (0 to 65535).`);
}

function familyOf(word: string): ManagerFamily {
  return oneOf('wazuh-5', 'wazuh-4', 'wazuh-3', 'ossec')(word) ?? 'wazuh-4';
}

function enrollmentOf(word: string | undefined): EnrollmentMode | undefined {
  return word === undefined ? undefined : oneOf('credential', 'open', 'disabled')(word);
}

// One where it is given once, a list where it is given more often; which ones there are is the parser's to say.
function odditiesOf(value: unknown): readonly Oddity[] {
  return [value].flat().flatMap((word) => ODDITIES.find((oddity) => oddity === word) ?? []);
}

function reloadDelay(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const ms = parseDuration(word);
  if (ms === undefined) throw new EnrollError('SETTING_INVALID', `--reload-delay: "${word}" is not a length of time.`);
  return ms;
}

async function readPassword(path: string | undefined, signal: AbortSignal): Promise<Secret<Uint8Array> | undefined> {
  if (path === undefined) return undefined;
  const named = { value: path, origin: { kind: 'flag', name: 'password-file' } } as const;
  const { bytes } = await readNamed(named, PASSWORD_LIMIT, nodeSettingsEdge(nodeFileEdge(), signal));
  return new Secret(firstLine(bytes));
}
