import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { askReenrollSecret } from '../../../src/link/https/reenroll-secret.js';
import { failure } from '../../net/expect-error.js';
import { wazuh5 } from '../../wazuh5.js';
import { flatRefusal, type ManagerServer, managerServer, NO_ROUTE, remoted, type Step } from '../../wazuh5-manager.js';
import { edge, endingInPause, heldPauses, known, watchedDial } from './setting.js';

const live = new AbortController().signal;
const given = (changes: Readonly<Record<string, unknown>> = {}) =>
  remoted(200, { id: '003', reenroll_secret: '0f'.repeat(32), ...changes });

describe('a re-enrollment secret that is asked for', () => {
  let server: ManagerServer | undefined;
  const serve = async (...args: Parameters<typeof managerServer>) => {
    server = await managerServer(...args);
    return server;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('is given, to a request that is signed with the key', async () => {
    const at = await serve({ 'POST enroll/secret': given() });
    const answer = await askReenrollSecret(known(at), edge(), live);
    expect(answer.kind === 'given' && answer.reenroll.secret.reveal()).to.equal('0f'.repeat(32));
    const [post] = at.arrived;
    expect(post?.path).to.equal('/wazuh-manager/enroll/secret');
    expect(post?.body).to.deep.equal({});
    expect(post?.headers.authorization).to.match(/^Bearer eyJ/);
  });

  it('is none where it is for another agent, or no secret', async () => {
    const at = await serve({
      'POST enroll/secret': [
        given({ id: '004' }),
        given({ reenroll_secret: 'x' }),
        given({ reenroll_secret: undefined }),
      ],
    });
    for (let asked = 0; asked < 3; asked += 1)
      expect((await askReenrollSecret(known(at), edge(), live)).kind).to.equal('none');
  });

  for (const { status, body, conclude } of wazuh5.exchange.filter(({ step }) => step === 'secret')) {
    it(`is asked for again after ${status} ${body} (${conclude}), and costs nothing where it is not given`, async () => {
      const at = await serve({ 'POST enroll/secret': [remoted(status, body), given()] });
      expect((await askReenrollSecret(known(at), edge(), live)).kind).to.equal('given');
      const never = await serve({ 'POST enroll/secret': remoted(status, body) });
      const answer = await askReenrollSecret(known(never, { waitMs: 5000 }), edge(endingInPause(5000)), live);
      expect(answer.kind === 'none' && answer.why).to.include(`${status}`);
      await at.close();
    });
  }

  it('costs nothing at an older manager, nor at one that is gone', async () => {
    const at = await serve({ 'POST enroll/secret': NO_ROUTE });
    expect((await askReenrollSecret(known(at), edge(), live)).kind).to.equal('none');
    await at.close();
    server = undefined;
    expect((await askReenrollSecret(known(at), edge(), live)).kind).to.equal('none');
  });

  const NO_SECRET = 'What the manager gave is no re-enrollment secret of this agent.';
  const told: readonly (readonly [Step, string])[] = [
    [given({ id: '004' }), NO_SECRET],
    [given({ reenroll_secret: 'x' }), NO_SECRET],
    [flatRefusal('unknown_agent'), 'The manager gave no re-enrollment secret (HTTP 401, unknown_agent).'],
    [remoted(400, { error: 'No\u001b!' }), 'The manager gave no re-enrollment secret (HTTP 400, No?!).'],
    [remoted(500, {}), 'The manager gave no re-enrollment secret (HTTP 500).'],
    [
      { status: 302, headers: { location: 'https://login.example/x' }, body: '' },
      'WHERE redirects to https://login.example, which was not followed.',
    ],
    [(_arrived, response) => response.destroy(), 'WHERE closed the connection before it had answered.'],
  ];
  for (const [answer, why] of told) {
    it(`is none, and is not asked for again: ${why}`, async () => {
      const at = await serve({ 'POST enroll/secret': answer });
      const where = `${at.manager.host}:${at.manager.port}`;
      const none = { kind: 'none', why: why.replace('WHERE', where) };
      expect(await askReenrollSecret(known(at), edge(), live)).to.deep.equal(none);
      expect(at.arrived).to.have.length(1);
    });
  }

  it('is none where nothing listens, which is said', async () => {
    const at = await serve({});
    await at.close();
    server = undefined;
    const answer = await askReenrollSecret(known(at), edge(), live);
    expect(answer.kind === 'none' && answer.why).to.match(/refused/i);
  });

  it('is asked for again of a busy manager after half a second, or when the manager wants it', async () => {
    const wanted = { 'retry-after': '7' };
    for (const [status, headers, ms] of [
      [409, {}, 500],
      [429, {}, 500],
      [429, wanted, 7000],
      [503, {}, 500],
      [503, wanted, 7000],
    ] as const) {
      const at = await serve({ 'POST enroll/secret': [remoted(status, {}, headers), given()] });
      const { pause, asked } = heldPauses(2000);
      expect((await askReenrollSecret(known(at), edge({ pause }), live)).kind).to.equal('given');
      expect(asked).to.deep.equal([2000, ms]);
      await at.close();
    }
    server = undefined;
  });

  it('is asked for once more, at once, where the clocks differ, and for no other reason with another time', async () => {
    const date = { date: 'Thu, 09 Oct 2025 10:01:40 GMT' };
    const refusal = (status: number, code: string) => remoted(status, { error: 'No', code }, date);
    for (const [first, kind, times] of [
      [refusal(401, 'stale_token'), 'given', 2],
      [refusal(401, 'invalid_signature'), 'none', 1],
      [refusal(403, 'stale_token'), 'none', 1],
    ] as const) {
      const at = await serve({ 'POST enroll/secret': [first, given()] });
      const { pause, asked } = heldPauses(2000);
      const answer = await askReenrollSecret(known(at), edge({ pause, clock: () => 1_760_000_500_000 }), live);
      expect(answer.kind).to.equal(kind);
      expect(at.arrived).to.have.length(times);
      expect(asked).to.deep.equal(times === 2 ? [2000, 0] : [2000]);
      await at.close();
    }
    const stale = await serve({ 'POST enroll/secret': refusal(401, 'stale_token') });
    const clock = () => 1_760_000_500_000;
    const answer = await askReenrollSecret(known(stale), edge({ clock }), live);
    expect(answer.kind === 'none' && answer.why).to.include('HTTP 401, stale_token');
    expect(stale.arrived).to.have.length(2);
  });

  it('is none when the time is over, for the reason that was told last', async () => {
    for (const [before, why] of [
      [[], 'The manager did not answer in time.'],
      [[remoted(503, {})], 'The manager gave no re-enrollment secret (HTTP 503).'],
    ] as const) {
      const { pause, end, left } = heldPauses(2000);
      const at = await serve({ 'POST enroll/secret': [...before, () => end(2000)] });
      expect(await askReenrollSecret(known(at), edge({ pause }), live)).to.deep.equal({ kind: 'none', why });
      expect(left.size).to.equal(0);
      await at.close();
    }
    server = undefined;
  });

  it('leaves no connection and no timer behind', async () => {
    const at = await serve({ 'POST enroll/secret': given() });
    const { dial, closed } = watchedDial();
    const { pause, left } = heldPauses(2000);
    await askReenrollSecret(known(at), edge({ dial, pause }), live);
    expect(await closed()).to.equal(1);
    expect(left.size).to.equal(0);
  });

  it('does not take a fault of the program for an answer', async () => {
    const at = await serve({ 'POST enroll/secret': given() });
    const jti = () => {
      throw new RangeError('no randomness');
    };
    let thrown: unknown;
    await askReenrollSecret(known(at), edge({ jti }), live).catch((error: unknown) => {
      thrown = error;
    });
    expect(thrown).to.be.instanceOf(RangeError);
  });

  it('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const at = await serve({ 'POST enroll/secret': () => stop.abort(new EnrollError('TERMINATED', 'x')) });
    await failure('TERMINATED', () => askReenrollSecret(known(at), edge(), stop.signal));
  });
});
