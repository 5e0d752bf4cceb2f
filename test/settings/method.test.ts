import { expect } from 'chai';
import { describe, it } from 'mocha';
import { refused, type Scene, settled } from './scene.js';

const URL = 'https://api.example:55000';
const PASSWORD = 'Hunter2!';
const manager = 'manager.example';

/** What was settled of the way to a key. */
async function way({ flags, ...scene }: Scene) {
  const { settings, warnings, shown } = await settled({ ...scene, flags: { manager, ...flags } });
  const { use, why } = settings.method;
  const { url, user, password } = settings.api ?? {};
  expect(JSON.stringify([settings, shown, warnings])).not.to.include(PASSWORD);
  return {
    use,
    why,
    url,
    user,
    password: password === undefined ? undefined : Buffer.from(password.reveal()).toString(),
    warnings,
  };
}
const none = { url: undefined, user: undefined, password: undefined, warnings: [] };
const credentials = { user: 'enroll', password: PASSWORD };

describe('the way to a key', () => {
  it('is authd where no API credentials are given', async () => {
    const expected = { use: 'authd', why: 'auto: no API credentials were given', ...none };
    expect(await way({})).to.deep.equal(expected);
    expect(await way({ flags: { method: 'auto' } })).to.deep.equal(expected);
    expect(await way({ environment: { AGENT_ENROLL_API_URL: URL } })).to.deep.equal(expected);
  });

  it('is authd with a URL alone as well, and the user is told that it is not used', async () => {
    const { use, warnings } = await way({ flags: { 'api-url': URL } });
    expect(use).to.equal('authd');
    expect(warnings.join()).to.include('--api-url is not used');
  });

  it('is the API where there are credentials, with the password from a file', async () => {
    const files = { '/etc/agent-enroll/api.pass': `${PASSWORD}\nmore\n` };
    const flags = { 'api-url': URL, 'api-user': 'enroll', 'api-password-file': '/etc/agent-enroll/api.pass' };
    const expected = { ...none, ...credentials, use: 'api', url: URL };
    expect(await way({ flags, files })).to.deep.equal({ ...expected, why: 'auto: API credentials were given' });
    const asked = await way({ flags: { ...flags, method: 'api' }, files });
    expect(asked).to.deep.equal({ ...expected, why: '--method' });
  });

  it('with the password from standard input', async () => {
    const flags = { 'api-user': 'enroll', 'api-password-file': '-' };
    expect(await way({ flags, input: `${PASSWORD}\n` })).to.deep.include({ ...credentials, url: undefined });
  });

  it('with everything from the environment', async () => {
    const environment = {
      AGENT_ENROLL_API_URL: URL,
      AGENT_ENROLL_API_USER: 'enroll',
      AGENT_ENROLL_API_PASSWORD: PASSWORD,
    };
    expect(await way({ environment })).to.deep.include({ ...credentials, url: URL, use: 'api' });
    const authd = await way({ environment, flags: { method: 'authd' } });
    expect(authd).to.deep.equal({ ...none, use: 'authd', why: '--method' });
  });

  it('is told of a file that everybody may read', async () => {
    const files = { '/etc/agent-enroll/api.pass': PASSWORD };
    const flags = { 'api-user': 'enroll', 'api-password-file': '/etc/agent-enroll/api.pass' };
    const { warnings } = await way({ flags, files, public: ['/etc/agent-enroll/api.pass'] });
    expect(warnings.join()).to.include('/etc/agent-enroll/api.pass');
  });

  describe('is refused', () => {
    const user = { 'api-user': 'enroll' };
    const environment = { AGENT_ENROLL_API_PASSWORD: PASSWORD };
    const cases: readonly (readonly [string, Scene, string])[] = [
      ['without credentials that were asked for', { flags: { method: 'api' } }, 'needs credentials'],
      ['with a method that there is not', { flags: { method: 'ldap' } }, 'authd, api, https or auto'],
      ['without the password', { flags: user }, '--api-password-file'],
      ['without the user', { environment }, '--api-user'],
      [
        'with two secrets on one standard input',
        { flags: { ...user, 'api-password-file': '-', 'password-file': '-' }, input: PASSWORD },
        'standard input',
      ],
      ['over plain http', { flags: { ...user, 'api-url': 'http://api.example:55000' }, environment }, 'plain http'],
      [
        'with credentials in the URL',
        { flags: { ...user, 'api-url': `https://enroll:${PASSWORD}@api.example` }, environment },
        'holds credentials',
      ],
    ];
    for (const [what, { flags, ...scene }, said] of cases) {
      it(what, async () => {
        const error = await refused({ ...scene, flags: { manager, ...flags } });
        expect(error.code).to.equal('SETTING_INVALID');
        expect(error.message).to.include(said);
        expect(`${error.message} ${error.hint}`).not.to.include(PASSWORD);
      });
    }
  });
});
