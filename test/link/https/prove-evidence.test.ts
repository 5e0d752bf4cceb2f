import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { prove } from '../../../src/link/https/prove.js';
import type { ProveEdge, ProveRequest } from '../../../src/link/https/prove-request.js';
import { LinkError } from '../../../src/link/link-error.js';
import { type ManagerServer, managerServer, remoted, type Step } from '../../wazuh5-manager.js';
import { edge, fresh, GREETED, heldPauses, known, UNKNOWN_TYPE, watchedDial } from './setting.js';

const live = new AbortController().signal;
const types = ({ arrived }: ManagerServer) => arrived.map(({ body }) => Object(body).type);
const closes: Step = (_arrived, response) => response.destroy();

/** What a proof ends with that is none. */
async function unproven(request: ProveRequest, at: ProveEdge): Promise<LinkError> {
  const thrown = await prove(request, at, live).catch((error: unknown) => error);
  if (!(thrown instanceof LinkError)) throw thrown;
  return thrown;
}

describe('what is told of a link to a Wazuh 5', () => {
  let server: ManagerServer | undefined;
  const serve = async (steps: Step | readonly Step[], options?: Parameters<typeof managerServer>[1]) => {
    server = await managerServer({ 'POST control': steps }, options);
    return server;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('is how long it took, in whole milliseconds, and each attempt by its protocol', async () => {
    const at = await serve(UNKNOWN_TYPE);
    const times = [5000, 5040.4];
    const attempts: unknown[] = [];
    const watch = { now: () => times.shift() ?? 0, onAttempt: (attempt: unknown) => attempts.push(attempt) };
    expect(await prove(known(at), edge(watch), live)).to.deep.equal({
      protocol: 'https',
      family: 'wazuh-5',
      attempts: 1,
      ms: 40,
      localAddress: '127.0.0.1',
    });
    expect(attempts).to.deep.equal([{ number: 1, protocol: 'https' }]);
  });

  it('is no address of this host where it is not known', async () => {
    const at = await serve(UNKNOWN_TYPE);
    expect(await prove(known(at), edge({ proxied: true }), live)).not.to.have.property('localAddress');
  });

  it('is that requests are closed, or get no answer', async () => {
    const closing = await serve(closes);
    const closed = await unproven(known(closing, { waitMs: 100 }), edge());
    expect(closed.evidence.conclusion).to.deep.equal({ kind: 'closes' });
    expect(closed.evidence.tcp?.last).to.equal('closed');
    expect(closed.evidence.tcp?.why).to.include('closed the connection before it had answered');
    await closing.close();

    const silent = await serve(() => {});
    const nothing = await unproven(known(silent, { waitMs: 100, timeoutMs: 30 }), edge());
    expect(nothing.evidence.conclusion).to.deep.equal({ kind: 'silent' });
    expect(nothing.evidence.tcp?.last).to.equal('silent');
    expect(nothing.message).to.include('did not answer within 0.03 s');
  });

  it('is that it speaks no TLS 1.3, and so is no Wazuh 5', async () => {
    const at = await serve(GREETED, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    const error = await unproven(fresh(at), edge());
    expect(error.message).to.equal(
      `What answers at 127.0.0.1:${at.manager.port} is no Wazuh 5: it does not speak TLS 1.3.`,
    );
    expect(error.hint).to.include('listens on 1517 unless it was told otherwise');
    expect(error.cause).to.be.instanceOf(Error);
    expect(error.evidence.conclusion).to.deep.equal({ kind: 'other-service', protocol: 'tcp', service: 'unknown' });
    expect(error.evidence.messages).to.equal(1);
  });

  it('does not begin with a fault of the program', async () => {
    const at = await serve(GREETED);
    const jti = () => {
      throw new RangeError('no randomness');
    };
    expect(await prove(fresh(at), edge({ jti }), live).catch((error: unknown) => error)).to.be.instanceOf(RangeError);
  });

  it('is no goodbye after a question whose answer was lost: it has left nothing behind', async () => {
    const at = await serve([closes, UNKNOWN_TYPE]);
    await prove(known(at), edge(), live);
    expect(types(at)).to.deep.equal(['agent-enroll-probe', 'agent-enroll-probe']);
  });

  it('is no goodbye either where the time ends while such a question is asked', async () => {
    const { pause, end } = heldPauses(2000);
    const at = await serve([() => end(2000), remoted(200, {})]);
    await unproven(known(at), edge({ pause }));
    expect(types(at)).to.deep.equal(['agent-enroll-probe']);
  });

  it('leaves no connection and no timer behind', async () => {
    const at = await serve([GREETED, remoted(200, {})]);
    const { dial, closed } = watchedDial();
    const { pause, left } = heldPauses(2000, 3000);
    await prove(fresh(at), edge({ dial, pause }), live);
    expect(await closed()).to.equal(1);
    expect(left.size).to.equal(0);
  });
});
