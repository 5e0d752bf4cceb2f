import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { chooseCipher } from '../../src/link/message/cipher.js';
import { encodeMessage } from '../../src/link/message/codec.js';
import { startup } from '../../src/link/message/control.js';
import { FrameReader, frame } from '../../src/link/message/framing.js';
import { deriveKey } from '../../src/link/message/key.js';
import { type AgentRecord, parseRecord } from '../../src/model/agent-record.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { connectFrom } from './address.js';

const PATIENCE_MS = 10_000;

/** Asks authd once, as `agent-auth` does. `undefined`: there was no key. */
export async function askOnce(name: string, address: string, authd: Endpoint): Promise<AgentRecord | undefined> {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  try {
    const raw = await connectFrom(address, authd, limit);
    const socket = connectTls({ socket: raw, rejectUnauthorized: false });
    const onLate = () => raw.destroy(new Error('late'));
    limit.addEventListener('abort', onLate, { once: true });
    let reply = '';
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString('latin1');
    });
    try {
      socket.once('secureConnect', () => socket.write(`OSSEC A:'${name}'\n`));
      await closed(socket);
    } finally {
      limit.removeEventListener('abort', onLate);
      raw.destroy();
    }
    const parsed = parseRecord(/^OSSEC K:'(.*)'/.exec(reply)?.[1] ?? '');
    return parsed.ok ? parsed.record : undefined;
  } catch {
    return undefined;
  }
}

/** Connects to remoted once and sends one startup, as an agent does. True: it was answered. */
export async function proveOnce(
  record: AgentRecord,
  address: string,
  agent: Endpoint,
  counter: number,
): Promise<boolean> {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  try {
    const socket = await connectFrom(address, agent, limit);
    const onLate = () => socket.destroy();
    limit.addEventListener('abort', onLate, { once: true });
    const frames = new FrameReader();
    let answered = false;
    socket.on('data', (chunk: Buffer) => {
      answered ||= frames.push(chunk).messages.length > 0;
      if (answered) socket.end();
    });
    const parts = {
      ...chooseCipher('aes-wazuh', randomBytes),
      id: record.id,
      random: '12345',
      counter: { global: 0, local: counter },
      payload: startup('v4.14.7'),
    };
    socket.write(frame(encodeMessage(parts, deriveKey(record))));
    await closed(socket);
    limit.removeEventListener('abort', onLate);
    return answered;
  } catch {
    return false;
  }
}

/** Resolves once the connection is over, in whatever way. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
}
