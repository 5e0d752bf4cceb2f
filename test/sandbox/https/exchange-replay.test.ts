import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { Secret } from '../../../src/model/secret.js';
import {
  authdRefusal,
  flatRefusal,
  type HttpsAnswer,
  OVERLOADED,
  type Route,
  rateLimited,
  unauthorized,
} from '../../../src/sandbox/https/answers.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../../src/sandbox/https/certificates.js';
import { type HttpsSandbox, type HttpsSandboxOptions, startHttpsSandbox } from '../../../src/sandbox/https/manager.js';
import {
  agentJwt,
  bearerOfPassword,
  bearerOfSecret,
  bearerOfToken,
  Client,
  enrollJwt,
  type Reply,
  WEB_01,
} from './client.js';
import { type Exchange, VECTORS } from './vectors.js';

// When all of the answers say they were given.
const NOW = new Date('2026-11-25T08:00:00Z');
const IAT = NOW.getTime() / 1000;
const KEY = 'ab'.repeat(32);
const STARTUP = { type: 'startup', version: 'v5.0.0' };

interface Bench {
  readonly sandbox: HttpsSandbox;
  readonly client: Client;
}

/** How an answer is brought about. `given`: it is planned, for what no request alone brings about. */
interface Scenario {
  readonly options?: HttpsSandboxOptions;
  readonly given?: HttpsAnswer;
  readonly ask: (bench: Bench) => Promise<Reply | undefined>;
}

const withToken = ({ sandbox, client }: Bench, members: object = WEB_01, terms = {}) =>
  client.enroll(members, bearerOfToken(sandbox.mintToken(terms).text.reveal(), { iat: IAT }));
const withPassword = ({ client }: Bench, password = 'right') =>
  client.enroll(WEB_01, bearerOfPassword(password, { iat: IAT }));
const withKey = async ({ sandbox, client }: Bench, message: object = STARTUP, key = KEY, iat = IAT) => {
  const { id } = sandbox.addAgent({ name: 'web-01', key: new Secret(KEY) });
  await sandbox.stopRemoted();
  await sandbox.startRemoted();
  return client.control(message, agentJwt(key, id, { iat }));
};
const secret = async ({ client }: Bench) => client.secret();
const cacerts = ({ client }: Bench) => client.ask('cacerts');
const given = (answer: HttpsAnswer, ask: Scenario['ask'] = withToken): Scenario => ({ given: answer, ask });
const nested = (kind: string) => `{"error":{"code":"${kind}","message":"Invalid client authentication"}}`;
const coded = (code: number, message: string) => JSON.stringify({ error: { code, message } });
const flat = (kind: string) => `{"error":"Invalid client authentication","code":"${kind}"}`;

