import { expect } from 'chai';
import { after, before, beforeEach, describe, it } from 'mocha';
import { keyHash } from '../../../src/model/agent-record.js';
import { Secret } from '../../../src/model/secret.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../../src/sandbox/https/certificates.js';
import { type HttpsSandbox, type HttpsSandboxOptions, startHttpsSandbox } from '../../../src/sandbox/https/manager.js';
import { EventLog } from '../event-log.js';
import {
  agentJwt,
  bearerOfPassword,
  bearerOfSecret,
  bearerOfToken,
  Client,
  derived,
  enrollJwt,
  membersOf,
  type Reply,
  WEB_01,
} from './client.js';

const HOUR_S = 3_600;
const START = Date.parse('2026-11-25T08:00:00Z') / 1000;

describe('an enrollment with a Wazuh 5 sandbox', () => {
  let certificates: HttpsCertificates;
  let sandbox: HttpsSandbox;
  let client: Client;
  let log: EventLog;
  let now: number;

  before(async () => {
    certificates = await issueHttpsCertificates();
  });

  const start = async (options: HttpsSandboxOptions = {}) => {
    await stop();
    log = new EventLog();
    now = START;
    sandbox = await startHttpsSandbox({
      certificates,
      clock: () => new Date(now * 1000),
      keyReloadMs: 1,
      onEvent: log.onEvent,
      ...options,
    });
    client = new Client(sandbox);
  };
  const stop = async () => {
    client?.close();
    await sandbox?.close();
  };
  beforeEach(() => start({ groups: ['web', 'linux'], password: new Secret('right') }));
  after(stop);

  const token = (terms = {}) => bearerOfToken(sandbox.mintToken(terms).text.reveal(), { iat: now });
  const enroll = (members: object, authorization = token()) =>
    client.enroll({ version: 'v5.0.0', ...members }, authorization);
  const enrolled = async (members: object, authorization?: string) => {
    const reply = await enroll(members, authorization);
    expect(reply?.status, reply?.body).to.equal(200);
    const { id, key, reenroll_secret } = membersOf(reply?.body);
    return { id: String(id), key: String(key), secret: String(reenroll_secret) };
  };
  const startUp = async ({ id, key }: { id: string; key: string }) => {
    await log.until((event) => event.type === 'keys loaded');
    return client.control({ type: 'startup', version: 'v5.0.0' }, agentJwt(key, id, { iat: now }));
  };
  const said = (reply: Reply | undefined) => {
    const error = membersOf(reply?.body)['error'];
    return typeof error === 'object' ? [reply?.status, ...Object.values({ ...error })] : [reply?.status, error];
  };

  it('gives a key and a re-enrollment secret, and keeps what was asked for', async () => {
    const reply = await enroll({ name: 'web-01', groups: 'web,linux', ip: 'src', tomorrow: true });
    expect(reply?.body).to.match(
      /^\{"id":"001","ip":"127\.0\.0\.1","key":"[0-9a-f]{64}","name":"web-01","reenroll_secret":"[0-9a-f]{64}"\}$/,
    );
    const { key, reenroll_secret } = membersOf(reply?.body);
    expect(key).to.not.equal(reenroll_secret);
    expect(sandbox.reenrollSecret('001')?.reveal()).to.equal(reenroll_secret);
    const view = { id: '001', name: 'web-01', ip: '127.0.0.1', groups: ['web', 'linux'] };
    expect(sandbox.agents()).to.deep.equal([{ ...view, state: 'never_connected', reenrollable: true }]);
    // Nothing of it is told.
    const told = JSON.stringify(log.all);
    for (const hidden of [key, reenroll_secret]) expect(told).to.not.contain(hidden);
  });

  it('takes the password, a token, or nothing where nothing is wanted', async () => {
    await enrolled({ name: 'by-password' }, bearerOfPassword('right', { iat: now }));
    await enrolled({ name: 'by-token' });
    expect(said(await client.enroll(WEB_01))).to.deep.equal([401, 'invalid_request', 'Invalid client authentication']);
    await start({ enrollment: 'open' });
    expect((await client.enroll(WEB_01))?.status).to.equal(200);
    await enrolled({ name: 'by-token' });
    const wrong = bearerOfPassword('any', { iat: now });
    expect(said(await enroll({ name: 'by-password' }, wrong))[1]).to.equal('enrollment_key_unavailable');
    const shown = log.all.flatMap((event) => (event.type === 'https request' ? [event.credential] : []));
    expect(shown).to.deep.equal(['none', 'token', 'password']);
  });

  it('takes no JWT of another form, and no header but one Bearer', async () => {
    const good = token();
    const { id: kid } = sandbox.mintToken();
    const faults: readonly [string, string | readonly string[]][] = [
      ['invalid_request', good.replace('Bearer', 'bearer')],
      ['invalid_request', good.replace('Bearer ', 'Bearer  ')],
      ['invalid_request', 'Basic eDp5'],
      ['invalid_signature', 'Bearer x'],
      ['invalid_signature', `${good}.x`],
      ['invalid_signature', enrollJwt(derived('WAZUH-REENROLL-KEY', Buffer.alloc(16)), kid, { iat: now })],
      ['invalid_signature', agentJwt('ab'.repeat(32), '001', { iat: now })],
    ];
    for (const [wanted, authorization] of faults) {
      expect(said(await enroll(WEB_01, String(authorization)))[1], String(authorization)).to.equal(wanted);
    }
    expect(sandbox.agents()).to.deep.equal([]);
  });

  it('takes each JWT for its time, and tells one that comes again', async () => {
    const jti = Buffer.alloc(16, 7);
    const password = (iat: number) => bearerOfPassword('right', { iat, jti });
    for (const [ahead, wanted] of [
      [31, 401],
      [30, 200],
      [-90, 200],
      [-91, 401],
    ] as const) {
      expect((await enroll({ name: `at${ahead}` }, password(now + ahead)))?.status, String(ahead)).to.equal(wanted);
    }
    const reused = log.all.flatMap((event) => (event.type === 'https request' ? [event.reused] : []));
    expect(reused).to.deep.equal([false, true, true, true]);
  });

  it('spends a use of its token where it ends with a key, and not before', async () => {
    const text = sandbox.mintToken({ uses: 2 }).text.reveal();
    const by = () => bearerOfToken(text, { iat: now });
    await enrolled({ name: 'web-01' }, by());
    expect(said(await enroll({ name: 'web-01' }, by()))).to.deep.equal([409, 9008, 'Duplicate name']);
    expect((await enroll({}, by()))?.status).to.equal(400);
    await enrolled({ name: 'web-02' }, by());
    expect(said(await enroll({ name: 'web-03' }, by()))).to.deep.equal([403, 9024, 'Enrollment token uses exhausted']);
  });

  it('refuses input by its field', async () => {
    const field = (name: string) => [400, 0, `Missing or invalid field: ${name}`];
    const faults: readonly [object, unknown][] = [
      [{}, field('name')],
      [{ name: 'a' }, field('name')],
      [{ name: '.web' }, field('name')],
      [{ name: 'a b' }, field('name')],
      [{ name: 'a'.repeat(129) }, field('name')],
      [{ name: 1 }, field('name')],
      [{ name: 'web-01', version: null }, field('version')],
      [{ name: 'web-01', version: 'five' }, field('version')],
      [{ name: 'web-01', version: 'v5.1.0' }, [400, 0, 'Agent version is newer than this manager allows']],
      [{ name: 'web-01', groups: ['web'] }, field('groups')],
      [{ name: 'web-01', groups: 'web,gone' }, [400, 9014, 'Invalid Group(s) Name(s)']],
      [{ name: 'web-01', ip: '10.0.0' }, field('ip')],
      [{ name: 'web-01', ip: '10.0.0.0/255.0.0.0' }, field('ip')],
      [{ name: 'web-01', ip: 'src2' }, field('ip')],
    ];
    for (const [members, wanted] of faults) {
      expect(said(await enroll(members)), JSON.stringify(members)).to.deep.equal(wanted);
    }
    const text = await client.ask('enroll', {
      body: '[]',
      headers: { 'protocol-version': '1', Authorization: token() },
    });
    expect(said(text)[0]).to.equal(400);
    expect(sandbox.agents()).to.deep.equal([]);
  });

  it('takes the addresses that may stand in a record', async () => {
    for (const [at, [ip, wanted]] of [
      [undefined, 'any'],
      ['any', 'any'],
      ['src', '127.0.0.1'],
      ['10.0.0.1', '10.0.0.1'],
      ['10.1.0.0/16', '10.1.0.0/16'],
    ].entries()) {
      const reply = await enroll({ name: `web-${at}`, ip });
      expect(membersOf(reply?.body)['ip'], ip).to.equal(wanted);
    }
    expect(said(await enroll({ name: 'web-9', ip: '10.0.0.1' }))).to.deep.equal([409, 9007, 'Duplicate IP']);
  });

  it('replaces a duplicate that never connected or is gone, one hour after it registered', async () => {
    const first = await enrolled({ name: 'web-01' });
    now += HOUR_S - 1;
    expect((await enroll({ name: 'web-01' }))?.status).to.equal(409);
    now += 1;
    const second = await enrolled({ name: 'web-01' });
    expect([first.id, second.id, sandbox.agents().length]).to.deep.equal(['001', '002', 1]);
    // Its secret went with it.
    expect(sandbox.reenrollSecret(first.id)).to.equal(undefined);
    await sandbox.stopRemoted();
    await sandbox.startRemoted();
    client.reconnect();
    expect((await startUp(second))?.status).to.equal(200);
    now += 3 * HOUR_S;
    // Pending is never replaced.
    expect((await enroll({ name: 'web-01' }))?.status).to.equal(409);
    expect(
      (await client.control({ type: 'shutdown' }, agentJwt(second.key, second.id, { iat: now })))?.status,
    ).to.equal(200);
    now += HOUR_S - 1;
    expect((await enroll({ name: 'web-01' }))?.status).to.equal(409);
    now += 1;
    await enrolled({ name: 'web-01' });
  });

  it('refuses a host that shows that it has the key already', async () => {
    const { id, key } = await enrolled({ name: 'web-01' });
    const hash = keyHash({ id, name: 'web-01', ip: 'any', key: new Secret(key) });
    now += 2 * HOUR_S;
    expect(said(await enroll({ name: 'web-01', key_hash: hash }))[1]).to.equal(9008);
    await enrolled({ name: 'web-01', key_hash: 'ab'.repeat(20) });
  });

  it('counts for the limit, which fills again', async () => {
    await start({ rate: { perSecond: 2, burst: 3 } });
    const codes = [];
    for (let at = 0; at < 4; at += 1) codes.push((await client.enroll({}))?.status);
    expect(codes).to.deep.equal([401, 401, 401, 429]);
    now += 1;
    expect([(await client.enroll({}))?.status, (await client.enroll({}))?.status]).to.deep.equal([401, 401]);
    expect((await client.enroll({}))?.status).to.equal(429);
  });

  it('of a manager before tokens takes the password alone, and gives no secret', async () => {
    await start({ generation: 'jwt', password: new Secret('right') });
    const reply = await enroll(WEB_01, bearerOfPassword('right', { iat: now }));
    expect(membersOf(reply?.body)).to.have.all.keys('id', 'ip', 'key', 'name');
    expect(said(await enroll({ name: 'web-02' }))[1]).to.equal('invalid_signature');
    expect((await client.secret())?.status).to.equal(404);
    await start({ generation: 'cmac', password: new Secret('right') });
    expect(said(await enroll(WEB_01, bearerOfPassword('right', { iat: now })))[0]).to.equal(401);
  });

  describe('by a re-enrollment secret', () => {
    const again = (id: string, secret: string, members: object = { name: 'web-01' }) =>
      enroll(members, bearerOfSecret(secret, id, { iat: now }));

    it('keeps the id, gives another key and secret, and asks no rule for duplicates', async () => {
      const first = await enrolled({ name: 'web-01', groups: 'web' });
      expect((await startUp(first))?.status).to.equal(200);
      const reply = await again(first.id, first.secret, { name: 'web-01', groups: 'linux' });
      const { id, key, reenroll_secret: secret } = membersOf(reply?.body);
      expect(id).to.equal(first.id);
      expect(new Set([key, secret, first.key, first.secret])).to.have.property('size', 4);
      expect(sandbox.agents().map(({ groups }) => groups)).to.deep.equal([['linux']]);
      // The one before is void.
      expect(said(await again(first.id, first.secret))[1]).to.equal('invalid_signature');
      expect((await again(first.id, String(secret)))?.status).to.equal(200);
    });

    it('refuses the name and the address of another agent', async () => {
      const { id, secret } = await enrolled({ name: 'web-01' });
      sandbox.addAgent({ name: 'web-02', ip: '10.0.0.2' });
      expect(said(await again(id, secret, { name: 'web-02' }))[1]).to.equal(9008);
      expect(said(await again(id, secret, { name: 'web-01', ip: '10.0.0.2' }))[1]).to.equal(9007);
      expect(sandbox.reenrollSecret(id)?.reveal()).to.equal(secret);
    });

    it('is unknown once the agent is removed', async () => {
      const { id, secret } = await enrolled({ name: 'web-01' });
      sandbox.removeAgent(id);
      expect(said(await again(id, secret))[1]).to.equal('unknown_agent');
    });

    it('that came from /enroll/secret is the one that holds', async () => {
      const first = await enrolled({ name: 'web-01' });
      await log.until((event) => event.type === 'keys loaded');
      const reply = await client.secret(agentJwt(first.key, first.id, { iat: now }));
      const { id, reenroll_secret: secret } = membersOf(reply?.body);
      expect([reply?.status, id]).to.deep.equal([200, first.id]);
      // The key is as it was.
      expect((await startUp(first))?.status).to.equal(200);
      expect(said(await again(first.id, first.secret))[1]).to.equal('invalid_signature');
      expect((await again(first.id, String(secret)))?.status).to.equal(200);
    });
  });
});
