import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  isAcknowledgement,
  isControl,
  isPong,
  namesItsVersion,
  parseRefusal,
  SHUTDOWN,
  startup,
} from '../../../src/link/message/control.js';
import { ossecRecordings, wazuhRecordings } from './recordings.js';

function recorded(title: string): string {
  const found = [...ossecRecordings(), ...wazuhRecordings()].find((recording) => recording.title === title);
  if (found === undefined) throw new Error(`There is no recording ${title}.`);
  return found.payload.toString('utf8');
}

describe('link/control', () => {
  it('says what real agents say', () => {
    expect(startup()).to.equal(recorded('OSSEC any_aes 1 startup'));
    expect(startup('v4.14.7')).to.equal(recorded('Wazuh aes-tcp-any 1 startup'));
    expect(SHUTDOWN).to.equal(recorded('Wazuh aes-tcp-any 6 shutdown'));
  });

  it('knows an acknowledgement from anything else', () => {
    expect(isAcknowledgement(recorded('OSSEC any_aes 2 ack'))).to.equal(true);
    expect(isAcknowledgement(recorded('Wazuh aes-tcp-any 3 ack'))).to.equal(true);
    for (const text of [SHUTDOWN, startup(), '#!-up file 0 x', ' #!-agent ack ', '1:a:#!-agent ack '])
      expect(isAcknowledgement(text), text).to.equal(false);
  });

  it('knows a control message from an event', () => {
    expect(isControl(startup())).to.equal(true);
    expect(isControl(recorded('OSSEC any_aes 6 keepalive'))).to.equal(true);
    expect(isControl(recorded('OSSEC any_aes 3 event'))).to.equal(false);
  });

  it('knows the pong', () => {
    expect(isPong(Buffer.from('#pong'))).to.equal(true);
    for (const text of ['#ping', '#pon', '#pong ', '']) expect(isPong(Buffer.from(text)), text).to.equal(false);
  });

  it('names the version of an agent that does so itself, which is since 4.6', () => {
    for (const version of ['v4.6.0', 'v4.14.7', 'v5.0.0', 'v10.0.0']) {
      expect(namesItsVersion(version), version).to.equal(true);
    }
    for (const version of ['v4.5.4', 'v3.13.6', 'v3.99.0', 'v0.9.0', 'ossec v4.6.0', '4.6.0', 'v4', '']) {
      expect(namesItsVersion(version), version).to.equal(false);
    }
  });

  it('gives the words of a refusal', () => {
    expect(parseRefusal('#!-err {"message":"Couldn\'t retrieve version"}')).to.equal("Couldn't retrieve version");
    expect(parseRefusal('#!-err not JSON')).to.equal('not JSON');
    expect(parseRefusal('#!-err not JSON \n')).to.equal('not JSON');
    expect(parseRefusal('#!-err {"message":7}')).to.equal('{"message":7}');
    expect(parseRefusal('#!-err null')).to.equal('null');
    expect(parseRefusal('#!-err ')).to.equal('no reason given');
    expect(parseRefusal('#!-agent ack ')).to.equal(undefined);
  });

  it('gives them without anything that moves a cursor', () => {
    expect(parseRefusal('#!-err {"message":"a\\u001b[2Jb\\nc"}')).to.equal('a?[2Jb?c');
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parseRefusal(`#!-err ${Buffer.from(bytes).toString('latin1')}`)).to.not.match(/\p{Cc}/u);
      }),
    );
  });
});
