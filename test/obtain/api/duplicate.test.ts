import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode, MEANINGS } from '../../../src/errors.js';
import { dialect4 } from '../../../src/obtain/api/dialect.js';
import { explainDuplicate } from '../../../src/obtain/api/duplicate.js';
import { failure } from '../../net/expect-error.js';

const live = new AbortController().signal;
const dialect = dialect4({ major: 4, minor: 14, text: '4.14.7' });
const agent = (id: string, changes = {}) => ({ id, name: 'web-01', registerIP: '10.0.0.9', ...changes });

/** What is told where the API shows these agents. */
async function told(
  code: ErrorCode,
  shown: readonly unknown[] | Error,
  { ip = '10.0.0.9', force = false, number = 9007 }: { ip?: string | undefined; force?: boolean; number?: number } = {},
) {
  const asked: string[] = [];
  const reply = { status: 200, header: () => undefined, body: undefined };
  const session = {
    secrets: [],
    call: async ({ path }: { path: string }) => {
      asked.push(path);
      if (shown instanceof Error) throw shown;
      return { kind: 'answer', reply, answer: { kind: 'done', data: { items: shown }, failed: [] } } as const;
    },
  };
  const error = new EnrollError(code, 'Taken.', { managerSaid: 'no' });
  const wanted = { name: 'web-01', ip: ip === 'none' ? undefined : ip, force };
  const explained = await explainDuplicate(error, number, wanted, { dialect, session }, live);
  expect(explained).to.include({ code, managerSaid: 'no' });
  return { asked, message: explained.message, hint: explained.hint };
}

describe('a duplicate', () => {
  const ofName = (which: string) =>
    `If it is an old record of this host, replace it with --force, or remove ${which} on the manager (manage_agents -r). Otherwise choose another name with --name.`;
  const mine = ['Taken. It may be the name of the manager itself.', 'Choose another name with --name.'];

  for (const [what, shown, options, message, hint] of [
    ['is named', [agent('007')], {}, 'Taken. It is agent 007 (web-01, 10.0.0.9).', ofName('agent 007')],
    ['is not seen', [], {}, 'Taken.', ofName('the old agent')],
    ['is not shown', new EnrollError('API_STARTING', 'x'), {}, 'Taken.', ofName('the old agent')],
    ['is the manager', [agent('000')], {}, ...mine],
    ['stays in spite of --force', [agent('007')], { force: true }, ...mine],
  ] as const) {
    it(`of the name ${what}`, async () => {
      expect(await told('NAME_DUPLICATE', shown, options)).to.deep.equal({
        asked: ['/agents?name=web-01'],
        message,
        hint,
      });
    });
  }

  const { hint: general } = MEANINGS.IP_DUPLICATE;
  const itself = [
    'Taken. It is the address of the manager itself.',
    'Enroll with --ip any, or with the address that the manager sees of this host.',
  ] as const;
  for (const [what, shown, options, message, hint] of [
    [
      'is named',
      [agent('007', { name: 'old' })],
      {},
      'Taken. It is agent 007 (old, 10.0.0.9).',
      'Remove agent 007 on the manager (manage_agents -r 007) or replace it with --force if it is an old record of this host; otherwise enroll with --ip any.',
    ],
    ['is the manager', [agent('000')], {}, ...itself],
    [
      'is that of every manager, and an agent has it all the same',
      [agent('007', { registerIP: '127.0.0.1' })],
      { ip: '127.0.0.1' },
      'Taken. It is agent 007 (web-01, 127.0.0.1).',
      'Remove agent 007 on the manager (manage_agents -r 007) or replace it with --force if it is an old record of this host; otherwise enroll with --ip any.',
    ],
    ['is that of every manager', [], { ip: '127.0.0.1' }, ...itself],
    ['is not seen', [], {}, 'Taken.', general],
    [
      'may be none, for all that the API says',
      [],
      { number: 1706 },
      'Taken. The API has the same code for an address that it does not accept, but 10.0.0.9 is a valid one; this API user sees no agent that has it.',
      general,
    ],
  ] as const) {
    it(`of the address ${what}`, async () => {
      const result = await told('IP_DUPLICATE', shown, options);
      expect(result.asked).to.deep.equal([`/agents?registerIP=${'ip' in options ? options.ip : '10.0.0.9'}`]);
      expect([result.message, result.hint]).to.deep.equal([message, hint]);
    });
  }

  it('is not looked for where there is none, or no address was sent', async () => {
    expect((await told('IP_DUPLICATE', [agent('007')], { ip: 'none' })).asked).to.deep.equal([]);
    expect((await told('IP_REFUSED', [agent('007')])).asked).to.deep.equal([]);
  });

  it('is left where the run is stopped', async () => {
    const stop = AbortSignal.abort(new EnrollError('TERMINATED', 'x'));
    const session = { secrets: [], call: () => Promise.reject(new Error('stopped')) };
    const error = new EnrollError('NAME_DUPLICATE', 'x');
    const wanted = { name: 'web-01', ip: 'any', force: false };
    await failure('TERMINATED', () => explainDuplicate(error, 1705, wanted, { dialect, session }, stop));
  });
});
