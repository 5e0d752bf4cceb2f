import { expect } from 'chai';
import { describe, it } from 'mocha';
import { apiInfo, familyOf, isAtLeast, kindOf } from '../../../src/obtain/api/api-version.js';
import { dialect3, dialect4 } from '../../../src/obtain/api/dialect.js';

const latest = dialect4({ major: 4, minor: 14, text: '4.14.7' });
const old = dialect4({ major: 4, minor: 2, text: '4.2.0' });
const agent = { name: 'web-01', ip: '10.0.0.9', force: false };
const done = (data: unknown, failed: readonly { code: number; said: string; ids: readonly string[] }[] = []) =>
  ({ kind: 'done', data, failed }) as const;

describe('the words of a generation of the API', () => {
  it('add an agent, in place of another one only where that is wanted', () => {
    const body = { name: 'web-01', ip: '10.0.0.9' };
    const add = { method: 'POST', path: '/agents', body, once: 'creates' };
    for (const dialect of [dialect3, old, latest]) {
      expect(dialect.add(agent)).to.deep.equal(add);
      expect(dialect.add({ ...agent, ip: undefined }).body).to.deep.equal({ name: 'web-01' });
    }
    const forced = { ...agent, force: true };
    expect(dialect3.add(forced)).to.deep.equal({ ...add, body: { ...body, force: 0 } });
    expect(old.add(forced)).to.deep.equal({ ...add, path: '/agents/insert', body: { ...body, force_time: 0 } });
    expect(latest.add(forced)).to.deep.equal({
      ...add,
      path: '/agents/insert',
      body: {
        ...body,
        force: { enabled: true, disconnected_time: { enabled: false, value: '0' }, after_registration_time: '0' },
      },
    });
  });

  it('ask for an agent, its key and groups', () => {
    expect([dialect3.find('a b'), dialect3.findAddress('10.0.0.0/8'), dialect3.key('1')]).to.deep.equal([
      { method: 'GET', path: '/agents/name/a%20b' },
      { method: 'GET', path: '/agents?ip=10.0.0.0%2F8' },
      { method: 'GET', path: '/agents/001/key' },
    ]);
    expect(dialect3.groups(['a'])).to.deep.equal({ method: 'GET', path: '/agents/groups' });
    expect(dialect3.assign('1', 'a b')).to.deep.equal({ method: 'PUT', path: '/agents/001/group/a%20b' });
    expect([latest.find('a b'), latest.findAddress('10.0.0.0/8'), latest.key('1')]).to.deep.equal([
      { method: 'GET', path: '/agents?name=a%20b' },
      { method: 'GET', path: '/agents?registerIP=10.0.0.0%2F8' },
      { method: 'GET', path: '/agents/001/key' },
    ]);
    expect(latest.groups(['a b', 'c'])).to.deep.equal({ method: 'GET', path: '/groups?groups_list=a%20b,c' });
    expect(latest.assign('1', 'a b')).to.deep.equal({ method: 'PUT', path: '/agents/001/group/a%20b' });
    expect([dialect3.keyIn('K'), latest.keyIn({ affected_items: [{ key: 'K' }] })]).to.deep.equal(['K', 'K']);
  });

  it('delete an agent, whenever it was last seen', () => {
    const path = (status: string) => `/agents?agents_list=001&status=${status}&older_than=0s&purge=true`;
    const remove = { method: 'DELETE', once: 'deletes' };
    expect(dialect3.remove('1')).to.deep.equal({ ...remove, path: '/agents/001?purge' });
    expect(latest.remove('1')).to.deep.equal({ ...remove, path: path('all') });
    expect(old.remove('1')).to.deep.equal({ ...remove, path: path('active,pending,never_connected,disconnected') });
    expect(dialect3.removedIn({ affected_agents: ['001', 2] })).to.deep.equal(['001']);
    expect(latest.removedIn({ affected_items: ['001', 2] })).to.deep.equal(['001']);
  });

  it('know of a group of 3.x that it is none where the whole list was shown', () => {
    const list = (totalItems: number, ...names: readonly string[]) =>
      dialect3.unknownGroups(done({ totalItems, items: names.map((name) => ({ name })) }), ['a', 'b']);
    expect(list(2, 'default', 'a')).to.deep.equal(['b']);
    expect(list(3, 'default', 'a')).to.deep.equal([]);
    expect(list(1, 'a')).to.deep.equal([]);
    expect(dialect3.unknownGroups({ kind: 'refused', status: 403, said: '' }, ['a'])).to.deep.equal([]);
  });

  it('know of a group of 4.x that it is none by 1710 alone', () => {
    const failed = [
      { code: 1710, said: '', ids: ['a'] },
      { code: 4000, said: '', ids: ['b'] },
    ];
    expect(latest.unknownGroups(done({}, failed), ['a', 'b', 'c'])).to.deep.equal(['a']);
    const refused = { kind: 'refused', status: 404, code: 1710, said: '' } as const;
    expect(latest.unknownGroups(refused, ['a'])).to.deep.equal(['a']);
    expect(latest.unknownGroups(refused, ['a', 'b'])).to.deep.equal([]);
    expect(latest.unknownGroups({ ...refused, code: 4000 }, ['a'])).to.deep.equal([]);
    expect(latest.unknownGroups({ kind: 'foreign', status: 200 }, ['a'])).to.deep.equal([]);
  });
});

