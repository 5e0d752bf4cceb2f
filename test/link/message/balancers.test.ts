import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { LinkError } from '../../../src/link/link-error.js';
import type { LinkProof } from '../../../src/link/link-proof.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../../src/sandbox/own-certificate.js';
import { type Balancer, hasHaproxy, nginxModule, startHaproxy, startNginx } from './balancer.js';
import { cleanUp, tcpServer } from './loopback.js';
import { freePort, proveOn, verdict } from './proving.js';

/** What is behind a balancer. */
interface Backends {
  /** Nothing listens. */
  readonly dead: number;
  /** Takes connections and closes them. */
  readonly refusing: number;
  /** Takes connections and resets them. */
  readonly resetting: number;
  /** Takes connections and says nothing. */
  readonly slow: number;
  readonly wazuh3: number;
  readonly wazuh4: number;
}

/** How a balancer is set up on a port, and what a handshake must come to there. */
type Case = readonly [string, (port: number, to: Backends) => string, string];

const frontend = (port: number, bind: string, rest: string) =>
  `frontend f${port}\n  bind 127.0.0.1:${port} ${bind}\n  default_backend b${port}\nbackend b${port}\n${rest}`;
const server = (port: number, options = '') => `  server s 127.0.0.1:${port} ${options}\n`;

const HAPROXY: readonly Case[] = [
  // It tries three times, a second apart: a connection that is given up for the next one by then is not seen to close.
  [
    'a manager that is down, found out with each connection',
    (port, { dead }) => frontend(port, '', server(dead)),
    'closes or silent',
  ],
  [
    'a manager that is down, and not asked twice',
    (port, { dead }) => frontend(port, '', `  retries 0\n${server(dead)}`),
    'closes',
  ],
  ['a manager that is taken out', (port, { dead }) => frontend(port, '', server(dead, 'disabled')), 'closes'],
  ['no manager at all', (port) => frontend(port, '', '  balance roundrobin\n'), 'closes'],
  [
    'a manager that is down, behind a socket that waits for the first bytes',
    (port, { dead }) => frontend(port, 'defer-accept', `  retries 0\n${server(dead)}`),
    'closes',
  ],
  [
    'a manager that is down, behind a look at the first bytes',
    (port, { dead }) =>
      frontend(port, '', `  retries 0\n${server(dead)}`).replace(
        '  default_backend',
        '  tcp-request inspect-delay 5s\n  tcp-request content accept if { req.len gt 0 }\n  default_backend',
      ),
    'closes',
  ],
  ['a manager that closes everything', (port, { refusing }) => frontend(port, '', server(refusing)), 'closes'],
  ['a manager that resets everything', (port, { resetting }) => frontend(port, '', server(resetting)), 'closes'],
  ['a manager that says nothing', (port, { slow }) => frontend(port, '', server(slow)), 'silent'],
  [
    'a web site',
    (port, { dead }) =>
      frontend(port, '', `  mode http\n${server(dead)}`).replace('  default', '  mode http\n  default'),
    'http',
  ],
  ['a Wazuh 4', (port, { wazuh4 }) => frontend(port, '', server(wazuh4)), 'remoted'],
  ['a Wazuh 3', (port, { wazuh3 }) => frontend(port, '', server(wazuh3)), 'refused-message'],
];

const stream = (port: number, listen: string, rest: string) =>
  `stream { server { listen 127.0.0.1:${port} ${listen}; ${rest} } }`;
const pass = (port: number) => `proxy_pass 127.0.0.1:${port};`;

const NGINX: readonly Case[] = [
  ['a manager that is down', (port, { dead }) => stream(port, '', pass(dead)), 'closes'],
  [
    'a manager that is down, behind a look at the first bytes',
    (port, { dead }) => stream(port, '', `ssl_preread on; ${pass(dead)}`),
    'closes',
  ],
  ['a manager that closes everything', (port, { refusing }) => stream(port, '', pass(refusing)), 'closes'],
  ['a manager that says nothing', (port, { slow }) => stream(port, '', pass(slow)), 'silent'],
  [
    'a web site',
    (port) =>
      `http { access_log off; client_body_temp_path DIRECTORY/a; proxy_temp_path DIRECTORY/b; fastcgi_temp_path DIRECTORY/c; uwsgi_temp_path DIRECTORY/d; scgi_temp_path DIRECTORY/e; server { listen 127.0.0.1:${port}; } }`,
    'http',
  ],
  ['a Wazuh 4', (port, { wazuh4 }) => stream(port, '', pass(wazuh4)), 'remoted'],
  ['a Wazuh 3', (port, { wazuh3 }) => stream(port, '', pass(wazuh3)), 'refused-message'],
];

for (const [program, there, cases, start, missing] of [
  ['HAProxy', hasHaproxy(), HAPROXY, startHaproxy, 'haproxy is not installed'],
  ['nginx', nginxModule() !== undefined, NGINX, startNginx, 'nginx with its stream module is not installed'],
] as const) {
  describe(`${program} in front of${there ? '' : ` (${missing})`}`, function () {
    this.timeout(40_000);
    const running: Balancer[] = [];
    const sandboxes: Sandbox[] = [];
    const outcomes = new Map<string, LinkProof | LinkError>();

    before(async function () {
      if (!there) return this.skip();
      const certificate = await issueStockCertificate();
      const manager = async (family: 'wazuh-3' | 'wazuh-4') => {
        const sandbox = await startSandbox({ family, keyReloadMs: 600_000, certificate });
        sandboxes.push(sandbox);
        return sandbox.endpoints.agent.port;
      };
      const backends: Backends = {
        dead: await freePort(),
        refusing: await tcpServer((socket) => void socket.end()),
        resetting: await tcpServer((socket) => void socket.resetAndDestroy()),
        slow: await tcpServer((socket) => void socket.resume()),
        wazuh3: await manager('wazuh-3'),
        wazuh4: await manager('wazuh-4'),
      };
      const tried = cases.map(async ([what, configured]) => {
        const port = await freePort();
        running.push(await start(configured(port, backends), port));
        outcomes.set(what, await proveOn(port, { waitMs: 12_000, protocol: 'tcp' }));
      });
      await Promise.allSettled(tried);
      await Promise.all(tried);
      return undefined;
    });
    after(async () => {
      await Promise.all([
        ...running.map((balancer) => balancer.stop()),
        ...sandboxes.map((sandbox) => sandbox.close()),
      ]);
      cleanUp();
    });

    for (const [what, , expected] of cases) {
      it(`${what}: ${expected}`, () => {
        const outcome = outcomes.get(what);
        if (outcome === undefined) throw new Error('not tried');
        expect(expected.split(' or '), outcome instanceof LinkError ? outcome.message : '').to.include(
          verdict(outcome),
        );
      });
    }
  });
}
