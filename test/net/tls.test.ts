import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { DEFAULT_CIPHERS } from 'node:tls';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../src/errors.js';
import { Secret } from '../../src/model/secret.js';
import { spkiFingerprint } from '../../src/net/certificate.js';
import { type Dial, directDial } from '../../src/net/connect.js';
import { connectTls, type TlsOptions, type TlsVersion } from '../../src/net/tls.js';
import { alertError, handshakeError } from '../../src/net/tls-error.js';
import type { ClientCertificate, TrustSettings } from '../../src/net/trust.js';
import { certificates, type Issued } from './certificates.js';
import { failure } from './expect-error.js';
import { plainServer, type TestServer, tlsServer } from './tls-server.js';

const never = new AbortController().signal;
const dial = directDial(2000);
const firstUse: TrustSettings = { insecure: false };
const OTHER = '0'.repeat(64);

const fingerprint = ({ certificate }: Issued) => spkiFingerprint(new X509Certificate(certificate));
const asClient = ({ certificate, key }: Issued): ClientCertificate => ({ certificate, key: new Secret(key) });

function connect(server: TestServer, options: Partial<TlsOptions> = {}, signal = never) {
  return connectTls(server.endpoint, { trust: firstUse, dial, timeoutMs: 2000, ...options }, signal);
}

async function using<T>(server: TestServer, use: (server: TestServer) => Promise<T>): Promise<T> {
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

type Mode =
  | 'ca'
  | 'ca and pin'
  | 'ca and other pin'
  | 'pin'
  | 'other pin'
  | 'stored'
  | 'other stored'
  | 'first use'
  | 'insecure';
type Shown = 'server' | 'byStranger' | 'otherName' | 'nameless' | 'stock' | 'expired' | 'expiredByStranger';

function trustOf(mode: Mode): TrustSettings {
  const { ca, server } = certificates();
  const pin = fingerprint(server);
  const settings: Record<Mode, TrustSettings> = {
    ca: { ca: ca.certificate, firstUse: OTHER, insecure: false },
    'ca and pin': { ca: ca.certificate, pin, insecure: false },
    'ca and other pin': { ca: ca.certificate, pin: OTHER, insecure: false },
    pin: { pin, firstUse: OTHER, insecure: false },
    'other pin': { pin: OTHER, firstUse: pin, insecure: false },
    stored: { firstUse: pin, insecure: false },
    'other stored': { firstUse: OTHER, insecure: false },
    'first use': firstUse,
    insecure: { ca: ca.certificate, pin: OTHER, firstUse: OTHER, insecure: true },
  };
  return settings[mode];
}

/** For each way to trust: what becomes of a certificate of each kind. All of them have the same key. */
const OUTCOMES: Record<Mode, Record<Shown, ErrorCode | 'good'>> = {
  ca: {
    server: 'good',
    byStranger: 'CERTIFICATE_UNTRUSTED',
    otherName: 'CERTIFICATE_NAME_MISMATCH',
    nameless: 'CERTIFICATE_NAME_MISMATCH',
    stock: 'CERTIFICATE_UNTRUSTED',
    expired: 'CERTIFICATE_EXPIRED',
    expiredByStranger: 'CERTIFICATE_UNTRUSTED',
  },
  'ca and pin': {
    server: 'good',
    byStranger: 'CERTIFICATE_UNTRUSTED',
    otherName: 'good',
    nameless: 'good',
    stock: 'CERTIFICATE_UNTRUSTED',
    expired: 'CERTIFICATE_EXPIRED',
    expiredByStranger: 'CERTIFICATE_UNTRUSTED',
  },
  'ca and other pin': {
    server: 'PIN_MISMATCH',
    byStranger: 'CERTIFICATE_UNTRUSTED',
    otherName: 'PIN_MISMATCH',
    nameless: 'PIN_MISMATCH',
    stock: 'CERTIFICATE_UNTRUSTED',
    expired: 'CERTIFICATE_EXPIRED',
    expiredByStranger: 'CERTIFICATE_UNTRUSTED',
  },
  pin: every('good'),
  'other pin': every('PIN_MISMATCH'),
  stored: every('good'),
  'other stored': every('FIRST_USE_MISMATCH'),
  'first use': every('good'),
  insecure: every('good'),
};

function every(outcome: ErrorCode | 'good'): Record<Shown, ErrorCode | 'good'> {
  return {
    server: outcome,
    byStranger: outcome,
    otherName: outcome,
    nameless: outcome,
    stock: outcome,
    expired: outcome,
    expiredByStranger: outcome,
  };
}

const SHOWN: readonly Shown[] = [
  'server',
  'byStranger',
  'otherName',
  'nameless',
  'stock',
  'expired',
  'expiredByStranger',
];
const MODES: readonly Mode[] = [
  'ca',
  'ca and pin',
  'ca and other pin',
  'pin',
  'other pin',
  'stored',
  'other stored',
  'first use',
  'insecure',
];
const BY: Partial<Record<Mode, string>> = { 'ca and pin': 'ca', insecure: 'nothing' };
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];

