import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { Discoveries, soFar } from '../../src/journey/discoveries.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { ManagerSettings } from '../../src/settings/settings.js';
import { certificates } from '../net/certificates.js';
import { journeyOf } from './journey-scene.js';

const plain = (host: string): ManagerSettings => ({
  agent: { host, port: 1514 },
  protocol: 'auto',
  enrollment: { host, port: 1515 },
});

describe('looking for managers that are a Wazuh 5', () => {
  /** A journey that reaches nobody, and says whom it would have reached. */
  const nowhere = () => {
    const dialed: string[] = [];
    const dial =
      () =>
      async ({ host, port }: Endpoint) => {
        dialed.push(`${host}:${port}`);
        throw new EnrollError('CONNECTION_REFUSED', 'It is closed.');
      };
    return { dialed, journey: journeyOf({ agent: {} as AgentInstallation, edge: { dial } }) };
  };

  it('goes to the usual port of each, and once a run', async () => {
    const { dialed, journey } = nowhere();
    const discoveries = new Discoveries();
    const first = discoveries.of(plain('a.example'), journey);
    expect(discoveries.of(plain('a.example'), journey)).to.equal(first);
    expect(await first).to.include({ kind: 'closed' });
    await discoveries.of(plain('b.example'), journey);
    expect([...new Set(dialed)]).to.deep.equal(['a.example:1517', 'b.example:1517']);
  });
  it('goes to the port that is named', async () => {
    const { dialed, journey } = nowhere();
    const https = { host: 'a.example', port: 2517, prefix: 'gw' };
    await new Discoveries().of({ ...plain('a.example'), https }, journey);
    expect([...new Set(dialed)]).to.deep.equal(['a.example:2517']);
  });
  it('goes below the prefix that is named, with the certificate of this host', async () => {
    const { ca, client } = certificates();
    const sandbox = await startHttpsSandbox({
      certificates: await issueHttpsCertificates(),
      prefix: 'gw',
      clientCa: ca.certificate,
    });
    try {
      const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
      const journey = journeyOf({ agent: {} as AgentInstallation, settings: { clientCertificate } });
      const https = { ...sandbox.endpoints.https, prefix: 'gw' };
      const found = await new Discoveries().of({ ...plain('127.0.0.1'), https }, journey);
      expect(found).to.include({ kind: 'wazuh-5' }).and.to.deep.include({ manager: https });
    } finally {
      await sandbox.close();
    }
  });
  it('is not waited for by who asks what is known so far', async () => {
    const { journey } = nowhere();
    const look = new Discoveries().of(plain('a.example'), journey);
    expect(await soFar(look)).to.equal(undefined);
    await look;
    expect(await soFar(look)).to.include({ kind: 'closed' });
  });
});
