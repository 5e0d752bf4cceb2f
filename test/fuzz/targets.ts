import { createHash, X509Certificate } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { pointAt } from '../../src/conf/edit.js';
import { readOssecConf } from '../../src/conf/ossec-conf.js';
import { EnrollError } from '../../src/errors.js';
import { readExportedKey } from '../../src/keystore/exported-key.js';
import { formatNotes, parseNotes } from '../../src/keystore/notes/notes-text.js';
import { readControl } from '../../src/link/https/control.js';
import { encrypt, tokenOf } from '../../src/link/message/cipher.js';
import { decodeMessage, encodeMessage } from '../../src/link/message/codec.js';
import { FrameReader, frame } from '../../src/link/message/framing.js';
import { deriveKey, type MessageKey } from '../../src/link/message/key.js';
import { type AgentRecord, firstRecord, formatRecord, parseRecord } from '../../src/model/agent-record.js';
import { jsonIn } from '../../src/model/json.js';
import type { ManagerAnswer } from '../../src/model/manager-answer.js';
import { enrollJwt, enrollKey } from '../../src/model/manager-jwt.js';
import { Secret } from '../../src/model/secret.js';
import { spkiFingerprint } from '../../src/net/certificate.js';
import { agentNamed, foundAgents } from '../../src/obtain/api/agents.js';
import { readAnswer } from '../../src/obtain/api/answer.js';
import { readIssued as readIssuedByApi } from '../../src/obtain/api/issued.js';
import { readReply, replyState } from '../../src/obtain/authd/reply.js';
import { readCacerts } from '../../src/obtain/https/cacerts.js';
import { refused } from '../../src/obtain/https/refusal.js';
import { readIssued } from '../../src/obtain/https/reply.js';
import { decodeToken, tokenText } from '../../src/obtain/https/token.js';
import { isSignedWith, readJwt } from '../../src/sandbox/https/jwt.js';
import { record } from '../keystore/scratch.js';
import { ossecRecordings, wazuhRecordings } from '../link/message/recordings.js';
import { recorded, recordedObjects } from './seeds.js';

/** Something that reads what others have written. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Reads it; whether it was accepted. Throws anything but an EnrollError where it breaks, or reads wrongly. */
  readonly read: (input: Buffer) => boolean;
}

/** What is read is not what is written of it. */
class ReadWrongly extends Error {}

const WEB01 = { name: 'web-01', ip: { kind: 'any' }, groups: [] } as const;
const OWN = record('003', 'web-01', 'any', 'ab'.repeat(32));
const KEY = deriveKey(OWN);
/** How often a whole answer is among the seeds, as against those of the recordings, which are mostly refusals. */
const OFTEN = 0.3;
const WHERE = '192.0.2.1:1517';
const MOMENT = { iat: 1_760_000_000, jti: Buffer.alloc(16, 7) };
const REFUSALS = [400, 401, 403, 404, 409, 429, 500, 503] as const;

