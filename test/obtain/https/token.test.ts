import { inspect } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { Secret } from '../../../src/model/secret.js';
import {
  decodeToken,
  looksLikeToken,
  TOKEN_FILE_LIMIT,
  type TokenFault,
  tokenError,
  tokenFaultInWords,
  tokenText,
} from '../../../src/obtain/https/token.js';
import { wazuh5 } from '../../wazuh5.js';

const encode = (json: string) => new Secret(Buffer.from(json).toString('base64url'));
const outcome = (text: Secret) => {
  const decoded = decodeToken(text);
  return decoded.ok ? 'ok' : decoded.fault;
};

describe('an enrollment token', () => {
  for (const { name, token, target, pin_hex: pin, credential } of wazuh5.token_valid) {
    it(`is read: ${name}`, () => {
      const decoded = decodeToken(new Secret(token));
      expect(decoded.ok).to.equal(true);
      if (!decoded.ok) return;
      const { manager, anchor, credential: read } = decoded.token;
      expect(manager).to.deep.equal(target);
      if (pin !== undefined) expect(anchor).to.deep.equal({ kind: 'pin', pin });
      if (credential === null) expect(read).to.equal(undefined);
      if (!credential) return;
      expect(read).to.include({ kind: 'token', id: credential.kid });
      expect(Buffer.from(read?.secret.reveal() ?? []).toString('hex')).to.equal(credential.secret_hex);
    });
  }

  it('gives its CA as it is', () => {
    const vector = wazuh5.token_valid.find(({ name }) => name === 'IPv6, embedded CA');
    const decoded = decodeToken(new Secret(vector?.token ?? ''));
    const { ca }: { ca?: string } = JSON.parse(vector?.json ?? '{}');
    expect(decoded.ok && decoded.token.anchor).to.deep.equal({ kind: 'ca', ca });
  });

  for (const { name, token, expect: fault } of wazuh5.token_invalid) {
    it(`is refused: ${name}`, () => expect(outcome(new Secret(token))).to.equal(fault));
  }

  it('is refused with a duplicate in any place and form', () => {
    const rest = '"pin":"YJHcNmXtXoM8jZRfk-u_FLNwIMzudzNORJesLvNZCqI"';
    expect(outcome(encode(`{"ver":1,"adr":"a\\":b.example",${rest}}`))).to.equal('BAD_ADR');
    for (const json of [
      `{"ver":1,"ver":1,"adr":"h.example",${rest}}`,
      `{"ver":1,"adr":"h.example","\\u0061dr" : "h.example",${rest}}`,
      `{"ver":1,"adr":"h.example",${rest},${rest}}`,
      `{"ver":1,"adr":"h.example",${rest},"__proto__":1}`,
      `{"ver":1,"adr":{"ver":1},${rest}}`,
      `{"ver":1,"adr":"h\\ud800.example",${rest}}`,
    ]) {
      expect(outcome(encode(json)), json).to.equal('MALFORMED');
    }
  });

  it('is refused where its bytes are no text', () => {
    const bytes = Buffer.concat([Buffer.from('{"ver":1,"adr":"h'), Buffer.from([0xe9]), Buffer.from('"}')]);
    expect(outcome(new Secret(bytes.toString('base64url')))).to.equal('MALFORMED');
  });

  it('throws for nothing', () => {
    fc.assert(fc.property(fc.string(), (text) => void decodeToken(new Secret(text))));
    fc.assert(fc.property(fc.json(), (json) => void decodeToken(encode(json))));
  });

  it('is shown by nothing that it comes to', () => {
    for (const { token } of wazuh5.token_valid) {
      const decoded = decodeToken(new Secret(token));
      const secret = decoded.ok ? decoded.token.credential?.secret.reveal() : undefined;
      if (secret === undefined) continue;
      const shown = `${inspect(decoded, { depth: 9 })}${JSON.stringify(decoded)}`;
      for (const form of ['hex', 'base64url', 'latin1'] as const) {
        expect(shown).not.to.include(Buffer.from(secret).toString(form));
      }
    }
  });

  it('that is bad is told in words, with the place that it came from', () => {
    const error = tokenError('BAD_PIN', '--token-file /run/token');
    expect(error.exitCode).to.equal(2);
    expect(error.message).to.equal(
      `The enrollment token of --token-file /run/token cannot be used: ${tokenFaultInWords('BAD_PIN')}.`,
    );
  });
});

const FAULTS: Readonly<Record<TokenFault, string>> = {
  MALFORMED: 'it is not the text that a manager shows: a part may be missing, or something was added',
  VERSION: 'it is of a version that this program does not know',
  NO_ANCHOR: 'it has neither the pin of a CA nor a CA, so the manager could not be trusted',
  BOTH_ANCHORS: 'it has both the pin of a CA and a CA, and only one of them may be there',
  BAD_ADR: "the manager's address in it is none",
  BAD_PIN: 'the pin of the CA in it is none',
  BAD_KEY: 'the credential in it is none',
};

