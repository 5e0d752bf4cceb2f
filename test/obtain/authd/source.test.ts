import { connect as connectTcp, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { describe, it } from 'mocha';
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

const KEY = '0123456789abcdef'.repeat(4);
const GOOD = `OSSEC K:'001 web-01 any ${KEY}'`;
const request: KeyRequest = { name: 'web-01', ip: { kind: 'any' }, groups: ['web'] };
const never = new AbortController().signal;
const PLAIN = 'correct horse battery';
const password = passwordOf(PLAIN);

function obtain(server: TestServer, options: Partial<AuthdOptions> = {}, signal = never, wanted = request) {
  const source = authdSource({
    endpoint: server.endpoint,
    trust: { insecure: false },
    dial: directDial(1000),
    timeoutMs: 1000,
    ...options,
  });
  return source.obtain(wanted, signal);
}

type Behaviour = (socket: TLSSocket) => void;

async function manager<T>(answer: Behaviour, use: (server: TestServer) => Promise<T>, options = {}): Promise<T> {
  return using(await tlsServer({ onData: answer }, options), use);
}

async function using<T>(server: TestServer, use: (server: TestServer) => Promise<T>): Promise<T> {
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

// ossec-authd ends its TCP connection without the closing word of TLS.
function bareEnd(): { readonly remember: (socket: Socket) => void; end(): void } {
  let raw: Socket | undefined;
  return {
    remember: (socket) => {
      raw = socket;
    },
    end: () => raw?.end(),
  };
}

describe('authd as a source of keys', function () {
  this.timeout(20_000);

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`gets a key with one request in one record over ${version}`, async () => {
      await manager(
        (socket) => socket.end(GOOD),
        async (server) => {
          const { told, seen, warnings } = telling();
          const key = await obtain(server, { password, ...told });
          expect(server.received.map(String)).to.deep.equal([
            "OSSEC PASS: correct horse battery OSSEC A:'web-01' G:'web' IP:'any'\n",
          ]);
          expect(key.record).to.include({ id: '001', name: 'web-01', ip: 'any' });
          expect(key.record.key.reveal()).to.equal(KEY);
          expect(key).to.deep.include({
            method: 'authd',
            family: 'wazuh-4',
            groups: ['web'],
            endpoint: server.endpoint,
          });
          expect(key.trust?.by).to.equal('first use');
          expect(seen).to.deep.equal([key.trust]);
          expect(warnings.join()).to.match(/password was sent to a manager.*first use.*--pin sha256:[0-9a-f]{64}/);
        },
        { minVersion: version, maxVersion: version },
      );
    });
  }

  it('sends the bytes of a password as they stand', async () => {
    await manager(
      (socket) => socket.end(GOOD),
      async (server) => {
        await obtain(server, { password: passwordOf('p\xe4ss', 'latin1') });
        expect(Buffer.concat(server.received).toString('latin1')).to.match(/^OSSEC PASS: p\xe4ss OSSEC A:/);
      },
    );
  });

  it('sends the largest request in one record', async () => {
    const groups = Array.from({ length: 60 }, (_, index) => String(index).padStart(255, 'g'));
    await manager(
      (socket) => socket.end(GOOD),
      async (server) => {
        await obtain(server, {}, never, { ...request, groups });
        expect(server.received).to.have.length(1);
        expect(server.received[0]?.length).to.be.above(15_000);
      },
    );
  });

  it('takes the bare end of an OSSEC manager for the end, and knows its family', async () => {
    const raw = bareEnd();
    const answer: Behaviour = (socket) => {
      socket.write(`OSSEC K:'1025 web-012 any ${KEY}'\n\n`);
      setImmediate(() => raw.end());
    };
    const server = await tlsServer({ onData: answer, onRaw: raw.remember }, { maxVersion: 'TLSv1.2' });
    await using(server, async () => {
      const key = await obtain(server);
      expect(key.record.name).to.equal('web-012');
      expect(key.family).to.equal('ossec');
      expect(key.groups).to.deep.equal([]);
      expect(key.warnings).to.have.length(2);
    });
  });

  it('puts a reply together that comes byte by byte', async () => {
    const drip: Behaviour = (socket) => {
      const bytes = [...GOOD];
      const next = () => {
        const byte = bytes.shift();
        if (byte === undefined) socket.end();
        else socket.write(byte, () => setImmediate(next));
      };
      next();
    };
    await manager(drip, async (server) => expect((await obtain(server)).record.id).to.equal('001'));
  });

  it('does not wait for the end of a manager that leaves the connection open', async () => {
    await manager(
      (socket) => socket.write(GOOD),
      async (server) => {
        const start = performance.now();
        expect((await obtain(server, { timeoutMs: 5000 })).record.id).to.equal('001');
        expect(performance.now() - start).to.be.below(4000);
      },
    );
    await manager(
      (socket) => socket.write('ERROR: Invalid agent name: web-01\n\nERROR: Unable to add agent.\n\n'),
      async (server) => {
        const start = performance.now();
        await failure('NAME_REFUSED', () => obtain(server, { timeoutMs: 5000 }));
        expect(performance.now() - start).to.be.below(4000);
      },
    );
  });

  it('refuses what follows a key even when it comes later', async () => {
    await manager(
      (socket) => {
        socket.write(GOOD);
        setTimeout(() => socket.write(GOOD), 50);
      },
      (server) => failure('REPLY_INVALID', () => obtain(server)),
    );
  });

  it('sends nothing to a manager that is not trusted', async () => {
    await manager(
      (socket) => socket.end(GOOD),
      async (server) => {
        await failure('PIN_MISMATCH', () =>
          obtain(server, { password, trust: { pin: '0'.repeat(64), insecure: false } }),
        );
        await server.closed;
        expect(server.received).to.deep.equal([]);
      },
    );
  });

  it('does not connect for a request that cannot be sent', async () => {
    let dialled = 0;
    const dial = () => {
      dialled += 1;
      return Promise.reject(new Error('dialled'));
    };
    const options = { endpoint: { host: 'x', port: 1 }, trust: { insecure: false }, dial, timeoutMs: 100 };
    await failure('NAME_UNUSABLE', () => authdSource(options).obtain({ ...request, name: "we'b" }, never));
    expect(dialled).to.equal(0);
  });

  for (const [what, maxVersion, code] of [
    ["for a refusal where it may be OSSEC's", 'TLSv1.2', 'CLOSED_SILENTLY'],
    ['for an end without an answer where it is not', 'TLSv1.3', 'ANSWER_LOST'],
  ] as const) {
    it(`takes a silent close ${what}`, async () => {
      await manager(
        (socket) => socket.end(),
        async (server) => {
          const error = await failure(code, () => obtain(server, { password }));
          expect(`${error.message}${error.hint}`).not.to.include(PLAIN);
        },
        { maxVersion },
      );
    });
  }

  it('tells a web server behind TLS from authd', async () => {
    await manager(
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\n\r\n'),
      async (server) => {
        const error = await failure('NOT_AUTHD', () => obtain(server, { timeoutMs: 5000 }));
        expect(error.managerSaid).to.match(/^HTTP\/1\.1 400/);
      },
    );
  });
});

