import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { KnownAnswer } from '../../../src/obtain/api/answer.js';
import type { Answered } from '../../../src/obtain/api/converse.js';
import { dialect4 } from '../../../src/obtain/api/dialect.js';
import { recover } from '../../../src/obtain/api/recover.js';
import { failure } from '../../net/expect-error.js';

const live = new AbortController().signal;
const CLOCK = Date.parse('2026-11-22T05:20:45Z');
const KEY = Buffer.from(`007 web-01 any ${'ab'.repeat(32)}`).toString('base64');
const error = new EnrollError('ANSWER_LOST', 'Lost.');
const reply = { status: 200, header: () => undefined, body: undefined };

const settle = (answer: KnownAnswer): Answered => ({ kind: 'answer', answer, reply });
const list = (...affected: readonly unknown[]) =>
  settle({ kind: 'done', data: { affected_items: affected }, failed: [] });
const failed = (code: number) => settle({ kind: 'done', data: {}, failed: [{ code, said: '', ids: [] }] });
const refused = (code: number) => settle({ kind: 'refused', status: 400, code, said: '' });
const unseen = new EnrollError('CONNECTION_FAILED', 'x');
const OURS = {
  id: '007',
  name: 'web-01',
  registerIP: 'any',
  status: 'never_connected',
  dateAdd: '2026-11-22T05:20:46Z',
};
const ours = (changes: Readonly<Record<string, unknown>> = {}) => list({ ...OURS, ...changes });

interface Asked {
  readonly ip?: string | undefined;
  readonly force?: boolean;
  readonly clock?: number | undefined;
}

/** Finds out what came of a request where the API answers so, in order. */
function finding(
  answers: readonly (Answered | EnrollError)[],
  { force = false, ...asked }: Asked = {},
  patience = 0,
  signal: AbortSignal = live,
) {
  const paths: string[] = [];
  const queue = [...answers];
  let waited = 0;
  const session = {
    secrets: [],
    call: async ({ path }: { readonly path: string }) => {
      paths.push(path);
      const answer = queue.shift() ?? refused(4000);
      if (answer instanceof EnrollError) throw answer;
      return answer;
    },
  };
  const lost = {
    agent: { name: 'web-01', ip: 'ip' in asked ? asked.ip : 'any', force },
    expected: { name: 'web-01', asked: { kind: 'any' }, where: 'm' },
    clock: 'clock' in asked ? asked.clock : CLOCK,
    elapsedMs: 5000,
    error,
  } as const;
  const context = {
    dialect: dialect4({ major: 4, minor: 14, text: '4.14.7' }),
    session,
    patience: { wait: async () => waited++ < patience },
  };
  return { paths, found: () => recover(lost, context, signal) };
}

