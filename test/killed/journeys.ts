import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../src/model/secret.js';
import type { HttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import type { IssuedCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run, scratchHome } from '../e2e/program.js';

/** A manager and a host on which a run is to be killed. */
export interface Stage {
  readonly home: string;
  /** The command line of the run; that of the next one is the same. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The record that lies in client.keys before; it must not come back once another one is there. */
  readonly before?: string;
  /** What the home holds in the end, beside `.agent-enroll`, as paths in `etc`. */
  readonly complete: readonly string[];
  /** What is there at least, where something could not be written. Absent: all of it. */
  readonly least?: readonly string[];
  /** The agents of that host at its manager. */
  agents(): readonly { readonly id: string; readonly name: string }[];
  removeAgent(id: string): void;
  close(): Promise<void>;
}

/** Certificates are issued once: it takes a while. */
export interface Certificates {
  readonly stock: IssuedCertificate;
  readonly https: HttpsCertificates;
}

/** What a run does that is killed. */
export interface Journey {
  readonly title: string;
  begin(certificates: Certificates): Promise<Stage>;
}

const NAME = 'web-01';
const RELOAD_MS = 30;
/** A key is on its way to the manager's remoted for {@link RELOAD_MS}; the rest is for a busy machine. */
const WAIT_S = '1';

async function home() {
  const made = await scratchHome();
  await mkdir(join(made.home, 'queue', 'rids'), { recursive: true });
  return made;
}

async function wazuh4({ stock }: Certificates) {
  const [sandbox, made] = [
    await startSandbox({ family: 'wazuh-4', certificate: stock, keyReloadMs: RELOAD_MS }),
    await home(),
  ];
  const args = [...against(sandbox, made.home), '--name', NAME, '--json'];
  return {
    sandbox,
    made,
    args,
    stage: {
      home: made.home,
      args,
      env: {},
      complete: ['client.keys'],
      agents: () => sandbox.agents(),
      removeAgent: (id: string) => void sandbox.removeAgent(id),
      close: async () => {
        await sandbox.close();
        await made.remove();
      },
    },
  };
}

/** A first enrollment by authd. */
const ENROLLMENT: Journey = {
  title: 'enrollment (Wazuh 4)',
  begin: async (certificates) => (await wazuh4(certificates)).stage,
};

/** The agent was removed at the manager: the key is replaced. */
const HEALING: Journey = {
  title: 'healing (agent removed)',
  async begin(certificates) {
    const { sandbox, args, made, stage } = await wazuh4(certificates);
    // What a remoted without any agent does is another matter.
    sandbox.addAgent({ name: 'db-01' });
    const { code, stdout } = await run(args);
    const [agent] = sandbox.agents().filter(({ name }) => name === NAME);
    if (code !== 0 || agent === undefined) throw new Error(`No agent was there to be removed: ${stdout}`);
    const before = await recordIn(made.keys);
    sandbox.removeAgent(agent.id);
    await sandbox.restartRemoted();
    const agents = () => sandbox.agents().filter(({ name }) => name !== 'db-01');
    return { ...stage, args: [...args, '--wait', WAIT_S], before, agents };
  },
};

/** A key that was exported takes the place of another one. */
const IMPORT: Journey = {
  title: 'import (over another key)',
  async begin(certificates) {
    const { sandbox, args, made, stage } = await wazuh4(certificates);
    const { id, name, ip, key } = sandbox.addAgent({ name: NAME });
    const before = `${id}9 ${NAME} any ${'a'.repeat(64)}`;
    await writeFile(made.keys, `${before}\n`, { mode: 0o640 });
    const file = join(made.home, 'exported');
    await writeFile(file, `${id} ${name} ${ip} ${key.reveal()}\n`, { mode: 0o600 });
    const where = args.filter((_, at) => args[at] !== '--enrollment-port' && args[at - 1] !== '--enrollment-port');
    return { ...stage, args: ['import', file, '--yes', ...where], before };
  },
};

/** An enrollment by a token, with all that belongs to a key of a Wazuh 5. */
const WAZUH_5: Journey = {
  title: 'enrollment (Wazuh 5, token)',
  async begin({ https }) {
    const [sandbox, made] = [
      await startHttpsSandbox({ certificates: https, password: new Secret('correct horse') }),
      await home(),
    ];
    const token = sandbox.mintToken().text.reveal();
    return {
      home: made.home,
      args: ['--agent-home', made.home, '--name', NAME, '--json'],
      env: { WAZUH_ENROLLMENT_TOKEN: token },
      complete: ['certs/.anchor-committed', 'certs/root-ca.pem', 'client.keys', 'reenroll.secret'],
      agents: () => sandbox.agents(),
      removeAgent: (id) => void sandbox.removeAgent(id),
      close: async () => {
        await sandbox.close();
        await made.remove();
      },
    };
  },
};

export const JOURNEYS: readonly Journey[] = [ENROLLMENT, HEALING, IMPORT, WAZUH_5];

async function recordIn(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trimEnd();
}