describe('trust in a manager', function () {
  this.timeout(20_000);
  for (const version of VERSIONS) {
    for (const shown of SHOWN) {
      it(`over ${version}, shown ${shown}: each way to trust decides as it should`, async () => {
        const identity = certificates()[shown];
        await using(await tlsServer({}, { identity, minVersion: version, maxVersion: version }), async (server) => {
          for (const mode of MODES) {
            const outcome = OUTCOMES[mode][shown];
            if (outcome === 'good') {
              const { socket, verdict, tlsVersion, confirmed } = await connect(server, { trust: trustOf(mode) });
              socket.destroy();
              expect(verdict, mode).to.deep.equal({
                by: BY[mode] ?? mode,
                fingerprint: `sha256:${fingerprint(identity)}`,
                subject: new X509Certificate(identity.certificate).subject,
              });
              expect(tlsVersion).to.equal(version);
              expect(confirmed).to.equal(true);
            } else {
              const error = await failure(outcome, () => connect(server, { trust: trustOf(mode) }));
              expect(error.exitCode).to.equal(4);
              expect(error.message, mode)
                .to.include(`sha256:${fingerprint(identity)}`)
                .and.match(/subject CN=.*(issued by|signed by itself).*valid \d{4}-/);
            }
          }
          expect(server.received).to.deep.equal([]);
        });
      });
    }
  }

  it('names the one thing that is wrong', async () => {
    const words: readonly (readonly [Shown, RegExp])[] = [
      ['byStranger', /signed by another CA/],
      [
        'otherName',
        /for other names than 127\.0\.0\.1: it names manager\.example \(subjectAltName\), manager \(CN\)\. /,
      ],
      ['nameless', /for other names than 127\.0\.0\.1: it names Wazuh \(CN\)\. /],
      ['stock', /signed by itself and not by the given CA/],
      ['expired', /expired on \d{4}-/],
      ['expiredByStranger', /signed by another CA/],
    ];
    for (const [shown, sentence] of words) {
      await using(await tlsServer({}, { identity: certificates()[shown] }), async (server) => {
        const error: unknown = await connect(server, { trust: trustOf('ca') }).catch((thrown: unknown) => thrown);
        if (!(error instanceof EnrollError)) throw error;
        expect(error.message).to.match(sentence);
      });
    }
  });

  it('takes the certificate itself for a CA, and a name for the host', async () => {
    const { server: identity } = certificates();
    await using(await tlsServer({}, { identity }), async (server) => {
      const trust = { ca: identity.certificate, insecure: false };
      const byName = { ...server.endpoint, host: 'localhost' };
      const overLoopback: TlsOptions['dial'] = (_endpoint, signal) => dial(server.endpoint, signal);
      const { socket, verdict } = await connectTls(byName, { trust, dial: overLoopback, timeoutMs: 2000 }, never);
      socket.destroy();
      expect(verdict.by).to.equal('ca');
    });
  });

  it('sends the name of a host and never an address', async () => {
    const names: string[] = [];
    const SNICallback = (name: string, done: (error: null) => void) => {
      names.push(name);
      done(null);
    };
    await using(await tlsServer({}, { SNICallback }), async (server) => {
      const overLoopback: TlsOptions['dial'] = (_endpoint, signal) => dial(server.endpoint, signal);
      for (const host of ['127.0.0.1', '::1', 'manager.example']) {
        const options = { trust: firstUse, dial: overLoopback, timeoutMs: 2000 };
        (await connectTls({ host, port: server.endpoint.port }, options, never)).socket.destroy();
      }
    });
    expect(names).to.deep.equal(['manager.example']);
  });
});

