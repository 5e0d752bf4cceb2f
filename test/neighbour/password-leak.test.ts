import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueCertificate } from '../../src/sandbox/own-certificate.js';
import { run, type Surroundings } from '../e2e/program.js';
import { type TestServer, tlsServer } from '../net/tls-server.js';
import { compile, exchange, hasCompiler } from './attack.js';
import { confNaming, type InstalledHome, installedHome, place } from './installed-home.js';
import { asSecond, describeBeside, LONG, OWNER, SECOND } from './second-user.js';

const PASSWORD = 'xyzzy-MARKER-4711';
const RUNS = LONG ? 200 : 10;

/** What a case gives the program. */
interface Given extends Surroundings {
  readonly args?: readonly string[];
  readonly name?: string;
}

/** ossec.conf is written by the agent's group: whoever it names as the manager is not to be told what root knows. */
describeBeside('a secret, where the agent writes ossec.conf', function () {
  this.timeout(20_000);
  let ca: IssuedCertificate;
  let certificate: IssuedCertificate;
  let installed: InstalledHome;
  let server: TestServer;
  let sandbox: Sandbox | undefined;

  before(async () => {
    ca = await issueCertificate({ commonName: 'Test CA', authority: true });
    certificate = await issueCertificate({ commonName: 'manager', hosts: ['127.0.0.1'], issuer: ca });
  });
  beforeEach(async () => {
    installed = await installedHome();
    const identity = { certificate: certificate.certificate, key: certificate.key.reveal() };
    server = await tlsServer({ onData: (socket) => socket.destroy() }, { identity });
  });
  afterEach(async () => {
    await server.close();
    await sandbox?.close();
    sandbox = undefined;
    await installed.remove();
  });

  /** Lets ossec.conf name a manager whose authd is at this port. */
  const confNames = (port: number, rest = '', uid = 0) =>
    place(installed.conf, confNaming('<address>127.0.0.1</address>', `<port>${port}</port>${rest}`), 0o660, uid);
  const enroll = ({ args = [], name = 'web-01', ...surroundings }: Given = {}) =>
    run(['--agent-home', installed.home, '--name', name, '--no-handshake', '--json', ...args], {
      through: installed.account,
      ...surroundings,
    });
  const rootsFile = async (name = 'password') => {
    const path = join(installed.base, name);
    await place(path, `${PASSWORD}\n`, 0o600, 0, 0);
    return path;
  };
  const nothingWasSent = () => expect(Buffer.concat(server.received).toString('latin1')).to.equal('');
  /** Exit 2, nothing sent, and the two ways out. */
  const expectKept = async (given: Given) => {
    const { code, stdout } = await enroll(given);
    nothingWasSent();
    expect(code, stdout).to.equal(2);
    const { error } = JSON.parse(stdout);
    const said = `${error.message} ${error.hint}`;
    expect(said).to.include('ossec.conf').and.include('--manager').and.include('--pin');
    expect(stdout).to.not.include(PASSWORD);
  };
  const byFlag = ({ endpoints: { agent, authd } }: Sandbox) => [
    ...['--manager', `${agent.host}:${agent.port}`, '--enrollment-port', String(authd.port)],
  ];
  const manager = async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, password: new Secret(PASSWORD) });
    return sandbox;
  };

  it('is not read through a link of the agent at authd.pass', async () => {
    const path = join(installed.etc, 'authd.pass');
    asSecond('ln', '-s', await rootsFile(), path);
    await confNames(server.endpoint.port);
    const { code, stdout } = await enroll();
    nothingWasSent();
    expect(code, stdout).to.be.oneOf([2, 6]);
    const { error } = JSON.parse(stdout);
    expect(error.message).to.include(path);
    expect(`${error.message} ${error.hint}`.replaceAll(installed.base, '')).to.match(OWNER);
  });

  it('is not read through such a link where ossec.conf is a file of the agent as well', async () => {
    asSecond('ln', '-s', await rootsFile(), join(installed.etc, 'authd.pass'));
    await confNames(server.endpoint.port, '', SECOND.uid);
    const { code, stdout } = await enroll();
    nothingWasSent();
    expect(code, stdout).to.be.oneOf([2, 6]);
  });

  it('is not read through a link that takes turns with the authd.pass of the agent', async function () {
    this.timeout(RUNS * 2000);
    const program = hasCompiler ? await compile('exchange.c', installed.base) : undefined;
    const [path, other] = [join(installed.etc, 'authd.pass'), join(installed.etc, 'other')];
    await place(path, 'known-to-the-agent\n', 0o640);
    asSecond('ln', '-s', await rootsFile(), other);
    await confNames(server.endpoint.port);
    const attack = exchange(path, other, program);
    try {
      for (let n = 1; n <= RUNS; n += 1) {
        const { code, stdout } = await enroll();
        expect(Buffer.concat(server.received).toString('latin1'), `run ${n}`).to.not.include(PASSWORD);
        // 5, 8: it was the agent's own password, and the server that it was sent to hangs up.
        expect(code, stdout).to.be.oneOf([2, 5, 6, 8]);
      }
    } finally {
      await attack.end();
    }
  });

  it('is not read from where ossec.conf says, if the agent could not read it there', async () => {
    const path = await rootsFile();
    await confNames(server.endpoint.port, `<authorization_pass_path>${path}</authorization_pass_path>`);
    await expectKept({});
  });

  const sources: readonly (readonly [string, () => Promise<Given>])[] = [
    ['the environment', async () => ({ env: { WAZUH_REGISTRATION_PASSWORD: PASSWORD } })],
    ['standard input', async () => ({ args: ['--password-file', '-'], input: `${PASSWORD}\n` })],
    ['a file of root', async () => ({ args: ['--password-file', await rootsFile()] })],
    [
      "root's authd.pass",
      async () => {
        await place(join(installed.etc, 'authd.pass'), `${PASSWORD}\n`, 0o600, 0, 0);
        return {};
      },
    ],
    [
      'a systemd credential',
      async () => {
        await mkdir(join(installed.base, 'credentials'), { mode: 0o700 });
        await rootsFile('credentials/agent-enroll.password');
        return { env: { CREDENTIALS_DIRECTORY: join(installed.base, 'credentials') } };
      },
    ],
  ];
  for (const [what, give] of sources) {
    it(`from ${what} is not sent to a manager that only ossec.conf names`, async () => {
      await confNames(server.endpoint.port);
      await expectKept(await give());
    });
  }

  it('is not sent because of a CA that ossec.conf names itself', async () => {
    const path = join(installed.etc, 'ca.pem');
    await place(path, ca.certificate, 0o640);
    await confNames(server.endpoint.port, `<server_ca_path>${path}</server_ca_path>`);
    await expectKept({ env: { WAZUH_REGISTRATION_PASSWORD: PASSWORD } });
  });

  it('is not sent because of a first use that only ossec.conf led to', async () => {
    const target = await manager();
    await confNames(target.endpoints.authd.port);
    const readable = join(installed.etc, 'authd.pass');
    await place(readable, `${PASSWORD}\n`, 0o640);
    const first = await enroll();
    expect(first.code, first.stdout).to.equal(0);
    for (const path of [installed.keys, readable]) await rm(path);
    await expectKept({ name: 'web-02', env: { WAZUH_REGISTRATION_PASSWORD: PASSWORD } });
    expect(target.agents()).to.have.length(1);
  });

  it('is not sent to who has the key of a CA that ossec.conf names, in place of the key that was seen first', async () => {
    const target = await manager();
    const env = { WAZUH_REGISTRATION_PASSWORD: PASSWORD };
    const first = await enroll({ args: byFlag(target), env });
    expect(first.code, first.stdout).to.equal(0);
    await rm(installed.keys);
    const { port } = target.endpoints.authd;
    await target.close();
    // The same address, another key, and a chain that leads to the CA.
    const other = await issueCertificate({ commonName: 'manager', hosts: ['127.0.0.1'], issuer: ca });
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate: other,
      password: new Secret(PASSWORD),
      ports: { authd: port },
    });
    const path = join(installed.etc, 'ca.pem');
    await place(path, ca.certificate, 0o640);
    await confNames(port, `<server_ca_path>${path}</server_ca_path>`);
    const { code, stdout } = await enroll({ env });
    expect(code, stdout).to.equal(4);
    expect(JSON.parse(stdout).error.code).to.equal('PIN_MISMATCH');
    expect(sandbox.agents()).to.deep.equal([]);
  });

  it('from a file that anybody could read, but below a directory of root, is not sent because of a link to it', async () => {
    const closed = join(installed.base, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await mkdir(join(closed, 'open'), { mode: 0o755 });
    const path = join(closed, 'open', 'password');
    await place(path, `${PASSWORD}\n`, 0o644, 0, 0);
    await symlink(path, join(installed.etc, 'authd.pass'));
    await confNames(server.endpoint.port);
    await expectKept({});
  });

  const vouched: readonly (readonly [string, (target: Sandbox) => Promise<Given>])[] = [
    ['--manager names', async (target) => ({ args: byFlag(target) })],
    [
      'the environment names',
      async ({ endpoints: { agent, authd } }) => {
        await confNames(server.endpoint.port);
        const where = { WAZUH_MANAGER: agent.host, WAZUH_REGISTRATION_PORT: String(authd.port) };
        return { env: { ...where, WAZUH_REGISTRATION_PASSWORD: PASSWORD } };
      },
    ],
    [
      '--ca vouches for',
      async () => {
        const path = join(installed.base, 'ca.pem');
        await place(path, ca.certificate, 0o644);
        return { args: ['--ca', path] };
      },
    ],
    ['--pin vouches for', async ({ fingerprint }) => ({ args: ['--pin', fingerprint] })],
    [
      'an earlier run with --manager has seen',
      async (target) => {
        const env = { WAZUH_REGISTRATION_PASSWORD: PASSWORD };
        const first = await enroll({ args: byFlag(target), name: 'web-00', env });
        expect(first.code, first.stdout).to.equal(0);
        await rm(installed.keys);
        return {};
      },
    ],
  ];
  for (const [what, give] of vouched) {
    it(`is sent to a manager that ${what}`, async () => {
      const target = await manager();
      await confNames(target.endpoints.authd.port);
      const { code, stdout } = await enroll({
        env: { WAZUH_REGISTRATION_PASSWORD: PASSWORD },
        ...(await give(target)),
      });
      expect(code, stdout).to.equal(0);
      expect(target.agents().map(({ name }) => name)).to.include('web-01');
      nothingWasSent();
    });
  }

  it('that the agent can read in authd.pass is sent to a manager that ossec.conf names', async () => {
    const target = await manager();
    await confNames(target.endpoints.authd.port);
    await place(join(installed.etc, 'authd.pass'), `${PASSWORD}\n`, 0o640);
    const { code, stdout } = await enroll();
    expect(code, stdout).to.equal(0);
    expect(target.agents()).to.have.length(1);
  });

  it('is read through a link of root at authd.pass', async () => {
    const target = await manager();
    await symlink(await rootsFile(), join(installed.etc, 'authd.pass'));
    const { code, stdout } = await enroll({ args: byFlag(target) });
    expect(code, stdout).to.equal(0);
  });
});
