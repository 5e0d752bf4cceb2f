import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { ManagerFrames } from '../../src/sandbox/frames.js';

function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(message.length);
  return Buffer.concat([length, message]);
}

describe('the frames that remoted reads', () => {
  it('are the messages that were sent, empty ones too, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat(30)), (messages, cuts) => {
        const frames = new ManagerFrames();
        let stream = Buffer.concat(messages.map(framed));
        const read: Uint8Array[] = [];
        for (const cut of [...cuts, stream.length]) {
          read.push(...frames.push(stream.subarray(0, cut)).messages);
          stream = stream.subarray(cut);
        }
        expect(read.map((message) => [...message])).to.deep.equal(messages.map((message) => [...message]));
      }),
    );
  });

  it('end with the first length over 65536', () => {
    const frames = new ManagerFrames();
    expect(frames.push(Buffer.concat([framed(Buffer.from('a')), Buffer.from([1, 0, 1, 0])]))).to.deep.equal({
      messages: [Buffer.from('a')],
      tooLong: true,
    });
    expect(frames.push(framed(Buffer.from('b')))).to.deep.equal({ messages: [], tooLong: true });
  });
});