describe('a token that cannot be used', () => {
  for (const fault of ['MALFORMED', 'VERSION', 'NO_ANCHOR', 'BOTH_ANCHORS', 'BAD_ADR', 'BAD_PIN', 'BAD_KEY'] as const) {
    it(`says why: ${fault}`, () => {
      expect(tokenFaultInWords(fault)).to.equal(FAULTS[fault]);
      expect(tokenError(fault, 'standard input')).to.include({
        code: 'SETTING_INVALID',
        message: `The enrollment token of standard input cannot be used: ${FAULTS[fault]}.`,
        hint: 'Give the token as the manager has shown it, in one line: wazuh-manager-authd --create-enrollment-token --address NAME makes another one.',
      });
    });
  }

  it('is found out in the order of its faults', () => {
    const pin = '"pin":"x"';
    expect(outcome(encode(`{"ver":2,"ca":"x",${pin}}`))).to.equal('VERSION');
    expect(outcome(encode(`{"ver":1,"ca":"x",${pin}}`))).to.equal('BOTH_ANCHORS');
    expect(outcome(encode('{"ver":1}'))).to.equal('NO_ANCHOR');
    expect(outcome(encode(`{"ver":1,${pin},"key":"x"}`))).to.equal('BAD_ADR');
    expect(outcome(encode(`{"ver":1,"adr":"h.example",${pin},"key":"x"}`))).to.equal('BAD_PIN');
    expect(outcome(encode('{"ver":1,"adr":"h.example","ca":"x","key":"x"}'))).to.equal('BAD_KEY');
    const short = Buffer.alloc(31).toString('base64url');
    expect(outcome(encode(`{"ver":1,"adr":"h.example","pin":"${short}"}`))).to.equal('BAD_PIN');
    expect(outcome(encode(`{"ver":1,"adr":"h.example","ca":"x","key":"${short}"}`))).to.equal('BAD_KEY');
  });

  it('is one whose version is a text, or whose address is a number', () => {
    expect(outcome(encode('{"ver":"1","adr":"h.example","ca":"x"}'))).to.equal('MALFORMED');
    expect(outcome(encode('{"ver":1,"adr":1,"ca":"x"}'))).to.equal('MALFORMED');
    expect(outcome(encode('[]'))).to.equal('MALFORMED');
  });

  it('is none with white space before its colons, which JSON allows', () => {
    expect(outcome(encode('{ "ver" \n: 1, "adr" : "h.example", "ca" : "a\\"b: c" }'))).to.equal('ok');
  });
});

describe('what looks like a token', () => {
  const { token } = wazuh5.token_valid[0] ?? { token: '' };

  it('is one, wherever it stands, and its beginning', () => {
    for (const text of [
      token,
      `--token=${token}`,
      `x ${token}`,
      `  ${token.slice(0, 40)}`,
      `${'y'.repeat(50)} ${token}`,
    ]) {
      expect(looksLikeToken(text), text).to.equal(true);
    }
    expect(looksLikeToken(encode(' \n{ "ver" : 1, "adr": "manager.example.org" }').reveal())).to.equal(true);
  });

  it('is nothing else that is long', () => {
    const b64 = (text: string) => Buffer.from(text).toString('base64url');
    for (const text of [
      '',
      'manager.example.org',
      'a'.repeat(200),
      token.slice(0, 39),
      b64('not a token, {"ver":1}, but it holds the beginning of one'),
      b64('{"ver", and a long text in which no colon follows'),
      b64('{} and a long text in which no name of a member follows: 1'),
    ]) {
      expect(looksLikeToken(text), text).to.equal(false);
    }
  });
});

describe('the file of a token', () => {
  for (const { name, file_text: text, expect: expected } of wazuh5.token_file) {
    it(`${name}: ${expected}`, () => {
      const read = tokenText(Buffer.from(text));
      expect(read === undefined ? 'unreadable' : outcome(read)).to.equal(expected);
    });
  }

  it('is not read without end', () => {
    expect(tokenText(Buffer.alloc(TOKEN_FILE_LIMIT - 1, 'a'))?.reveal()).to.have.length(TOKEN_FILE_LIMIT - 1);
    expect(tokenText(Buffer.alloc(TOKEN_FILE_LIMIT, 'a'))).to.equal(undefined);
  });

  it('may be what PowerShell writes', () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('abc\r\n', 'utf16le')]);
    expect(tokenText(bytes)?.reveal()).to.equal('abc');
  });

  it('is nothing where there is nothing in it', () => {
    expect(tokenText(Buffer.from(''))).to.equal(undefined);
    expect(tokenText(Buffer.from('\r\n'))).to.equal(undefined);
    expect(tokenText(Buffer.from(' \t '), 'input')).to.equal(undefined);
  });

  it('may end in the line ends of Windows, written twice', () => {
    expect(tokenText(Buffer.from('abc\r\r\r\n'))?.reveal()).to.equal('abc');
    expect(tokenText(Buffer.from('a\rb c\r\n'))?.reveal()).to.equal('a\rb c');
    expect(tokenText(Buffer.from('\t a\tb \t\r'), 'input')?.reveal()).to.equal('a\tb');
  });

  it('is trimmed of spaces on standard input alone', () => {
    expect(tokenText(Buffer.from(' abc\t\r\n'), 'input')?.reveal()).to.equal('abc');
    expect(tokenText(Buffer.from(' abc '))?.reveal()).to.equal(' abc ');
  });
});