describe('an answer of authd that is lost', function () {
  this.timeout(20_000);
  const lost: readonly (readonly [string, Behaviour, RegExp])[] = [
    ['by a cut in the middle of the key', (socket) => socket.end(GOOD.slice(0, 20)), /cut off/],
    ['by silence', () => {}, /No answer came within 0\.3 s/],
    ['by a slow drip', drip, /No answer came within 0\.3 s/],
  ];
  for (const [how, answer, words] of lost) {
    it(`${how} ends with exit 8`, async () => {
      await manager(answer, async (server) => {
        const error = await failure('ANSWER_LOST', () => obtain(server, { timeoutMs: 300 }));
        expect(error.message).to.match(words).and.not.include(KEY.slice(0, 8));
        expect(error.exitCode).to.equal(8);
        await server.closed;
      });
    });
  }

  for (const [how, begun] of [
    ['by a reset', ''],
    ['by a reset in the middle of the key', GOOD.slice(0, 20)],
  ] as const) {
    it(`${how} ends with exit 8`, async () => {
      const relayed: Socket[] = [];
      // A reset needs the bare TCP socket, which the TLS server does not give away.
      const answer: Behaviour = (socket) => {
        if (begun !== '') socket.write(begun);
        setTimeout(() => relayed[0]?.resetAndDestroy(), 20);
      };
      await manager(answer, async (target) => {
        const relay = await plainServer((socket) => {
          relayed.push(socket);
          const on = connectTcp(target.endpoint.port, '127.0.0.1');
          on.on('error', () => {});
          on.pipe(socket).pipe(on);
        });
        await using(relay, async (server) => {
          const error = await failure('ANSWER_LOST', () => obtain(server));
          expect(error.message).to.match(/connection broke/);
          expect(error.cause).to.have.property('code', 'ECONNRESET');
        });
      });
    });
  }

  it('still tells a refusal that had begun', async () => {
    await manager(
      (socket) => socket.write('ERROR: Invalid group: web'),
      (server) => failure('GROUP_UNKNOWN', () => obtain(server, { timeoutMs: 200 })),
    );
  });

  it('is none before the request: a dead manager is a failed connection', async () => {
    await using(await plainServer((socket) => socket.destroy()), (server) =>
      failure('CONNECTION_FAILED', () => obtain(server)),
    );
  });

  for (const [what, start] of [
    ['a key', GOOD],
    ['a refusal', 'ERROR: '],
  ] as const) {
    it(`is not waited for where ${what} never ends`, async () => {
      let sent = 0;
      const flood: Behaviour = (socket) => {
        const next = () => {
          sent += 16_384;
          socket.write(Buffer.alloc(16_384, 'x'), (error) => {
            if (!error) setImmediate(next);
          });
        };
        socket.write(start);
        next();
      };
      await manager(flood, async (server) => {
        await failure('REPLY_INVALID', () => obtain(server));
        await server.closed;
      });
      expect(sent).to.be.below(64 * 1024 * 1024);
    });
  }

  it('by an interruption ends at once with the reason of that', async () => {
    const controller = new AbortController();
    await manager(
      () => controller.abort(new EnrollError('TERMINATED', 'Terminated.')),
      async (server) => {
        await failure('TERMINATED', () => obtain(server, {}, controller.signal));
        await server.closed;
      },
    );
  });

  it('is none by an interruption once the whole key has arrived', async () => {
    const controller = new AbortController();
    const direct = directDial(1000);
    let raw: Socket | undefined;
    const dial: Dial = async (endpoint, signal) => {
      raw = await direct(endpoint, signal);
      return raw;
    };
    // The connection stays open, so the source waits for what may follow.
    const answer: Behaviour = (socket) => {
      const before = raw?.bytesRead;
      const interrupt = () => {
        if (raw?.bytesRead === before) setImmediate(interrupt);
        else setImmediate(() => controller.abort(new EnrollError('TERMINATED', 'Terminated.')));
      };
      socket.write(GOOD, interrupt);
    };
    await manager(
      answer,
      async (server) => {
        const began = performance.now();
        const key = await obtain(server, { dial, timeoutMs: 5000 }, controller.signal);
        expect(controller.signal.aborted).to.equal(true);
        expect(key.record.key.reveal()).to.equal(KEY);
        expect(performance.now() - began, 'ms').to.be.below(450);
        await server.closed;
      },
      { maxVersion: 'TLSv1.2' },
    );
  });

  it('by an interruption before the last byte of the key it is one', async () => {
    const controller = new AbortController();
    await manager(
      (socket) => socket.write(GOOD.slice(0, -1), () => controller.abort(new EnrollError('TERMINATED', 'Terminated.'))),
      async (server) => {
        await failure('TERMINATED', () => obtain(server, {}, controller.signal));
        await server.closed;
      },
    );
  });

  it('is none where the interruption came first', async () => {
    await manager(
      (socket) => socket.end(GOOD),
      async (server) => {
        await failure('INTERRUPTED', () => obtain(server, {}, AbortSignal.abort()));
        expect(server.received).to.deep.equal([]);
      },
    );
  });
});

