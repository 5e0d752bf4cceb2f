import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Cipher } from '../../src/link/message/cipher.js';
import { decodeMessage, encodeMessage } from '../../src/link/message/codec.js';
import { frame } from '../../src/link/message/framing.js';
import { deriveKey, type MessageKey, messageKey } from '../../src/link/message/key.js';
import { parseRecord } from '../../src/model/agent-record.js';
import type { Counter } from '../../src/model/message-counter.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { LOAD } from '../load.js';
import { type AgentSocket, askAuthd, type Outcome, tcpAgent, udpAgent } from './clients.js';
import { EventLog } from './event-log.js';

type Answer = readonly [cipher: string, global: number, local: number, payload: string, id: null];
interface State {
  readonly case: string;
  readonly reply: Answer | 'EOF' | 'timeout';
  /** What came into the manager's log meanwhile, as a list in the notation of Python; anything else: nobody looked. */
  readonly log: string;
}

const { states }: { states: State[] } = JSON.parse(
  readFileSync(new URL('../vectors/wazuh4.json', import.meta.url), 'utf8'),
);

// Long enough for an answer that is due, short enough for eleven that are not.
const SILENCE_MS = 80 * LOAD;
const STARTUP = '#!-agent startup {"version":"v4.14.7"}';
const KEEPALIVE = '#!-Linux |vm |6.1 - Wazuh v4.14.7 / x\nx merged.mg\n#"_agent_ip":10.0.0.1\n';
const WRONG = messageKey(Buffer.alloc(47, 'f'));

interface Message {
  readonly agent?: string;
  readonly prefix?: string | null;
  readonly payload?: string;
  readonly cipher?: Exclude<Cipher, 'aes-ossec'>;
  readonly key?: MessageKey;
  readonly counter?: Counter;
}

