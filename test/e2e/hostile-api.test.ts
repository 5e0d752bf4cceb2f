import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { certificates } from '../net/certificates.js';
import { type ApiServer, apiServer, managerApi, type Step, success } from '../obtain/api/api-server.js';
import { run, scratchHome } from './program.js';

const PASSWORD = 'Wa.zuh*Passw0rd-of-the-tests';
const LOGIN = 'POST /security/user/authenticate';
const HEX = 'ab'.repeat(32);

describe('agent-enroll and a hostile API server, as it is run', function () {
  this.timeout(20_000);
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  const servers: ApiServer[] = [];
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await scratch.remove();
  });

  /** A run against a server that answers as 4.14.7 did, but for these steps. */
  const attack = async (steps: Record<string, Step>) => {
    const server = await managerApi('4.14.7', { 'GET /agents': 'rbac-filtered-list', ...steps });
    servers.push(server);
    const ca = join(scratch.home, 'ca.pem');
    await writeFile(ca, certificates().ca.certificate);
    const { code, stdout, stderr, ms } = await run(
      [
        ...['--manager', '127.0.0.1', '--api-url', server.url, '--api-user', 'enroll', '--ca', ca],
        ...['--agent-home', scratch.home, '--name', 'web-01', '--timeout', '1s', '--retries', '0', '--json'],
      ],
      { env: { AGENT_ENROLL_API_PASSWORD: PASSWORD } },
    );
    for (const secret of [PASSWORD, Buffer.from(`enroll:${PASSWORD}`).toString('base64'), HEX, 'eyJ']) {
      expect(stdout + stderr).not.to.include(secret);
    }
    expect(await readdir(join(scratch.home, 'etc'))).not.to.include('client.keys');
    return { code, ms, error: JSON.parse(stdout).error, calls: server.calls };
  };

  for (const path of ['GET /', LOGIN, 'POST /agents']) {
    it(`follows no redirect, and nobody there gets anything (${path})`, async () => {
      const elsewhere = await apiServer((_seen, response) => response.end());
      servers.push(elsewhere);
      const { code, error } = await attack({
        [path]: { status: 307, headers: { location: `${elsewhere.url}/steal` }, body: '' },
      });
      expect(code).to.equal(path === 'POST /agents' ? 8 : 3);
      expect(error.message).to.include(elsewhere.url).and.include('not followed');
      expect(elsewhere.seen).to.deep.equal([]);
    });
  }

  it('installs no key of another agent', async () => {
    const key = Buffer.from(`001 web-02 any ${HEX}`).toString('base64');
    const { code, error } = await attack({ 'POST /agents': success({ id: '001', key }) });
    expect(code).to.equal(8);
    expect(error.code).to.equal('REPLY_INVALID');
    expect(error.message).to.include('for the agent web-02');
  });

  it('unpacks nothing', async () => {
    const bomb = gzipSync(Buffer.alloc(20e6));
    const { code, error } = await attack({
      [LOGIN]: (_seen, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
        response.end(bomb);
      },
    });
    expect(code).to.equal(3);
    expect(error.message).to.include('compressed');
  });

  it('waits for a slow drip no longer than its timeout, and sends the request for the agent once', async () => {
    const { code, error, ms, calls } = await attack({
      'POST /agents': (_seen, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 20);
        response.once('close', () => clearInterval(drip));
      },
    });
    expect(code).to.equal(8);
    expect(error.code).to.equal('ANSWER_LOST');
    // A second for the answer, a second to look the agent up, and the program itself.
    expect(ms).to.be.lessThan(6000);
    expect(calls.filter((call) => call === 'POST /agents')).to.have.length(1);
  });

  it('reads no answer without end', async () => {
    let sent = 0;
    const { code, error, ms } = await attack({
      'GET /': (_seen, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const chunk = Buffer.alloc(65_536, '[');
        const more = () => {
          while (!response.destroyed && sent < 1e9) {
            sent += chunk.length;
            if (!response.write(chunk)) {
              response.once('drain', more);
              return;
            }
          }
        };
        more();
      },
    });
    expect(code).to.equal(3);
    expect(error.message).to.include('without end');
    expect(sent).to.be.lessThan(16e6);
    expect(ms).to.be.lessThan(6000);
  });
});
