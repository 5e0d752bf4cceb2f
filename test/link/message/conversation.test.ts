import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { encrypt, tokenOf } from '../../../src/link/message/cipher.js';
import { decodeMessage } from '../../../src/link/message/codec.js';
import { Conversation } from '../../../src/link/message/conversation.js';
import { RECORD } from './handshake-run.js';
import { fault, IV, KEY, never, said, Wire } from './scripted.js';

const ACKNOWLEDGEMENT = '#!-agent ack ';
const INNER = '123450000000000:0001:text';

/** A conversation as agent 001, whose counters start at 7:1. */
function made(iv = () => IV) {
  let local = 0;
  return new Conversation(
    RECORD,
    {
      next: async () => {
        local += 1;
        return { global: 7, local };
      },
    },
    { digits: () => '00042', iv },
  );
}

/** A message with the right key and whatever body. */
function forged(body: Uint8Array): Uint8Array {
  const padded = Buffer.concat([Buffer.alloc(8 - (body.length % 8), '!'), body]);
  return Buffer.concat([Buffer.from(tokenOf('blowfish')), encrypt({ cipher: 'blowfish' }, KEY, padded)]);
}

function bodyOf(inner: string, md5 = createHash('md5').update(inner).digest('hex')): Uint8Array {
  return deflateSync(md5 + inner);
}

describe('link/conversation', () => {
  it('sends with the id of the record, the next counter and the digits that it is given', async () => {
    const wire = new Wire('tcp');
    const conversation = made(() => {
      throw new Error('only the AES of OSSEC has an IV');
    });
    for (const cipher of ['aes-wazuh', 'blowfish'] as const) await conversation.send(wire, cipher, 'hello');
    const common = { ok: true, id: '001', random: '00042', text: 'hello' };
    const [first, second] = wire.sent.map((message) => decodeMessage(message, KEY));
    expect(first).to.deep.include({ ...common, cipher: 'aes-wazuh', counter: { global: 7, local: 1 } });
    expect(second).to.deep.include({ ...common, cipher: 'blowfish', counter: { global: 7, local: 2 } });
  });

  it("sends with an IV of its own in OSSEC's AES", async () => {
    const wire = new Wire('udp');
    await made().send(wire, 'aes-ossec', 'hello');
    const [message = new Uint8Array()] = wire.sent;
    expect(decodeMessage(message, KEY)).to.deep.include({ ok: true, cipher: 'aes-ossec', iv: IV, text: 'hello' });
  });

  it('hands on what the last byte waits for', async () => {
    const wire = new Wire('tcp');
    let sentBefore: number | undefined;
    await made().send(wire, 'blowfish', 'hello', async () => {
      sentBefore = wire.sent.length;
    });
    expect(sentBefore).to.equal(0);
    expect(wire.heard).to.deep.equal(['blowfish: hello']);
  });

  const replies: readonly (readonly [string, Uint8Array, object])[] = [
    ['an acknowledgement', said(ACKNOWLEDGEMENT), { kind: 'acknowledged', cipher: 'aes-wazuh' }],
    ['one in Blowfish', said(ACKNOWLEDGEMENT, 'blowfish'), { kind: 'acknowledged', cipher: 'blowfish' }],
    ["one in OSSEC's AES", said(ACKNOWLEDGEMENT, 'aes-ossec'), { kind: 'acknowledged', cipher: 'aes-ossec' }],
    ['#pong, in the clear', Buffer.from('#pong'), { kind: 'pong' }],
    ['a refusal', said('#!-err {"message":"Not you."}'), { kind: 'refused', words: 'Not you.' }],
    ['a file push', said('#!-up file 00 merged.mg\n'), { kind: 'other' }],
    ['a body that is too short', forged(bodyOf('12345')), { kind: 'garbled' }],
    ['a wrong MD5', forged(bodyOf(INNER, '0'.repeat(32))), { kind: 'garbled' }],
    ['a wrong header', forged(bodyOf(INNER.replace(':', ';'))), { kind: 'garbled' }],
  ];
  for (const [what, bytes, reply] of replies) {
    it(`understands ${what}`, async () => {
      const wire = new Wire('tcp');
      wire.bring(bytes);
      expect(await made().receive(wire, never)).to.deep.equal(reply);
    });
  }

  it('keeps the bytes that this key cannot read, however far they come', async () => {
    for (const bytes of [
      Buffer.from('SSH-2.0'),
      Buffer.from(':12345678'),
      forged(Buffer.from('no zlib')),
      forged(Buffer.from('!!!!!!!!!!')),
    ]) {
      const wire = new Wire('tcp');
      wire.bring(bytes);
      expect(await made().receive(wire, never)).to.deep.equal({ kind: 'unreadable', bytes });
    }
  });

  it('tells the end of the connection, and throws where it broke', async () => {
    const wire = new Wire('tcp');
    wire.hangUp();
    expect(await made().receive(wire, never)).to.deep.equal({ kind: 'closed' });
    const broken = new Wire('tcp');
    const reset = fault();
    broken.break(reset);
    expect(
      await made()
        .receive(broken, never)
        .catch((thrown: unknown) => thrown),
    ).to.equal(reset);
  });
});