describe('sandbox remoted behaves as a recorded Wazuh 4.14 manager', () => {
  let sandbox: Sandbox;
  let tcp: AgentSocket;
  const keys = new Map<string, MessageKey>();

  before(async () => {
    const log = new EventLog();
    sandbox = await startSandbox({
      family: 'wazuh-4',
      keyReloadMs: 5,
      certificate: await issueStockCertificate(),
      onEvent: log.onEvent,
    });
    const agents = { 'r-any': 'any', 'r-fixed': '127.0.0.5', 'r-cidr': '127.6.0.0/16', 'r-4': 'any', 'r-5': 'any' };
    for (const [name, ip] of Object.entries({ ...agents, 'r-second': 'any' })) {
      const { records } = await askAuthd(sandbox.endpoints.authd, [`OSSEC A:'${name}' IP:'${ip}'\n`]);
      const parsed = parseRecord(/'(.*)'/.exec(records.join(''))?.[1] ?? '');
      if (parsed.ok) keys.set(parsed.record.id, deriveKey(parsed.record));
    }
    expect([...keys.keys()]).to.deep.equal(['001', '002', '003', '004', '005', '006']);
    await log.until((event) => event.type === 'keys loaded' && event.agents === 6);
  });

  after(async () => {
    await tcp?.close();
    await sandbox.close();
  });

  const message = ({
    agent = '001',
    prefix = agent,
    payload = STARTUP,
    cipher = 'aes-wazuh',
    ...rest
  }: Message = {}) => {
    const key = rest.key ?? keys.get(agent) ?? WRONG;
    const counter = rest.counter ?? { global: 0, local: 1 };
    return encodeMessage(
      { cipher, random: '12345', counter, payload, ...(prefix === null ? {} : { id: prefix }) },
      key,
    );
  };
  const onSame = (parts: Message) => {
    tcp.send(frame(message(parts)));
    return tcp.next(SILENCE_MS);
  };
  const onNew = async (parts: Message | Uint8Array, source?: string) => {
    await tcp?.close();
    tcp = await tcpAgent(sandbox.endpoints.agent, source);
    tcp.send(parts instanceof Uint8Array ? parts : frame(message(parts)));
    return tcp.next(SILENCE_MS);
  };
  const byUdp = async (parts: Message, source?: string) => {
    const udp = await udpAgent(sandbox.endpoints.agent, source);
    udp.send(message(parts));
    const outcome = await udp.next(SILENCE_MS);
    await udp.close();
    return outcome;
  };
  const second = (payload: string) => onNew({ agent: '006', payload });

  const scripts: Readonly<Record<string, () => Promise<Outcome>>> = {
    'any tcp aes startup': () => onNew({}),
    'second conn same agent while first open': async () => {
      const other = await tcpAgent(sandbox.endpoints.agent);
      other.send(frame(message()));
      return other.next();
    },
    'event (no answer)': () => onSame({ payload: '1:sandbox:an event' }),
    keepalive: () => onSame({ payload: KEEPALIVE }),
    'after keepalive (merged.mg push?)': async () => {
      const outcome = await tcp.next();
      // The file itself and its end.
      await tcp.next();
      await tcp.next();
      return outcome;
    },
    'reconnect after plain close': () => onNew({}),
    'shutdown (no answer)': () => onSame({ payload: '#!-agent shutdown ' }),
    'startup r-second': async () => {
      const outcome = await second(STARTUP);
      // The recorded manager sent one message more before the next case.
      await onSame({ agent: '006' });
      return outcome;
    },
    'fixed ip, no prefix, right src': () => onNew({ agent: '002', prefix: null }, '127.0.0.5'),
    'fixed ip, with !id! prefix, right src': () => onNew({ agent: '002' }, '127.0.0.5'),
    'fixed ip, no prefix, wrong src': () => onNew({ agent: '002', prefix: null }, '127.0.0.7'),
    'fixed ip, prefix, wrong src': () => onNew({ agent: '002' }, '127.0.0.7'),
    'any, no prefix': () => onNew({ prefix: null }),
    'cidr, prefix, inside': () => onNew({ agent: '003' }, '127.6.1.2'),
    'cidr, prefix, outside': () => onNew({ agent: '003' }, '127.7.1.2'),
    'cidr, no prefix': () => onNew({ agent: '003', prefix: null }, '127.6.1.2'),
    'unknown id tcp': () => onNew({ prefix: '999' }),
    'wrong key aes tcp': () => onNew({ key: WRONG }),
    'wrong key blowfish tcp': () => onNew({ key: WRONG, cipher: 'blowfish' }),
    'bad prefix tcp': () => onNew(frame(Buffer.concat([Buffer.from('!001'), message({ prefix: null })]))),
    'non numeric id tcp': () => onNew(frame(Buffer.concat([Buffer.from('!abc!'), message({ prefix: null })]))),
    'zero length frame': () => onNew(Buffer.alloc(4)),
    'frame 65537': () => onNew(Buffer.from([1, 0, 1, 0])),
    'frame 65536 announced, partial': () => onNew(Buffer.from([0, 0, 1, 0, 0x21])),
    'big endian length': () => onNew(Buffer.from([0, 0, 0, 0x7a, 0x21])),
    'split frame': async () => {
      const bytes = frame(message());
      expect(await onNew(bytes.subarray(0, 3))).to.equal('timeout');
      tcp.send(bytes.subarray(3, 50));
      tcp.send(bytes.subarray(50));
      return tcp.next();
    },
    'blowfish tcp': () => onNew({ cipher: 'blowfish' }),
    'then aes keepalive on same conn': () => onSame({ payload: KEEPALIVE }),
    'startup no json': () => second('#!-agent startup '),
    'startup old 3.x no trailing json': () => second('#!-agent startup'),
    'startup version too high': () => second('#!-agent startup {"version":"v4.99.0"}'),
    'startup version patch high': () => second('#!-agent startup {"version":"v4.14.99"}'),
    'startup json without version': () => second('#!-agent startup {"other":1}'),
    'startup version not string': () => second('#!-agent startup {"version":4}'),
    'startup bad json': () => second('#!-agent startup {"version":'),
    'keepalive first': () => second(KEEPALIVE),
    'event first': () => second('1:sandbox:an event'),
    'control garbage': () => second('#!-garbage'),
    'any udp': () => byUdp({}),
    'unknown id udp': () => byUdp({ prefix: '999' }),
    'wrong key udp': () => byUdp({ key: WRONG }),
    'wrong ip udp': () => byUdp({ agent: '002' }, '127.0.0.7'),
    'too high udp': () => byUdp({ payload: '#!-agent startup {"version":"v4.99.0"}' }),
    'counter 5:101': () => byUdp({ counter: { global: 5, local: 101 } }),
    'counter back to 0:1 (verify_msg_id=0)': () => byUdp({}),
    'same counter again': () => byUdp({}),
  };

  for (const state of states) {
    it(state.case, async () => {
      const script = scripts[state.case];
      if (script === undefined) throw new Error('nobody wrote how to replay this case');
      const before = sandbox.log().length;
      expect(shown(await script(), keys)).to.deep.equal(masked(state.reply));
      const wanted = linesOf(state.log);
      if (wanted === undefined) return;
      const written = sandbox.log().slice(before);
      expect(written.map(unnumbered)).to.deep.equal(wanted.map(unnumbered));
      for (const line of written) expect(line).to.match(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d wazuh-remoted: /);
    });
  }

  it('#ping is answered in the clear on TCP and UDP', async () => {
    const ping = Buffer.from('#ping');
    const udp = await udpAgent(sandbox.endpoints.agent);
    udp.send(ping);
    const answers = [await onNew(frame(ping)), await udp.next()];
    await udp.close();
    expect(answers.map((answer) => typeof answer === 'object' && Buffer.from(answer.message).toString())).to.deep.equal(
      ['#pong', '#pong'],
    );
  });
});

function linesOf(recorded: string): readonly string[] | undefined {
  if (!recorded.includes('[')) return undefined;
  return [...recorded.matchAll(/(["'])((?:WARNING|ERROR): .*?)\1[,\]]/g)].map(([, , line = '']) => line);
}

/** A line without time, daemon, and the number of the socket. */
function unnumbered(line: string): string {
  return line.replace(/^\S+ \S+ wazuh-remoted: /, '').replace(/socket (\[?)\d+/, 'socket $1<fd>');
}

/** The merged.mg of the sandbox is its own, so its checksum is. */
function masked(reply: State['reply']): unknown {
  return typeof reply === 'string' ? reply : reply.map((part) => (typeof part === 'string' ? unsummed(part) : part));
}

function unsummed(text: string): string {
  return text.replace(/up file [0-9a-f]{32}/, 'up file <md5>');
}

function shown(outcome: Outcome, keys: ReadonlyMap<string, MessageKey>): unknown {
  if (typeof outcome === 'string') return outcome;
  for (const key of keys.values()) {
    const decoded = decodeMessage(outcome.message, key, ['blowfish', 'aes-wazuh']);
    if (!decoded.ok) continue;
    const { cipher, counter, text } = decoded;
    return [cipher.replace('-wazuh', ''), counter.global, counter.local, unsummed(text), decoded.id ?? null];
  }
  return 'not a message';
}
