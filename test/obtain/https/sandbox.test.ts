import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import type { ErrorCode } from '../../../src/errors.js';
import { prove } from '../../../src/link/https/prove.js';
import { askReenrollSecret } from '../../../src/link/https/reenroll-secret.js';
import type { Secret } from '../../../src/model/secret.js';
import { directDial } from '../../../src/net/connect.js';
import { pause } from '../../../src/net/deadline.js';
import { trustOfToken } from '../../../src/obtain/https/anchor.js';
import { discover } from '../../../src/obtain/https/discovery.js';
import { type HttpsOptions, httpsSource } from '../../../src/obtain/https/source.js';
import { decodeToken } from '../../../src/obtain/https/token.js';
import type { AgentKey } from '../../../src/obtain/key-source.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../../src/sandbox/https/certificates.js';
import { type HttpsSandbox, type HttpsSandboxOptions, startHttpsSandbox } from '../../../src/sandbox/https/manager.js';
import { failure } from '../../net/expect-error.js';
import { PASSWORD, WEB01 } from './setting.js';

const live = new AbortController().signal;
const world = {
  dial: directDial(2000),
  timeoutMs: 2000,
  jti: () => randomBytes(16),
  pause,
  now: () => performance.now(),
  clock: () => Date.now(),
};
const edge = { ...world, proxied: false };

/** What a token comes to. */
function byToken(text: Secret, changes: Partial<HttpsOptions> = {}): HttpsOptions {
  const decoded = decodeToken(text);
  if (!decoded.ok) throw new Error(decoded.fault);
  const { token } = decoded;
  return {
    ...world,
    manager: token.manager,
    trust: trustOfToken(token),
    ...(token.credential === undefined ? {} : { credential: token.credential }),
    retries: 3,
    random: () => 0.1,
    ...changes,
  };
}

const enroll = (options: HttpsOptions, name = 'web-01') => httpsSource(options).obtain({ ...WEB01, name }, live);

