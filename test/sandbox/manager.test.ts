import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { EnrollError, systemCode } from '../../src/errors.js';
import { parseRecord } from '../../src/model/agent-record.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import {
  fingerprintOf,
  type IssuedCertificate,
  issueCertificate,
  issueStockCertificate,
} from '../../src/sandbox/own-certificate.js';
import { LOAD } from '../load.js';
import { askAuthd, udpAgent } from './clients.js';
import { EventLog } from './event-log.js';
import { greeting } from './messages.js';

let certificate: IssuedCertificate;
before(async () => {
  certificate = await issueStockCertificate();
});

async function failure(options: SandboxOptions, signal?: AbortSignal): Promise<EnrollError> {
  try {
    const sandbox = await startSandbox(options, signal);
    await sandbox.close();
  } catch (thrown) {
    if (thrown instanceof EnrollError) return thrown;
    throw thrown;
  }
  throw new Error('it started');
}

async function enroll(sandbox: Sandbox, name: string) {
  const { records } = await askAuthd(sandbox.endpoints.authd, [`OSSEC A:'${name}'\n`]);
  const parsed = parseRecord(/'(.*)'/.exec(records.join(''))?.[1] ?? '');
  if (!parsed.ok) throw new Error(`${records}`);
  return parsed.record;
}

describe('the sandbox', () => {
  it('listens on loopback only', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.0.1', 'localhost', '127.0.0.2']) {
      // As an untyped caller would.
      const options: SandboxOptions = JSON.parse(JSON.stringify({ family: 'ossec', host }));
      expect((await failure({ ...options, certificate })).code, host).to.equal('SETTING_INVALID');
    }
  });

  it('refuses OSSEC over TCP', async () => {
    expect((await failure({ family: 'ossec', protocols: ['tcp'], certificate })).code).to.equal('SETTING_INVALID');
  });

  it('says which port is taken, and leaves nothing open', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await failure({ family: 'wazuh-4', ports: { agent: port }, certificate });
    expect([error.code, error.message]).to.deep.equal([
      'SETTING_INVALID',
      `The sandbox cannot listen on 127.0.0.1:${port}: the port is in use.`,
    ]);
    taken.close();
    await once(taken, 'close');
  });

  it('has one agent port for TCP and UDP', async () => {
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate });
    const { host, port } = sandbox.endpoints.agent;
    const udp = createSocket('udp4');
    udp.bind({ port, address: host, exclusive: true });
    const [error]: unknown[] = await once(udp, 'error');
    expect(error).to.include({ code: 'EADDRINUSE' });
    udp.close();
    const tcp = connect({ host, port });
    await once(tcp, 'connect');
    tcp.destroy();
    await sandbox.close();
  });

  it('closes with clients in every stage, and leaves no socket and no timer', async () => {
    // Whatever the test runner itself has open stays out of the count.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const resources = () => process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');
    const before = resources().sort();
    for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
      const sandbox = await startSandbox({ family, certificate });
      const silent = connect(sandbox.endpoints.authd);
      await once(silent, 'connect');
      const waiting = askAuthd(sandbox.endpoints.authd, [family === 'wazuh-4' ? "OSSEC A:'x1'" : "OSSEC A:'x'\n"]);
      const closed = once(silent, 'close');
      await new Promise((resolve) => setTimeout(resolve, 60));
      await Promise.all([sandbox.close(), sandbox.close()]);
      await Promise.all([closed, waiting]);
    }
    await new Promise((resolve) => setImmediate(resolve));
    // What the runner had open then may be closed by now.
    const ofRunner = [...before];
    const left = resources().filter(
      (name) => !ofRunner.includes(name) || ofRunner.splice(ofRunner.indexOf(name), 1).length === 0,
    );
    expect(left).to.deep.equal([]);
  });

  it('ends with its signal', async () => {
    const log = new EventLog();
    const abort = new AbortController();
    await startSandbox({ family: 'wazuh-4', certificate, onEvent: log.onEvent }, abort.signal);
    abort.abort();
    await log.until(({ type }) => type === 'closed');
    const reason = new EnrollError('INTERRUPTED', 'Interrupted.');
    expect(await failure({ family: 'wazuh-4', certificate }, AbortSignal.abort(reason))).to.equal(reason);
  });

  it('shows its certificate, its fingerprint and its agents without their keys', async () => {
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate, groups: ['web'] });
    await askAuthd(sandbox.endpoints.authd, ["OSSEC A:'web-01' G:'web,default' IP:'10.8.0.0/255.255.0.0'\n"]);
    expect(sandbox.certificate).to.equal(certificate.certificate);
    expect(sandbox.fingerprint)
      .to.match(/^sha256:[0-9a-f]{64}$/)
      .and.equal(fingerprintOf(certificate.certificate));
    expect(sandbox.agents()).to.deep.equal([
      { id: '001', name: 'web-01', ip: '10.8.0.0/16', groups: ['web', 'default'], state: 'never_connected' },
    ]);
    expect(sandbox.removeAgent('002')).to.equal(false);
    expect(sandbox.removeAgent('001')).to.equal(true);
    expect(sandbox.agents()).to.deep.equal([]);
    await sandbox.close();
  });

  it('works over IPv6, and writes the source address out', async function () {
    let sandbox: Sandbox;
    try {
      sandbox = await startSandbox({ family: 'wazuh-4', host: '::1', certificate, useSourceIp: true });
    } catch (thrown) {
      const noIpv6 = thrown instanceof EnrollError && systemCode(thrown.cause) === 'EADDRNOTAVAIL';
      if (!noIpv6) throw thrown;
      this.skip();
    }
    expect((await enroll(sandbox, 'six')).ip).to.equal('0000:0000:0000:0000:0000:0000:0000:0001');
    await sandbox.close();
  });

  it('OSSEC learns of a key 1 s after its agent spoke', async () => {
    const sandbox = await startSandbox({ family: 'ossec', certificate });
    const agent = await udpAgent(sandbox.endpoints.agent);
    const record = await enroll(sandbox, 'web-01');
    const started = performance.now();
    agent.send(greeting(record));
    const answer = await agent.next(3_000);
    const ms = performance.now() - started;
    await agent.close();
    await sandbox.close();
    expect(answer).to.have.property('message');
    expect(ms).to.be.within(990, 1_900 * LOAD);
  });
});

