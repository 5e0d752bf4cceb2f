import { EnrollError, EXIT, type ExitCode } from '../../errors.js';
import { nodeFileEdge } from '../../files/file-edge.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { firstLine } from '../../model/first-line.js';
import { jsonLine, onOneLine } from '../../model/printable.js';
import { Secret } from '../../model/secret.js';
import type { SandboxFamily } from '../../sandbox/authd-protocol.js';
import type { Sandbox } from '../../sandbox/manager.js';
import { ODDITIES, type Oddity } from '../../sandbox/oddities.js';
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
  const { startSandbox } = await import('../../sandbox/manager.js');
  const password = await readPassword(text(argv, 'password-file'), signal);
  const family = familyOf(text(argv, 'family') ?? 'wazuh-4');
  const groups = splitList(text(argv, 'groups') ?? '');
  const keyReloadMs = reloadDelay(text(argv, 'reload-delay'));
  const print = (event: SandboxEvent) => {
    if (output.json) output.out.write(`${jsonLine(event)}\n`);
    // A line of the log tells again what the event before it told.
    else if (!output.quiet && (event.type !== 'log' || output.verbose))
      output.err.write(`${onOneLine(describeEvent(event))}\n`);
  };
  const sandbox = await startSandbox(
    {
      family,
      ports: { authd: port(argv, 'authd-port'), agent: port(argv, 'agent-port'), api: port(argv, 'api-port') },
      groups,
      ...(password === undefined ? {} : { password }),
      ...(keyReloadMs === undefined ? {} : { keyReloadMs }),
      oddities: odditiesOf(argv['oddity']),
      remotedRestartMs: REMOTED_RESTART_MS,
      onEvent: print,
    },
    signal,
  );
  if (!output.json) output.out.write(introduction(sandbox, password !== undefined));
  await untilAborted(signal);
  await sandbox.close();
  return EXIT.ok;
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

function familyOf(word: string): SandboxFamily {
  return oneOf('wazuh-4', 'wazuh-3', 'ossec')(word) ?? 'wazuh-4';
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