const NGINX: HttpsAnswer = {
  status: 200,
  body: '<html></html>',
  headers: { Server: 'nginx', 'Content-Type': 'text/html' },
};

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  [`enroll none ${nested('invalid_request')}`]: { ask: ({ client }) => client.enroll(WEB_01) },
  [`enroll password ${nested('invalid_signature')}`]: {
    options: { password: new Secret('right') },
    ask: (bench) => withPassword(bench, 'wrong'),
  },
  [`enroll token ${nested('invalid_signature')}`]: {
    ask: ({ sandbox, client }) => {
      const { id } = sandbox.mintToken();
      return client.enroll(WEB_01, enrollJwt(Buffer.alloc(32), id, { iat: IAT }));
    },
  },
  [`enroll token ${nested('token_unknown')}`]: {
    ask: ({ sandbox, client }) => {
      const { id = '', text } = sandbox.mintToken();
      sandbox.forgetToken(id);
      return client.enroll(WEB_01, bearerOfToken(text.reveal(), { iat: IAT }));
    },
  },
  [`enroll token ${nested('stale_token')}`]: {
    ask: ({ sandbox, client }) =>
      client.enroll(WEB_01, bearerOfToken(sandbox.mintToken().text.reveal(), { iat: IAT - 91 })),
  },
  [`enroll token ${nested('token_expired')}`]: { ask: (bench) => withToken(bench, WEB_01, { lifetimeMs: 0 }) },
  [`enroll token ${nested('token_revoked')}`]: {
    ask: ({ sandbox, client }) => {
      const { id = '', text } = sandbox.mintToken();
      sandbox.revokeToken(id);
      return client.enroll(WEB_01, bearerOfToken(text.reveal(), { iat: IAT }));
    },
  },
  [`enroll reenroll ${nested('unknown_agent')}`]: {
    ask: ({ client }) => client.enroll(WEB_01, bearerOfSecret(KEY, '001', { iat: IAT })),
  },
  [`enroll password ${nested('enrollment_key_unavailable')}`]: { ask: withPassword },
  [`enroll token ${nested('class_of_tomorrow')}`]: given(unauthorized('enroll', 'class_of_tomorrow')),
  [`enroll token ${coded(0, 'Enrollment is disabled on this manager')}`]: {
    options: { enrollment: 'disabled' },
    ask: withToken,
  },
  [`enroll token ${coded(9022, 'Enrollment token not found or revoked')}`]: given(authdRefusal(9022)),
  [`enroll token ${coded(9023, 'Enrollment token expired')}`]: given(authdRefusal(9023)),
  [`enroll token ${coded(9024, 'Enrollment token uses exhausted')}`]: {
    ask: async ({ sandbox, client }) => {
      const text = sandbox.mintToken({ uses: 1 }).text.reveal();
      const first = await client.enroll(WEB_01, bearerOfToken(text, { iat: IAT }));
      expect(first?.status).to.equal(200);
      return client.enroll({ ...WEB_01, name: 'web-02' }, bearerOfToken(text, { iat: IAT }));
    },
  },
  [`enroll token ${coded(9008, 'Duplicate name')}`]: {
    ask: (bench) => {
      bench.sandbox.addAgent({ name: 'web-01' });
      return withToken(bench);
    },
  },
  [`enroll password ${coded(9007, 'Duplicate IP')}`]: {
    options: { password: new Secret('right') },
    ask: ({ sandbox, client }) => {
      sandbox.addAgent({ name: 'old', ip: '127.0.0.1' });
      return client.enroll({ ...WEB_01, ip: 'src' }, bearerOfPassword('right', { iat: IAT }));
    },
  },
  [`enroll reenroll ${coded(9030, '(text not seen)')}`]: given(authdRefusal(9030), async ({ client }) =>
    client.enroll(WEB_01, bearerOfSecret(KEY, '001', { iat: IAT })),
  ),
  [`enroll token ${coded(0, 'Missing or invalid field: name')}`]: { ask: (bench) => withToken(bench, {}) },
  [`enroll token ${coded(9014, 'Invalid Group(s) Name(s)')}`]: {
    ask: (bench) => withToken(bench, { ...WEB_01, groups: 'nowhere' }),
  },
  [`enroll token ${coded(0, 'Agent version is newer than this manager allows')}`]: {
    ask: (bench) => withToken(bench, { ...WEB_01, version: 'v5.1.0' }),
  },
  [`enroll token ${coded(0, 'Missing required header: protocol-version')}`]: {
    ask: ({ client }) => client.ask('enroll', { body: '{}' }),
  },
  [`enroll token ${coded(0, 'Unsupported Content-Encoding')}`]: {
    ask: ({ client }) => client.enroll(WEB_01, undefined, { headers: { 'Content-Encoding': 'gzip' } }),
  },
  [`enroll token ${coded(0, 'Enrollment is rate limited on this manager, retry later')}`]: {
    options: { rate: { perSecond: 1, burst: 1 } },
    ask: async ({ client }) => {
      await client.enroll({});
      return client.enroll({});
    },
  },
  [`enroll token ${coded(9013, 'Maximum number of agents reached')}`]: { options: { agentLimit: 0 }, ask: withToken },
  [`enroll token ${coded(9016, 'Cannot communicate with master node')}`]: given(authdRefusal(9016)),
  [`enroll token ${coded(9031, '(text not seen)')}`]: given(authdRefusal(9031)),
  [`enroll token ${coded(-1, 'Enrollment service temporarily unavailable')}`]: given(authdRefusal(-1)),
  [`enroll token ${coded(9009, 'Issue generating key')}`]: given(authdRefusal(9009)),
  [`enroll token {"error":"Service unavailable","code":503}`]: given(OVERLOADED),
  [`enroll token bare {"error":"not_found"}`]: {
    ask: ({ sandbox, client }) => client.askAt(new URL('/enroll', sandbox.url), { body: '{}' }),
  },
  [`enroll token <html></html>`]: given(NGINX),
  [`control agent key {"agent":{"groups":["default"]},"cluster":{"name":"wazuh"},"limits":{}}`]: { ask: withKey },
  [`control agent key ${flat('unknown_agent')}`]: {
    options: { keyReloadMs: 60_000 },
    ask: ({ sandbox, client }) => {
      const { id } = sandbox.addAgent({ name: 'web-01', key: new Secret(KEY) });
      return client.control(STARTUP, agentJwt(KEY, id, { iat: IAT }));
    },
  },
  [`control agent key ${flat('invalid_signature')}`]: {
    ask: (bench) => withKey(bench, STARTUP, 'cd'.repeat(32)),
  },
  [`control agent key ${flat('stale_token')}`]: { ask: (bench) => withKey(bench, STARTUP, KEY, IAT + 31) },
  [`control agent key ${flat('invalid_request')}`]: { ask: ({ client }) => client.control(STARTUP) },
  [`control agent key {"error":"dependency_unavailable","dependency":"wazuh-db"}`]: {
    options: { databaseUp: false },
    ask: withKey,
  },
  [`control agent key {"error":"database_error"}`]: {
    options: { databaseUp: false, generation: 'jwt' },
    ask: withKey,
  },
  [`control agent key 409 {"error":"invalid_version"}`]: {
    ask: (bench) => withKey(bench, { type: 'startup', version: 'v9.0.0' }),
  },
  [`control agent key 400 {"error":"invalid_version"}`]: {
    options: { generation: 'jwt' },
    ask: (bench) => withKey(bench, { type: 'startup', version: 'five' }),
  },
  [`control agent key {"error":"unknown_message_type"}`]: {
    // No database is asked.
    options: { databaseUp: false },
    ask: (bench) => withKey(bench, { type: 'agent-enroll-probe' }),
  },
  [`control agent key {"error":"Service unavailable","code":503}`]: given(OVERLOADED, withKey),
  [`cacerts none {"error":"not_found"}`]: { options: { cacerts: 'absent' }, ask: cacerts },
  [`cacerts none bare {"error":"not_found"}`]: { options: { generation: 'jwt' }, ask: cacerts },
  [`cacerts none {"error":"ca_mismatch"}`]: { options: { cacerts: 'mismatch' }, ask: cacerts },
  [`cacerts none {"error":"rate_limited"}`]: given(rateLimited('cacerts'), cacerts),
  [`secret agent key {"error":"reenroll_in_progress"}`]: given(flatRefusal(409, 'reenroll_in_progress'), secret),
  [`secret agent key {"error":"authd_unavailable"}`]: {
    options: { keyReloadMs: 60_000 },
    ask: async ({ sandbox, client }) => {
      const { id } = sandbox.addAgent({ name: 'web-01', key: new Secret(KEY) });
      await sandbox.stopRemoted();
      await sandbox.startRemoted();
      sandbox.removeAgent(id);
      return client.secret(agentJwt(KEY, id, { iat: IAT }));
    },
  },
};

