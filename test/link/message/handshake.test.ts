import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { LinkProof } from '../../../src/link/link-proof.js';
import { prove } from '../../../src/link/message/handshake.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { type Counter, isNewer, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';
import { Secret } from '../../../src/model/secret.js';
import { MemoryManager, type MemoryManagerOptions } from './memory-manager.js';

const RECORD: AgentRecord = { id: '001', name: 'web-01', ip: 'any', key: new Secret('ab'.repeat(32)) };
const ENDPOINT = { host: '127.0.0.1', port: 1514 };
const ACK = '#!-agent ack ';
const acknowledge = ({ text }: { text: string }) => (text.startsWith('#!-agent startup') ? ACK : undefined);

type Given = Partial<Omit<HandshakeRequest, 'record' | 'endpoint'>> & {
  readonly signal?: AbortSignal;
  /** How much faster than the real one the handshake's clock goes. */
  readonly speed?: number;
};

async function run(options: Omit<MemoryManagerOptions, 'record'>, given: Given = {}) {
  const manager = new MemoryManager({ ...options, record: RECORD });
  const { signal = new AbortController().signal, speed = 1, ...asked } = given;
  let last: Counter = NOTHING_SENT;
  const edge = {
    open: manager.open,
    counters: {
      next: async () => {
        last = nextCounter(last);
        return last;
      },
    },
    random: { digits: () => '00042', iv: () => new Uint8Array(16) },
    now: () => performance.now() * speed,
  };
  const request = {
    record: RECORD,
    endpoint: ENDPOINT,
    protocol: 'auto',
    cipher: 'auto',
    waitMs: 5000,
    timeoutMs: 500,
    ...asked,
  } as const;
  let outcome: LinkProof | EnrollError;
  try {
    outcome = await prove(request, edge, signal);
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    outcome = thrown;
  }
  expect(manager.openTransports, 'transports left open').to.equal(0);
  return { outcome, heard: manager.heard, request };
}

function proof(outcome: LinkProof | EnrollError): LinkProof {
  if (outcome instanceof EnrollError) throw outcome;
  return outcome;
}

function code(outcome: LinkProof | EnrollError): string {
  return outcome instanceof EnrollError ? outcome.code : 'proved';
}

