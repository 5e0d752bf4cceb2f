import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { ApiClient, type Pair, pairsOf, type RecordedRequest } from './api-client.js';

let certificate: IssuedCertificate;
before(async () => {
  certificate = await issueStockCertificate();
});

interface Bench {
  readonly sandbox: Sandbox;
  readonly client: ApiClient;
  close(): Promise<void>;
}

async function start(options: Omit<SandboxOptions, 'certificate' | 'hostName'>): Promise<Bench> {
  const sandbox = await startSandbox({ ...options, certificate, hostName: 'vm' });
  const client = new ApiClient(sandbox.api?.url ?? '');
  return {
    sandbox,
    client,
    close: async () => {
      client.close();
      await sandbox.close();
    },
  };
}

// What the recorded requests fix themselves.
const ASKED_ID = '500';
const ASKED_KEY = 'ab'.repeat(32);

/** What differs from run to run, replaced by what it is. */
function masked(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((entry) => masked(entry));
  if (typeof value === 'object' && value !== null) {
    const issued = 'key' in value && 'id' in value;
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, issued && key === 'id' ? idMask(entry) : masked(entry, key)]),
    );
  }
  if (typeof value !== 'string') return value;
  if (name === 'revision') return '<revision>';
  if (name === 'timestamp' && /GMT[+-]\d{4} \(.+\)$/.test(value) && !Number.isNaN(Date.parse(value))) return '<Date>';
  if (name === 'timestamp' || name === 'dateAdd') return value.replace(/\d/g, '0');
  return tokenMask(keyMask(value));
}

function idMask(id: unknown): unknown {
  return typeof id === 'string' && /^\d{3}$/.test(id) && id !== ASKED_ID ? '<id>' : id;
}

// Name and address stay: they must be those of the recording.
function keyMask(text: string): string {
  const line = Buffer.from(text, 'base64').toString('latin1');
  const [, name, ip, key] = /^\d{3,} (\S+) (\S+) ([0-9a-f]{64})$/.exec(line) ?? [];
  return key === undefined || key === ASKED_KEY ? text : `<key of ${name} at ${ip}>`;
}

function claimsOf(token: string): Record<string, unknown> {
  const payload = token.split('.')[1] ?? '';
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}

function tokenMask(text: string): string {
  if (!/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return text;
  const claims = claimsOf(text);
  const lifetime = Number(claims['exp']) - Number(claims['nbf']);
  return JSON.stringify([
    text.split('.')[0],
    Object.keys(claims).sort(),
    lifetime,
    claims['sub'],
    claims['rbac_roles'],
  ]);
}

/** The request with a token of this sandbox, for the user that the recorded one was of. */
async function withToken(request: RecordedRequest, client: ApiClient): Promise<RecordedRequest> {
  const token = request.headers['Authorization']?.split('Bearer ')[1];
  const user = token === undefined ? undefined : claimsOf(token)['sub'];
  if (typeof user !== 'string') return request;
  const own = await client.logIn(user, user);
  return { ...request, headers: { ...request.headers, Authorization: `Bearer ${own}` } };
}

async function replay({ request, response }: Pair, client: ApiClient): Promise<void> {
  const answer = await client.send(request);
  expect(answer.status).to.equal(response.status);
  expect(answer.headers).to.include(response.headers);
  expect(masked(answer.body)).to.deep.equal(masked(response.body));
}

type Prepare = (bench: Bench) => Promise<void>;

// Pairs that need another manager than the one that all others are sent to, in the order of the file.
const ELSEWHERE: Readonly<Record<string, { options?: SandboxOptions['api']; prepare?: Prepare }>> = {
  'rate-limited': { options: { rateLimit: 1 } },
  'login-blocked': { options: { blockAfter: 1 }, prepare: failToLogIn },
  'login-blocked-post': { options: { blockAfter: 1 }, prepare: failToLogIn },
  'token-expired': { options: { tokenLifetimeMs: 2_000 } },
  'authd-down': { options: { authdReachable: false } },
};

async function failToLogIn({ client }: Bench): Promise<void> {
  const wrong = pairsOf('4.14.7').find(([name]) => name === 'bad-credentials')?.[1];
  if (wrong === undefined) throw new Error('no such recording');
  await replay(wrong, client);
}

// An agent that the recording speaks of, and that no recorded request adds.
async function addBefore(name: string, path: string, authorization: string, client: ApiClient): Promise<void> {
  const headers = { Authorization: authorization, 'Content-Type': 'application/json' };
  expect((await client.send({ method: 'POST', path, headers, body: { name } })).status).to.equal(200);
}

describe("the sandbox's API answers as 4.14.7 did", () => {
  let bench: Bench;
  before(async () => {
    bench = await start({ family: 'wazuh-4' });
  });
  after(() => bench.close());

  for (const [name, pair] of pairsOf('4.14.7')) {
    const elsewhere = ELSEWHERE[name];
    if (elsewhere === undefined) {
      it(`${name}: ${pair.request.method} ${pair.request.path}`, async () => {
        const request = await withToken(pair.request, bench.client);
        if (name === 'force-replace') {
          await addBefore('ins04', '/agents', request.headers['Authorization'] ?? '', bench.client);
        }
        await replay({ ...pair, request }, bench.client);
      });
      continue;
    }
    it(`${name}: ${pair.request.method} ${pair.request.path}`, async () => {
      let now = Date.parse('2026-11-22T05:23:31Z');
      const own = await start({ family: 'wazuh-4', clock: () => new Date(now), api: elsewhere.options ?? {} });
      try {
        await elsewhere.prepare?.(own);
        const request = await withToken(pair.request, own.client);
        if (name === 'token-expired') now += 2_000;
        await replay({ ...pair, request }, own.client);
      } finally {
        await own.close();
      }
    });
  }
});

describe("the sandbox's API answers as 3.13.6 did, with authd running", () => {
  let bench: Bench;
  before(async () => {
    bench = await start({ family: 'wazuh-3' });
  });
  after(() => bench.close());

  for (const [name, pair] of pairsOf('3.13.6-authd')) {
    it(`${name}: ${pair.request.method} ${pair.request.path}`, () => replay(pair, bench.client));
  }
});
