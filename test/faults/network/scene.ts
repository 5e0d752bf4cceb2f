import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OptionsOf } from '../../../src/index.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { Secret } from '../../../src/model/secret.js';
import { issueHttpsCertificates } from '../../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../../src/sandbox/https/manager.js';
import { startSandbox } from '../../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../../src/sandbox/own-certificate.js';
import { type Cell, type Channel, isLink, isUdp } from './cells.js';
import { datagramProxy } from './datagram-proxy.js';
import { AUTHD, http, MESSAGES } from './framing.js';
import { type Nowhere, openNowhere } from './nowhere.js';
import { type FaultyProxy, streamProxy } from './stream-proxy.js';

/** A manager, as the cells see it. */
export interface SeenManager {
  /** The agents of a name. */
  named(name: string): readonly { readonly id: string; readonly name: string }[];
  remove(id: string): void;
}

/** What one cell has for itself. */
export interface Scene {
  readonly manager: SeenManager;
  readonly proxy: FaultyProxy;
  /** By which the host comes to the manager through the fault. */
  readonly broken: OptionsOf<'enroll'>;
  /** And once that is mended. */
  readonly mended: OptionsOf<'enroll'>;
}

/** The managers of the matrix, which the cells share. */
export interface Stage {
  /** @param seed of what is left to chance */
  scene(cell: Cell, name: string, seed: number): Promise<Scene>;
  close(): Promise<void>;
}

const PASSWORD = 'correct horse';
/** More than all cells together ask for: what the managers limit is another matter. */
const MANY = 1_000_000;
/** A key is known before the host can use it: a connection that is closed for want of it would be another fault. */
const RELOAD_MS = 1;

export async function openStage(): Promise<Stage> {
  const certificate = await issueStockCertificate();
  const certificates = await issueHttpsCertificates();
  const common = { certificate, keyReloadMs: RELOAD_MS, api: { rateLimit: MANY, blockAfter: MANY } };
  const wazuh = await startSandbox({ family: 'wazuh-4', ...common });
  const ossec = await startSandbox({ family: 'ossec', certificate, keyReloadMs: RELOAD_MS });
  const wazuh5 = await startHttpsSandbox({
    certificates,
    password: new Secret(PASSWORD),
    keyReloadMs: RELOAD_MS,
    rate: { perSecond: MANY, burst: MANY },
  });
  const nowhere = await openNowhere();
  const secrets = await mkdtemp(join(tmpdir(), 'agent-enroll-faults-'));
  const file = async (name: string, text: string) => {
    await writeFile(join(secrets, name), text, { mode: 0o600 });
    return join(secrets, name);
  };
  const [passwordFile, apiPasswordFile, ca] = [
    await file('password', `${PASSWORD}\n`),
    await file('api-password', 'wazuh\n'),
    await file('ca.pem', wazuh5.ca),
  ];
  const api = wazuh.endpoints.api;
  if (api === undefined) throw new Error('The sandbox has no API.');

  const seen = (sandbox: typeof wazuh | typeof wazuh5): SeenManager => ({
    named: (name) => sandbox.agents().filter((agent) => agent.name === name),
    remove: (id) => void sandbox.removeAgent(id),
  });
  /** The proxy of a cell, and the options with an address in the place of its manager's. */
  const through = async (cell: Cell, seed: number) => {
    const { channel } = cell;
    switch (channel) {
      case 'authd': {
        const proxy = await streamProxy({
          ...cell,
          to: wazuh.endpoints.authd,
          spoken: AUTHD,
          tls: { ...certificate, minVersion: 'TLSv1.2' },
        });
        const { host, port } = wazuh.endpoints.agent;
        const at = (entrance: Endpoint) => ({
          manager: `${host}:${port}`,
          enrollmentPort: entrance.port,
          method: 'authd',
        });
        return { manager: seen(wazuh), proxy, at };
      }
      case 'API': {
        const proxy = await streamProxy({
          ...cell,
          to: api,
          spoken: http(/^POST \/agents/),
          tls: certificate,
        });
        const { host, port } = wazuh.endpoints.agent;
        const at = (entrance: Endpoint) => ({
          manager: `${host}:${port}`,
          apiUrl: `https://${entrance.host}:${entrance.port}`,
          apiUser: 'wazuh',
          apiPasswordFile,
          insecure: true,
        });
        return { manager: seen(wazuh), proxy, at };
      }
      case 'HTTPS':
      case 'HTTPS link': {
        const isEnrollment = (request: Buffer) => /^POST \S*\/enroll /.test(request.toString('latin1'));
        const proxy = await streamProxy({
          ...cell,
          to: wazuh5.endpoints.https,
          spoken: http(channel === 'HTTPS' ? /^POST \S*\/enroll / : /^POST \S*\/control /),
          tls: { ...certificates.leaf, minVersion: 'TLSv1.3' },
          ...(channel === 'HTTPS' ? {} : { armedBy: isEnrollment }),
        });
        const at = (entrance: Endpoint) => ({
          manager: `https://${entrance.host}:${entrance.port}`,
          passwordFile,
          ca,
          insecure: undefined,
        });
        return { manager: seen(wazuh5), proxy, at };
      }
      case 'TCP link':
      case 'UDP link, Wazuh':
      case 'UDP link, OSSEC': {
        const sandbox = channel === 'UDP link, OSSEC' ? ossec : wazuh;
        const to = sandbox.endpoints.agent;
        const proxy = await (isUdp(channel)
          ? datagramProxy({ ...cell, to, seed })
          : streamProxy({ ...cell, to, spoken: MESSAGES }));
        const at = (entrance: Endpoint) => ({
          manager: `${entrance.host}:${entrance.port}`,
          enrollmentPort: sandbox.endpoints.authd.port,
          method: 'authd',
          protocol: isUdp(channel) ? 'udp' : 'tcp',
        });
        return { manager: seen(sandbox), proxy, at };
      }
    }
  };
  return {
    scene: async (cell, name, seed) => {
      const { manager, proxy, at } = await through(cell, seed);
      const common: OptionsOf<'enroll'> = {
        name,
        ip: 'any',
        insecure: true,
        timeout: '5s',
        wait: '8s',
        retries: cell.times === 'once' && !isLink(cell.channel) ? 4 : 0,
        deadline: '60s',
      };
      const entrance = entranceOf(cell, nowhere) ?? proxy.endpoint;
      return {
        manager,
        proxy,
        broken: { ...common, ...at(entrance) },
        mended: { ...common, ...at(proxy.endpoint) },
      };
    },
    close: async () => {
      await Promise.all([wazuh.close(), ossec.close(), wazuh5.close(), nowhere.close()]);
      await rm(secrets, { recursive: true });
    },
  };
}

function entranceOf({ channel, phase, fault }: Cell, { refused, blackHole }: Nowhere): Endpoint | undefined {
  if (phase !== 'before accept') return undefined;
  const over = protocolOf(channel);
  if (fault === 'refused') return refused[over];
  return fault === 'black hole' ? blackHole[over] : undefined;
}

function protocolOf(channel: Channel): 'tcp' | 'udp' {
  return isUdp(channel) ? 'udp' : 'tcp';
}
