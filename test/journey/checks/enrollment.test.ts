import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { enrollment, lookAtService, type ServiceLook } from '../../../src/journey/checks/enrollment.js';
import { NOTHING_KNOWN } from '../../../src/keystore/notes/notes.js';
import { endpointKey } from '../../../src/model/endpoint.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { Secret } from '../../../src/model/secret.js';
import { certificates } from '../../net/certificates.js';
import { type TestServer, tlsServer } from '../../net/tls-server.js';
import { type Given, journeyOf } from '../journey-scene.js';

const endpoint = { host: 'siem.example', port: 1515 };
const shown = (by: Extract<ServiceLook, { kind: 'shown' }>['verdict']['by']): ServiceLook => ({
  kind: 'shown',
  endpoint,
  verdict: { by, fingerprint: 'sha256:ab', subject: 'CN=siem' },
  version: 'TLSv1.3',
});
const failed = (code: 'HOST_UNRESOLVED' | 'CONNECTION_REFUSED', message: string): ServiceLook => ({
  kind: 'failed',
  endpoint,
  error: new EnrollError(code, message, { hint: `About ${message}` }),
});

describe('the check of the enrollment port', () => {
  for (const [by, words] of [
    ['ca', 'is signed by the CA given'],
    ['system', "is trusted by the system's CAs"],
    ['pin', 'has the pinned key'],
    ['stored', 'has the same key as at the first enrollment'],
    ['first use', 'is not known yet: an enrollment would trust and remember it'],
    ['nothing', 'is not checked (--insecure)'],
  ] as const) {
    it(`says that its certificate ${words}`, () => {
      expect(enrollment([shown(by)])).to.deep.equal({
        id: 'enrollment',
        ok: true,
        detail: `siem.example:1515 speaks TLSv1.3; its certificate ("CN=siem", sha256:ab) ${words}. Nothing was asked.`,
      });
    });
  }
  it('is wrong where one of several is not reached, and says that a key that works does not need it', () => {
    const looks = [
      shown('ca'),
      failed('HOST_UNRESOLVED', 'No name.'),
      failed('CONNECTION_REFUSED', 'One.'),
      failed('CONNECTION_REFUSED', 'Two.'),
    ];
    expect(enrollment(looks)).to.deep.equal({
      id: 'enrollment',
      ok: false,
      detail: 'The enrollment port: One. The enrollment port: Two.',
      hint: 'About One. A key that works does not need it.',
    });
  });
  it('is not looked at where a name has no address', () => {
    expect(enrollment([shown('ca'), failed('HOST_UNRESOLVED', 'No name.')])).to.deep.equal({
      id: 'enrollment',
      ok: null,
      detail: 'Not looked at: the name of the enrollment service has no address.',
    });
  });
  it('shows each of several', () => {
    expect(enrollment([shown('ca'), shown('pin')]).detail).to.match(
      /^siem.*CA given\. Nothing was asked\. siem.*pinned key\. Nothing was asked\.$/,
    );
  });
});

describe('a look at an enrollment service', () => {
  const { ca, client } = certificates();
  let server: TestServer;
  afterEach(() => server.close());

  const look = (given: Omit<Given, 'agent'> = {}, notes = NOTHING_KNOWN) =>
    lookAtService(journeyOf({ ...given, agent: {} as AgentInstallation }), server.endpoint, notes);

  it('shows the certificate of this host, and says nothing', async () => {
    const shown: string[] = [];
    server = await tlsServer(
      { onSecure: (socket) => shown.push(socket.getPeerX509Certificate()?.subject ?? 'none') },
      { requestCert: true, rejectUnauthorized: false, ca: ca.certificate, maxVersion: 'TLSv1.2' },
    );
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    expect(await look({ settings: { trust: { insecure: true }, clientCertificate } })).to.include({
      kind: 'shown',
      version: 'TLSv1.2',
    });
    await server.closed;
    expect(shown).to.have.length(1).and.not.include('none');
    expect(server.received).to.deep.equal([]);
  });
  it('knows the key that an earlier run saw, and tells one that it does not know', async () => {
    server = await tlsServer();
    const first = await look({ settings: { trust: { insecure: false } } });
    if (first.kind !== 'shown') throw first.error;
    expect(first.verdict.by).to.equal('first use');
    const noted = (fingerprint: string) => {
      const known = { fingerprint, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
      return { ...NOTHING_KNOWN, managers: new Map([[endpointKey(server.endpoint), known]]) };
    };
    const settings = { trust: { insecure: false } };
    expect(await look({ settings }, noted(first.verdict.fingerprint))).to.have.nested.property('verdict.by', 'stored');
    expect(await look({ settings }, noted(`sha256:${'ab'.repeat(32)}`)))
      .to.include({ kind: 'failed' })
      .and.have.nested.property('error.message')
      .that.contains(`at the first enrollment (sha256:${'ab'.repeat(32)})`);
  });
  it('ends where the run is stopped', async () => {
    server = await tlsServer();
    const reason = new EnrollError('INTERRUPTED', 'Stop.');
    expect(await look({ signal: AbortSignal.abort(reason) }).catch((thrown: unknown) => thrown)).to.equal(reason);
  });
  it('does not put a fault of this program down to the service', async () => {
    server = await tlsServer();
    const fault = new TypeError('It is undefined.');
    const dial = () => () => Promise.reject(fault);
    expect(await look({ edge: { dial } }).catch((thrown: unknown) => thrown)).to.equal(fault);
  });
});
