import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { EnrollError } from '../../src/errors.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { HTTPS_PREFIX, type HttpsEndpoint } from '../../src/model/https-endpoint.js';
import { Secret } from '../../src/model/secret.js';
import { type Dial, directDial } from '../../src/net/connect.js';
import type { Lookup } from '../../src/net/lookup.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox } from '../../src/sandbox/https/options.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import type { IssuedCertificate } from '../../src/sandbox/own-certificate.js';
import type { State } from './states.js';

/** The manager of one state, as a host sees it. */
export interface SeenManager {
  readonly agent: Endpoint;
  readonly authd: Endpoint;
  /** Of a Wazuh 5: where both are. */
  readonly https?: HttpsEndpoint;
  /** Where agents of this state are registered; absent: there is nobody who could know them. */
  readonly sandbox?: Pick<Sandbox, 'addAgent' | 'endpoints'> | Pick<HttpsSandbox, 'addAgent' | 'endpoints'>;
  readonly lookup?: Lookup;
  readonly dial?: (timeoutMs: number) => Dial;
}

export interface Managers {
  seen(state: State): SeenManager;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** A port that no datagram comes from. */
const NOBODY = 1;
// Of the certificate.
const NAME = 'localhost';
export const PASSWORD = 'correct horse';
const ELDER = ['wazuh-4', 'wazuh-3', 'ossec'] as const;
const KINDS = ['answers', 'authd only', 'agent port only'] as const;

/** One manager of each kind for each family; the states share them. */
export async function startManagers(certificate: IssuedCertificate): Promise<Managers> {
  const sandboxes = new Map<string, Sandbox>();
  const wazuh5 = await startHttpsSandbox({
    certificates: await issueHttpsCertificates(),
    password: new Secret(PASSWORD),
  });
  const silent = createSocket('udp4').bind(0, HOST);
  await once(silent, 'listening');
  const open = new Set<Socket>();
  const balanced = () =>
    listening(
      createServer((socket) => {
        open.add(socket);
        socket
          .on('error', () => {})
          .on('close', () => open.delete(socket))
          .end();
      }),
    );
  const [balancer, balancedAuthd] = [await balanced(), await balanced()];
  const web = await listening(createHttpServer((_request, response) => void response.writeHead(400).end('no')));
  // What is closed must not be opened by somebody else meanwhile. The system gives away no port that a connection goes
  // out from, nor one of a datagram socket that hears another peer only; to all others both are closed.
  const held = await listening(createServer((socket) => void open.add(socket.on('error', () => {}))));
  const holding: { end(): void }[] = [];
  const hold = async (port: number) => {
    const outgoing = connect({ port: portOf(held), host: HOST, localAddress: HOST, localPort: port });
    await once(outgoing, 'connect');
    const datagrams = createSocket('udp4').bind(outgoing.localPort, HOST);
    await once(datagrams, 'listening');
    datagrams.connect(NOBODY, HOST);
    await once(datagrams, 'connect');
    holding.push({ end: () => void outgoing.destroy() }, { end: () => void datagrams.close() });
    return outgoing.localPort ?? 0;
  };
  const startKind = async (family: (typeof ELDER)[number], kind: (typeof KINDS)[number]) => {
    const sandbox = await startSandbox({ family, certificate, keyReloadMs: 30 });
    try {
      if (kind === 'authd only') await sandbox.stopRemoted();
      if (kind === 'agent port only') await sandbox.stopAuthd();
      if (kind === 'authd only') await hold(sandbox.endpoints.agent.port);
      if (kind === 'agent port only') await hold(sandbox.endpoints.authd.port);
      return sandbox;
    } catch (thrown) {
      await sandbox.close();
      throw thrown;
    }
  };
  const closedPort = await untilFree(() => hold(0));
  for (const family of ELDER) {
    for (const kind of KINDS) {
      sandboxes.set(`${family} ${kind}`, await untilFree(() => startKind(family, kind)));
    }
  }

  const at = (port: number): Endpoint => ({ host: HOST, port });
  const of = ({ family }: State, kind: string): Sandbox => {
    const sandbox = sandboxes.get(`${family} ${kind}`);
    if (sandbox === undefined) throw new Error(`There is no ${family} that ${kind}.`);
    return sandbox;
  };
  const whole = (sandbox: Sandbox): SeenManager => ({
    agent: sandbox.endpoints.agent,
    authd: sandbox.endpoints.authd,
    sandbox,
  });
  const seen = (state: State): SeenManager => {
    const { manager } = state;
    if (state.family === 'wazuh-5') return seen5(manager);
    switch (manager) {
      case 'answers':
      case 'authd only':
      case 'agent port only':
        return whole(of(state, manager));
      case 'closed':
        return { agent: at(closedPort), authd: at(closedPort) };
      case 'black hole':
        return { agent: at(silent.address().port), authd: at(closedPort), dial: nowhere };
      case 'balancer':
        return { agent: at(portOf(balancer)), authd: at(portOf(balancedAuthd)) };
      case 'something else':
        return { ...whole(of(state, 'authd only')), agent: at(portOf(web)) };
      case 'does not resolve':
        return named(whole(of(state, 'answers')), resolvedAfter(Number.POSITIVE_INFINITY));
      case 'resolves later':
        return named(whole(of(state, 'answers')), resolvedAfter(2));
    }
  };
  const over = (endpoint: Endpoint): SeenManager => ({
    agent: { ...endpoint, port: 1 },
    authd: { ...endpoint, port: 1 },
    https: { ...endpoint, prefix: HTTPS_PREFIX },
  });
  const seen5 = (manager: State['manager']): SeenManager => {
    const whole5 = { ...over(wazuh5.endpoints.https), sandbox: wazuh5 };
    switch (manager) {
      case 'answers':
        return whole5;
      case 'closed':
        return over(at(closedPort));
      case 'black hole':
        return { ...over(at(closedPort)), dial: nowhere };
      case 'balancer':
        return over(at(portOf(balancer)));
      case 'something else':
        return over(at(portOf(web)));
      case 'does not resolve':
        return named(whole5, resolvedAfter(Number.POSITIVE_INFINITY));
      case 'resolves later':
        return named(whole5, resolvedAfter(2));
      default:
        throw new Error('A Wazuh 5 has one port.');
    }
  };
  return {
    seen,
    close: async () => {
      for (const each of holding) each.end();
      web.closeAllConnections();
      for (const socket of open) socket.destroy();
      const others = [...[balancer, balancedAuthd, held, web].map(stop), wazuh5.close()];
      await Promise.all([...others, ...[...sandboxes.values()].map((sandbox) => sandbox.close())]);
      silent.close();
    },
  };
}

function named(manager: SeenManager, lookup: Lookup): SeenManager {
  const { agent, authd, https } = manager;
  return {
    ...manager,
    agent: { host: NAME, port: agent.port },
    authd: { host: NAME, port: authd.port },
    ...(https === undefined ? {} : { https: { ...https, host: NAME } }),
    lookup,
    dial: (timeoutMs) => directDial(timeoutMs, lookup),
  };
}

/** A name that has an address only after some look-ups in vain, as a name server has that has just come up. */
function resolvedAfter(failures: number): Lookup {
  let asked = 0;
  return async () => {
    asked += 1;
    if (asked <= failures) throw Object.assign(new Error('queryA EAI_AGAIN'), { code: 'EAI_AGAIN' });
    return [{ address: HOST, family: 4 }];
  };
}

/** Packets get lost on the way. */
function nowhere(timeoutMs: number): Dial {
  return async (_endpoint, signal) => {
    const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    if (!over.aborted) await once(over, 'abort');
    throw new EnrollError('CONNECTION_TIMED_OUT', 'No connection.');
  };
}

async function listening<T extends Server>(server: T): Promise<T> {
  server.listen(0, HOST);
  await once(server, 'listening');
  return server;
}

async function stop(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}

/** A port that was free a moment ago may be somebody else's by now: then there is another one. */
async function untilFree<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      const inUse = thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';
      if (!inUse || tries === 20) throw thrown;
    }
  }
}
