import { expect } from 'chai';
import { describe, it } from 'mocha';
import { formatReenrollSecret, parseReenrollSecret } from '../../src/model/reenroll-secret.js';
import { Secret } from '../../src/model/secret.js';
import { wazuh5 } from '../wazuh5.js';

describe('the file of a re-enrollment secret', () => {
  for (const { name, text, expect: expected } of wazuh5.reenroll_secret_file) {
    it(`${name}: ${expected}`, () => expect(parseReenrollSecret(text) !== undefined).to.equal(expected === 'use'));
  }

  for (const { answer, 'reenroll.secret': text } of wazuh5.files) {
    it(`is written as the agent reads it, for agent ${answer.id}`, () => {
      const secret = { id: answer.id, secret: new Secret(answer.reenroll_secret) };
      expect(formatReenrollSecret(secret)).to.equal(text);
      const read = parseReenrollSecret(text);
      expect({ id: read?.id, secret: read?.secret.reveal() }).to.deep.equal({
        id: answer.id,
        secret: answer.reenroll_secret,
      });
    });
  }

  it('is ignored with an id that no manager gives, and with something behind it', () => {
    const secret = '0f'.repeat(32);
    for (const text of [
      `1 ${secret}\n`,
      `000 ${secret}\n`,
      `003 ${secret}\n\n`,
      `003 ${secret} \n`,
      ` 003 ${secret}\n`,
    ]) {
      expect(parseReenrollSecret(text), text).to.equal(undefined);
    }
    expect(parseReenrollSecret(`003 ${secret}`)?.id).to.equal('003');
  });
});
