import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { budgetOfTry } from '../../../src/obtain/patience.js';
import { failure } from '../../net/expect-error.js';
import { type ApiServer, managerApi, problem, recorded, type Step, success, type Version } from './api-server.js';
import { asking, completed, obtainPlainly as obtain } from './setting.js';

const LOGIN = '/security/user/authenticate';
const POST = `POST ${LOGIN}`;
const GET = `GET ${LOGIN}`;
const notAllowed = problem(405, '405: Method Not Allowed');
const OBJECT = {
  force: { enabled: true, disconnected_time: { enabled: false, value: '0' }, after_registration_time: '0' },
};

/** What differs between the versions, as it was measured on each. */
interface Row {
  readonly version: string;
  readonly recordings: Version;
  /** The calls of a login. */
  readonly logIn: readonly string[];
  readonly family: string;
  readonly force: Readonly<Record<string, unknown>>;
  readonly ranges: boolean;
  readonly ipv6: boolean;
  /** Whether a group can be assigned before the agent has connected. */
  readonly groups: boolean;
}

const ROWS: readonly Row[] = [
  {
    version: '4.0.4',
    recordings: '4.3.11',
    logIn: [POST, GET],
    family: 'wazuh-4',
    force: { force_time: 0 },
    ranges: false,
    ipv6: false,
    groups: false,
  },
  {
    version: '4.3.11',
    recordings: '4.3.11',
    logIn: [POST, GET],
    family: 'wazuh-4',
    force: OBJECT,
    ranges: false,
    ipv6: false,
    groups: false,
  },
  {
    version: '4.7.5',
    recordings: '4.14.7',
    logIn: [POST],
    family: 'wazuh-4',
    force: OBJECT,
    ranges: false,
    ipv6: true,
    groups: true,
  },
  {
    version: '4.14.7',
    recordings: '4.14.7',
    logIn: [POST],
    family: 'wazuh-4',
    force: OBJECT,
    ranges: true,
    ipv6: true,
    groups: true,
  },
  {
    version: '5.0.0-beta4',
    recordings: '4.14.7',
    logIn: [POST],
    family: 'wazuh-5',
    force: OBJECT,
    ranges: true,
    ipv6: true,
    groups: true,
  },
];

describe('the versions of the API', () => {
  let server: ApiServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  for (const { version, recordings, logIn, family, force, ranges, ipv6, groups } of ROWS) {
    describe(version, () => {
      const serve = async (routes: Record<string, Step>) => {
        const token = recorded(recordings, 'authenticate-json');
        server = await managerApi(
          recordings,
          {
            [POST]: logIn.includes(GET) ? notAllowed : token,
            [GET]: version.startsWith('5.') || !logIn.includes(GET) ? notAllowed : token,
            'GET /': success({ api_version: version, timestamp: '2026-11-22T05:23:31Z' }),
            'GET /groups': success({ affected_items: [{ name: 'default' }], failed_items: [] }),
            'POST /agents': 'add-success',
            'POST /agents/insert': 'force-replace',
            'PUT /agents/001/group/default': 'group-assign',
            ...routes,
          },
          { plain: true },
        );
        return server;
      };

      it(`logs in with ${logIn.length === 1 ? 'one call' : 'POST, then GET'} and gets a key`, async () => {
        const { url, calls } = await serve({});
        const key = await obtain(url, asking('web01'));
        expect(key.family).to.equal(family);
        expect(calls).to.deep.equal(['GET /', ...logIn, 'GET /', 'POST /agents']);
      });

      it('replaces an agent in its own way', async () => {
        const { url, seen } = await serve({});
        await obtain(url, asking('ins04'), { force: true });
        expect(seen.at(-1)).to.deep.include({ path: '/agents/insert', body: { name: 'ins04', ip: 'any', ...force } });
      });

      for (const [address, taken] of [
        ['10.1.0.0/16', ranges],
        ['2001:db8::1', ipv6],
      ] as const) {
        it(`${taken ? 'is sent' : 'is not sent'} ${address}`, async () => {
          const line = `006 web05 ${address} ${'ab'.repeat(32)}`;
          const { url, calls } = await serve({
            'POST /agents': success({ id: '006', key: Buffer.from(line).toString('base64') }),
          });
          if (taken) {
            expect((await obtain(url, asking('web05', address))).record.ip).to.equal(address);
            return;
          }
          const error = await failure('IP_REFUSED', () => obtain(url, asking('web05', address)));
          expect(error.message).to.include(version);
          expect(calls).not.to.include('POST /agents');
        });
      }

      it(groups ? 'assigns a group' : 'keeps the key without the group, and says when it can be assigned', async () => {
        const { url } = await serve({});
        const key = await completed(await obtain(url, asking('web01', undefined, ['default'])));
        expect(key.record.id).to.equal('001');
        expect(key.groups).to.deep.equal(groups ? ['default'] : []);
        const told = key.warnings.join();
        if (groups) expect(told).not.to.include('assigned');
        else expect(told).to.include('1753').and.include('once the agent has connected').and.include('agent_groups -a');
      });
    });
  }

  it('a try waits so long that all tries together outlast the minute of the limit', () => {
    for (const retries of [1, 3, 10]) {
      expect(budgetOfTry(10_000, retries) * (retries + 1)).to.be.greaterThan(60_000);
      expect(budgetOfTry(10_000, retries)).to.be.at.least(10_000);
    }
    expect(budgetOfTry(10_000, 0)).to.equal(10_000);
  });
});
