import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FrameReader, frame, isCutOff } from '../../../src/link/message/framing.js';

/** Cuts bytes at the given places. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

describe('link/framing', () => {
  it('puts the length in front, four bytes little-endian', () => {
    expect(Buffer.from(frame(Buffer.from('#ping'))).toString('hex')).to.equal('050000002370696e67');
    expect(() => frame(new Uint8Array(0))).to.throw(RangeError, 'A message of 0 bytes cannot be framed.');
    expect(() => frame(new Uint8Array(65537))).to.throw(RangeError, '65537 bytes');
  });

  it('finds the messages again however the stream was cut', () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 20 }), (sent, cuts) => {
        const reader = new FrameReader();
        const stream = Buffer.concat(sent.map(frame));
        const got = split(stream, cuts).flatMap((chunk) => reader.push(chunk).messages);
        expect(got.map((message) => Buffer.from(message).toString('hex'))).to.deep.equal(
          sent.map((message) => Buffer.from(message).toString('hex')),
        );
        expect(reader.unfinished).to.equal(false);
      }),
    );
  });

  it('takes the longest message byte by byte', () => {
    const reader = new FrameReader();
    const message = Buffer.alloc(65536, 'x');
    const framed = frame(message);
    let got = 0;
    for (let at = 0; at < framed.length; at += 1) got += reader.push(framed.subarray(at, at + 1)).messages.length;
    expect(got).to.equal(1);
  });

  it('keeps no hold on the chunks it was given', () => {
    const chunk = Buffer.from(frame(Buffer.from('#pong')));
    const { messages } = new FrameReader().push(chunk);
    chunk.fill(0);
    expect(Buffer.from(messages[0] ?? []).toString()).to.equal('#pong');
  });

  it('refuses no length that a message has', () => {
    expect(new FrameReader().push(frame(Buffer.alloc(65536))).tooLong).to.equal(undefined);
  });

  it('refuses a length that no message has, before it holds anything, and for good', () => {
    for (const length of [65537, 0x7fffffff, 0xffffffff]) {
      const header = Buffer.alloc(4);
      header.writeUInt32LE(length);
      const reader = new FrameReader();
      const before = process.memoryUsage().arrayBuffers;
      const first = reader.push(Buffer.concat([frame(Buffer.from('#pong')), header, Buffer.alloc(100)]));
      expect(first.messages).to.have.length(1);
      expect(first.tooLong).to.equal(length);
      expect(process.memoryUsage().arrayBuffers - before).to.be.below(1_000_000);
      expect(reader.push(frame(Buffer.from('#pong')))).to.deep.equal({ messages: [], tooLong: length });
    }
  });

  it('passes over empty frames', () => {
    const reader = new FrameReader();
    const { messages } = reader.push(Buffer.concat([Buffer.alloc(4000), frame(Buffer.from('#pong'))]));
    expect(messages.map((message) => Buffer.from(message).toString())).to.deep.equal(['#pong']);
  });

  it('knows that a message was cut off', () => {
    const framed = frame(Buffer.from('#pong'));
    for (let length = 1; length < framed.length; length += 1) {
      const reader = new FrameReader();
      expect(reader.push(framed.subarray(0, length)).messages).to.have.length(0);
      expect(reader.unfinished, `${length} bytes`).to.equal(true);
    }
  });

  it('knows the beginning of a message that was cut off', () => {
    const framed = Buffer.from(frame(Buffer.from('#AES:0123456789abcdef')));
    for (let length = 1; length < framed.length; length += 1) {
      expect(isCutOff(framed.subarray(0, length)), String(length)).to.equal(true);
    }
    expect(isCutOff(framed)).to.equal(false);
    for (const other of ['HTTP/1.1 400 Bad Request', 'SSH-2.0-OpenSSH_9.6', '220 mail ESMTP']) {
      expect(isCutOff(Buffer.from(other)), other).to.equal(false);
    }
    expect(isCutOff(Buffer.from('4000000048545450', 'hex'))).to.equal(false);
  });

  it('takes a length alone for such a beginning where a message may have it', () => {
    for (const [length, cutOff] of [
      [0, false],
      [1, true],
      [65536, true],
      [65537, false],
      [0x50545448, false],
    ] as const) {
      const header = Buffer.alloc(4);
      header.writeUInt32LE(length);
      expect(isCutOff(header), String(length)).to.equal(cutOff);
    }
  });
});
