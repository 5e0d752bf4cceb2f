import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type HttpsRequest, proveByHttps } from '../../src/journey/link-by-https.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox } from '../../src/sandbox/https/options.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { certificates } from '../net/certificates.js';
import { connectProxy } from '../net/connect-proxy.js';
import { journeyOf } from './journey-scene.js';

describe('a link that is proven with signed requests', () => {
  let sandbox: HttpsSandbox;
  let record: AgentRecord;
  let agent: AgentInstallation;
  const { ca, client } = certificates();

  before(async () => {
    sandbox = await startHttpsSandbox({
      certificates: await issueHttpsCertificates(),
      keyReloadMs: 10,
      clientCa: ca.certificate,
    });
    record = sandbox.addAgent({ name: 'web-01' });
    agent = await scratchHome();
  });
  after(() => Promise.all([sandbox.close(), removeHome(agent)]));

  const ours = { clientCertificate: { certificate: client.certificate, key: new Secret(client.key) } };
  const prove = (settings: Partial<Settings>, request: Partial<HttpsRequest> = {}) => {
    const journey = journeyOf({ agent, settings });
    const manager = { ...sandbox.endpoints.https, prefix: 'wazuh-manager' };
    const asked = { record, trust: { insecure: true }, fresh: false, waitMs: 2000, ...request };
    return { journey, proof: proveByHttps(journey, manager, asked) };
  };

  it('shows the certificate of this host to a manager that wants one', async () => {
    expect(await prove(ours).proof).to.include({ protocol: 'https', family: 'wazuh-5' });
    expect(await failure(prove({}).proof)).to.include({ code: 'CLIENT_CERTIFICATE_REQUIRED' });
  });
  it('tells of each request, for the progress display', async () => {
    const { journey, proof } = prove(ours);
    const { attempts } = await proof;
    expect(journey.told).to.deep.equal(
      Array.from({ length: attempts }, (_, i) => ({ kind: 'attempt', number: i + 1, protocol: 'https' })),
    );
    expect(attempts).to.be.greaterThan(0);
  });
  it('knows from which address the manager sees this host, unless there is a proxy between', async () => {
    expect(await prove(ours).proof).to.include({ localAddress: '127.0.0.1' });
    const proxy = await connectProxy();
    try {
      expect(await prove({ ...ours, proxy: proxy.settings }).proof).to.not.have.property('localAddress');
      expect(proxy.requests).to.have.length(1);
    } finally {
      await proxy.close();
    }
  });
});
