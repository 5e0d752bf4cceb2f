import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { openSigned } from '../../../src/link/https/signed.js';
import { Secret } from '../../../src/model/secret.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { answerOf } from '../../wazuh5.js';
import { type ManagerServer, managerServer, remoted } from '../../wazuh5-manager.js';
import { edge, fresh, RECORD, watchedDial } from './setting.js';

const live = new AbortController().signal;
const TAKEN = { 'POST control': remoted(200, { taken: true }) };

describe('requests that are signed with the key of an agent', () => {
  let server: ManagerServer | undefined;
  const serve = async (...args: Parameters<typeof managerServer>) => {
    server = await managerServer(...args);
    return server;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('tell of the certificate of the manager, and from where they are sent, unless by a proxy', async () => {
    const at = await serve(TAKEN);
    for (const proxied of [false, true]) {
      const judged: string[] = [];
      const signed = await openSigned(fresh(at), edge({ proxied, onCertificate: ({ by }) => judged.push(by) }));
      expect(signed.localAddress).to.equal(undefined);
      expect(signed.mayHaveLeft).to.equal(false);
      const outcome = await signed.post('control', { type: 'x' }, live);
      expect(outcome.kind === 'answer' && outcome.answer.body).to.deep.equal({ taken: true });
      expect(judged).to.deep.equal(['ca']);
      expect(signed.localAddress).to.equal(proxied ? undefined : '127.0.0.1');
      expect(signed.mayHaveLeft).to.equal(true);
      await signed.close();
    }
  });

  it('show the certificate of this host to a manager that wants one', async () => {
    const { client, ca } = certificates();
    const at = await serve(TAKEN, { requestCert: true, rejectUnauthorized: true, ca: ca.certificate });
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    const signed = await openSigned(fresh(at, { clientCertificate }), edge());
    expect((await signed.post('control', {}, live)).kind).to.equal('answer');
    await signed.close();
    const bare = await openSigned(fresh(at), edge());
    await failure('CLIENT_CERTIFICATE_REQUIRED', () => bare.post('control', {}, live));
    await bare.close();
  });

  it('are not made with a key that a Wazuh 5 does not issue, which is said', async () => {
    const at = await serve(TAKEN);
    const signed = await openSigned(fresh(at, { record: { ...RECORD, key: new Secret('z'.repeat(64)) } }), edge());
    const error = await failure('KEYS_INVALID', () => signed.post('control', {}, live));
    expect(error.message).to.equal(
      'The key of agent 003 is none that a Wazuh 5 issues: it is not 64 hexadecimal digits, or its id is not written as a manager writes it.',
    );
    await signed.close();
  });

  it('take the time of the manager once, and only where it is another one', async () => {
    const at = await serve(TAKEN);
    const signed = await openSigned(fresh(at), edge({ clock: () => Date.UTC(2026, 10, 25, 8, 0, 0) }));
    const dated = (date?: string) =>
      answerOf({ status: 401, headers: date === undefined ? {} : { Date: date }, body: '{}' });
    expect(signed.correctClock(dated())).to.equal(false);
    expect(signed.correctClock(dated('Wed, 25 Nov 2026 08:00:01 GMT'))).to.equal(false);
    expect(signed.correctClock(dated('Wed, 25 Nov 2026 09:00:00 GMT'))).to.equal(true);
    expect(signed.correctClock(dated('Wed, 25 Nov 2026 10:00:00 GMT'))).to.equal(false);
  });

  it('leave no connection open', async () => {
    const at = await serve(TAKEN);
    const { dial, closed } = watchedDial();
    const signed = await openSigned(fresh(at), edge({ dial }));
    await signed.post('control', {}, live);
    await signed.close();
    expect(await closed()).to.equal(1);
  });
});
