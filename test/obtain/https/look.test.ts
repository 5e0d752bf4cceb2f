import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Secret } from '../../../src/model/secret.js';
import { directDial } from '../../../src/net/connect.js';
import { type LookOptions, notManager, openLook, type Seen } from '../../../src/obtain/https/look.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { ALIVE, cacerts, type ManagerServer, managerServer, remoted } from '../../wazuh5-manager.js';

const live = new AbortController().signal;

describe('a look at a manager that nobody has checked', () => {
  let server: ManagerServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  const serve = async (...given: Parameters<typeof managerServer>) => {
    server = await managerServer(...given);
    return server;
  };

  const looking = async <T>(
    { manager }: ManagerServer,
    use: (look: Awaited<ReturnType<typeof openLook>>) => Promise<T>,
    changes: Partial<LookOptions> = {},
  ): Promise<T> => {
    const look = await openLook(manager, { dial: directDial(1000), timeoutMs: 1000, ...changes });
    try {
      return await use(look);
    } finally {
      await look.close();
    }
  };

  const answerIn = (seen: Seen) => {
    if (seen.kind !== 'answer') throw new Error(seen.kind);
    return seen;
  };

  it('takes any certificate, and sees the answer as JSON and as bytes', async () => {
    const refused = remoted(401, { error: 'x' }, { 'retry-after': '7' });
    const at = await serve(
      { 'GET ': ALIVE, 'GET cacerts': cacerts('PEM'), 'POST control': refused },
      { identity: certificates().expired },
    );
    await looking(at, async (look) => {
      const probe = answerIn(await look.get('', live));
      expect([probe.answer.status, probe.answer.body]).to.deep.equal([200, { status: 'ok', module: 'remoted' }]);
      const published = answerIn(await look.get('cacerts', live));
      expect([published.answer.body, Buffer.from(published.bytes).toString()]).to.deep.equal([undefined, 'PEM']);
      const control = answerIn(await look.post('control', live));
      expect([control.answer.status, control.answer.header('retry-after')]).to.deep.equal([401, '7']);
    });
    expect(at.arrived.map(({ method, path, body }) => [method, path, body])).to.deep.equal([
      ['GET', '/wazuh-manager/', undefined],
      ['GET', '/wazuh-manager/cacerts', undefined],
      ['POST', '/wazuh-manager/control', {}],
    ]);
    expect(at.arrived.map(({ headers }) => headers.authorization)).to.deep.equal([undefined, undefined, undefined]);
  });

  it('knows a stranger by an answer that no manager gives', async () => {
    const at = await serve({ 'GET ': { status: 302, headers: { location: 'https://login.example/x' }, body: '' } });
    const seen = await looking(at, (look) => look.get('', live));
    if (seen.kind !== 'stranger') throw new Error(seen.kind);
    expect(seen.sentence).to.match(
      /^127\.0\.0\.1:\d+ redirects to https:\/\/login\.example, which was not followed\.$/,
    );
    const error = notManager(seen);
    expect([error.code, error.message]).to.deep.equal([
      'NOT_MANAGER',
      `What was asked is not the remoted of a Wazuh 5. ${seen.sentence}`,
    ]);
  });

  it('ends with the error of the connection where no answer comes', async () => {
    const at = await serve({ 'GET ': (_arrived, response) => response.socket?.destroy() });
    await looking(at, async (look) => {
      const cut = await failure('CONNECTION_FAILED', () => look.get('', live));
      expect(cut.message).to.match(/closed the connection before it had answered/);
    });
  });

  it('shows the client certificate to a manager that takes nobody without one', async () => {
    const { ca, client } = certificates();
    const at = await serve({ 'GET ': ALIVE }, { requestCert: true, rejectUnauthorized: true, ca: ca.certificate });
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    expect((await looking(at, (look) => look.get('', live), { clientCertificate })).kind).to.equal('answer');
  });

  it('leaves no connection open', async () => {
    let ended: Promise<void> = Promise.reject(new Error('not asked'));
    ended.catch(() => {});
    const at = await serve({
      'GET ': (_arrived, response) => {
        ended = new Promise((resolve) => response.socket?.once('close', () => resolve()));
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{}');
      },
    });
    await looking(at, (look) => look.get('', live));
    const began = performance.now();
    await ended;
    expect(performance.now() - began, 'one that is left to its own end takes seconds').to.be.below(3000);
  });
});
