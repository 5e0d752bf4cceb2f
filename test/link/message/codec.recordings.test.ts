import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type Decoded,
  type DecodedMessage,
  decodeMessage,
  encodeMessage,
  peekId,
} from '../../../src/link/message/codec.js';
import { isAcknowledgement, isPong, PING, parseRefusal } from '../../../src/link/message/control.js';
import { FrameReader, frame } from '../../../src/link/message/framing.js';
import { ossecRecordings, recordedReplies, wazuhRecordings } from './recordings.js';

function decoded(outcome: Decoded): DecodedMessage {
  if (!outcome.ok) throw new Error(`Not decoded: ${outcome.fault}.`);
  return outcome;
}

describe('link/codec on recorded messages', () => {
  for (const it_ of [...ossecRecordings(), ...wazuhRecordings()]) {
    describe(it_.title, () => {
      it('derives the recorded key', () => {
        expect(Buffer.from(it_.key.reveal()).toString('latin1')).to.equal(it_.derivedKey);
      });

      it('decodes to the recorded parts', () => {
        const message = decoded(decodeMessage(it_.wire, it_.key));
        expect(message.cipher).to.equal(it_.choice.cipher);
        expect(message.id ?? null).to.equal(it_.id);
        expect(peekId(it_.wire) ?? null).to.equal(it_.id);
        expect(message.random).to.equal(it_.random);
        expect(message.counter).to.deep.equal({ global: it_.global, local: it_.local });
        expect(message.payload.toString('hex')).to.equal(it_.payload.toString('hex'));
        expect(message.text).to.equal(it_.payload.toString('utf8'));
        if (it_.choice.cipher === 'aes-ossec') expect(message.iv).to.deep.equal(Uint8Array.from(it_.choice.iv));
      });

      it('encodes from its parts to the recorded bytes', () => {
        const { random, payload, choice } = it_;
        const parts = { ...choice, random, payload, counter: { global: it_.global, local: it_.local } };
        const wire = encodeMessage({ ...parts, id: it_.id ?? undefined }, it_.key);
        expect(Buffer.from(wire).toString('hex')).to.equal(it_.wire.toString('hex'));
      });
    });
  }

  for (const { name, sentFrame, replyFrame, secure } of recordedReplies()) {
    it(`reads the exchange "${name}"`, () => {
      const [sent] = new FrameReader().push(sentFrame).messages;
      const [reply] = new FrameReader().push(replyFrame).messages;
      if (sent === undefined || reply === undefined) throw new Error('A recorded frame is not whole.');
      expect(Buffer.from(frame(reply)).equals(replyFrame)).to.equal(true);
      if (secure === undefined) {
        expect(Buffer.from(sent).equals(PING)).to.equal(true);
        expect(isPong(reply)).to.equal(true);
        return;
      }
      const { key, choice, random, global, local, replyPayload } = secure;
      expect(Buffer.from(key.reveal()).toString('latin1')).to.equal(secure.derivedKey);
      expect(decoded(decodeMessage(sent, key)).text).to.equal(secure.sentPayload);
      const answer = decoded(decodeMessage(reply, key));
      expect(answer).to.deep.include({ cipher: choice.cipher, random, counter: { global, local }, text: replyPayload });
      expect(Buffer.from(encodeMessage(answer, key)).equals(reply)).to.equal(true);
      const refusal = /"message":"(.*)"/.exec(replyPayload)?.[1];
      expect(parseRefusal(answer.text)).to.equal(refusal);
      expect(isAcknowledgement(answer.text)).to.equal(refusal === undefined);
    });
  }
});
