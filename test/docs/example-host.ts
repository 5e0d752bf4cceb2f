import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import type { DuplicateRules } from '../../src/sandbox/agent-table.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { PROJECT } from './code-blocks.js';

/** What an example ended with. */
export interface Ended {
  readonly code: number;
  /** Both streams. */
  readonly said: string;
}

/** The manager as an example sees it. */
interface ExampleManager {
  readonly address: string;
  /** What is put in the place of names of managers. */
  readonly urls: { readonly https: string; readonly api: string };
  /** Of the certificate that the example is shown. */
  readonly pin: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What lies in the file that stands behind an option. */
  readonly files: Readonly<Record<string, string>>;
  readonly token: string;
  close(): Promise<void>;
}

const LIMIT_MS = 50_000;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const PASSWORD = 'correct horse';
/** A manager that replaces an agent at once: else a second enrollment takes an hour. */
const REPLACES: DuplicateRules = {
  kind: 'replace',
  evenConnected: true,
  disconnectedForMs: 0,
  registeredForMs: 0,
  evenSameKey: true,
};
/** A name that nobody has: `siem.example.org`, `manager.example`. */
const NAME = String.raw`[a-z0-9-]+(?:\.[a-z0-9-]+)*\.example(?:\.org)?\b`;

let certificates: Promise<HttpsCertificates> | undefined;

/**
 * Runs commands of a page in bash on a host of its own, whose manager is a sandbox of its own. What an example cannot
 * know is put into it, and nothing else is changed:
 *
 * - `https://NAME:55000` becomes the address of the manager's API, `https://NAME` that of a Wazuh 5, and a NAME below
 *   `.example` or `.example.org` loopback; the ports of the sandbox are in the environment;
 * - `/var/ossec`, `/run/secrets` and `/etc/agent-enroll` lie in a scratch directory, and the file that stands behind an
 *   option (`--password-file`, `--token-file`, `--ca`, …) or `import` holds what that takes;
 * - `sha256:HEX` becomes the pin of the API or of authd, `--api-user U` a user of the sandbox with that pin, and `WAZUH_ENROLLMENT_TOKEN=...` a token;
 * - `sandbox` ends once it has started, and its ports are chosen by the system.
 *
 * @param enrolled whether the host has a key from its manager
 */
export async function runExample(text: string, enrolled: boolean): Promise<Ended> {
  const root = await mkdtemp(join(tmpdir(), 'agent-enroll-example-'));
  const manager = await startManager(text);
  try {
    await prepare(root, text, manager);
    if (enrolled) {
      const { code, said } = await bash(root, 'agent-enroll', surroundings(root, manager));
      if (code !== 0) throw new Error(`The host of an example could not be enrolled: ${said}`);
    }
    return await bash(root, filledIn(text, root, manager), surroundings(root, manager));
  } finally {
    await manager.close();
    await rm(root, { recursive: true, force: true });
  }
}

async function startManager(text: string): Promise<ExampleManager> {
  const password = new Secret(PASSWORD);
  const common = { keyReloadMs: 100, groups: ['web'], force: REPLACES };
  if (/https:\/\/(?!\S*:55000)|token/i.test(text)) {
    certificates ??= issueHttpsCertificates();
    const sandbox = await startHttpsSandbox({ ...common, password, certificates: await certificates });
    const token = sandbox.mintToken().text.reveal();
    return {
      address: `${sandbox.endpoints.https.host}:${sandbox.endpoints.https.port}`,
      urls: { https: sandbox.url, api: '' },
      pin: sandbox.pin,
      environment: {},
      files: { '--token-file': token, '--password-file': PASSWORD, '--ca': sandbox.ca },
      token,
      close: () => sandbox.close(),
    };
  }
  const retires = text.includes('agent-enroll retire --api-user');
  const wantsPassword = text.includes('--password-file');
  const sandbox = await startSandbox({ ...common, family: 'wazuh-4', ...(wantsPassword ? { password } : {}), api: {} });
  const { agent, authd, api } = sandbox.endpoints;
  const exported = sandbox.addAgent({ name: 'exported' });
  return {
    address: agent.host,
    urls: { https: '', api: `https://${api?.host}:${api?.port}` },
    pin: (text.includes('--api-url') || retires ? sandbox.api?.fingerprint : undefined) ?? sandbox.fingerprint,
    environment: {
      WAZUH_MANAGER: agent.host,
      WAZUH_MANAGER_PORT: String(agent.port),
      WAZUH_REGISTRATION_PORT: String(authd.port),
      ...(retires && api ? { AGENT_ENROLL_API_URL: `https://${api.host}:${api.port}` } : {}),
    },
    files: {
      '--password-file': PASSWORD,
      '--api-password-file': retires ? 'retire' : 'enroll',
      '--ca': sandbox.certificate,
      import: formatRecord(exported),
    },
    token: '',
    close: () => sandbox.close(),
  };
}

