/**
 * What the messages of an agent cost to encode and to decode, beside the same work by node:crypto and node:zlib alone:
 * MD5, deflate and the cipher, without counters, checks and limits. Both are measured in turn, in processor time, many times;
 * each turn gives one ratio, and the medians count, with the quartiles.
 *
 *   npm run bench:codec                     (Blowfish alone needs OpenSSL's legacy provider, which the script asks for)
 *   npm run bench:codec -- --rounds 9       more or fewer than 31
 */
import { createCipheriv, createDecipheriv, hash } from 'node:crypto';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { deflateSync, inflateSync } from 'node:zlib';
import { CIPHERS, type Cipher, chooseCipher } from '../src/link/message/cipher.js';
import { decodeMessage, encodeMessage } from '../src/link/message/codec.js';
import { messageKey } from '../src/link/message/key.js';
import { median, quantile } from './cost/measure.js';

const PAYLOADS = [100, 500, 1500, 6000];
const TURN_MS = 20;
const KEY = Buffer.from('0123456789abcdef0123456789abcdef0123456789abcde', 'latin1');
const NODE: Readonly<Record<Cipher, { readonly name: string; readonly key: Buffer; readonly iv: Buffer }>> = {
  'aes-wazuh': { name: 'aes-256-cbc', key: KEY.subarray(0, 32), iv: Buffer.from('FEDCBA0987654321', 'latin1') },
  'aes-ossec': { name: 'aes-256-cbc', key: KEY.subarray(0, 32), iv: Buffer.alloc(16, 7) },
  blowfish: { name: 'bf-cbc', key: KEY, iv: Buffer.from('fedcba9876543210', 'hex') },
};

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '31' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no number of rounds.`);

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}; ${rounds} rounds, medians (quartiles).\n`,
);
console.log('| Cipher | Payload | | Messages a second | MB a second | Beside node:crypto and node:zlib |');
console.log('|---|---|---|---|---|---|');
const key = messageKey(KEY);
for (const cipher of CIPHERS) {
  for (const size of PAYLOADS) {
    const payload = Buffer.from(logLines(size), 'latin1');
    const choice = chooseCipher(cipher, () => NODE[cipher].iv);
    const parts = { ...choice, random: '12345', counter: { global: 17, local: 4711 }, payload } as const;
    const message = encodeMessage(parts, key);
    const encrypted = bareEncode(cipher, payload);
    row(
      [cipher, `${size} B`, 'encode'],
      size,
      () => encodeMessage({ ...parts, id: '001' }, key),
      () => bareEncode(cipher, payload),
    );
    row(
      [cipher, `${size} B`, 'decode'],
      size,
      () => {
        if (!decodeMessage(message, key, [cipher]).ok) throw new Error('The message was not decoded.');
      },
      () => bareDecode(cipher, encrypted),
    );
  }
}

/** Measures both in turn, which of the two is first changing, and prints a line. */
function row(names: readonly string[], size: number, own: () => unknown, bare: () => unknown): void {
  perSecond(own);
  perSecond(bare);
  const rates: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0;
    const early = perSecond(first ? own : bare);
    const late = perSecond(first ? bare : own);
    const [ours, theirs] = first ? [early, late] : [late, early];
    rates.push(ours);
    ratios.push(ours / theirs);
  }
  const spread = `${quantile(ratios, 0.25).toFixed(2)}–${quantile(ratios, 0.75).toFixed(2)}`;
  const rate = median(rates);
  const cells = [
    ...names,
    String(Math.round(rate / 100) * 100),
    ((rate * size) / 1e6).toFixed(1),
    `${median(ratios).toFixed(2)} × (${spread})`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

/** How often it can be done in a second of the processor, whatever else the machine does. */
function perSecond(once: () => unknown): number {
  const start = process.cpuUsage();
  let times = 0;
  let elapsedMs = 0;
  do {
    for (let time = 0; time < 10; time += 1) once();
    times += 10;
    const { user, system } = process.cpuUsage(start);
    elapsedMs = (user + system) / 1000;
  } while (elapsedMs < TURN_MS);
  return (times / elapsedMs) * 1000;
}

function bareEncode(cipher: Cipher, payload: Buffer): Buffer {
  const { name, key, iv } = NODE[cipher];
  const inner = Buffer.concat([Buffer.from('123450000000017:4711:', 'latin1'), payload]);
  const packed = deflateSync(Buffer.concat([Buffer.from(hash('md5', inner), 'latin1'), inner]), { level: 9 });
  const encryption = createCipheriv(name, key, iv);
  if (cipher === 'blowfish') encryption.setAutoPadding(false);
  const padding = Buffer.alloc(8 - (packed.length % 8), '!');
  return Buffer.concat([encryption.update(padding), encryption.update(packed), encryption.final()]);
}

function bareDecode(cipher: Cipher, encrypted: Buffer): Buffer {
  const { name, key, iv } = NODE[cipher];
  const decryption = createDecipheriv(name, key, iv);
  if (cipher === 'blowfish') decryption.setAutoPadding(false);
  const padded = Buffer.concat([decryption.update(encrypted), decryption.final()]);
  let pads = 0;
  while (padded[pads] === 0x21) pads += 1;
  const body = inflateSync(padded.subarray(pads));
  if (body.toString('latin1', 0, 32) !== hash('md5', body.subarray(32))) throw new Error('The MD5 differs.');
  return body.subarray(53);
}

/** As an agent sends them: alike, and never the same. */
function logLines(size: number): string {
  let text = '';
  for (let line = 0; text.length < size; line += 1) {
    const [pid, port, mark] = [7919, 104_729, 1_299_709].map((step) => (step * (line + 1)) % 65_521);
    const time = `Nov 25 12:${String(line % 60).padStart(2, '0')}:07`;
    text += `${time} web-3 sshd[${pid}]: Accepted publickey for deploy from 10.1.2.3 port ${port} ssh2: RSA SHA256:${mark}\n`;
  }
  return text.slice(0, size);
}
