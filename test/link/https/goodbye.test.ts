import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { sayGoodbye } from '../../../src/link/https/goodbye.js';
import { openSigned, type Signed } from '../../../src/link/https/signed.js';
import { certificates } from '../../net/certificates.js';
import { flatRefusal, type ManagerServer, managerServer, NO_ROUTE, remoted, type Step } from '../../wazuh5-manager.js';
import { edge, fresh, heldPauses } from './setting.js';

const GOODBYE_MS = 3000;
const HURRIED_MS = 150;
const AGAIN_MS = 200;
const HEARD = remoted(200, {});
const BUSY = remoted(503, { error: 'Service unavailable', code: 503 });

describe('a goodbye to a Wazuh 5', () => {
  let server: ManagerServer | undefined;
  let signed: Signed | undefined;
  const open = async (steps: Step | readonly Step[], options?: Parameters<typeof managerServer>[1]) => {
    server = await managerServer({ 'POST control': steps }, options);
    signed = await openSigned(fresh(server), edge());
    return { at: server, signed };
  };
  afterEach(async () => {
    await signed?.close();
    await server?.close();
    server = undefined;
  });

  const answers: readonly (readonly [string, Step, 'once' | 'again'])[] = [
    ['it was taken', HEARD, 'once'],
    ['the manager does not know the agent', flatRefusal('unknown_agent'), 'once'],
    ['the manager refuses it', remoted(409, { error: 'invalid_version' }), 'once'],
    ['nothing is there', NO_ROUTE, 'once'],
    ['it was redirected', { status: 302, headers: { location: 'https://login.example/' }, body: '' }, 'once'],
    ['the manager is busy', BUSY, 'again'],
    ['the manager misses its database', remoted(503, { error: 'dependency_unavailable' }), 'again'],
    ['no answer came', (_arrived, response) => response.destroy(), 'again'],
  ];
  for (const [what, answer, times] of answers) {
    it(`is said ${times} where ${what}`, async () => {
      const { at, signed } = await open([answer, HEARD]);
      const { pause, asked } = heldPauses(GOODBYE_MS);
      await sayGoodbye(signed, { pause }, new AbortController().signal);
      expect(at.arrived.map(({ body }) => body)).to.deep.equal(
        times === 'once' ? [{ type: 'shutdown' }] : [{ type: 'shutdown' }, { type: 'shutdown' }],
      );
      expect(asked).to.deep.equal(times === 'once' ? [GOODBYE_MS] : [GOODBYE_MS, AGAIN_MS]);
    });
  }

  it('is said again where the manager was not reached, and not to one that is not trusted any more', async () => {
    const gone = await open(HEARD);
    await gone.at.close();
    const { pause, asked, end } = heldPauses(GOODBYE_MS, AGAIN_MS);
    const said = sayGoodbye(gone.signed, { pause }, new AbortController().signal);
    while (!asked.includes(AGAIN_MS)) await new Promise(setImmediate);
    end(GOODBYE_MS);
    await said;

    const stranger = await open(HEARD, { identity: certificates().byStranger });
    const pauses = heldPauses(GOODBYE_MS);
    await sayGoodbye(stranger.signed, pauses, new AbortController().signal);
    expect(pauses.asked).to.deep.equal([GOODBYE_MS]);
  });

  it('is given up when its time is over, with no timer left behind', async () => {
    const { at, signed } = await open(() => (at.arrived.length === 1 ? pauses.end(GOODBYE_MS) : undefined));
    const pauses = heldPauses(GOODBYE_MS);
    await sayGoodbye(signed, pauses, new AbortController().signal);
    expect(pauses.asked).to.deep.equal([GOODBYE_MS, AGAIN_MS]);
    expect(at.arrived).to.have.length(1);
    expect(pauses.left.size).to.equal(0);
  });

  it('leaves no timer behind where it was heard', async () => {
    const { signed } = await open(HEARD);
    const stop = new AbortController();
    const pauses = heldPauses(GOODBYE_MS, HURRIED_MS);
    await sayGoodbye(signed, pauses, stop.signal);
    stop.abort();
    await new Promise(setImmediate);
    expect(pauses.asked).to.deep.equal([GOODBYE_MS]);
    expect(pauses.left.size).to.equal(0);
  });

  for (const when of ['before', 'while'] as const) {
    it(`has hardly any time where the run was stopped ${when} it is said`, async () => {
      const stop = new AbortController();
      const reason = new EnrollError('TERMINATED', 'Terminated.');
      const pauses = heldPauses(GOODBYE_MS, HURRIED_MS);
      const { signed } = await open(() => {
        stop.abort(reason);
        pauses.end(HURRIED_MS);
      });
      if (when === 'before') stop.abort(reason);
      await sayGoodbye(signed, pauses, stop.signal);
      expect(pauses.asked).to.have.members([GOODBYE_MS, HURRIED_MS, AGAIN_MS]);
      await new Promise(setImmediate);
      expect(pauses.left.size).to.equal(0);
    });

    it(`is still heard where the run was stopped ${when} it is said, and lets go of the time that is left`, async () => {
      const stop = new AbortController();
      const pauses = heldPauses(GOODBYE_MS, HURRIED_MS);
      const { at, signed } = await open([
        (_arrived, response) => {
          stop.abort(new EnrollError('TERMINATED', 'Terminated.'));
          response.destroy();
        },
        HEARD,
      ]);
      if (when === 'before') stop.abort(new EnrollError('TERMINATED', 'Terminated.'));
      await sayGoodbye(signed, pauses, stop.signal);
      expect(at.arrived).to.have.length(2);
      await new Promise(setImmediate);
      expect(pauses.left.size).to.equal(0);
    });
  }

  it('does not take a fault of the program for an end', async () => {
    server = await managerServer({ 'POST control': HEARD });
    const jti = () => {
      throw new RangeError('no randomness');
    };
    signed = await openSigned(fresh(server), edge({ jti }));
    let thrown: unknown;
    await sayGoodbye(signed, heldPauses(GOODBYE_MS), new AbortController().signal).catch((error: unknown) => {
      thrown = error;
    });
    expect(thrown).to.be.instanceOf(RangeError);
  });
});