describe('authd as a source of keys tells', () => {
  const exposed = (by: string) =>
    new RegExp(
      `^The enrollment password was sent to a manager whose certificate nothing vouched for \\(${by}\\)\\. Use --ca or --pin sha256:[0-9a-f]{64}\\.$`,
    );

  it('who the password was shown to, where nothing vouched for that one', async () => {
    const { ca } = certificates();
    await manager(
      (socket) => socket.end(GOOD),
      async (server) => {
        for (const [trust, given, words] of [
          [{ insecure: true }, { password }, exposed('not checked')],
          [{ insecure: false }, { password }, exposed('first use')],
          [{ insecure: false }, {}, undefined],
          [{ insecure: false, ca: ca.certificate }, { password }, undefined],
        ] as const) {
          const { told, warnings } = telling();
          const key = await obtain(server, { trust, ...given, ...told });
          expect(key.method).to.equal('authd');
          expect(key.warnings).to.deep.equal([]);
          if (words === undefined) expect(warnings).to.deep.equal([]);
          else expect(warnings.join('\n')).to.match(words);
        }
      },
    );
  });

  it('whether groups were left out by an OSSEC manager', async () => {
    await manager(
      (socket) => socket.end(`OSSEC K:'1025 web-01 any ${KEY}'\n\n`),
      async (server) => {
        expect((await obtain(server)).warnings).to.deep.equal([
          'An OSSEC manager has no groups: the groups asked for were not assigned.',
        ]);
        expect((await obtain(server, {}, never, { ...request, groups: [] })).warnings).to.deep.equal([]);
      },
      { maxVersion: 'TLSv1.2' },
    );
    await manager(
      (socket) => socket.end(`${GOOD}\n`),
      async (server) => expect(await obtain(server)).not.to.have.property('family'),
    );
  });

  it('what a refusal means after what was sent', async () => {
    await manager(
      (socket) => socket.end('ERROR: Invalid password. Unable to add agent'),
      async (server) => {
        const bare = await failure('PASSWORD_REFUSED', () => obtain(server));
        expect(bare.message).to.include('none was given');
        const given = await failure('PASSWORD_REFUSED', () => obtain(server, { password }));
        expect(given.message).to.include('did not accept the enrollment password');
      },
    );
  });

  it('what a silent close means after what was sent', async () => {
    const { client } = certificates();
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    await manager(
      (socket) => socket.end(),
      async (server) => {
        const bare = await failure('CLOSED_SILENTLY', () => obtain(server));
        expect(bare.hint).to.include('--cert and --key');
        const given = await failure('CLOSED_SILENTLY', () => obtain(server, { clientCertificate }));
        expect(given.hint).to.include('ssl_verify_host');
      },
      { maxVersion: 'TLSv1.2' },
    );
  });

  for (const [what, begun, outcome] of [
    ['a refusal', 'ERROR: Invalid group: web', 'GROUP_UNKNOWN'],
    ['a key', GOOD, 'key'],
  ] as const) {
    it(`${what} that had come before the connection was reset`, async () => {
      const relayed: Socket[] = [];
      const answer: Behaviour = (socket) => {
        socket.write(begun);
        setTimeout(() => relayed[0]?.resetAndDestroy(), 20);
      };
      await manager(answer, async (target) => {
        const relay = await plainServer((socket) => {
          relayed.push(socket);
          const on = connectTcp(target.endpoint.port, '127.0.0.1');
          on.on('error', () => {});
          on.pipe(socket).pipe(on);
        });
        await using(relay, async (server) => {
          if (outcome === 'key') expect((await obtain(server)).record.id).to.equal('001');
          else await failure(outcome, () => obtain(server));
        });
      });
    });
  }
});

