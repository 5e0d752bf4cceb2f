import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportKey } from '../../src/index.js';
import { Secret } from '../../src/model/secret.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';

/** What the runs have to do with: managers, and a new host for each run. */
export interface Stage {
  /** The arguments of one run, on a host that is prepared for it. */
  run(what: What): Promise<Prepared>;
  /** Of authd, as peers are given it. */
  readonly authd: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

/** The runs that are measured. */
export const WHATS = [
  'start',
  'detect',
  'key only',
  'key and link, reload 0 s',
  'key and link, reload 1 s',
  'key and link, reload 10 s',
  'second run',
  'check',
  'import',
  'Wazuh 5, token',
] as const;
export type What = (typeof WHATS)[number];

export interface Prepared {
  readonly args: readonly string[];
  /** When the manager had learned the key of this run, by `performance.now()`; NaN: it knew it, or need not know it. */
  readonly learnedMs: () => number;
}

const RELOADS = {
  'key and link, reload 0 s': 1,
  'key and link, reload 1 s': 1000,
  'key and link, reload 10 s': 10_000,
};

/** Starts the managers, all on loopback. */
export async function openStage(): Promise<Stage> {
  const scratch = await mkdtemp(join(tmpdir(), 'agent-enroll-bench-'));
  const certificate = await issueStockCertificate();
  let learnedMs = Number.NaN;
  const start = (keyReloadMs: number) =>
    startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs,
      onEvent: ({ type }) => {
        if (type === 'keys loaded') learnedMs = performance.now();
      },
    });
  const sandboxes = new Map<string, Awaited<ReturnType<typeof start>>>();
  for (const [what, keyReloadMs] of Object.entries(RELOADS)) sandboxes.set(what, await start(keyReloadMs));
  const wazuh5 = await startHttpsSandbox({
    certificates: await issueHttpsCertificates(),
    password: new Secret('unused'),
  });
  const known = sandboxes.get('key and link, reload 0 s');
  if (known === undefined) throw new Error('There is no manager.');

  let hosts = 0;
  const host = async () => {
    hosts += 1;
    const home = join(scratch, String(hosts));
    for (const directory of ['etc', 'queue/rids']) await mkdir(join(home, directory), { recursive: true });
    return { home, name: `host-${hosts}` };
  };
  type At = Awaited<ReturnType<typeof host>>;
  const argumentsOf = ({ home, name }: At, sandbox: typeof known) => {
    const { agent, authd } = sandbox.endpoints;
    return {
      manager: ['--manager', `${agent.host}:${agent.port}`, '--agent-home', home],
      enroll: ['--enrollment-port', String(authd.port), '--method', 'authd', '--insecure', '--name', name],
    };
  };
  /** A host whose key the manager knows, and what to say to find it so. */
  const enrolled = async () => {
    const at = await host();
    const record = known.addAgent({ name: at.name, ip: 'any' });
    const line = `${record.id} ${record.name} ${record.ip} ${record.key.reveal()}\n`;
    await writeFile(join(at.home, 'etc', 'client.keys'), line, { mode: 0o640 });
    return { at, ...argumentsOf(at, known) };
  };
  const plain = (...args: readonly string[]): Prepared => ({ args, learnedMs: () => Number.NaN });

  return {
    authd: known.endpoints.authd,
    async run(what) {
      switch (what) {
        case 'start':
          return plain('--version');
        case 'detect':
          return plain('detect', ...argumentsOf(await host(), known).manager);
        case 'key only': {
          const { manager, enroll } = argumentsOf(await host(), known);
          return plain(...manager, ...enroll, '--no-handshake');
        }
        case 'key and link, reload 0 s':
        case 'key and link, reload 1 s':
        case 'key and link, reload 10 s': {
          const { manager, enroll } = argumentsOf(await host(), sandboxes.get(what) ?? known);
          learnedMs = Number.NaN;
          return { args: [...manager, ...enroll], learnedMs: () => learnedMs };
        }
        case 'second run': {
          const { manager, enroll } = await enrolled();
          return plain(...manager, ...enroll);
        }
        case 'check':
          return plain('check', ...(await enrolled()).manager);
        case 'import': {
          const { at, manager } = await enrolled();
          const { key } = await exportKey({ agentHome: at.home });
          await rm(join(at.home, 'etc', 'client.keys'));
          const file = join(at.home, 'exported');
          await writeFile(file, `${key.reveal()}\n`, { mode: 0o600 });
          return plain('import', file, ...manager);
        }
        case 'Wazuh 5, token': {
          const { home, name } = await host();
          const { text } = wazuh5.mintToken();
          const file = join(home, 'token');
          await writeFile(file, `${text.reveal()}\n`, { mode: 0o600 });
          return plain('--token-file', file, '--agent-home', home, '--name', name);
        }
      }
    },
    async close() {
      await Promise.all([...sandboxes.values(), wazuh5].map((sandbox) => sandbox.close()));
      await rm(scratch, { recursive: true });
    },
  };
}
