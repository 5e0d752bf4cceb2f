import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';
import { rsaSignature } from '../../src/sandbox/own-certificate.js';

/** A certificate with its key, as PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

interface Order {
  readonly name: string;
  /** DNS names and addresses for the subjectAltName. */
  readonly hosts?: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
  readonly isCa?: boolean;
  readonly key?: string;
}

const DAY = 86_400_000;
let serial = 1;

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

/** Issues a certificate, signed by `issuer` or by itself. */
export function issue(order: Order, issuer?: Issued): Issued {
  const key = order.key ?? newKey();
  const own = forge.pki.privateKeyFromPem(key);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(own.n, own.e);
  certificate.serialNumber = (serial++).toString(16).padStart(4, '0');
  certificate.validity.notBefore = order.from ?? new Date(Date.now() - DAY);
  certificate.validity.notAfter = order.until ?? new Date(Date.now() + 30 * DAY);
  const subject = [{ name: 'commonName', value: order.name }];
  certificate.setSubject(subject);
  certificate.setIssuer(
    issuer === undefined ? subject : forge.pki.certificateFromPem(issuer.certificate).subject.attributes,
  );
  const altNames = (order.hosts ?? []).map((host) =>
    /^[\d.]+$/.test(host) ? { type: 7, ip: host } : { type: 2, value: host },
  );
  certificate.setExtensions([
    { name: 'basicConstraints', cA: order.isCa ?? false },
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
  ]);
  const digest = forge.md.sha256.create();
  const signature = () => rsaSignature(issuer?.key ?? key, digest.digest().toHex());
  certificate.sign({ ...own, sign: signature }, digest);
  return { certificate: forge.pki.certificateToPem(certificate), key };
}

function world() {
  const ca = issue({ name: 'Test CA', isCa: true });
  const strangerCa = issue({ name: 'Stranger CA', isCa: true });
  const server = issue({ name: 'manager', hosts: ['localhost', '127.0.0.1'] }, ca);
  const { key } = server;
  const past = { from: new Date(Date.now() - 60 * DAY), until: new Date(Date.now() - 30 * DAY) };
  return {
    ca,
    strangerCa,
    /** Signed by `ca`, for localhost and 127.0.0.1. */
    server,
    byStranger: issue({ name: 'manager', hosts: ['localhost', '127.0.0.1'], key }, strangerCa),
    otherName: issue({ name: 'manager', hosts: ['manager.example'], key }, ca),
    nameless: issue({ name: 'Wazuh', key }, ca),
    stock: issue({ name: 'Wazuh', key }),
    expired: issue({ name: 'manager', hosts: ['localhost', '127.0.0.1'], key, ...past }, ca),
    expiredByStranger: issue({ name: 'manager', hosts: ['localhost', '127.0.0.1'], key, ...past }, strangerCa),
    client: issue({ name: 'web-01', key: strangerCa.key }, ca),
    strangerClient: issue({ name: 'web-01', key: ca.key }, strangerCa),
  };
}

let made: ReturnType<typeof world> | undefined;

/** The certificates of the tests, made once a run. All server certificates have one and the same key. */
export function certificates(): ReturnType<typeof world> {
  made ??= world();
  return made;
}