describe('the sandbox certificate', () => {
  it('is that of a stock manager: self-signed, CN=Wazuh, and for no host', async () => {
    const { X509Certificate } = await import('node:crypto');
    const stock = new X509Certificate(certificate.certificate);
    expect([stock.subject, stock.issuer, stock.subjectAltName]).to.deep.equal(['CN=Wazuh', 'CN=Wazuh', undefined]);
    expect(stock.verify(stock.publicKey)).to.equal(true);
    expect([stock.checkHost('localhost'), stock.checkIP('127.0.0.1')]).to.deep.equal([undefined, undefined]);
  });

  it('can be issued by a CA, for hosts and addresses', async () => {
    const { X509Certificate } = await import('node:crypto');
    const ca = await issueCertificate({ commonName: 'Test CA', authority: true });
    const issued = await issueCertificate({
      commonName: 'manager',
      hosts: ['manager.example', '127.0.0.1', '::1'],
      issuer: ca,
    });
    const [leaf, root] = [new X509Certificate(issued.certificate), new X509Certificate(ca.certificate)];
    expect(leaf.checkIssued(root) && leaf.verify(root.publicKey)).to.equal(true);
    expect(leaf.checkHost('manager.example')).to.equal('manager.example');
    expect([leaf.checkIP('127.0.0.1'), leaf.checkIP('::1')]).to.deep.equal(['127.0.0.1', '::1']);
    expect([leaf.ca, root.ca]).to.deep.equal([false, true]);
  });
});