describe('what an API says that it is', () => {
  const kind = (status: number, headers: Readonly<Record<string, string>>, body?: unknown) =>
    kindOf(status, (name) => headers[name], body);

  it('is told by what it asks for', () => {
    expect(kind(401, { 'www-authenticate': ' basic  realm="ossec api"' })).to.equal('3.x');
    expect(kind(401, { 'www-authenticate': 'x Basic realm="OSSEC API"' })).to.equal(undefined);
    expect(kind(401, { 'content-type': 'Application/problem+json; charset=utf-8' })).to.equal('4.x');
    expect(kind(401, { 'content-type': 'x application/problem+json' })).to.equal(undefined);
    expect(kind(401, { 'content-type': 'application/problem+jsonx' })).to.equal(undefined);
    expect(kind(401, {})).to.equal(undefined);
    expect(kind(403, { 'www-authenticate': 'Basic realm="OSSEC API"' })).to.equal(undefined);
    expect(kind(200, {}, { data: { api_version: 'v3.13.6' } })).to.equal('3.x');
    expect(kind(201, {}, { data: { api_version: 'v3.13.6' } })).to.equal(undefined);
    expect(kind(200, {}, { data: { api_version: '4.14.7' } })).to.equal(undefined);
  });

  it('has a version, and the clock of the manager', () => {
    const timestamp = '2026-11-22T05:20:45Z';
    expect(apiInfo({ api_version: '4.14', timestamp })).to.deep.equal({
      major: 4,
      minor: 14,
      text: '4.14',
      clock: Date.parse(timestamp),
    });
    expect(apiInfo({ api_version: '10.2.13' })).to.deep.equal({ major: 10, minor: 2, text: '10.2.13' });
    expect(isAtLeast({ major: 5, minor: 0, text: '' }, 4, 3)).to.equal(true);
    expect(kind(200, {}, {})).to.equal(undefined);
    expect(kind(401, { 'www-authenticate': 'Basic realm="OSSEC API"' })).to.equal('3.x');
    expect(apiInfo({ api_version: 'x4.14.7' })).to.equal(undefined);
    expect(apiInfo('x')).to.equal(undefined);
    expect(isAtLeast({ major: 3, minor: 13, text: '' }, 4, 3)).to.equal(false);
    expect(isAtLeast({ major: 4, minor: 3, text: '' }, 4, 3)).to.equal(true);
    expect([3, 4, 5].map((major) => familyOf({ major, minor: 0, text: '' }))).to.deep.equal([
      'wazuh-3',
      'wazuh-4',
      'wazuh-5',
    ]);
  });
});
