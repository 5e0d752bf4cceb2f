import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { type LookRequest, look } from '../../../src/link/message/look.js';
import { opener } from '../../../src/link/message/open.js';
import type { OpenTransport, Protocol } from '../../../src/link/message/transport.js';
import { directDial } from '../../../src/net/connect.js';
import { pause } from '../../../src/net/deadline.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/manager.js';
import type { SandboxOptions } from '../../../src/sandbox/sandbox-options.js';
import { never } from '../../host/fake-system.js';
import { Line, type OtherEnd } from './racing.js';
import { VirtualClock } from './virtual-clock.js';

/** A look by a clock of its own at what is at the other end of each line. */
async function looked(other: OtherEnd, asked: Partial<LookRequest> = {}, signal = never) {
  const clock = new VirtualClock();
  const lines: Line[] = [];
  const request = { endpoint: ENDPOINT, protocol: 'auto', authd: false, timeoutMs: 5000, ...asked } as const;
  const open: OpenTransport = async (protocol, limit) => {
    const line = new Line(protocol, clock, other);
    await other.onOpen?.(line, limit);
    lines.push(line);
    return line;
  };
  const seen = await clock.run(
    look(request, { open, now: () => clock.now() + 1000, pause: clock.pause }, signal).catch((e) => e),
  );
  expect(clock.waits, 'waits that go on').to.equal(0);
  expect(lines.filter(({ closed }) => !closed)).to.deep.equal([]);
  return { seen, sent: lines.flatMap((line) => line.sent.map((message) => `${line.protocol} ${message}`)) };
}

const ENDPOINT = { host: '192.0.2.1', port: 1514 };
const SSH = Buffer.from('SSH-2.0-OpenSSH_9.6\r\n');
const ssh = { service: 'ssh', said: 'SSH-2.0-OpenSSH_9.6' } as const;
const nothing = { answered: false, refusals: 0 } as const;
/** What one protocol was seen to do. */
const silent = { last: 'silent', endings: { silent: 1 }, ...nothing } as const;
const closed = { last: 'closed', endings: { closed: 1 }, ...nothing } as const;
const answered = { endings: {}, ...nothing } as const;
/** What comes of a protocol alone. */
const only =
  (protocol: Protocol, what: (line: Line, signal: AbortSignal) => void | Promise<void>) =>
  (line: Line, signal: AbortSignal) =>
    line.protocol === protocol ? what(line, signal) : undefined;
const failing = (code: ErrorCode, cause?: unknown) => () =>
  Promise.reject(new EnrollError(code, 'In words.', { cause }));

