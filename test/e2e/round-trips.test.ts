import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type DistantHost, distantHost } from '../../bench/delay/host.js';
import { datagramPath, type Path, streamPath } from '../../bench/delay/path.js';
import type { SandboxFamily } from '../../src/sandbox/authd-protocol.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';

/** So far away that nothing is waited for which need not be. */
const FAR_MS = 100;
/** So near that nobody asks again before the answer is there. */
const NEAR_MS = 1;

/** What a host waits for is counted on the wire: a question that is asked when the answer before it is there is a round trip more. */
describe('round trips', function () {
  this.timeout(30_000);
  let host: DistantHost;
  let close: (() => Promise<void>)[] = [];
  let events: SandboxEvent[] = [];

  beforeEach(async () => {
    host = await distantHost(2 * NEAR_MS);
    close = [host.remove];
    events = [];
  });
  afterEach(async () => {
    for (const one of close.reverse()) await one();
  });

  const closing = <T extends { close(): Promise<void> }>(one: T): T => {
    close.push(() => one.close());
    return one;
  };
  const onEvent = (event: SandboxEvent) => {
    events.push(event);
  };
  const kinds = () => events.flatMap((event) => (event.type === 'message' ? [event.kind] : []));

  /** A manager that knows a key at once, and the way to each of its ports. */
  async function distant(family: SandboxFamily, protocol: 'tcp' | 'udp', oneWayMs: number) {
    const sandbox = closing(await startSandbox({ family, keyReloadMs: 1, onEvent }));
    const authd = closing(await streamPath(sandbox.endpoints.authd, oneWayMs));
    const path = protocol === 'tcp' ? streamPath : datagramPath;
    const agent = closing(await path(sandbox.endpoints.agent, oneWayMs));
    const enroll = () =>
      host.enroll({
        manager: `manager.example:${agent.endpoint.port}`,
        enrollmentPort: authd.endpoint.port,
        method: 'authd',
        protocol,
      });
    return { authd, agent, enroll };
  }

  for (const [family, protocol, key, proof, why] of [
    ['wazuh-4', 'tcp', 3, 2, 'TCP, TLS 1.3, request; TCP, message'],
    ['wazuh-4', 'udp', 3, 1, 'TCP, TLS 1.3, request; message'],
    ['ossec', 'udp', 4, 1, 'TCP, the two of TLS 1.2, request; message'],
  ] as const) {
    it(`are ${key} for a key and ${proof} for the proof with ${family} over ${protocol}: ${why}`, async function () {
      // A machine so busy that the answer is late makes the program send once more.
      this.retries(2);
      const { authd, agent, enroll } = await distant(family, protocol, FAR_MS);
      expect(await enroll()).to.deep.include({ ok: true, changed: true });
      expect(roundTrips(authd)).to.deep.equal([key]);
      expect(roundTrips(agent)).to.deep.equal([proof]);
      expect(host.lookedUp).to.deep.equal(['manager.example']);
    });

    it(`are ${proof} for a second run with ${family} over ${protocol}, which asks with one message`, async () => {
      const { authd, agent, enroll } = await distant(family, protocol, NEAR_MS);
      await enroll();
      const [keys, proofs] = [authd.connections.length, agent.connections.length];
      events = [];
      expect(await enroll()).to.deep.include({ ok: true, changed: false });
      expect(authd.connections).to.have.length(keys);
      expect(roundTrips(agent).slice(proofs)).to.deep.equal([proof]);
      expect(kinds().filter((kind) => kind !== 'shutdown')).to.deep.equal(['startup']);
      expect(host.lookedUp, 'of both runs, within half a minute').to.deep.equal(['manager.example']);
    });
  }

  for (const [anchor, connections] of [
    ['ca', [3, 4]],
    // The CA is fetched over a connection that nothing vouches for, and that carries nothing else.
    ['pin', [3, 3, 4]],
  ] as const) {
    it(`are over ${connections.length} connections with a token of Wazuh 5 that holds the ${anchor}`, async () => {
      const sandbox = closing(await startHttpsSandbox({ keyReloadMs: 1, onEvent }));
      const path = closing(await streamPath(sandbox.endpoints.https, FAR_MS));
      const { text } = sandbox.mintToken({ anchor, address: `localhost:${path.endpoint.port}` });
      const tokenFile = join(host.home, 'token');
      await writeFile(tokenFile, `${text.reveal()}\n`, { mode: 0o600 });
      expect(await host.enroll({ tokenFile })).to.deep.include({ ok: true, changed: true });
      // TCP, TLS 1.3, request; the proof has startup and shutdown, each with its answer.
      expect(roundTrips(path)).to.deep.equal(connections);
      expect(host.lookedUp).to.deep.equal(['localhost']);
      expect(await host.enroll({ tokenFile })).to.deep.include({ ok: true, changed: false });
      expect(roundTrips(path).slice(connections.length)).to.deep.equal([3]);
    });
  }
});

function roundTrips({ connections }: Path): readonly number[] {
  return connections.map((connection) => connection.roundTrips);
}
