import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { askReenrollSecret } from '../../../src/link/https/reenroll-secret.js';
import { failure } from '../../net/expect-error.js';
import { wazuh5 } from '../../wazuh5.js';
import { type ManagerServer, managerServer, NO_ROUTE, remoted } from '../../wazuh5-manager.js';
import { edge, endingInPause, known } from './setting.js';

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

  it('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const at = await serve({ 'POST enroll/secret': () => stop.abort(new EnrollError('TERMINATED', 'x')) });
    await failure('TERMINATED', () => askReenrollSecret(known(at), edge(), stop.signal));
  });
});
