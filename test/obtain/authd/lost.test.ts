import { connect as connectTcp, type Socket } from 'node:net';
import { mock } from 'node:test';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { Secret } from '../../../src/model/secret.js';
import { type Dial, directDial } from '../../../src/net/connect.js';
import { type AuthdOptions, authdSource } from '../../../src/obtain/authd/source.js';
import type { KeyRequest } from '../../../src/obtain/key-source.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { plainServer, type TestServer, tlsServer } from '../../net/tls-server.js';
import { telling } from '../api/setting.js';
import { passwordOf } from '../password.js';

const GOOD = `OSSEC K:'001 web-01 any ${'0123456789abcdef'.repeat(4)}'`;
const REFUSAL = 'ERROR: Invalid group: web';
const request: KeyRequest = { name: 'web-01', ip: { kind: 'any' }, groups: ['web'] };

type Behaviour = NonNullable<Parameters<typeof tlsServer>[0]>;

/** The connection to a manager that answers so, in TLS 1.2: there the first words after the handshake are the request. */
async function connection(behaviour: Behaviour, options: Partial<AuthdOptions> = {}) {
  const server = await tlsServer(behaviour, { maxVersion: 'TLSv1.2' });
  const controller = new AbortController();
  let raw: Socket | undefined;
  const direct = directDial(1000);
  const dial: Dial = async (endpoint, signal) => {
    raw = await direct(endpoint, signal);
    return raw;
  };
  const { endpoint } = server;
  const source = authdSource({ endpoint, trust: { insecure: false }, dial, timeoutMs: 1000, ...options });
  return {
    server,
    controller,
    obtain: () => source.obtain(request, controller.signal),
    /** Ends the connection, as this host sees it, once it has read all that came. */
    break: (error?: Error) => raw?.destroy(error),
    raw: () => raw,
  };
}

const clientCertificate = () => {
  const { client } = certificates();
  return { certificate: client.certificate, key: new Secret(client.key) };
};