describe('link/look', () => {
  it('is enough with a pong over TCP', async () => {
    const { seen, sent } = await looked({ onMessage: (_, line) => line.after(40, () => line.pong()) });
    expect(seen).to.deep.equal({
      conclusion: { kind: 'remoted', by: 'pong' },
      tcp: { ...answered, pong: 'now' },
      localAddress: '192.0.2.7',
      messages: 0,
      waitedMs: 40,
    });
    expect(sent).to.deep.equal(['tcp #ping 0']);
  });

  it('turns to UDP where TCP led to no manager', async () => {
    const { seen, sent } = await looked({
      onMessage: (_, line) => (line.protocol === 'udp' ? line.pong() : undefined),
    });
    expect(seen).to.deep.include({ tcp: silent, udp: { ...answered, pong: 'now' }, waitedMs: 2000 });
    expect(sent).to.deep.equal(['tcp #ping 0', 'udp #ping 2000']);
  });

  it('keeps to the protocol that was asked for', async () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      const { sent } = await looked({}, { protocol });
      expect(sent).to.deep.equal([`${protocol} #ping 0`]);
      const { sent: answeredAt } = await looked({ onMessage: (_, line) => line.pong() }, { protocol });
      expect(answeredAt).to.deep.equal([`${protocol} #ping 0`]);
    }
  });

  it('tells somebody else, who is enough too', async () => {
    for (const other of [
      { onMessage: (_: string, line: Line) => line.bytes(SSH) },
      {
        onMessage: (_: string, line: Line) => {
          line.firstBytes = SSH;
          line.end();
        },
      },
      {
        onMessage: (_: string, line: Line) => {
          line.firstBytes = SSH;
          line.end(new EnrollError('CONNECTION_FAILED', 'Too long.'));
        },
      },
      {
        onMessage: (_: string, line: Line) => {
          line.firstBytes = SSH;
        },
      },
    ]) {
      const { seen, sent } = await looked(other);
      expect(seen).to.deep.include({
        conclusion: { kind: 'other-service', protocol: 'tcp', ...ssh },
        tcp: { ...answered, stranger: ssh },
      });
      expect(sent).to.deep.equal(['tcp #ping 0']);
    }
  });

  it('tells the enrollment port by where it is', async () => {
    const { seen } = await looked({ onMessage: (_, line) => line.end() }, { authd: true, protocol: 'tcp' });
    expect(seen.conclusion).to.deep.equal({ kind: 'other-service', protocol: 'tcp', service: 'authd' });
  });

  it('tells a connection that ends from one that breaks in words', async () => {
    const ends = await looked({ onMessage: (_, line) => line.end() }, { protocol: 'tcp' });
    expect(ends.seen).to.deep.include({ conclusion: { kind: 'closes' }, tcp: closed });
    const broke = new EnrollError('CONNECTION_FAILED', 'It broke.');
    const breaks = await looked({ onMessage: (_, line) => line.end(broke) }, { protocol: 'tcp' });
    expect(breaks.seen).to.deep.include({ conclusion: { kind: 'closes' }, tcp: { ...closed, why: 'It broke.' } });
  });

  it('tells in words what kept it from being made, and looks no name up again', async () => {
    for (const [code, last, both] of [
      ['CONNECTION_REFUSED', 'refused', true],
      ['CONNECTION_FAILED', 'unreachable', true],
      ['HOST_UNRESOLVED', 'unresolved', false],
    ] as const) {
      const { seen } = await looked({ onOpen: failing(code) });
      const ended = { last, why: 'In words.', endings: { [last]: 1 }, ...nothing };
      expect(seen.tcp, code).to.deep.equal(ended);
      expect(seen.udp, code).to.deep.equal(both ? ended : undefined);
    }
  });

  it('takes the notice of a closed port over UDP for what it is, and a broken socket for no way', async () => {
    const refused = new EnrollError('CONNECTION_REFUSED', 'Refused.');
    const notice: OtherEnd = { onMessage: (_, line) => line.fault(refused) };
    const { seen } = await looked(notice, { protocol: 'udp' });
    expect(seen.udp).to.deep.equal({ last: 'refused', why: 'Refused.', endings: { refused: 1 }, ...nothing });
    expect(seen.conclusion).to.deep.equal({ kind: 'closed' });
  });

  it('gives each protocol its time: one that hangs cannot be reached', async () => {
    const hangs = (_line: Line, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const { seen } = await looked({ onOpen: only('tcp', hangs) });
    expect(seen.tcp).to.deep.include({ last: 'unreachable', endings: { unreachable: 1 } });
    expect(seen.udp).to.deep.equal(silent);
    expect(seen.waitedMs).to.equal(7000);
    const { seen: short } = await looked({}, { timeoutMs: 300, protocol: 'tcp' });
    expect(short.tcp).to.deep.equal(silent);
    expect(short.waitedMs).to.equal(300);
  });

  it('ends with the signal, and with what nobody expected', async () => {
    const ending = new AbortController();
    const reason = new EnrollError('INTERRUPTED', 'Interrupted.');
    const hangs: OtherEnd = {
      onOpen: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          ending.abort(reason);
        }),
    };
    expect((await looked(hangs, {}, ending.signal)).seen).to.equal(reason);
    const bug = new TypeError('unexpected');
    expect((await looked({ onOpen: () => Promise.reject(bug) })).seen).to.equal(bug);
  });
});

describe('a look at an agent port without a key', function () {
  this.timeout(10_000);
  let sandbox: Sandbox | undefined;
  afterEach(() => sandbox?.close());

  async function seen(options: Partial<SandboxOptions>, protocol: 'auto' | 'tcp' | 'udp' = 'auto') {
    const messages: string[] = [];
    sandbox = await startSandbox({
      family: 'wazuh-4',
      onEvent: ({ type }) => type === 'message' && messages.push(type),
      ...options,
    });
    const endpoint = sandbox.endpoints.agent;
    const open = opener(endpoint, { dial: directDial(2000), timeoutMs: 2000 });
    const timeoutMs = options.family === 'ossec' ? 300 : 2000;
    const request = { endpoint, protocol, authd: false, timeoutMs };
    return await look(request, { open, now: () => performance.now(), pause }, never);
  }

  it('finds a remoted that answers #ping', async () => {
    const { conclusion, udp } = await seen({});
    expect(conclusion).to.deep.equal({ kind: 'remoted', by: 'pong' });
    expect(udp, 'TCP was enough').to.equal(undefined);
    await sandbox?.close();
    expect((await seen({ protocols: ['udp'] })).conclusion).to.deep.equal({ kind: 'remoted', by: 'pong' });
  });
  it('finds a closed port', async () => {
    expect((await seen({ remoted: 'closed' })).conclusion).to.deep.equal({ kind: 'closed' });
  });
  it('does not take the silence of an OSSEC for anything', async () => {
    expect((await seen({ family: 'ossec' })).conclusion).to.deep.equal({ kind: 'silent-udp' });
  });
});