describe('a request whose answer was lost', () => {
  it('was carried out where the agent is there, new and never connected', async () => {
    const { paths, found } = finding([ours(), list({ key: KEY })]);
    const { record, warnings } = await found();
    expect(record.id).to.equal('007');
    expect(warnings).to.deep.equal([
      'The answer to the request was lost; the manager had carried it out, and the key of agent 007 was read from there.',
    ]);
    expect(paths).to.deep.equal(['/agents?name=web-01', '/agents/007/key']);
  });

  for (const [what, changes] of [
    ['in the words of 3.x', { status: 'Never connected', dateAdd: '2026-11-22 05:20:45' }],
    ['by a second of tolerance', { dateAdd: '2026-11-22T05:20:44Z' }],
    ['by the skew of a cluster', { dateAdd: '2026-11-22T05:21:50Z' }],
  ] as const) {
    it(`was carried out, ${what}`, async () => {
      expect((await finding([ours(changes), list({ key: KEY })]).found()).record.id).to.equal('007');
    });
  }

  for (const [what, changes] of [
    ['was there a little before', { dateAdd: '2026-11-22T05:20:43Z' }],
    ['came later than the request', { dateAdd: '2026-11-22T05:21:51Z' }],
    ['has no time', { dateAdd: undefined }],
    ['has a time that is none', { dateAdd: 'yesterday' }],
    ['has connected', { status: 'active' }],
    ['is said to have never connected', { status: 'has never connected' }],
    ['has never connected, and more', { status: 'never connected to x' }],
    ['has no state', { status: undefined }],
    ['has another address', { registerIP: '10.0.0.9' }],
    ['has no address', { registerIP: undefined }],
    ['has another name', { name: 'WEB-01' }],
  ] as const) {
    it(`may be another's: an agent that ${what}`, async () => {
      const { paths, found } = finding([ours(changes), list({ key: KEY })]);
      expect(await failure('ANSWER_LOST', found)).to.equal(error);
      expect(paths).to.have.length(1);
    });
  }

  it('is as old as the manager says, in whatever zone this host is', async () => {
    const zone = process.env['TZ'];
    process.env['TZ'] = 'Asia/Tokyo';
    try {
      expect(new Date(CLOCK).getTimezoneOffset()).to.equal(-540);
      const { found } = finding([ours({ dateAdd: '2026-11-22 05:20:46' }), list({ key: KEY })]);
      expect((await found()).record.id).to.equal('007');
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  it('without an address may have any', async () => {
    const { found } = finding([ours(), list({ key: KEY })], { ip: undefined });
    expect((await found()).record.id).to.equal('007');
  });

  it('was certainly not carried out where an older agent has the name', async () => {
    const old = ours({ dateAdd: '2026-11-22T05:19:44Z' });
    const thrown = await failure('NAME_DUPLICATE', finding([old]).found);
    expect(thrown.message).to.equal(
      'The manager already has an agent called web-01: agent 007 (web-01, any), never connected, registered 2026-11-22T05:19:44Z. The answer to the request was lost, but that agent is older.',
    );
    expect(thrown.cause).to.equal(error);
    expect(await failure('ANSWER_LOST', finding([old], { force: true }).found)).to.equal(error);
    expect(await failure('ANSWER_LOST', finding([ours({ dateAdd: '2026-11-22T05:19:45Z' })]).found)).to.equal(error);
  });

  it('is not looked for without the clock of the manager', async () => {
    const { paths, found } = finding([ours()], { clock: undefined });
    expect(await failure('ANSWER_LOST', found)).to.equal(error);
    expect(paths).to.deep.equal([]);
  });

  it('is looked for again, and so is its key, as long as there is patience', async () => {
    const { paths, found } = finding(
      [list(), refused(4000), ours(), failed(1701), refused(1701), list({ key: KEY })],
      {},
      9,
    );
    expect((await found()).record.id).to.equal('007');
    expect(paths).to.have.length(6);
    expect(await failure('ANSWER_LOST', finding([list(), list(), ours()], {}, 1).found)).to.equal(error);
    expect(await failure('ANSWER_LOST', finding([ours(), failed(1701), list({ key: KEY })]).found)).to.equal(error);
  });

  it('is given up where the API is not to be reached any more', async () => {
    const { paths, found } = finding([unseen, ours(), list({ key: KEY })], {}, 9);
    expect(await failure('ANSWER_LOST', found)).to.equal(error);
    expect(paths).to.have.length(1);
  });

  it('is given up where its key is not shown', async () => {
    for (const answer of [failed(4000), refused(4000), list({ key: 'x' }), unseen] as const) {
      const { paths, found } = finding([ours(), answer, list({ key: KEY })], {}, 9);
      expect(await failure('ANSWER_LOST', found)).to.equal(error);
      expect(paths).to.have.length(2);
    }
  });

  it('ends with the reason of its signal', async () => {
    const stop = AbortSignal.abort(new EnrollError('TERMINATED', 'x'));
    await failure('TERMINATED', finding([list()], {}, 0, stop).found);
  });
});
