import type { Endpoint } from '../../model/endpoint.js';
import type { Daemon } from '../daemon.js';
import { FAMILY_DEFAULTS } from '../family-defaults.js';
import { ManagerLog } from '../manager-log.js';
import type { IssuedCertificate } from '../own-certificate.js';
import type { RemotedDaemon } from '../remoted-daemon.js';
import type { SandboxOptions } from '../sandbox-options.js';
import { authdOf, remotedOf, type Shared } from '../services.js';
import type { HttpsState } from './exchange.js';
import type { HttpsSandboxOptions } from './options.js';

/** The ports that a Wazuh 5 manager keeps open for 4.x agents, running. */
export interface LegacyPorts {
  readonly endpoints: { readonly authd: Endpoint; readonly agent: Endpoint };
  close(): Promise<void>;
}

type Manager = HttpsState & { readonly host: string; readonly certificate: IssuedCertificate };

const KEY_DELAY_MS = 50;

/** Opens them over the manager's own list: authd as on 4.x but in TLS 1.3 alone, remoted's messages over TCP. @throws EnrollError if a port cannot be had */
export async function legacyOf(given: HttpsSandboxOptions, manager: Manager): Promise<LegacyPorts> {
  const { clock, emit } = manager;
  const options: SandboxOptions = {
    family: 'wazuh-4',
    ports: { authd: given.ports?.authd ?? 0, agent: given.ports?.agent ?? 0 },
    ...(given.password === undefined ? {} : { password: given.password }),
    keyReloadMs: given.keyReloadMs ?? KEY_DELAY_MS,
    tls: { min: 'TLSv1.3', max: 'TLSv1.3' },
  };
  const shared: Shared = {
    ...manager,
    options,
    stock: FAMILY_DEFAULTS['wazuh-4'],
    hostName: 'agent-enroll-sandbox',
    groups: new Set(manager.groups),
    log: new ManagerLog('wazuh-4', clock, emit),
  };
  const services: (Daemon | RemotedDaemon)[] = [];
  const close = () => Promise.all(services.map((service) => service.close())).then(() => {});
  try {
    const authd = await authdOf(shared);
    services.push(authd);
    await authd.start();
    const remoted = await remotedOf(shared, new Set(['tcp']));
    services.push(remoted);
    await remoted.start();
    return { endpoints: { authd: authd.endpoint, agent: remoted.endpoint }, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