describe('a manager with a client CA', () => {
  it('gets a certificate, or the request does not succeed', async () => {
    const { ca, client } = certificates();
    const wanting = { requestCert: true, rejectUnauthorized: true, ca: ca.certificate };
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      await manager(
        (socket) => socket.end(GOOD),
        async (server) => {
          expect((await obtain(server, { clientCertificate })).record.id).to.equal('001');
          await failure('CLIENT_CERTIFICATE_REQUIRED', () => obtain(server, { password }));
          expect(server.received).to.have.length(1);
        },
        { ...wanting, maxVersion },
      );
    }
  });
});

describe('a manager that finishes the handshake late', () => {
  it('may have heard the request, where it then closes without an answer', async () => {
    await manager(
      (socket) => socket.end(),
      async (server) => {
        // What comes after the server's part of the handshake, its word that it has finished, is 0.3 s on its way.
        const slow = await plainServer((socket) => {
          const { host, port } = server.endpoint;
          const up = connectTcp({ host, port }).on('error', () => {});
          let flights = 0;
          socket.pipe(up);
          up.on('data', (flight: Buffer) => {
            flights += 1;
            if (flights === 1) socket.write(flight);
            else setTimeout(() => socket.writable && socket.write(flight), 300);
          });
          up.on('end', () => setTimeout(() => socket.end(), 350));
        });
        await using(slow, (late) => failure('ANSWER_LOST', () => obtain(late)));
      },
      { minVersion: 'TLSv1.3' },
    );
  });
});

function drip(socket: TLSSocket): void {
  const timer = setInterval(() => socket.write('1'), 20);
  socket.write("OSSEC K:'");
  socket.once('close', () => clearInterval(timer));
}
