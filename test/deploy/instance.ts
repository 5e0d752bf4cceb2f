import { createServer, type Server } from 'node:http';
import type { Context } from 'mocha';
import { type ScratchRoot, scratchProgram, scratchRoot } from './scratch-root.js';
import { BINARY, CONF, needs } from './tool.js';

// The stages of an instance's start, with nothing in them that would touch disks, networks or accounts.
const STAGES = `
datasource_list: [NoCloud, None]
network: {config: disabled}
cloud_init_modules: [write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
system_info: {distro: debian, paths: {cloud_dir: /var/lib/cloud, run_dir: /run/cloud-init, templates_dir: /etc/cloud/templates}}
output: {all: '| tee -a /var/log/cloud-init-output.log'}
`;
const SEEDS = '/var/lib/cloud/seed/nocloud';

/** A cloud instance, as cloud-init starts it: with an agent that is not enrolled, and without the program. */
export interface Instance {
  readonly root: ScratchRoot;
  /** What the platform tells the instance about itself; the user data of before, where none is given. */
  seed(instanceId: string, machineId: string, userData?: string): Promise<void>;
  /** A start of the instance: every stage, as the units of cloud-init run them. Ends with what `status` says. */
  start(): Promise<string>;
  /** The words of the first line of client.keys. */
  keys(): Promise<readonly string[]>;
  /** What was said while it started. */
  log(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Makes an instance, or skips the suite where this cannot be done.
 * @param secret what the instance finds in `/run/secret`, as it would at its platform
 */
export async function cloudInstance(context: Context, secret: string): Promise<Instance> {
  needs(context, 'cloud-init', 'curl', 'sha256sum');
  const root = await scratchRoot(context);
  await root.sh(
    `rm -rf /var/lib/cloud /var/log/cloud-init* /var/ossec /usr/local/bin/agent-enroll /etc/cloud/cloud.cfg.d/*
    mkdir -p /var/ossec/etc; cat > /etc/cloud/cloud.cfg`,
    STAGES,
  );
  await root.sh('cat > /var/ossec/etc/ossec.conf', CONF);
  return {
    root,
    async seed(instanceId, machineId, userData) {
      await root.sh(`mkdir -p ${SEEDS}; printf %s ${machineId} > /etc/machine-id`);
      await root.sh(`cat > ${SEEDS}/meta-data`, `instance-id: ${instanceId}\nlocal-hostname: web-01\n`);
      if (userData !== undefined) await root.sh(`cat > ${SEEDS}/user-data`, userData);
    },
    async start() {
      await root.restart();
      await root.sh('umask 077; cat > /run/secret', secret);
      await root.run('cloud-init', 'init', '--local');
      await root.run('cloud-init', 'init');
      await root.run('cloud-init', 'modules', '--mode=config');
      await root.run('cloud-init', 'modules', '--mode=final');
      return (await root.run('cloud-init', 'status', '--long')).stdout;
    },
    keys: async () => (await root.sh('cat /var/ossec/etc/client.keys')).trim().split(' '),
    log: () => root.sh('cat /var/log/cloud-init-output.log'),
    close: () => root.close(),
  };
}

/** A server with the files of a release. */
export interface Downloads {
  /** The directory of the release. */
  readonly url: string;
  /** This machine's binary, as it is served. */
  readonly binary: Buffer;
  /** What lies beside the binary, by its name. */
  readonly papers: Map<string, Buffer>;
  /** How many files were asked for. */
  fetched(): number;
  close(): void;
}

/** Serves a release on loopback. */
export async function downloads(): Promise<Downloads> {
  const binary = await scratchProgram();
  const papers = new Map<string, Buffer>();
  let fetched = 0;
  const server: Server = createServer((request, response) => {
    fetched += 1;
    const [, name = ''] = /^\/0\.1\.0\/(.*)$/.exec(request.url ?? '') ?? [];
    const found = name === BINARY ? binary : papers.get(name);
    response.statusCode = found === undefined ? 404 : 200;
    response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/0.1.0`,
    binary,
    papers,
    fetched: () => fetched,
    close: () => server.close(),
  };
}
