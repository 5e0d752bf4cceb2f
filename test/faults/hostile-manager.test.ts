import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { encrypt, tokenOf } from '../../src/link/message/cipher.js';
import { encodeMessage } from '../../src/link/message/codec.js';
import { frame } from '../../src/link/message/framing.js';
import { deriveKey } from '../../src/link/message/key.js';
import { parseRecord } from '../../src/model/agent-record.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { run, scratchHome, snapshot } from '../e2e/program.js';
import { tlsServer } from '../net/tls-server.js';

const KEY = 'ab'.repeat(32);
const MEGABYTE = 1024 * 1024;

describe('a manager that means harm', function () {
  this.timeout(20_000);
  let scratch: Awaited<ReturnType<typeof scratchHome>>;

  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(() => scratch.remove());

  describe('as authd: a clear error, and nothing on the disk', () => {
    const replies: readonly (readonly [string, string, string])[] = [
      ['a key for another name', `OSSEC K:'001 other any ${KEY}'`, 'REPLY_INVALID'],
      ['a second record', `OSSEC K:'001 web-01 any ${KEY}\n002 web-02 any ${KEY}'`, 'REPLY_INVALID'],
      [
        'a second key after the first',
        `OSSEC K:'001 web-01 any ${KEY}'OSSEC K:'002 web-01 any ${KEY}'`,
        'REPLY_INVALID',
      ],
      ['a path for a name', `OSSEC K:'001 ../../etc/passwd any ${KEY}'`, 'REPLY_INVALID'],
      ['a control character', `OSSEC K:'001 web-01\u001b[2J any ${KEY}'`, 'REPLY_INVALID'],
      ['a short key', `OSSEC K:'001 web-01 any ${KEY.slice(2)}'`, 'REPLY_INVALID'],
      ['an address that would stop the agent', `OSSEC K:'001 web-01 999.1.1.1 ${KEY}'`, 'REPLY_INVALID'],
      ['the id of the manager itself', `OSSEC K:'000 web-01 any ${KEY}'`, 'REPLY_INVALID'],
      ['a key cut off', `OSSEC K:'001 web-01 any ${KEY.slice(0, 40)}`, 'ANSWER_LOST'],
      ['nothing at all', '', 'ANSWER_LOST'],
      ['a web page', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n', 'NOT_AUTHD'],
      [
        'an error with control characters',
        'ERROR: \u001b]0;owned\u0007\r\nfine. Unable to add agent',
        'REQUEST_REFUSED',
      ],
    ];
    for (const [what, reply, code] of replies) {
      it(what, async () => {
        const server = await tlsServer({ onData: (socket) => socket.end(reply) });
        try {
          const before = await snapshot(scratch.home);
          const { host, port } = server.endpoint;
          const {
            code: exit,
            stdout,
            stderr,
          } = await run([
            ...['--manager', host, '--enrollment-port', String(port), '--name', 'web-01'],
            ...['--agent-home', scratch.home, '--retries', '0', '--timeout', '3s', '--json', '--verbose'],
          ]);
          const { error } = JSON.parse(stdout);
          expect(error.code).to.equal(code);
          expect(exit).to.be.oneOf([3, 5, 8]);
          expect(`${stdout}${stderr}`).to.not.include(KEY.slice(0, 32));
          expect(`${error.message}${error.hint}`).to.match(/^[\P{C}]*$/u);
          const after = await snapshot(scratch.home);
          // What is left open is noted for the next run, and nothing else is there.
          if (
            /^600 \{\n {2}"version": 2,\n {2}"managers": \{\},\n {2}"request"/.test(
              after['/.agent-enroll/notes.json'] ?? '',
            )
          ) {
            delete after['/.agent-enroll/notes.json'];
            delete after['/.agent-enroll'];
          }
          expect(after).to.deep.equal(before);
        } finally {
          await server.close();
        }
      });
    }

    it('a reply without end is cut off early', async () => {
      let sent = 0;
      const server = await tlsServer({
        onData: (socket) => {
          const chunk = Buffer.alloc(16_384, 'x');
          const pour = () => {
            while (socket.writable && sent < 64 * MEGABYTE) {
              sent += chunk.length;
              if (!socket.write(chunk)) return;
            }
          };
          socket.on('drain', pour);
          pour();
        },
      });
      try {
        const { host, port } = server.endpoint;
        const { code, stdout } = await run([
          ...['--manager', host, '--enrollment-port', String(port), '--name', 'web-01'],
          ...['--agent-home', scratch.home, '--retries', '0', '--json'],
        ]);
        expect(code).to.be.oneOf([3, 8]);
        expect(JSON.parse(stdout).error.code).to.be.oneOf(['REPLY_INVALID', 'NOT_AUTHD']);
        expect(sent).to.be.below(8 * MEGABYTE);
      } finally {
        await server.close();
      }
    });
  });

  describe('as remoted: no acknowledgement, bounded, and the key stays', () => {
    let certificate: IssuedCertificate;
    let authd: Sandbox;
    const servers: { close(): Promise<void> }[] = [];

    before(async () => {
      certificate = await issueStockCertificate();
      authd = await startSandbox({ family: 'wazuh-4', certificate });
    });
    after(() => authd.close());
    afterEach(async () => {
      for (const server of servers.splice(0)) await server.close();
    });

    const remoted = async (onMessage: (socket: Socket) => void) => {
      const open = new Set<Socket>();
      const server = createServer((socket) => {
        open.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => open.delete(socket));
        socket.once('data', () => onMessage(socket));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push({
        close: async () => {
          for (const socket of open) socket.destroy();
          server.close();
          await once(server, 'close');
        },
      });
      const address: AddressInfo | string | null = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      return address.port;
    };
    /** The key that this run was given: it is on the disk before the first message is sent. */
    const messageKey = async () => {
      const parsed = parseRecord((await readFile(scratch.keys, 'utf8')).trimEnd());
      if (!parsed.ok) throw new Error(parsed.fault);
      return deriveKey(parsed.record);
    };
    let number = 0;
    const enroll = async (port: number) => {
      number += 1;
      const { code, stdout } = await run([
        ...['--manager', `127.0.0.1:${port}`, '--enrollment-port', String(authd.endpoints.authd.port)],
        ...[
          '--name',
          `hostile-${number}`,
          '--agent-home',
          scratch.home,
          '--protocol',
          'tcp',
          '--wait',
          '900ms',
          '--json',
        ],
      ]);
      expect(code).to.equal(7);
      expect(await readFile(scratch.keys, 'utf8')).to.match(/^\d+ hostile-\d+ any [0-9a-f]{64}\n$/);
      return JSON.parse(stdout).error.code;
    };

    it('a length of 4 GB', async () => {
      const port = await remoted((socket) => socket.write(Buffer.from('ffffffff00', 'hex')));
      expect(await enroll(port)).to.equal('LINK_OTHER_SERVICE');
    });

    it('frames without end', async () => {
      const port = await remoted((socket) => {
        const garbage = frame(Buffer.alloc(1000, 'y'));
        const pour = () => {
          while (socket.writable && socket.write(garbage));
        };
        socket.on('drain', pour);
        pour();
      });
      expect(await enroll(port)).to.equal('LINK_OTHER_SERVICE');
    });

    it('a zlib bomb under the right key', async () => {
      const port = await remoted((socket) => {
        void messageKey().then((key) => {
          const packed = deflateSync(Buffer.alloc(40 * MEGABYTE), { level: 9 });
          const padded = Buffer.concat([Buffer.alloc(8 - (packed.length % 8), '!'), packed]);
          const message = Buffer.concat([
            Buffer.from(tokenOf('aes-wazuh')),
            encrypt({ cipher: 'aes-wazuh' }, key, padded),
          ]);
          socket.write(frame(message));
        });
      });
      expect(await enroll(port)).to.equal('LINK_NOT_ACKNOWLEDGED');
    });

    it('an acknowledgement with a wrong checksum', async () => {
      const port = await remoted((socket) => {
        void messageKey().then((key) => {
          const parts = { cipher: 'aes-wazuh', random: '00001', counter: { global: 0, local: 1 } } as const;
          const right = encodeMessage({ ...parts, payload: '#!-agent ack ' }, key);
          const body = Buffer.concat([Buffer.from('0'.repeat(32)), Buffer.from('000010000000000:0001:#!-agent ack ')]);
          const packed = deflateSync(body, { level: 9 });
          const padded = Buffer.concat([Buffer.alloc(8 - (packed.length % 8), '!'), packed]);
          const wrong = Buffer.concat([
            Buffer.from(tokenOf('aes-wazuh')),
            encrypt({ cipher: 'aes-wazuh' }, key, padded),
          ]);
          expect(right.length).to.be.greaterThan(0);
          socket.write(frame(wrong));
        });
      });
      expect(await enroll(port)).to.equal('LINK_NOT_ACKNOWLEDGED');
    });
  });
});
