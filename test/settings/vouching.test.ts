import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import type { EnrollError } from '../../src/errors.js';
import { AGENT, type Permissions } from './in-memory.js';
import {
  ends,
  file,
  HOST,
  hearsay,
  NAMINGS,
  PASSWORD,
  type Part,
  ROOTS,
  STOCK,
  STOCK_HOME,
  type Surroundings,
  secrets,
  vouchers,
  WAZUH,
  WAZUH_GROUP,
} from './vouching-scene.js';

const NO_VOUCHER: Part = { what: 'nobody', speaks: true };
const BY_SERVER: Part = {
  what: '<server>',
  conf: `<server><address>${HOST}</address></server>`,
  speaks: true,
};
const IN_ENVIRONMENT: Part = {
  what: 'a password of the environment',
  environment: { WAZUH_REGISTRATION_PASSWORD: PASSWORD },
  speaks: true,
};
const API: Part = {
  what: 'an API password of the environment',
  environment: { AGENT_ENROLL_API_USER: 'enroll', AGENT_ENROLL_API_PASSWORD: PASSWORD },
  speaks: true,
};

describe('a secret that only root has', () => {
  let everySecret: readonly Part[] = [];
  before(() => {
    everySecret = secrets();
  });

  for (const naming of NAMINGS) {
    it(`${naming.speaks ? 'needs a voucher for' : 'goes to'} a manager that is named by ${naming.what}`, async () => {
      for (const secret of everySecret) {
        for (const voucher of vouchers()) {
          const end = await ends(secret, naming, voucher);
          const refused = secret.speaks && naming.speaks && voucher.speaks;
          const combination = `${secret.what}, vouched for by ${voucher.what}`;
          if (end === 'well') expect(refused, combination).to.equal(false);
          else
            expect({ code: end.code, refused }, combination).to.deep.equal({ code: 'SETTING_INVALID', refused: true });
        }
      }
    });
  }

  const refused = async (secret: Part, naming: Part = BY_SERVER, around?: Surroundings): Promise<EnrollError> => {
    const end = await ends(secret, naming, NO_VOUCHER, around);
    if (end === 'well') throw new Error('It should have been refused.');
    return end;
  };

  it('is named in the refusal, with the file that names the manager and what to do, and not shown', async () => {
    const { message, hint, exitCode } = await refused(IN_ENVIRONMENT);
    expect(exitCode).to.equal(2);
    expect(message).to.equal(
      `The password (WAZUH_REGISTRATION_PASSWORD) would go to ${HOST}:1515, which only ${AGENT.configFile}, line 2 names, and others than root can change that file.`,
    );
    expect(hint).to.include('--manager').and.include('--pin');
    const client = everySecret.find(({ what }) => what.endsWith('which ossec.conf names'));
    const both = await refused({ ...client, ...IN_ENVIRONMENT });
    expect(both.message).to.match(
      /^The password \(WAZUH_REGISTRATION_PASSWORD\) and the client certificate's key \(\/agent\/etc\/ossec\.conf, line 3\) would/,
    );
    expect((await refused(API)).message).to.match(
      /^The API user's password \(AGENT_ENROLL_API_PASSWORD\) would go to .*:55000/,
    );
  });

  it('is not vouched for by a CA that others can change, which is said', async () => {
    for (const voucher of vouchers().filter(({ what, speaks }) => what.includes('CA') && speaks)) {
      const end = await ends(IN_ENVIRONMENT, BY_SERVER, voucher);
      const origin = voucher.conf === undefined ? '--ca' : '/agent/etc/ossec.conf, line 3';
      expect(end).to.have.property('message').that.includes(`The CA (${origin}) can be changed by them too.`);
    }
  });

  it('goes where a note of an earlier run vouches for this very endpoint', async () => {
    const known = async (secret: Part, ...endpoints: string[]) =>
      await ends(secret, BY_SERVER, NO_VOUCHER, { ...STOCK, known: endpoints });
    expect(await known(IN_ENVIRONMENT, `${HOST}:1515`)).to.equal('well');
    expect(await known(IN_ENVIRONMENT, `${HOST}:55000`, `${HOST}:1514`, 'other.example:1515')).not.to.equal('well');
    expect(await known(API, `${HOST}:55000`)).to.equal('well');
    expect(await known(API, `${HOST}:1515`)).not.to.equal('well');
  });

  it('needs a note of each manager that may be asked', async () => {
    const two: Part = { ...BY_SERVER, conf: '<server-ip>192.0.2.1</server-ip><server-ip>192.0.2.2</server-ip>' };
    const both = ['192.0.2.1:1515', '192.0.2.2:1515'];
    expect(await ends(IN_ENVIRONMENT, two, NO_VOUCHER, { ...STOCK, known: both })).to.equal('well');
    for (const known of both) {
      const { message } = await refused(IN_ENVIRONMENT, two, { ...STOCK, known: [known] });
      expect(message).to.include(both.find((each) => each !== known));
    }
  });

  it("is not all that counts: what is noted of a manager that only such a file names is nobody else's word", async () => {
    const nothing: Part = { what: 'no secret', speaks: false };
    expect(await hearsay(nothing, BY_SERVER, NO_VOUCHER)).to.deep.equal([
      { endpoint: { host: HOST, port: 1515 }, origin: { kind: 'file', path: AGENT.configFile, line: 2 }, secrets: [] },
    ]);
    expect(await hearsay(nothing, { ...BY_SERVER, flags: { manager: HOST } }, NO_VOUCHER)).to.deep.equal([]);
  });

  describe('with a server of its own for enrollment', () => {
    const server = `<server><address>${HOST}</address></server><enrollment><manager_address>authd.example</manager_address></enrollment>`;
    const inFile: Part = { what: 'ossec.conf', flags: { manager: HOST }, conf: server, speaks: true };

    it('that only ossec.conf names does not go there, whoever names the manager', async () => {
      const { message, hint } = await refused(IN_ENVIRONMENT, inFile);
      expect(message).to.include('authd.example:1515').and.include('line 2');
      expect(hint).to.include('--enrollment-server');
    });
    it('that is named otherwise goes there', async () => {
      const flags = { 'enrollment-server': 'authd.example' };
      expect(await ends(IN_ENVIRONMENT, { ...inFile, flags }, NO_VOUCHER)).to.equal('well');
      expect(await ends(API, { ...inFile, flags }, NO_VOUCHER)).not.to.equal('well');
    });
    it('is not asked where the API is', async () => {
      expect(await ends(API, inFile, NO_VOUCHER)).to.equal('well');
      const flags = { 'api-url': 'https://api.example:55000' };
      expect(await ends(API, { ...BY_SERVER, flags }, NO_VOUCHER)).to.equal('well');
    });
  });

  describe('of another host', () => {
    it('goes anywhere where not root asks, or on Windows', async () => {
      expect(await ends(IN_ENVIRONMENT, BY_SERVER, NO_VOUCHER, { uid: 1000, account: WAZUH })).to.equal('well');
      expect(await ends(IN_ENVIRONMENT, BY_SERVER, NO_VOUCHER, { account: WAZUH })).to.equal('well');
    });

    const ours: readonly (readonly [what: string, Surroundings, refused: boolean])[] = [
      ['root alone can write', { permissions: { gid: WAZUH_GROUP, mode: 0o640 }, directories: ROOTS }, false],
      [
        'root alone can write, in a directory of the group',
        { permissions: { mode: 0o640 }, directories: STOCK_HOME },
        true,
      ],
      ['everybody can write', { permissions: { mode: 0o666 }, directories: ROOTS }, true],
      ['the group can write', { permissions: { gid: WAZUH_GROUP, mode: 0o660 }, directories: ROOTS }, true],
      ["root's own group can write", { permissions: { mode: 0o660 }, directories: [{ mode: 0o770 }] }, false],
    ];
    for (const [what, around, isRefused] of ours) {
      it(`${isRefused ? 'stays' : 'goes'} where ${what} to ossec.conf`, async () => {
        const end = await ends(IN_ENVIRONMENT, BY_SERVER, NO_VOUCHER, { ...STOCK, ...around });
        expect(end !== 'well').to.equal(isRefused);
      });
    }

    it('is one that nobody but root can read where the agent has no account', async () => {
      const nobody: Surroundings = { uid: 0 };
      const inFile = (permissions: Permissions): Part => ({
        what: 'a file',
        flags: { 'password-file': '/p' },
        files: { '/p': file(PASSWORD, permissions) },
        speaks: true,
      });
      expect(await ends(inFile({ gid: 4, mode: 0o640 }), BY_SERVER, NO_VOUCHER, nobody)).to.equal('well');
      expect(await ends(inFile({ mode: 0o644 }), BY_SERVER, NO_VOUCHER, nobody)).to.equal('well');
      for (const alone of [{ mode: 0o640 }, { gid: 4, mode: 0o600 }]) await refused(inFile(alone), BY_SERVER, nobody);
    });
  });
});