describe('the connection to authd', () => {
  const servers: TestServer[] = [];
  afterEach(async () => {
    mock.timers.reset();
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  const connected = async (...given: Parameters<typeof connection>) => {
    const made = await connection(...given);
    servers.push(made.server);
    return made;
  };

  /** The outcome where the connection ends so on this host, after this much of an answer. */
  const broken = async (said: string, error?: Error, options: Partial<AuthdOptions> = {}) => {
    const made = await connected(
      {
        onData: (socket) => {
          const before = made.raw()?.bytesRead;
          const end = () => {
            if (said !== '' && made.raw()?.bytesRead === before) setImmediate(end);
            else setImmediate(() => made.break(error));
          };
          if (said === '') end();
          else socket.write(said, end);
        },
      },
      options,
    );
    return made.obtain();
  };

  for (const [what, error, words] of [
    ['is closed', undefined, 'The connection was closed'],
    ['breaks', new Error('x'), 'The connection broke'],
  ] as const) {
    it(`that ${what} without an answer loses it`, async () => {
      const thrown = await failure('ANSWER_LOST', () => broken('', error));
      expect(thrown.message).to.match(new RegExp(`^${words} after the request was sent to 127\\.0\\.0\\.1:\\d+\\.$`));
      expect(thrown.cause).to.equal(error);
      await failure('ANSWER_LOST', () => broken(GOOD.slice(0, 30), error));
    });

    it(`that ${what} after the answer has brought it`, async () => {
      expect((await broken(GOOD, error)).record.id).to.equal('001');
      await failure('GROUP_UNKNOWN', () => broken(REFUSAL, error));
    });
  }

  it('that ends by an alert about the certificate says which: the request was not looked at', async () => {
    const alert = Object.assign(new Error('x'), { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' });
    await failure('CLIENT_CERTIFICATE_REQUIRED', () => broken('', alert));
    await failure('CLIENT_CERTIFICATE_REFUSED', () => broken('', alert, { clientCertificate: clientCertificate() }));
  });

  describe('that the manager ends before the request', () => {
    /** The outcome where what the server says after the handshake, and its end, come in one. */
    const closed = async (options: Partial<AuthdOptions>) => {
      // No timer runs out: the word of the server is waited for, however long it takes on this host.
      mock.timers.enable({ apis: ['setTimeout'] });
      const manager = await tlsServer(
        { onSecure: (socket) => void setImmediate(() => socket.end()) },
        { minVersion: 'TLSv1.3' },
      );
      servers.push(manager);
      const relay = await plainServer((socket) => {
        const up = connectTcp(manager.endpoint.port, '127.0.0.1').on('error', () => {});
        const held: Buffer[] = [];
        let said = 0;
        socket.on('data', (flight: Buffer) => {
          said += 1;
          up.write(flight);
        });
        up.on('data', (flight: Buffer) => (said < 2 ? socket.write(flight) : held.push(flight)));
        up.on('end', () => socket.end(Buffer.concat(held)));
      });
      servers.push(relay);
      const source = authdSource({
        endpoint: relay.endpoint,
        trust: { insecure: false },
        dial: directDial(1000),
        timeoutMs: 1000,
        ...options,
      });
      const thrown = await source.obtain(request, new AbortController().signal).catch((error: unknown) => error);
      if (!(thrown instanceof EnrollError)) throw thrown;
      expect(manager.received).to.deep.equal([]);
      return thrown;
    };

    it('loses nothing', async () => {
      const error = await closed({});
      expect([error.code, error.message.replace(/:\d+ /, ':N ')]).to.deep.equal([
        'CONNECTION_FAILED',
        '127.0.0.1:N closed the connection after the handshake, before the request was sent.',
      ]);
    });

    it('is one to a manager that may not like the client certificate', async () => {
      const error = await closed({ clientCertificate: clientCertificate() });
      expect([error.code, error.message.replace(/:\d+ /, ':N '), error.hint]).to.deep.equal([
        'CLIENT_CERTIFICATE_REFUSED',
        '127.0.0.1:N closed the connection after the handshake, before the request was sent. It probably did not accept the client certificate.',
        'The manager may compare the client certificate with the address that this host has there (ssl_verify_host): it must name that address.',
      ]);
    });
  });

  it('that is interrupted after the handshake carries no request, and shows nobody a password', async () => {
    const { told, warnings } = telling();
    const made = await connected(
      {},
      {
        password: passwordOf('s3cret'),
        ...told,
        onCertificate: () => made.controller.abort(new EnrollError('TERMINATED', 'x')),
      },
    );
    await failure('TERMINATED', made.obtain);
    await made.server.closed;
    expect([made.server.received, warnings]).to.deep.equal([[], []]);
  });

  it('that is interrupted in the middle of a refusal ends by the interruption', async () => {
    const made = await connected({
      onData: (socket) => {
        const before = made.raw()?.bytesRead;
        const interrupt = () => {
          if (made.raw()?.bytesRead === before) setImmediate(interrupt);
          else setImmediate(() => made.controller.abort(new EnrollError('TERMINATED', 'x')));
        };
        socket.write(REFUSAL, interrupt);
      },
    });
    await failure('TERMINATED', made.obtain);
  });

  it('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
    const made = await connected({ onData: (socket) => socket.end(GOOD) }, { timeoutMs: 5000 });
    const before = timers();
    await made.obtain();
    expect(timers()).to.be.at.most(before);
  });

  for (const [size, what] of [
    [65_536, 'GROUP_UNKNOWN'],
    [65_537, 'REPLY_INVALID'],
  ] as const) {
    it(`brings an answer of 64 KiB and not more: ${size} bytes`, async () => {
      const made = await connected({ onData: (socket) => socket.end(REFUSAL.padEnd(size, 'x')) });
      const error = await failure(what, made.obtain);
      if (what === 'REPLY_INVALID') expect(error.message).to.match(/^127\.0\.0\.1:\d+ sent an answer without end\.$/);
    });
  }

  describe('waits', () => {
    /** What came of it, as far as it is known. */
    const watched = (work: Promise<unknown>) => {
      const seen = { outcome: 'none' };
      work.then(
        () => {
          seen.outcome = 'key';
        },
        (thrown: unknown) => {
          seen.outcome = thrown instanceof EnrollError ? thrown.message.replace(/:\d+\.$/, ':N.') : String(thrown);
        },
      );
      return seen;
    };
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

    for (const [timeoutMs, waitMs, words] of [
      [9_999, 9_999, '9.999 s'],
      [10_000, 12_000, "12 s (--timeout, and 2 s in which a cluster's worker gives up on its master)"],
    ] as const) {
      it(`for an answer as long as a worker may for that of its master: ${timeoutMs} ms`, async () => {
        mock.timers.enable({ apis: ['setTimeout'] });
        let asked = () => {};
        const arrived = new Promise<void>((resolve) => {
          asked = resolve;
        });
        const made = await connected({ onData: () => asked() }, { timeoutMs });
        const seen = watched(made.obtain());
        await arrived;
        mock.timers.tick(waitMs - 1);
        await turn();
        expect(seen.outcome).to.equal('none');
        mock.timers.tick(1);
        await turn();
        expect(seen.outcome).to.equal(`No answer came within ${words} after the request was sent to 127.0.0.1:N.`);
      });
    }

    it('half a second for what may follow a key, and not within one', async () => {
      mock.timers.enable({ apis: ['setTimeout'] });
      let asked = (_say: (text: string) => Promise<void>) => {};
      const arrived = new Promise<(text: string) => Promise<void>>((resolve) => {
        asked = resolve;
      });
      const made = await connected(
        {
          onData: (socket) =>
            asked(async (text) => {
              const before = made.raw()?.bytesRead;
              socket.write(text);
              while (made.raw()?.bytesRead === before) await turn();
              await turn();
            }),
        },
        { timeoutMs: 5000 },
      );
      const seen = watched(made.obtain());
      const say = await arrived;
      await say(GOOD.slice(0, 30));
      mock.timers.tick(600);
      await turn();
      await say(GOOD.slice(30));
      mock.timers.tick(499);
      await turn();
      expect(seen.outcome).to.equal('none');
      mock.timers.tick(1);
      await turn();
      expect(seen.outcome).to.equal('key');
    });
  });
});