describe('the answers of a Wazuh 5 sandbox, as recorded', () => {
  let certificates: HttpsCertificates;
  let bench: Bench | undefined;

  before(async () => {
    certificates = await issueHttpsCertificates();
  });

  afterEach(async () => {
    bench?.client.close();
    await bench?.sandbox.close();
  });

  const reached = new Set<string>();
  for (const vector of VECTORS.exchange) {
    it(`${vector.step}: ${vector.conclude}, ${vector.status} ${vector.body}`, async () => {
      const name = nameOf(vector);
      const scenario = SCENARIOS[name];
      if (scenario === undefined) throw new Error(`nothing brings about ${name}`);
      reached.add(name);
      const sandbox = await startHttpsSandbox({ certificates, clock: () => NOW, ...scenario.options });
      bench = { sandbox, client: new Client(sandbox) };
      if (scenario.given !== undefined) sandbox.interfere({ route: routeOf(vector), answer: scenario.given });
      const reply = await scenario.ask(bench);
      if (reply === undefined) throw new Error('no answer');
      expect(reply.status).to.equal(vector.status);
      expect(shownHeaders(reply.headers)).to.deep.equal(shownHeaders(vector.headers));
      if (vector.body.includes('(text not seen)')) {
        expect(reply.body.replace(/"message":"[^"]*"/, '"message":"(text not seen)"')).to.equal(vector.body);
      } else {
        expect(reply.body).to.equal(vector.body);
      }
    });
  }

  after(() => {
    expect([...reached].sort()).to.deep.equal(Object.keys(SCENARIOS).sort());
  });
});

function routeOf({ step }: Exchange): Route {
  return step;
}

function nameOf({ step, credential_sent, status, headers, body }: Exchange): string {
  const bare = body.includes('not_found') && headers['Server'] === undefined ? 'bare ' : '';
  const numbered = body.includes('invalid_version') ? `${status} ` : '';
  return `${step} ${credential_sent} ${bare}${numbered}${body}`;
}

/** What a client decides by; the frame of HTTP left out. */
function shownHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const framing = ['content-length', 'transfer-encoding'];
  return Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]): [string, unknown] => [name.toLowerCase(), value])
      .filter(([name]) => !framing.includes(name)),
  );
}
