import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { prove } from '../../../src/link/https/prove.js';
import type { ProveEdge, ProveRequest } from '../../../src/link/https/prove-request.js';
import { LinkError } from '../../../src/link/link-error.js';
import { agentJwt } from '../../../src/model/manager-jwt.js';
import { Secret } from '../../../src/model/secret.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { plainServer, type TestServer } from '../../net/tls-server.js';
import { wazuh5 } from '../../wazuh5.js';
import { flatRefusal, type ManagerServer, managerServer, NO_ROUTE, remoted } from '../../wazuh5-manager.js';
import { edge, fresh, GREETED, heldPauses, known, RECORD, UNKNOWN_TYPE } from './setting.js';

const live = new AbortController().signal;
const types = ({ arrived }: ManagerServer) => arrived.map(({ body }) => Object(body).type);

/** The error that a proof ends with, with its evidence. */
async function unproven(code: ErrorCode, request: ProveRequest, at: ProveEdge = edge()): Promise<LinkError> {
  const error = await failure(code, () => prove(request, at, live));
  if (!(error instanceof LinkError)) throw error;
  return error;
}

describe('a link to a Wazuh 5', () => {
  let server: ManagerServer | TestServer | undefined;
  const serve = async (...args: Parameters<typeof managerServer>) => {
    const at = await managerServer(...args);
    server = at;
    return at;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('is proven with a fresh key by a startup, which a shutdown ends', async () => {
    const at = await serve({ 'POST control': [GREETED, remoted(200, {})] });
    const proof = await prove(fresh(at), edge(), live);
    expect(proof).to.include({ protocol: 'https', family: 'wazuh-5', attempts: 1, localAddress: '127.0.0.1' });
    expect(types(at)).to.deep.equal(['startup', 'shutdown']);
    expect(at.arrived.every(({ headers }) => headers['protocol-version'] === '1')).to.equal(true);
  });

  it('is proven with a key that was there by a question that leaves nothing', async () => {
    const at = await serve({ 'POST control': UNKNOWN_TYPE });
    const proof = await prove(known(at), edge(), live);
    expect(proof.attempts).to.equal(1);
    expect(types(at)).to.deep.equal(['agent-enroll-probe']);
  });

  it('goes through the known journey, request by request', async () => {
    const [journey] = wazuh5.journey;
    const steps = (journey?.steps ?? []).filter(({ request }) => request.path.endsWith('/control'));
    const at = await serve({ 'POST control': steps.map(({ response }) => response) });
    const [id = '', name = '', ip = '', key = ''] = (journey?.files_after['etc/client.keys'] ?? '').trim().split(' ');
    const clock = (journey?.clock ?? []).slice(1).map((seconds) => seconds * 1000);
    const jti = (journey?.jti_hex ?? []).slice(1).map((hex) => Buffer.from(hex, 'hex'));
    await prove(
      fresh(at, { record: { id, name, ip, key: new Secret(key) } }),
      edge({ clock: () => clock.shift() ?? 0, jti: () => jti.shift() ?? Buffer.alloc(16) }),
      live,
    );
    expect(at.arrived).to.have.length(3);
    for (const [index, { request }] of steps.entries()) {
      expect(at.arrived[index]?.headers.authorization).to.equal(request.headers['Authorization']);
      expect(at.arrived[index]?.body).to.deep.equal(JSON.parse(request.body ?? ''));
    }
  });

  it('is waited for while the manager does not know the key, with a token of its own each time', async () => {
    const at = await serve({
      'POST control': [flatRefusal('unknown_agent'), flatRefusal('invalid_signature'), GREETED, remoted(200, {})],
    });
    const attempts: number[] = [];
    const proof = await prove(fresh(at), edge({ onAttempt: ({ number }) => attempts.push(number) }), live);
    expect(proof.attempts).to.equal(3);
    expect(attempts).to.deep.equal([1, 2, 3]);
    const tokens = at.arrived.map(({ headers }) => headers.authorization);
    expect(new Set(tokens).size).to.equal(4);
    expect(types(at)).to.deep.equal(['startup', 'startup', 'startup', 'shutdown']);
  });

  it('is asked for less and less often', async () => {
    const at = await serve({ 'POST control': flatRefusal('unknown_agent') });
    const pauses: number[] = [];
    let elapsed = 0;
    const clock = edge({
      now: () => elapsed,
      pause: (ms, signal) => {
        // The wait itself is a pause too: it ends when the others have used it up.
        if (ms >= 20_000) return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
        pauses.push(ms);
        elapsed += ms;
        return Promise.resolve();
      },
    });
    const stop = new AbortController();
    const run = prove(
      known(at, { waitMs: 20_000 }),
      { ...clock, onAttempt: ({ number }) => number === 15 && stop.abort(new EnrollError('TERMINATED', 'x')) },
      stop.signal,
    );
    await failure('TERMINATED', () => run);
    expect(pauses[0]).to.equal(50);
    expect(pauses.every((ms, index) => ms >= (pauses[index - 1] ?? 0))).to.equal(true);
    expect(pauses.at(-1)).to.equal(2000);
  });

  describe('that is not proven', () => {
    it('by a manager that does not know the agent is evidence against the key', async () => {
      const at = await serve({ 'POST control': flatRefusal('unknown_agent') });
      const error = await unproven('LINK_NOT_ACKNOWLEDGED', known(at, { waitMs: 200 }));
      expect(error.evidence.conclusion).to.deep.equal({ kind: 'remoted', by: 'words' });
      expect(error.evidence.messages).to.be.greaterThan(1);
      expect(error.evidence.waitedMs).to.be.at.least(150);
      expect(error.exitCode).to.equal(7);
    });

    it('by a manager that has another key is none, and is told at once of a key that was there', async () => {
      const at = await serve({ 'POST control': flatRefusal('invalid_signature') });
      const record = { ...RECORD, ip: '10.9.8.7' };
      const error = await unproven('LINK_REFUSED', known(at, { record }));
      expect(at.arrived).to.have.length(1);
      expect(error.message).to.include('for 10.9.8.7, and this host speaks to the manager from 127.0.0.1');
      const proxied = await unproven('LINK_REFUSED', known(at, { record }), edge({ proxied: true }));
      expect(proxied.message).not.to.include('speaks to the manager from');
    });

    it('by a manager without its database is a good key, for which is waited', async () => {
      const missing = remoted(503, { error: 'dependency_unavailable', dependency: 'wazuh-db' });
      const at = await serve({ 'POST control': missing });
      const error = await unproven('LINK_NOT_READY', fresh(at, { waitMs: 200 }));
      expect(error.message).to.include('accepted the key').and.to.include('wazuh-db');
      expect(error.evidence.conclusion).to.deep.equal({ kind: 'remoted', by: 'answer' });
      expect(at.arrived.length).to.be.greaterThan(1);
    });

    it('for the version is a matter of the version', async () => {
      const at = await serve({ 'POST control': remoted(409, { error: 'invalid_version' }) });
      expect((await unproven('VERSION_REFUSED', fresh(at))).exitCode).to.equal(5);
      expect(at.arrived).to.have.length(1);
    });

    it('where the manager misses something in the request is our fault', async () => {
      const at = await serve({ 'POST control': flatRefusal('invalid_request') });
      expect((await unproven('INTERNAL', fresh(at))).exitCode).to.equal(1);
    });

    it('for a reason of tomorrow is waited for, and never evidence', async () => {
      const at = await serve({ 'POST control': flatRefusal('class_of_tomorrow') });
      const error = await unproven('LINK_REFUSED', known(at, { waitMs: 200 }));
      expect(error.message).to.include('class_of_tomorrow');
      expect(at.arrived.length).to.be.greaterThan(1);
    });

    it('below another prefix, or by a web page, is no manager', async () => {
      const page = { status: 200, headers: { server: 'nginx', 'content-type': 'text/html' }, body: '<html>' };
      const moved = { status: 302, headers: { location: 'https://login.example/' }, body: '' };
      const at = await serve({ 'POST control': [NO_ROUTE, page, moved] });
      expect((await unproven('LINK_OTHER_SERVICE', known(at))).message).to.include('/wazuh-manager/control');
      expect((await unproven('LINK_OTHER_SERVICE', known(at))).evidence.conclusion.kind).to.equal('other-service');
      expect((await unproven('LINK_OTHER_SERVICE', known(at))).message).to.include('https://login.example');
    });

    it('in TLS 1.2 is no Wazuh 5', async () => {
      const at = await serve({ 'POST control': GREETED }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
      await unproven('LINK_OTHER_SERVICE', known(at));
    });

    it('by a closed port, or by silence, says nothing of the key', async () => {
      const at = await serve({});
      await at.close();
      const closed = await unproven('LINK_PORT_CLOSED', known(at, { waitMs: 100 }));
      expect(closed.evidence.conclusion.kind).to.equal('closed');
      const silent = await plainServer(() => {});
      server = silent;
      const manager = { ...silent.endpoint, prefix: 'wazuh-manager' };
      const began = performance.now();
      const nothing = await unproven('LINK_SILENT', fresh({ manager }, { waitMs: 200, timeoutMs: 5000 }));
      expect(nothing.evidence.conclusion.kind).to.equal('silent');
      // Nothing has left this host, so there is no goodbye to say.
      expect(performance.now() - began).to.be.below(1000);
    });

    it('by a name without an address is tried until the wait is over', async () => {
      const dial = () => Promise.reject(new EnrollError('HOST_UNRESOLVED', 'No address.'));
      const manager = { host: 'manager.invalid', port: 1517, prefix: 'wazuh-manager' };
      const error = await unproven('LINK_SILENT', known({ manager }, { waitMs: 200 }), edge({ dial }));
      expect(error.evidence.conclusion.kind).to.equal('unresolved');
    });
  });

  it('is proven by a manager that is ready later, as late as it wants', async () => {
    const limited = remoted(429, { error: 'rate_limited' }, { 'retry-after': '1' });
    const at = await serve({
      'POST control': [limited, remoted(503, { error: 'Service unavailable', code: 503 }), UNKNOWN_TYPE],
    });
    const proof = await prove(known(at, { waitMs: 5000 }), edge(), live);
    expect(proof.attempts).to.equal(3);
    expect(proof.ms).to.be.at.least(990);
  });

  it('is signed with the time of the manager where the clocks differ, once', async () => {
    const stale = remoted(401, { error: 'x', code: 'stale_token' }, { date: 'Thu, 09 Oct 2025 10:01:40 GMT' });
    const at = await serve({ 'POST control': [stale, UNKNOWN_TYPE, stale] });
    const clock = () => 1_760_000_500_000;
    await prove(known(at), edge({ clock }), live);
    const jwt = agentJwt(RECORD, { iat: 1_760_004_100, jti: Buffer.alloc(16, 2) });
    expect(at.arrived[1]?.headers.authorization).to.equal(`Bearer ${jwt?.reveal()}`);
    const error = await unproven('LINK_REFUSED', known(at), edge({ clock }));
    expect(error.message).to.include('clock');
    expect(at.arrived).to.have.length(4);
  });

  describe('says goodbye', () => {
    it('until the manager has heard it', async () => {
      const at = await serve({ 'POST control': [GREETED, remoted(503, { error: 'x', code: 503 }), remoted(200, {})] });
      await prove(fresh(at), edge(), live);
      expect(types(at)).to.deep.equal(['startup', 'shutdown', 'shutdown']);
    });

    it('after a startup whose answer was lost', async () => {
      const at = await serve({
        'POST control': [(_arrived, response) => response.destroy(), flatRefusal('unknown_agent')],
      });
      await unproven('LINK_NOT_ACKNOWLEDGED', fresh(at, { waitMs: 200 }));
      expect(types(at).at(-1)).to.equal('shutdown');
    });

    it('in a hurry where the run is to end', async () => {
      const stop = new AbortController();
      const { pause, asked, end } = heldPauses(2000, 3000, 150);
      const at = await serve({
        'POST control': [() => stop.abort(new EnrollError('TERMINATED', 'Terminated.')), () => end(150)],
      });
      await failure('TERMINATED', () => prove(fresh(at), edge({ pause }), stop.signal));
      expect(types(at)).to.deep.equal(['startup', 'shutdown']);
      expect(asked).to.include(150);
    });
  });

  it('is not asked of a server that is not trusted: no signed byte goes to it', async () => {
    for (const identity of [certificates().byStranger, certificates().otherName, certificates().expired]) {
      const at = await serve({ 'POST control': GREETED }, { identity });
      const error = await failureOf(() => prove(fresh(at), edge(), live));
      expect(error.exitCode).to.equal(4);
      expect([...at.wire.values()].join('')).to.equal('');
      await at.close();
    }
    server = undefined;
  });

  it('is not asked with a key that a Wazuh 5 does not issue', async () => {
    const at = await serve({ 'POST control': GREETED });
    const record = { ...RECORD, key: new Secret('z'.repeat(64)) };
    await failure('KEYS_INVALID', () => prove(fresh(at, { record }), edge(), live));
    expect(at.arrived).to.have.length(0);
  });
});

async function failureOf(call: () => Promise<unknown>): Promise<EnrollError> {
  try {
    await call();
  } catch (thrown) {
    if (thrown instanceof EnrollError) return thrown;
    throw thrown;
  }
  throw new Error('no error');
}