describe('a client certificate', function () {
  this.timeout(20_000);
  const wanting = (version: TlsVersion) => ({
    minVersion: version,
    maxVersion: version,
    requestCert: true,
    rejectUnauthorized: true,
    ca: certificates().ca.certificate,
  });

  for (const version of VERSIONS) {
    it(`is asked for over ${version}`, async () => {
      await using(await tlsServer({}, wanting(version)), async (server) => {
        for (const mode of ['ca', 'pin', 'stored', 'first use', 'insecure'] as const) {
          const error = await failure('CLIENT_CERTIFICATE_REQUIRED', () => connect(server, { trust: trustOf(mode) }));
          expect(error.exitCode).to.equal(5);
        }
        expect(server.received).to.deep.equal([]);
      });
    });

    it(`is shown over ${version}`, async () => {
      await using(await tlsServer({}, wanting(version)), async (server) => {
        const { socket } = await connect(server, { clientCertificate: asClient(certificates().client) });
        socket.destroy();
      });
    });
  }

  // Hands the handshake on until the client is done with it; the server never gets to see that.
  async function halfway(target: TestServer, then: (client: Socket) => void, helloMs = 0): Promise<TestServer> {
    return plainServer((client) => {
      const on = connectTcp(target.endpoint.port, '127.0.0.1');
      on.on('error', () => {});
      on.pipe(client);
      client.once('data', async (hello) => {
        await pause(helloMs);
        on.write(hello);
        client.once('data', () => then(client));
      });
    });
  }

  /** As authd with a client CA is halfway through, whatever it will make of the answer. */
  const asking = { requestCert: true, rejectUnauthorized: false };

  it('is missed by a manager that closes without a word under TLS 1.3', async () => {
    await using(await tlsServer({}, asking), async (target) =>
      using(await halfway(target, (client) => client.end()), async (server) => {
        const error = await failure('CLIENT_CERTIFICATE_REQUIRED', () => connect(server));
        expect(error.message).to.match(/before anything was sent.*probably wants a client certificate/);
        const clientCertificate = asClient(certificates().client);
        await failure('CLIENT_CERTIFICATE_REFUSED', () => connect(server, { clientCertificate }));
      }),
    );
  });

  it('is not confirmed by a manager that says nothing after the handshake under TLS 1.3', async () => {
    await using(await tlsServer({}, asking), async (target) =>
      using(await halfway(target, () => {}), async (server) => {
        const { socket, confirmed } = await connect(server);
        socket.destroy();
        expect(confirmed).to.equal(false);
      }),
    );
  });

  it('needs no word of a manager that asked for none', async () => {
    await using(await tlsServer(), async (target) =>
      using(await halfway(target, () => {}), async (server) => {
        const { socket, confirmed, tlsVersion } = await connect(server);
        socket.destroy();
        expect([tlsVersion, confirmed]).to.deep.equal(['TLSv1.3', true]);
      }),
    );
  });

  it('is not waited for where a manager is too far away to say so in time, unless it asked for one', async () => {
    const farMs = 80;
    const farDial: Dial = async (...given) => {
      await pause(farMs);
      return await dial(...given);
    };
    for (const [asked, options] of [
      [false, {}],
      [true, asking],
    ] as const) {
      await using(await tlsServer({}, options), async (target) =>
        using(await halfway(target, (client) => client.end(), farMs), async (server) => {
          const far = connect(server, { dial: farDial });
          if (asked) await failure('CLIENT_CERTIFICATE_REQUIRED', () => far);
          else (await far).socket.destroy();
          // Neither is far by one of the two alone: a name may be slow to look up, a manager slow to answer.
          if (!asked) await failure('CLIENT_CERTIFICATE_REQUIRED', () => connect(server));
        }),
      );
    }
  });

  it('may have an encrypted key, whose passphrase must be right', async () => {
    const { client } = certificates();
    const encrypted = createPrivateKey(client.key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
      .toString();
    const locked = { certificate: client.certificate, key: new Secret(encrypted) };
    await using(await tlsServer({}, wanting('TLSv1.3')), async (server) => {
      const opened = { ...locked, passphrase: new Secret('open sesame') };
      (await connect(server, { clientCertificate: opened })).socket.destroy();
      const none = await failure('SETTING_INVALID', () => connect(server, { clientCertificate: locked }));
      expect(none.message).to.match(/is encrypted/);
      const wrong = await failure('SETTING_INVALID', () =>
        connect(server, { clientCertificate: { ...locked, passphrase: new Secret('open barley') } }),
      );
      expect(`${wrong.message}${wrong.hint}`)
        .to.match(/passphrase does not open/)
        .and.not.include('barley');
    });
  });

  const broken: readonly (readonly [string, () => ClientCertificate, RegExp])[] = [
    [
      'with the key of another',
      () => ({ ...asClient(certificates().client), key: new Secret(certificates().server.key) }),
      /do not belong together/,
    ],
    [
      'that is no certificate',
      () => ({ ...asClient(certificates().client), certificate: 'nothing' }),
      /certificate cannot be read/,
    ],
    [
      'whose key is no key',
      () => ({ ...asClient(certificates().client), key: new Secret('nothing') }),
      /key .* cannot be read/,
    ],
  ];
  for (const [what, client, words] of broken) {
    it(`${what} is refused before anything is contacted`, async () => {
      const nobody: TlsOptions['dial'] = () => Promise.reject(new Error('dialled'));
      const error = await failure('SETTING_INVALID', () =>
        connectTls(
          { host: 'x', port: 1 },
          { trust: firstUse, dial: nobody, timeoutMs: 100, clientCertificate: client() },
          never,
        ),
      );
      expect(error.message).to.match(words);
    });
  }

  for (const ca of ['', 'nothing', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']) {
    it(`and a CA of ${JSON.stringify(ca).slice(0, 12)} is refused before anything is contacted`, async () => {
      const nobody: TlsOptions['dial'] = () => Promise.reject(new Error('dialled'));
      await failure('SETTING_INVALID', () =>
        connectTls({ host: 'x', port: 1 }, { trust: { ca, insecure: false }, dial: nobody, timeoutMs: 100 }, never),
      );
    });
  }
});

describe('a TLS handshake', () => {
  for (const [what, banner] of [
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ] as const) {
    it(`with ${what} ends with words`, async () => {
      await using(await plainServer((socket) => socket.write(banner)), async (server) => {
        expect((await failure('TLS_FAILED', () => connect(server))).message).to.match(/does not speak TLS/);
      });
    });
  }

  it('with a server of old TLS, or of other ciphers, ends with words', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0` } as const;
    await using(await tlsServer({}, old), async (server) => {
      expect((await failure('TLS_FAILED', () => connect(server))).message).to.match(/TLS 1.2 or 1.3/);
    });
    const odd = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const;
    await using(await tlsServer({}, odd), async (server) => {
      expect((await failure('TLS_FAILED', () => connect(server))).message).to.match(/shares no TLS version or cipher/);
    });
  });

  it('that is cut off is a failed connection', async () => {
    await using(await plainServer((socket) => socket.once('data', () => socket.destroy())), async (server) => {
      // As remoted does, whose port is next to authd's in many a configuration.
      expect((await failure('CONNECTION_FAILED', () => connect(server))).hint).to.match(/1515.*1514/);
    });
  });

  it('that never ends is timed out, and lets go of the socket', async () => {
    await using(await plainServer((socket) => socket.resume()), async (server) => {
      await failure('CONNECTION_TIMED_OUT', () => connect(server, { timeoutMs: 50 }));
      await server.closed;
    });
  });

  it('ends at once with the reason of its signal', async () => {
    const controller = new AbortController();
    await using(
      await plainServer(() => controller.abort(new EnrollError('TERMINATED', 'Terminated.'))),
      async (server) => {
        await failure('TERMINATED', () => connect(server, {}, controller.signal));
        await server.closed;
      },
    );
  });

  it('writes nothing but handshakes to a manager that is not trusted', async () => {
    const seen: Buffer[] = [];
    const target = await tlsServer({}, { identity: certificates().stock });
    const relay = await plainServer((socket) => {
      const on = connectTcp(target.endpoint.port, '127.0.0.1');
      on.on('error', () => {});
      socket.on('data', (chunk) => seen.push(chunk));
      socket.pipe(on).pipe(socket);
    });
    await using(target, () =>
      using(relay, async (server) => {
        await failure('PIN_MISMATCH', () => connect(server, { trust: trustOf('other pin') }));
        await server.closed;
      }),
    );
    expect(target.received).to.deep.equal([]);
    expect(Buffer.concat(seen)[0]).to.equal(22);
  });
});

describe('a TLS alert', () => {
  const alert = (code: string) => Object.assign(new Error(code), { code });
  const known = { where: 'manager:1515', bytesRead: 900 };
  const cases: readonly (readonly [string, boolean, ErrorCode])[] = [
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', true, 'CLIENT_CERTIFICATE_REFUSED'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', false, 'CLIENT_CERTIFICATE_REQUIRED'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', true, 'CLIENT_CERTIFICATE_REFUSED'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', false, 'CLIENT_CERTIFICATE_REQUIRED'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', false, 'CLIENT_CERTIFICATE_REQUIRED'],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', true, 'CLIENT_CERTIFICATE_REFUSED'],
    ['ERR_SSL_DH_KEY_TOO_SMALL', false, 'TLS_FAILED'],
  ];
  for (const [code, clientCertificateGiven, meaning] of cases) {
    it(`${code} ${clientCertificateGiven ? 'with' : 'without'} a client certificate is ${meaning}`, () => {
      expect(handshakeError({ thrown: alert(code), clientCertificateGiven, ...known }).code).to.equal(meaning);
    });
  }

  it('of another kind says nothing about a client certificate', () => {
    expect(alertError({ thrown: alert('ECONNRESET'), where: 'x', clientCertificateGiven: true })).to.equal(undefined);
  });
});