/** As a package leaves it. */
const CONF =
  '<ossec_config>\n  <client>\n    <server>\n      <address>MANAGER_IP</address>\n    </server>\n  </client>\n</ossec_config>\n';

/** Lays the directories, the files and the commands of an example down. */
async function prepare(root: string, text: string, manager: ExampleManager): Promise<void> {
  for (const directory of ['bin', 'work', 'var/ossec/etc']) await mkdir(join(root, directory), { recursive: true });
  for (const [option, content] of Object.entries(manager.files)) {
    for (const [, file = ''] of text.matchAll(new RegExp(`(?<= )${option} ([\\w./-]+)`, 'g'))) {
      if (file === '-') continue;
      const path = file.startsWith('/') ? join(root, file) : join(root, 'work', file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${content}\n`, { mode: 0o600 });
    }
  }
  if (text.includes('--write-config')) await writeFile(join(root, 'var/ossec/etc/ossec.conf'), CONF);
  const program = `'${process.execPath}' '${PROJECT}/bin/agent-enroll.js'`;
  await command(
    root,
    'agent-enroll',
    `
case " $* " in
  *' sandbox '*)
    exec 3< <(exec ${program} "$@")
    running=$!
    read -r -u 3 && kill -INT "$running"
    wait "$running" ;;
  *' --agent-home '*) exec ${program} "$@" ;;
  *) exec ${program} "$@" --agent-home '${root}/var/ossec' ;;
esac`,
  );
  await command(root, 'some-command-that-prints-it', `echo '${manager.token}'`);
}

async function command(root: string, name: string, script: string): Promise<void> {
  const path = join(root, 'bin', name);
  await writeFile(path, `#!/bin/bash\n${script}\n`);
  await chmod(path, 0o755);
}

function filledIn(text: string, root: string, { address, urls, pin, token }: ExampleManager): string {
  return text
    .replaceAll(new RegExp(`https://${NAME}:55000`, 'g'), urls.api)
    .replaceAll(new RegExp(`https://${NAME}`, 'g'), urls.https)
    .replaceAll(new RegExp(NAME, 'g'), address)
    .replaceAll(/(?<=[ =])\/(var\/ossec|run\/secrets|etc\/agent-enroll)(?=\/)/g, `${root}/$1`)
    .replaceAll('sha256:HEX', pin)
    .replaceAll('--api-user U ', `--api-user retire --pin ${pin} `)
    .replaceAll('WAZUH_ENROLLMENT_TOKEN=...', `WAZUH_ENROLLMENT_TOKEN=${token}`)
    .replaceAll(/(-port) \d+/g, '$1 0');
}

function surroundings(root: string, { environment }: ExampleManager): Readonly<Record<string, string>> {
  return { PATH: `${join(root, 'bin')}:${PATH}`, HOME: root, LANG: 'C.UTF-8', ...environment };
}

function bash(root: string, script: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  return ended('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd: join(root, 'work'), env });
}

/** Runs what `npm run demo` runs. */
export function runDemo(): Promise<Ended> {
  return ended(process.execPath, [join(PROJECT, 'demo/demo.js')], { cwd: PROJECT, env: { PATH } });
}

function ended(
  program: string,
  args: readonly string[],
  where: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { ...where, env: { ...where.env }, timeout: LIMIT_MS };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr });
    });
    child.stdin?.end();
  });
}