describe('the handshake', () => {
  it('finds TCP and AES on a Wazuh manager, and says goodbye', async () => {
    const { outcome, heard } = await run(
      { ciphers: ['aes-wazuh', 'blowfish'], answer: acknowledge },
      { version: 'v4.14.7' },
    );
    expect(proof(outcome)).to.include({ protocol: 'tcp', cipher: 'aes', attempts: 1 });
    expect(heard.map(({ text }) => text)).to.deep.equal([
      '#!-agent startup {"version":"v4.14.7"}',
      '#!-agent shutdown ',
    ]);
  });

  it('greets without a version where the installed agent is one that names none (before 4.6)', async () => {
    for (const version of ['v4.3.11', 'v3.13.6', 'v4.5.4']) {
      const { heard } = await run({ ciphers: ['aes-wazuh'], answer: acknowledge }, { version });
      expect(heard[0]?.text, version).to.equal('#!-agent startup ');
    }
    const { heard } = await run({ ciphers: ['aes-wazuh'], answer: acknowledge }, { version: 'v4.6.0' });
    expect(heard[0]?.text).to.equal('#!-agent startup {"version":"v4.6.0"}');
  });

  it('sends again with fresh counters until the manager has learned the key', async () => {
    let asked = 0;
    const answer = (message: { text: string }) => {
      if (message.text.includes('shutdown')) return undefined;
      asked += 1;
      return asked < 5 ? undefined : ACK;
    };
    const { outcome, heard } = await run({ ciphers: ['aes-wazuh'], answer });
    expect(proof(outcome).attempts).to.equal(5);
    for (const [index, { counter }] of heard.entries()) {
      const before = heard[index - 1]?.counter ?? NOTHING_SENT;
      expect(isNewer(counter, before), `counter ${index}`).to.equal(true);
    }
  });

  it('finds UDP on a Wazuh manager that has no TCP, and sends nothing twice once #pong told the family', async () => {
    const { outcome, heard } = await run({
      tcp: 'closed',
      ciphers: ['aes-wazuh', 'blowfish'],
      pong: true,
      answer: acknowledge,
    });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'aes', family: 'wazuh-4' });
    expect(heard.map(({ cipher }) => cipher)).to.not.include('blowfish');
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  it('finds Blowfish on an OSSEC manager, with the bare startup and no shutdown, which OSSEC does not know', async () => {
    const { outcome, heard } = await run(
      { tcp: 'closed', ciphers: ['blowfish'], answer: () => ACK },
      { version: 'v3.7.0' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish', family: 'ossec' });
    expect(new Set(heard.map(({ text }) => text))).to.deep.equal(new Set(['#!-agent startup ']));
  });

  it("finds OSSEC's own AES where AES is asked for", async () => {
    const { outcome, heard } = await run(
      { tcp: 'closed', ciphers: ['aes-ossec'], answer: () => ACK },
      { cipher: 'aes' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'aes', family: 'ossec' });
    expect(heard.every(({ text }) => text === '#!-agent startup ')).to.equal(true);
  });

  it('tries UDP when TCP hangs, as behind a firewall that drops', async () => {
    const { outcome } = await run({ tcp: 'hangs', ciphers: ['aes-wazuh'], answer: acknowledge });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'aes' });
  });

  it('tries UDP where something else than a manager takes the TCP connection', async () => {
    const { outcome } = await run(
      { tcpDelayMs: Number.POSITIVE_INFINITY, ciphers: ['blowfish'], answer: () => ACK },
      // Before the key of a second run is given up (12 s), and before the ciphers are doubted (15 s).
      { speed: 20, timeoutMs: 10_000, waitMs: 600 },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', family: 'ossec' });
  });

  it('says goodbye only when the startup that is on its way over TCP has come in', async () => {
    const { outcome, heard } = await run(
      { tcpDelayMs: 400, ciphers: ['aes-wazuh'], answer: acknowledge },
      { speed: 20, timeoutMs: 10_000 },
    );
    expect(proof(outcome).protocol).to.equal('udp');
    expect(heard.filter(({ protocol }) => protocol === 'tcp')).to.have.length(1);
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  it('says goodbye to a Wazuh manager too that acknowledged Blowfish first', async () => {
    let lost = 2;
    const answer = (message: { text: string; cipher: string }) => {
      if (message.cipher === 'aes-wazuh' && lost-- > 0) return undefined;
      return acknowledge(message);
    };
    const { outcome, heard } = await run({ tcp: 'closed', ciphers: ['aes-wazuh', 'blowfish'], answer });
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish' }).and.not.have.property('family');
    expect(heard.at(-1)?.text).to.equal('#!-agent shutdown ');
  });

  for (const protocol of ['tcp', 'udp'] as const) {
    it(`has its proof where the manager is gone when goodbye is said (${protocol})`, async () => {
      const { outcome } = await run(
        { ciphers: ['aes-wazuh'], hangsUp: true, answer: acknowledge },
        { protocol, family: 'wazuh-4', waitMs: 1000 },
      );
      expect(proof(outcome)).to.include({ protocol });
    });
  }

  it('keeps to the protocol and cipher that were asked for', async () => {
    const { outcome, heard } = await run(
      { ciphers: ['aes-wazuh', 'blowfish'], answer: acknowledge },
      { protocol: 'udp', cipher: 'blowfish', family: 'wazuh-4' },
    );
    expect(proof(outcome)).to.include({ protocol: 'udp', cipher: 'blowfish' });
    expect(new Set(heard.map(({ protocol, cipher }) => `${protocol} ${cipher}`))).to.deep.equal(
      new Set(['udp blowfish']),
    );
  });

  it("ends at once with the manager's words where the version is refused", async () => {
    const answer = () => '#!-err {"message":"Agent version must be lower or equal to manager version"}';
    const { outcome, heard } = await run({ ciphers: ['aes-wazuh'], answer }, { version: 'v4.99.0' });
    expect(code(outcome)).to.equal('LINK_VERSION_REFUSED');
    expect(outcome)
      .to.have.property('message')
      .that.includes('Agent version must be lower or equal to manager version');
    expect(heard).to.have.length(1);
  });

  it('passes over what the manager pushes before it acknowledges', async () => {
    let first = true;
    const answer = (message: { text: string }) => {
      if (!first) return acknowledge(message);
      first = false;
      return '#!-up file 02ea4768484e5c146ccee503f04c06ba merged.mg\n';
    };
    const { outcome } = await run({ ciphers: ['aes-wazuh'], answer }, { timeoutMs: 50 });
    expect(code(outcome)).to.equal('proved');
  });

  it('tells a closed port', async () => {
    const { outcome } = await run({ tcp: 'closed', udp: 'closed', ciphers: [], answer: acknowledge }, { waitMs: 400 });
    expect(code(outcome)).to.equal('LINK_PORT_CLOSED');
  });

  it('tells a remoted that answers #pong but does not know the key', async () => {
    const { outcome } = await run({ ciphers: [], pong: true, answer: acknowledge }, { waitMs: 400 });
    expect(code(outcome)).to.equal('LINK_NOT_ACKNOWLEDGED');
    expect(outcome).to.have.property('message').that.includes('#ping');
  });

  it('tells a manager that closes every connection', async () => {
    const { outcome } = await run({ ciphers: [], answer: acknowledge }, { waitMs: 400 });
    expect(code(outcome)).to.equal('LINK_NOT_ACKNOWLEDGED');
    expect(outcome).to.have.property('message').that.includes('closes it without an answer');
  });

  it('does not take for a manager what keeps the connection open in silence', async () => {
    const { outcome } = await run(
      { tcpDelayMs: Number.POSITIVE_INFINITY, ciphers: [], answer: acknowledge },
      { waitMs: 400, timeoutMs: 100 },
    );
    expect(code(outcome)).to.equal('LINK_SILENT');
    expect(outcome).to.have.property('message').that.includes('takes the connection and does not answer');
  });

  it('tells an answer that this key cannot read', async () => {
    const { outcome } = await run({ ciphers: ['aes-wazuh'], garbage: true, answer: acknowledge }, { waitMs: 400 });
    expect(code(outcome)).to.equal('LINK_NOT_ACKNOWLEDGED');
    expect(outcome).to.have.property('message').that.includes('cannot read');
  });

  it('takes silence on UDP beside a refused TCP for an OSSEC manager that does not know the key', async () => {
    const { outcome } = await run({ tcp: 'closed', ciphers: [], answer: acknowledge }, { waitMs: 400 });
    expect(code(outcome)).to.equal('LINK_UNANSWERED');
    expect(outcome).to.have.property('message').that.includes('OSSEC');
  });

  it('tells silence', async () => {
    const { outcome } = await run({ ciphers: [], answer: acknowledge }, { waitMs: 400, protocol: 'udp' });
    expect(code(outcome)).to.equal('LINK_SILENT');
  });

  it('ends with the reason of an interruption, and sends nothing after it', async () => {
    const interrupt = new AbortController();
    const answer = () => {
      interrupt.abort(new EnrollError('INTERRUPTED', 'Interrupted.'));
      return undefined;
    };
    const { outcome, heard } = await run({ ciphers: ['aes-wazuh'], answer }, { signal: interrupt.signal });
    expect(code(outcome)).to.equal('INTERRUPTED');
    expect(heard).to.have.length(1);
  });
});