describe('obtain/https and link/https at a Wazuh 5 of the sandbox', () => {
  let sandbox: HttpsSandbox | undefined;
  let certificates: HttpsCertificates;
  before(async () => {
    certificates = await issueHttpsCertificates();
  });
  const start = async (options: HttpsSandboxOptions = {}) => {
    const { oddities = [] } = options;
    const own = oddities.includes('other-leaf') || oddities.includes('hostile-bundle');
    sandbox = await startHttpsSandbox({ ...(own ? {} : { certificates }), ...options });
    return sandbox;
  };
  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
  });
  const proving = (key: AgentKey, fresh: boolean, waitMs = 2000) => ({
    record: key.record,
    manager: key.belongings?.manager ?? { host: '', port: 0, prefix: '' },
    trust: { ca: key.belongings?.anchor ?? '', insecure: false },
    fresh,
    waitMs,
    timeoutMs: 2000,
  });

  for (const [what, options, wanted] of [
    ['a token with a pin', {}, {}],
    ['a token with the CA', {}, { anchor: 'ca' }],
    ['a token without a credential', { enrollment: 'open' }, { credential: false }],
    ['another prefix', { prefix: 'soc/wazuh' }, {}],
    ['no prefix', { prefix: '' }, {}],
    ['IPv6', { host: '::1' }, {}],
  ] as const) {
    it(`go from the token to the proven link and leave the agent disconnected: ${what}`, async () => {
      const at = await start(options);
      const key = await enroll(byToken(at.mintToken(wanted).text));
      const proof = await prove(proving(key, true), edge, live);
      expect(proof.protocol).to.equal('https');
      expect(at.agents().map(({ name, state, version }) => [name, state, version])).to.deep.equal([
        ['web-01', 'disconnected', 'v5.0.0'],
      ]);
      const before = JSON.stringify(at.agents());
      expect((await prove(proving(key, false), edge, live)).attempts).to.equal(1);
      expect(JSON.stringify(at.agents())).to.equal(before);
    });
  }

  it('go by the password, and by the re-enrollment secret, which keeps the id', async () => {
    const at = await start({ password: PASSWORD.password });
    const { host, port } = at.endpoints.https;
    const options = byToken(at.mintToken().text, {
      manager: { host, port, prefix: 'wazuh-manager' },
      credential: PASSWORD,
    });
    const key = await enroll(options);
    const reenroll = key.belongings?.reenroll;
    if (reenroll === undefined) throw new Error('no secret');
    const again = await enroll({ ...options, credential: { kind: 'reenroll', ...reenroll } });
    expect(again.record.id).to.equal(key.record.id);
    expect(again.record.key.reveal()).to.not.equal(key.record.key.reveal());
    await prove(proving(again, true), edge, live);
    await failure('LINK_REFUSED', () => prove(proving(key, false), edge, live));
    at.removeAgent(key.record.id);
    const dead = again.belongings?.reenroll;
    if (dead === undefined) throw new Error('no secret');
    await failure('REENROLL_SECRET_REFUSED', () => enroll({ ...options, credential: { kind: 'reenroll', ...dead } }));
  });

  it('ask for a secret where a key came without one', async () => {
    const at = await start();
    const record = at.addAgent({ name: 'by-hand' });
    const token = byToken(at.mintToken().text);
    await pause(200, live);
    const request = {
      record,
      manager: token.manager,
      trust: { ca: at.ca, insecure: false },
      waitMs: 2000,
      timeoutMs: 2000,
    };
    const answer = await askReenrollSecret(request, edge, live);
    expect(answer.kind === 'given' && answer.reenroll.secret.reveal()).to.equal(at.reenrollSecret(record.id)?.reveal());
  });

  it('wait for a key that the manager learns late', async () => {
    const at = await start({ keyReloadMs: 700 });
    const key = await enroll(byToken(at.mintToken().text));
    const proof = await prove(proving(key, true, 5000), edge, live);
    expect(proof.attempts).to.be.greaterThan(2);
  });

  const oddities: readonly (readonly [NonNullable<HttpsSandboxOptions['oddities']>[number], ErrorCode | 'ok'])[] = [
    ['skewed-clock', 'ok'],
    ['rate-limited', 'ok'],
    ['hostile-bundle', 'CERTIFICATE_UNTRUSTED'],
    ['lost-answer', 'ANSWER_LOST'],
    ['no-ca', 'CERTIFICATE_UNTRUSTED'],
    ['ca-mismatch', 'CERTIFICATE_UNTRUSTED'],
    ['other-leaf', 'CERTIFICATE_NAME_MISMATCH'],
    ['token-revoked', 'TOKEN_REFUSED'],
    ['token-expired', 'TOKEN_REFUSED'],
    ['token-used-up', 'TOKEN_REFUSED'],
    ['jwt-generation', 'MANAGER_UNSUPPORTED'],
    ['cmac-generation', 'MANAGER_UNSUPPORTED'],
  ];
  for (const [oddity, outcome] of oddities) {
    it(`know ${oddity}: ${outcome}`, async () => {
      const at = await start({ oddities: [oddity] });
      const options = byToken(at.mintToken().text, { retries: 0 });
      if (outcome !== 'ok') {
        await failure(outcome, () => enroll({ ...options, timeoutMs: 400 }));
        return;
      }
      const key = await enroll({ ...options, timeoutMs: 5000 });
      await prove(proving(key, true), edge, live);
    });
  }

  it('find out which generation it is', async () => {
    for (const [generation, expected] of [
      ['tokens', 'tokens'],
      ['jwt', 'password'],
      ['cmac', 'cmac'],
    ] as const) {
      const at = await startHttpsSandbox({ generation, certificates });
      const found = await discover(at.endpoints.https, { dial: world.dial, timeoutMs: 2000 }, live);
      expect(found.kind === 'wazuh-5' && found.generation).to.equal(expected);
      await at.close();
    }
  });

  it('know a manager without its database as one that has accepted the key', async () => {
    const at = await start({ databaseUp: false });
    const key = await enroll(byToken(at.mintToken().text));
    await failure('LINK_NOT_READY', () => prove(proving(key, true, 500), edge, live));
    await prove(proving(key, false), edge, live);
  });

  it('know an agent that is not there', async () => {
    const at = await start();
    const key = await enroll(byToken(at.mintToken().text));
    at.removeAgent(key.record.id);
    await pause(200, live);
    await failure('LINK_NOT_ACKNOWLEDGED', () => prove(proving(key, false, 300), edge, live));
  });
});