/** Every one of them. */
export function targets(): readonly Target[] {
  const messages = [...ossecRecordings(), ...wazuhRecordings()];
  const bodies = messages.map(({ payload, random }) =>
    Buffer.concat([Buffer.from(`${random}0000000001:0002:`), payload]),
  );
  const keys = [...new Map(messages.map(({ key, derivedKey }) => [derivedKey, key])).values()];
  const replies = recorded(/^(OSSEC K:|ERROR: )/);
  const answers = recordedObjects(/"(error|data|message|title|detail|key|status|code)"/);
  const records = [...recorded(/^\d{3,} \S+ \S+ [0-9a-f]{32,}/), Buffer.from(`${formatRecord(OWN)}\n`)];
  const bundles = recorded(/^-----BEGIN CERTIFICATE/);
  const confs = recorded(/<(ossec_config|agent|client)>/);
  return [
    {
      name: 'message',
      seeds: messages.map(({ wire }) => wire),
      read: (input) => keys.some((key) => message(input, key)),
    },
    { name: 'message, its body', seeds: bodies, read: (input) => message(encrypted(input), KEY) },
    { name: 'messages over TCP', seeds: messages.map(({ wire }) => frame(wire)), read: framed },
    { name: 'reply of authd', seeds: often(replies, ownReply('\n\n'), ownReply('')), read: authdReply },
    { name: 'answer of the API', seeds: often(answers, ownApiAnswer()), read: apiAnswer },
    { name: 'answer of a Wazuh 5', seeds: often(answers, ownAnswer()), read: answerOf5 },
    { name: 'CA of a Wazuh 5', seeds: bundles, read: cacertsWith(pinIn(bundles)) },
    { name: 'token', seeds: recorded(/^[\w-]{60,}\s*$/), read: token },
    {
      name: 'token, its JSON',
      seeds: recorded(/^\{.*"(adr|ver|v|ca|pin)"/s),
      read: (input) => token(Buffer.from(input.toString('base64url'))),
    },
    { name: 'JWT', seeds: recorded(/^[\w-]+\.[\w-]+\.[\w-]*$/), read: jwt },
    { name: 'password that signs a JWT', seeds: [Buffer.from('correct horse'), ...records], read: signing },
    { name: 'client.keys', seeds: records, read: clientKeys },
    { name: 'ossec.conf', seeds: confs, read: ossecConf },
    { name: 'exported key', seeds: exportedSeeds(records), read: exportedKey },
    { name: 'notes', seeds: [Buffer.from(NOTES)], read: notes },
  ];
}

function message(bytes: Uint8Array, key: MessageKey): boolean {
  const decoded = decodeMessage(bytes, key);
  if (!decoded.ok) return false;
  const { ok: _, text: __, ...parts } = decoded;
  if (parts.payload.length === 0) return true;
  let again: Uint8Array;
  try {
    again = encodeMessage(parts, key);
  } catch (thrown) {
    // OSSEC's ends read less than they could be sent.
    if (thrown instanceof RangeError && parts.cipher === 'aes-ossec') return true;
    throw thrown;
  }
  const back = decodeMessage(again, key);
  const same =
    back.ok &&
    Buffer.compare(back.payload, parts.payload) === 0 &&
    back.random === parts.random &&
    back.counter.global === parts.counter.global &&
    back.counter.local === parts.counter.local;
  if (!same) throw new ReadWrongly('A message is not read back as it was.');
  return true;
}

/** A message in the manager's own words, whatever they are. */
function encrypted(inner: Buffer): Buffer {
  const sum = createHash('md5').update(inner).digest('hex');
  const packed = deflateSync(Buffer.concat([Buffer.from(sum), inner]));
  const padded = Buffer.concat([Buffer.alloc(8 - (packed.length % 8), '!'), packed]);
  return Buffer.concat([Buffer.from(tokenOf('aes-wazuh')), encrypt({ cipher: 'aes-wazuh' }, KEY, padded)]);
}

function framed(stream: Buffer): boolean {
  const whole = new FrameReader().push(stream).messages;
  const reader = new FrameReader();
  const third = Math.ceil(stream.length / 3);
  const parts = [0, 1, 2].flatMap((part) => reader.push(stream.subarray(part * third, (part + 1) * third)).messages);
  const hex = (messages: readonly Uint8Array[]) => Buffer.concat(messages.map(frame)).toString('hex');
  if (hex(whole) !== hex(parts)) throw new ReadWrongly('A stream is read otherwise where it comes in parts.');
  return whole.length > 0;
}

function authdReply(reply: Buffer): boolean {
  const state = replyState(reply);
  const context = { tlsVersion: 'TLSv1.2', confirmed: true, clientCertificateSent: false } as const;
  const { record: issued } = readReply(reply, WEB01, context);
  if (state !== 'complete') throw new ReadWrongly(`A key was read of a reply that is ${state}.`);
  return sameAgain(issued);
}

function apiAnswer(bytes: Buffer): boolean {
  const body = jsonIn(bytes);
  readAnswer(refusalStatus(bytes), body);
  const answer = readAnswer(200, body);
  if (answer.kind !== 'done') return false;
  agentNamed(foundAgents(answer.data), WEB01.name);
  const expected = { name: WEB01.name, asked: WEB01.ip, where: WHERE };
  return sameAgain(readIssuedByApi(answer.data, expected).record);
}

function answerOf5(bytes: Buffer): boolean {
  const [refusal, good] = [answered(bytes, refusalStatus(bytes)), answered(bytes, 200)];
  for (const answer of [refusal, good]) {
    readControl('probe', answer);
    readControl('startup', answer);
  }
  const path = '/wazuh-manager/enroll';
  const quote = (said: string) => said;
  if (!(refused(refusal, { name: WEB01.name, ip: 'any', where: WHERE, path, quote }).error instanceof EnrollError)) {
    throw new ReadWrongly('A refusal is no error.');
  }
  return sameAgain(readIssued(good.body, { request: WEB01, where: WHERE }).record);
}

function cacertsWith(pin: string): Target['read'] {
  return (bundle) => {
    const found = readCacerts(answered(bundle, 200), bundle, pin, WHERE);
    if (found.kind !== 'found') return false;
    if (pinIn([Buffer.from(found.pem)]) !== pin) throw new ReadWrongly('A CA has not the key that was named.');
    return true;
  };
}

function pinIn([first = Buffer.alloc(0)]: readonly Uint8Array[]): string {
  return spkiFingerprint(new X509Certificate(first));
}

function token(bytes: Buffer): boolean {
  const text = tokenText(bytes);
  if (text === undefined) return false;
  const first = decodeToken(text);
  if (!first.ok) return false;
  const { manager } = first.token;
  if (manager.port < 1 || manager.port > 65_535 || manager.host === '')
    throw new ReadWrongly('A token names no manager.');
  return true;
}

function jwt(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  const read = readJwt(text, 'wazuh-enroll+jwt') ?? readJwt(text, 'wazuh-agent+jwt');
  if (read === undefined) return false;
  const again = `${read.signed}.${Buffer.from(read.signature).toString('base64url')}`;
  if (again !== text) throw new ReadWrongly('A JWT is not what was read of it.');
  return true;
}

function signing(password: Buffer): boolean {
  const credential = { kind: 'password', password: new Secret<Uint8Array>(password) } as const;
  const read = readJwt(enrollJwt(credential, MOMENT).reveal(), 'wazuh-enroll+jwt');
  if (read === undefined || !isSignedWith(read, enrollKey(credential))) {
    throw new ReadWrongly('A JWT of ours is not one of the manager.');
  }
  return true;
}

function clientKeys(bytes: Buffer): boolean {
  const parsed = firstRecord(bytes.toString('latin1'));
  return parsed?.ok === true && sameAgain(parsed.record);
}

function ossecConf(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  readOssecConf(text);
  const target = { host: 'siem.example.org', port: 1514, protocol: 'tcp' } as const;
  const edited = pointAt(text, target);
  if (!edited.ok) return false;
  const again = pointAt(edited.text, target);
  if (!again.ok || again.text !== edited.text) throw new ReadWrongly('To point a file twice changes it.');
  return true;
}

function exportedKey(bytes: Buffer): boolean {
  return sameAgain(readExportedKey(bytes.toString('latin1')));
}

function notes(bytes: Buffer): boolean {
  const parsed = parseNotes(bytes.toString('utf8'));
  if (!parsed.ok) return false;
  const written = formatNotes(parsed.notes);
  const back = parseNotes(written);
  if (!back.ok || formatNotes(back.notes) !== written) throw new ReadWrongly('Notes are not read back as they were.');
  return true;
}

function sameAgain(read: AgentRecord): boolean {
  const line = formatRecord(read);
  const parsed = parseRecord(line);
  if (!parsed.ok || formatRecord(parsed.record) !== line) throw new ReadWrongly('A record is not read back as it was.');
  return true;
}

function answered(bytes: Buffer, status: number): ManagerAnswer {
  const server = bytes.length % 2 === 0 ? 'wazuh-manager-remoted' : 'nginx';
  return { status, header: (name) => (name === 'server' ? server : undefined), body: jsonIn(bytes) };
}

function refusalStatus({ length }: Buffer): number {
  return REFUSALS[length % REFUSALS.length] ?? 500;
}

/** The seeds, with whole ones among them so often that they are tried too. */
function often(seeds: readonly Buffer[], ...whole: readonly Buffer[]): readonly Buffer[] {
  const times = Math.ceil((seeds.length * OFTEN) / whole.length);
  return [...seeds, ...Array.from({ length: times }, () => whole).flat()];
}

function ownReply(tail: string): Buffer {
  return Buffer.from(`OSSEC K:'${formatRecord(OWN)}'${tail}`);
}

function ownAnswer(): Buffer {
  return Buffer.from(JSON.stringify({ id: '003', name: 'web-01', ip: 'any', key: OWN.key.reveal() }));
}

function ownApiAnswer(): Buffer {
  const key = Buffer.from(formatRecord(OWN)).toString('base64');
  return Buffer.from(JSON.stringify({ error: 0, message: 'ok', data: { id: '003', key } }));
}

function exportedSeeds(records: readonly Buffer[]): readonly Buffer[] {
  const packed = records.map((line) => Buffer.from(line.toString().trimEnd().split('\n')[0] ?? '').toString('base64'));
  return [...packed.map((text) => Buffer.from(text)), ...records];
}

const NOTES = JSON.stringify({
  version: 2,
  managers: {
    'siem.example:1515': { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05.000Z' },
  },
  links: { 'siem.example:1514': { protocol: 'tcp', cipher: 'aes', family: 'wazuh-4' } },
  acknowledged: '003 web-01',
  request: { name: 'web-01', manager: 'siem.example:1515', startedAt: '2026-01-02T03:04:05.000Z' },
  other: [1, null, { deep: [true] }],
});
