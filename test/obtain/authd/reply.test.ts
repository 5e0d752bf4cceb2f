import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { faultInWords } from '../../../src/model/agent-record.js';
import type { RegisterIp } from '../../../src/model/register-address.js';
import { Secret } from '../../../src/model/secret.js';
import { type ReplyContext, readReply, replyState } from '../../../src/obtain/authd/reply.js';
import type { KeyRequest } from '../../../src/obtain/key-source.js';
import { anyCharacter } from '../../any-text.js';
import { failure } from '../../net/expect-error.js';
import { passwordOf } from '../password.js';

interface Recording {
  readonly label: string;
  readonly request: string;
  readonly reply: Buffer;
  readonly family: 'ossec' | 'wazuh-3' | 'wazuh-4';
  /** No byte came, and the connection was left open or never made: nothing for this reader. */
  readonly unread: boolean;
}

function recordings(file: string, list: string, family: Recording['family']): Recording[] {
  const all: unknown = JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), 'utf8'));
  return entries(field(all, list)).map((entry) => ({
    label: text(field(entry, 'label') ?? field(entry, 'name')),
    request: Buffer.from(text(field(entry, 'request_hex')), 'hex').toString(),
    reply: Buffer.from(text(field(entry, 'response_hex')), 'hex'),
    unread: /^(handshake|timeout)/.test(text(field(entry, 'end'))),
    family,
  }));
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function entries(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error('no list in the vectors');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('no text in the vectors');
  return value;
}

// What this program would have asked for, had it sent the recorded request.
function asked(request: string): { request: KeyRequest; password?: Secret<Uint8Array> } {
  const [, password, name = ''] = /^(?:OSSEC PASS: (.*) )?OSSEC A:'([^'\n]*)/.exec(request) ?? [];
  const [, ip] = / IP:'([^'\n]*)/.exec(request) ?? [];
  const kinds: Record<string, RegisterIp> = { any: { kind: 'any' }, src: { kind: 'source' } };
  return {
    request: {
      name,
      ip: ip === undefined ? { kind: 'any' } : (kinds[ip] ?? { kind: 'address', address: ip }),
      groups: [],
    },
    ...(password === undefined ? {} : { password: passwordOf(password) }),
  };
}

const REFUSED: Readonly<Record<string, ErrorCode>> = {
  wrong_password: 'CLOSED_SILENTLY',
  password_prefix_only: 'CLOSED_SILENTLY',
  password_to_open_server: 'CLOSED_SILENTLY',
  no_closing_quote: 'CLOSED_SILENTLY',
  garbage: 'CLOSED_SILENTLY',
  lowercase: 'CLOSED_SILENTLY',
  invalid_name_space: 'NAME_REFUSED',
  invalid_name_short: 'NAME_REFUSED',
  invalid_name_empty: 'NAME_REFUSED',
  name_129: 'NAME_REFUSED',
  internal_error: 'MANAGER_FAULT',
  'duplicate-name-default-force': 'NAME_DUPLICATE',
  'force-no-dup': 'NAME_DUPLICATE',
  'pw-ok-dup': 'NAME_DUPLICATE',
  'group-invalid': 'GROUP_UNKNOWN',
  'group-odd:xxxxxxxxxxxxxxxxxxxx255': 'GROUP_UNKNOWN',
  "group-odd:we'b4": 'GROUP_UNKNOWN',
  'ip-invalid': 'IP_REFUSED',
  'ip-srcfoo': 'IP_DUPLICATE',
  'version-too-high': 'VERSION_REFUSED',
  'name-1': 'NAME_REFUSED',
  'name-129': 'NAME_REFUSED',
  'name-dot-start': 'NAME_REFUSED',
  'name-space': 'NAME_REFUSED',
  'name-utf8': 'NAME_REFUSED',
  'pw-ok-bad-name': 'NAME_REFUSED',
  'bad-action': 'REQUEST_REFUSED',
  'empty-line': 'REQUEST_REFUSED',
  'unterminated-name': 'REQUEST_REFUSED',
  'unterminated-version': 'REQUEST_REFUSED',
  'unterminated-group': 'REQUEST_REFUSED',
  'unterminated-ip': 'REQUEST_REFUSED',
  'K-41': 'REQUEST_REFUSED',
  'pass-when-not-required': 'PASSWORD_NOT_WANTED',
  'pw-missing': 'PASSWORD_REFUSED',
  'pw-wrong': 'PASSWORD_REFUSED',
  'pw-prefix-only': 'PASSWORD_REFUSED',
  '313-G-bad': 'GROUP_UNKNOWN',
  '313-ip-bad': 'IP_REFUSED',
  '313-bad': 'REQUEST_REFUSED',
  '313-mgr': 'NAME_REFUSED',
};

function expected(label: string): ErrorCode | 'key' {
  if (label.startsWith('name_char_')) return 'NAME_REFUSED';
  return REFUSED[label] ?? (label.startsWith('group-odd:') ? 'GROUP_REFUSED' : 'key');
}

const all = [
  ...recordings('ossec.json', 'authd', 'ossec'),
  ...recordings('wazuh4.json', 'authd_4_14', 'wazuh-4'),
  ...recordings('wazuh4.json', 'authd_3_13', 'wazuh-3'),
];

const tls12: ReplyContext = { tlsVersion: 'TLSv1.2', confirmed: true, clientCertificateSent: false };
const tls13: ReplyContext = { ...tls12, tlsVersion: 'TLSv1.3' };
const request: KeyRequest = { name: 'web-01', ip: { kind: 'any' }, groups: [] };
const KEY = '0123456789abcdef'.repeat(4);
const read = (reply: string | Buffer, wanted: Partial<KeyRequest> = {}, context = tls12) =>
  readReply(Buffer.from(reply), { ...request, ...wanted }, context);

describe('the recorded replies of authd', () => {
  for (const { label, request: sent, reply, family, unread } of all.filter((one) => !one.unread)) {
    it(`${family}: ${label} is ${expected(label)}`, async () => {
      const { request: wanted, password } = asked(sent);
      const context = { ...(family === 'ossec' ? tls12 : tls13), ...(password === undefined ? {} : { password }) };
      const code = expected(label);
      if (code !== 'key') {
        expect(replyState(reply)).to.equal(reply.length === 0 ? 'open' : 'decided');
        const error = await failure(code, () => readReply(reply, wanted, context));
        if (code !== 'CLOSED_SILENTLY')
          expect(error.managerSaid)
            .to.be.a('string')
            .and.not.match(/Unable to add agent/);
        return;
      }
      expect(unread).to.equal(false);
      expect(replyState(reply)).to.equal('complete');
      const key = readReply(reply, wanted, context);
      expect(`OSSEC K:'${key.record.id} ${key.record.name} ${key.record.ip} ${key.record.key.reveal()}'`).to.equal(
        reply.toString().trimEnd(),
      );
      expect(key.family).to.equal(family);
    });
  }

  it('are as many refusals as are told apart here', () => {
    const labels = new Set(all.map(({ label }) => label));
    expect(Object.keys(REFUSED).filter((label) => !labels.has(label))).to.deep.equal([]);
  });
});

describe('a refusal by authd', () => {
  const texts: readonly (readonly [string, ErrorCode])[] = [
    ['Invalid password', 'PASSWORD_REFUSED'],
    ['Invalid request for new agent', 'REQUEST_REFUSED'],
    ['Invalid agent name: vm', 'NAME_REFUSED'],
    ['Agent version must be lower or equal to manager version', 'VERSION_REFUSED'],
    ['Invalid IP: x', 'IP_REFUSED'],
    ['Invalid IP address: 1024', 'IP_DUPLICATE'],
    ['Duplicate IP: 10.0.0.1', 'IP_DUPLICATE'],
    ['Duplicated IP: 10.0.0.1', 'IP_DUPLICATE'],
    ['Duplicate IP', 'IP_DUPLICATE'],
    ['Duplicate agent name: web-01', 'NAME_DUPLICATE'],
    ['Duplicated agent name: web-01', 'NAME_DUPLICATE'],
    ['Duplicate name', 'NAME_DUPLICATE'],
    ['Invalid group: nosuch', 'GROUP_UNKNOWN'],
    ['Invalid Group(s) Name(s)', 'GROUP_UNKNOWN'],
    ['Invalid group name: Empty Group', 'GROUP_REFUSED'],
    ['Maximum multigroup reached: Limit is 128', 'GROUP_LIMIT'],
    ['Internal manager error adding agent: web-01', 'MANAGER_FAULT'],
    ['Unterminated group field', 'REQUEST_REFUSED'],
    ['Cannot comunicate with master', 'CLUSTER_UNREACHABLE'],
    ['Invalid message format', 'REQUEST_REFUSED'],
    ['The moon is full', 'REQUEST_REFUSED'],
  ];
  const shapes: readonly (readonly [string, (said: string) => string])[] = [
    ['4.13 and later', (said) => `ERROR: ${said}. Unable to add agent`],
    ['4.0 to 4.12', (said) => `ERROR: ${said}ERROR: Unable to add agent`],
    ['3.x and OSSEC', (said) => `ERROR: ${said}\n\nERROR: Unable to add agent.\n\n`],
    ['a first record alone', (said) => `ERROR: ${said}`],
  ];
  for (const [shape, form] of shapes) {
    it(`is told apart in the shape of ${shape}`, async () => {
      for (const [said, code] of texts) {
        const error = await failure(code, () => read(form(said)));
        expect(error.managerSaid).to.equal(said);
        expect(error.message).to.include(said);
      }
    });
  }

  it('names the agent that has the address on an OSSEC manager', async () => {
    const error = await failure('IP_DUPLICATE', () => read('ERROR: Invalid IP address: 1031\n\n'));
    expect(error.message).to.match(/agent with id 1031/);
  });

  it('of a duplicate says whether the present key was shown', async () => {
    const present = { id: '001', name: 'web-01', ip: 'any', key: new Secret(KEY) };
    const reply = 'ERROR: Duplicate agent name: web-01. Unable to add agent';
    const shown = await failure('NAME_DUPLICATE', () => read(reply, { present }));
    const bare = await failure('NAME_DUPLICATE', () => read(reply));
    expect(shown.hint).to.match(/still good/);
    expect(bare.hint).to.not.match(/still good/);
  });

  it('is shown without control characters, the password or a key', async () => {
    const error = await failure('REQUEST_REFUSED', () =>
      read(`ERROR: \x1b[2J no pässword for ${KEY}`, {}, { ...tls12, password: passwordOf('pässword') }),
    );
    expect(error.message).to.include('?[2J no [secret] for [key]');
  });

  it('of nearly 64 KiB is read in no time', () => {
    const reply = Buffer.from(`ERROR: ${' '.repeat(65_000)}x`);
    const start = performance.now();
    expect(() => read(reply)).to.throw(EnrollError);
    expect(performance.now() - start).to.be.below(2000);
  });
});

describe('a silent close by authd', () => {
  const cases: readonly (readonly [string, Partial<ReplyContext>, RegExp])[] = [
    [
      'TLS 1.2 and a password',
      { password: passwordOf('hunter2hunter2') },
      /did not accept the enrollment password.*last character/,
    ],
    ['TLS 1.2 and no password', {}, /wants an enrollment password/],
    ['TLS 1.3 without a certificate', { tlsVersion: 'TLSv1.3', confirmed: false }, /wants a client certificate/],
    [
      'TLS 1.3 with a certificate, before the end of the handshake',
      { tlsVersion: 'TLSv1.3', confirmed: false, clientCertificateSent: true },
      /did not accept the client certificate.*ssl_verify_host/,
    ],
  ];
  for (const [what, known, words] of cases) {
    it(`is weighed for ${what}`, async () => {
      const error = await failure('CLOSED_SILENTLY', () => read('', {}, { ...tls12, ...known }));
      expect(`${error.message} ${error.hint}`).to.match(words).and.not.include('hunter2');
    });
  }
  for (const [clientCertificateSent, words] of [
    [false, /may exist on the manager.*client certificate: --cert/],
    [true, /may exist on the manager.*ssl_verify_host/],
  ] as const) {
    it(`may be the end of one that had the request, ${clientCertificateSent ? 'with' : 'without'} a certificate`, async () => {
      const known = { tlsVersion: 'TLSv1.3', confirmed: true, clientCertificateSent } as const;
      const error = await failure('ANSWER_LOST', () => read('', {}, { ...tls12, ...known }));
      expect(error.hint).to.match(words);
    });
  }
});

describe('a key from authd', () => {
  const record = (body: string, tail = '') => `OSSEC K:'${body}'${tail}`;

  it('gives away the family by its end, its id and TLS', () => {
    expect(read(record(`001 web-01 any ${KEY}`)).family).to.equal('wazuh-4');
    expect(read(record(`001 web-01 any ${KEY}`, '\n\n')).family).to.equal('wazuh-3');
    expect(read(record(`1024 web-01 any ${KEY}`, '\n\n')).family).to.equal('ossec');
    expect(read(record(`1024 web-01 any ${KEY}`, '\n\n'), {}, tls13).family).to.equal('wazuh-3');
    expect(read(record(`001 web-01 any ${KEY}`, '\n')).family).to.equal(undefined);
  });

  it('takes the address that an OSSEC manager saw where another was asked for, and says so', async () => {
    const ip = { kind: 'address', address: '10.0.0.5' } as const;
    const { record: given, warnings } = read(record(`1025 web-01 192.0.2.7 ${KEY}`, '\n\n'), { ip });
    expect(given.ip).to.equal('192.0.2.7');
    expect(warnings.join(' ')).to.include('192.0.2.7').and.to.include('10.0.0.5');
    await failure('REPLY_INVALID', () => read(record(`025 web-01 192.0.2.7 ${KEY}`), { ip }));
    await failure('REPLY_INVALID', () => read(record(`1025 web-01 192.0.2.0/24 ${KEY}`, '\n\n'), { ip }));
  });

  it('that an OSSEC manager numbered beyond the length of a name is refused in words', () => {
    const name = 'n'.repeat(128);
    const reply = Buffer.from(`OSSEC K:'1025 ${name}2 any ${KEY}'\n\n`);
    const context = { clientCertificateSent: false, tlsVersion: 'TLSv1.2', confirmed: true } as const;
    const reading = () => readReply(reply, { name, ip: { kind: 'any' }, groups: [] }, context);
    expect(reading)
      .to.throw(EnrollError, /registered this one as n+2, which is longer than the 128 characters/)
      .that.includes({ code: 'NAME_REFUSED' })
      .with.property('hint')
      .that.includes('manage_agents -r 1025');
  });

  for (const [what, body] of [
    ['a name of the full length, and no key', `1025 ${'n'.repeat(127)}2 any x!`],
    ['a name that is too long, and an id that is none', `1025x ${'n'.repeat(128)}2 any ${KEY}`],
    ['a name that is too long, and another id before it', `x1025 ${'n'.repeat(128)}2 any ${KEY}`],
    ['another name that is too long', `1025 ${'m'.repeat(128)}2 any ${KEY}`],
  ] as const) {
    it(`with ${what} is no numbered one, but broken`, async () => {
      const context = { clientCertificateSent: false, tlsVersion: 'TLSv1.2', confirmed: true } as const;
      const name = /n+/.exec(body)?.[0] ?? 'n'.repeat(128);
      const wanted: KeyRequest = { name, ip: { kind: 'any' }, groups: [] };
      await failure('REPLY_INVALID', () => readReply(Buffer.from(record(body, '\n\n')), wanted, context));
    });
  }

  it('that an OSSEC manager renamed keeps the given name, and says so', () => {
    const key = read(record(`1025 web-012 any ${KEY}`, '\n\n'));
    expect(key.record.name).to.equal('web-012');
    expect(key.renamedFrom).to.equal('web-01');
    expect(key.warnings.join()).to.match(/registered this one as web-012/);
  });

  const any: RegisterIp = { kind: 'any' };
  const source: RegisterIp = { kind: 'source' };
  const fixed = (address: string): RegisterIp => ({ kind: 'address', address });
  const addresses: readonly (readonly [RegisterIp, string, 'good' | 'told' | 'bad'])[] = [
    [any, 'any', 'good'],
    [any, '10.0.0.1', 'told'],
    [any, '10.0.0.0/8', 'bad'],
    [source, '10.0.0.1', 'good'],
    [source, 'FE80:0000:0000:0000:0000:0000:0000:0001', 'good'],
    [source, 'any', 'told'],
    [source, '10.0.0.0/8', 'bad'],
    [fixed('10.0.0.1'), '10.0.0.1', 'good'],
    [fixed('10.0.0.1'), 'any', 'told'],
    [fixed('10.0.0.1'), '10.0.0.2', 'bad'],
    [fixed('10.0.0.1'), '10.0.0.0/24', 'bad'],
    [fixed('10.8.0.0/16'), '10.8.0.0/255.255.0.0', 'good'],
    [fixed('10.8.0.0/255.255.0.0'), '10.8.0.0/16', 'good'],
    [fixed('192.168.0.1/24'), '192.168.0.0/24', 'good'],
    [fixed('10.8.0.0/16'), '10.9.0.0/16', 'bad'],
    [fixed('0.0.0.0/0'), '0.0.0.0/0', 'good'],
    [fixed('2001:db8::2'), '2001:0DB8:0000:0000:0000:0000:0000:0002', 'good'],
    [fixed('2001:db8:1::/48'), '2001:0DB8:0001:0000:0000:0000:0000:0000/48', 'good'],
    [fixed('2001:db8::2'), '2001:0DB8:0000:0000:0000:0000:0000:0003', 'bad'],
    [fixed('10.0.0.1'), '::ffff:10.0.0.1', 'bad'],
  ];
  for (const [ip, granted, fit] of addresses) {
    it(`for ${ip.kind === 'address' ? ip.address : ip.kind}, given ${granted}, is ${fit}`, async () => {
      const reply = record(`001 web-01 ${granted} ${KEY}`);
      if (fit === 'bad') await failure('REPLY_INVALID', () => read(reply, { ip }));
      else expect(read(reply, { ip }).warnings).to.have.length(fit === 'told' ? 1 : 0);
    });
  }

  const hostile: readonly (readonly [string, string])[] = [
    ['another name', record(`001 web-02 any ${KEY}`)],
    ['a name with a number that no OSSEC manager wrote', record(`001 web-012 any ${KEY}`)],
    ['a name with a number, from a manager that is no OSSEC', record(`012 web-012 any ${KEY}`, '\n\n')],
    ['a name with 1 behind it', record(`1025 web-011 any ${KEY}`, '\n\n')],
    ['a name with a high number behind it', record(`1025 web-01258 any ${KEY}`, '\n\n')],
    ['a path for a name', record(`001 ../../etc/passwd any ${KEY}`)],
    ['a line feed inside', record(`001 web-01 any ${KEY}\n002 web-02 any ${KEY}`)],
    ['a control character', record(`001 web-01\x1b any ${KEY}`)],
    ['a NUL', record(`001 web-01 any ${KEY}\0`)],
    ['a second record', record(`001 web-01 any ${KEY}`) + record(`002 web-01 any ${KEY}`)],
    ['a second record after line ends', record(`001 web-01 any ${KEY}`, '\n\n') + record(`002 web-01 any ${KEY}`)],
    ['an error behind the key', `${record(`001 web-01 any ${KEY}`)}ERROR: no`],
    ['bytes behind it', record(`001 web-01 any ${KEY}`, ' ')],
    ['three line ends', record(`001 web-01 any ${KEY}`, '\n\n\n')],
    ['a Windows line end', record(`001 web-01 any ${KEY}`, '\r\n')],
    ['the id of the manager', record(`000 web-01 any ${KEY}`)],
    ['a short id', record(`1 web-01 any ${KEY}`)],
    ['an id of letters', record(`abc web-01 any ${KEY}`)],
    ['a negative id', record(`-01 web-01 any ${KEY}`)],
    ['a long id', record(`12345678901 web-01 any ${KEY}`)],
    ['a short key', record(`001 web-01 any ${KEY.slice(1)}`)],
    ['a long key', record(`001 web-01 any ${KEY}0`)],
    ['a key of other letters', record(`001 web-01 any ${KEY.slice(1)}g`)],
    ['an address that stops the agent', record(`001 web-01 10.0.0.999 ${KEY}`)],
    ['two spaces', record(`001  web-01 any ${KEY}`)],
    ['five fields', record(`001 web-01 any ${KEY} x`)],
    ['three fields', record('001 web-01 any')],
    ['nothing in it', record('')],
    ['no end of it', `OSSEC K:'${'a'.repeat(5000)}`],
  ];
  for (const [what, reply] of hostile) {
    it(`with ${what} is refused, and not shown`, async () => {
      const error = await failure('REPLY_INVALID', () => read(reply));
      expect(error.message).not.to.include(KEY.slice(2, 40));
    });
  }

  const id = 'its id is not one that a manager gives to an agent';
  const control = 'the record holds a line end or another control character';
  const other = (name: string) => `it is for the name ${name} and not for web-01`;
  const long = 'n'.repeat(130);
  for (const [reply, why] of [
    [record(`00001 web-01 any ${KEY}`), id],
    [record(`0011 web-01 any ${KEY}`), id],
    [record(`12 web-01 any ${KEY}`), id],
    [record(`001 web-01 any ${KEY}g`), 'its key is not 64 hexadecimal digits'],
    [record(`001 web-01 any ${KEY}\x7f`), control],
    [record(`\x01001 web-01 any ${KEY}`), control],
    [record('a'.repeat(401)), 'the record is too long'],
    [record('a'.repeat(400)), faultInWords('fields')],
    [record(`001 web-01 any ${KEY}`, ' x'), 'something follows the record'],
    [record(`001 web-01 any ${KEY}`) + record(''), 'a second record follows the first'],
    [record(`001 web-02 any ${KEY}`), other('web-02')],
    [record(`1025 xweb-012 any ${KEY}`, '\n\n'), other('xweb-012')],
    [record(`1025 other2 any ${KEY}`, '\n\n'), other('other2')],
    [record(`1025 web-01x2 any ${KEY}`, '\n\n'), other('web-01x2')],
    [record(`1025 web-012x any ${KEY}`, '\n\n'), other('web-012x')],
    [record(`001 web-01 10.0.0.0/8 ${KEY}`), 'it is for the address 10.0.0.0/8 and not for any'],
    [record(`1025 ${long} any ${KEY}`, '\n\n'), faultInWords('name')],
    [record(`1025x web-01${'2'.repeat(130)} any ${KEY}`, '\n\n'), faultInWords('id')],
    [record('001 web-012 any'), faultInWords('fields')],
    [record(`1025 web-012 999.1.1.1 ${KEY}`, '\n\n'), faultInWords('ip')],
  ] as const) {
    it(`is refused in words: ${why.slice(0, 40)} (${JSON.stringify(reply).slice(8, 40)})`, async () => {
      const error = await failure('REPLY_INVALID', () => read(reply));
      expect(error.message).to.equal(`The manager answered with a key that cannot be used: ${why}.`);
    });
  }

  it('has the last number that an OSSEC manager gives', () => {
    for (const number of [2, 99, 257]) {
      const { record: given } = read(record(`1025 web-01${number} any ${KEY}`, '\n\n'));
      expect(given.name).to.equal(`web-01${number}`);
    }
  });

  it('that was cut off says so, and what is no answer of authd is shown in part', async () => {
    for (const begun of ["OSSEC K:'001", 'OSS', 'ERR']) {
      expect((await failure('ANSWER_LOST', () => read(begun))).message).to.equal(
        "The manager's answer was cut off, so the key did not arrive in full.",
      );
    }
    const said = 'x y,'.repeat(20);
    expect(await failure('NOT_AUTHD', () => read(`${said}z`))).to.include({
      managerSaid: said,
      message: `What answered is not authd. It said: "${said}".`,
    });
  });

  it('is read no further once it is none', () => {
    const state = (reply: string) => replyState(Buffer.from(reply));
    expect(state(`OSSEC K:'${'a'.repeat(400)}`)).to.equal('open');
    expect(state(`OSSEC K:'${'a'.repeat(401)}`)).to.equal('decided');
    expect(state("OSSEC K:'a\n")).to.equal('decided');
    expect(state("OSSEC K:'a'b")).to.equal('decided');
    expect(state("OSSEC K:'")).to.equal('open');
    expect(state("OSSEC K:'a")).to.equal('open');
    expect(state('ERR')).to.equal('open');
    expect(state('OR: ')).to.equal('decided');
    expect(state('ERROR: x')).to.equal('open');
    expect(state('ERROR: x. Unable to add agent')).to.equal('decided');
  });

  it('is of no family that is known where its end fits none', () => {
    expect(read(record(`001 web-01 any ${KEY}`, '\n'))).not.to.have.property('family');
    expect(read(record(`001 web-01 any ${KEY}`))).to.include({ kind: 'key' });
  });

  it('that was cut off anywhere is a lost answer', async () => {
    const whole = record(`001 web-01 any ${KEY}`);
    for (let length = 1; length < whole.length; length += 1) {
      const error = await failure('ANSWER_LOST', () => read(whole.slice(0, length)));
      expect(error.message).not.to.include(KEY.slice(0, 8));
      expect(replyState(Buffer.from(whole.slice(0, length)))).to.equal('open');
    }
  });

  for (const reply of ['HTTP/1.1 400 Bad Request\r\n', 'SSH-2.0-OpenSSH_9.2\r\n', '\0\0\0', 'OSSEC X', 'ERROR\n']) {
    it(`is not ${JSON.stringify(reply)}`, async () => {
      expect(replyState(Buffer.from(reply))).to.equal('decided');
      await failure('NOT_AUTHD', () => read(reply));
    });
  }
});

describe('any bytes at all', () => {
  const plain = 'correct horse battery';
  const password = passwordOf(plain);
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: anyCharacter }).map((said) => Buffer.from(`ERROR: ${said}`)),
    fc.string({ unit: anyCharacter }).map((said) => Buffer.from(`OSSEC K:'${said}'`)),
    fc.tuple(fc.nat(120), fc.nat(255)).map(([at, byte]) => {
      const reply = Buffer.from(`OSSEC K:'001 web-01 any ${KEY}'\n\n`);
      reply[at % reply.length] = byte;
      return reply;
    }),
    fc.string().map((said) => Buffer.from(`${said}${plain}${KEY}`)),
  );

  it('give a record for the name asked for, or an EnrollError without a secret', () => {
    fc.assert(
      fc.property(noise, fc.boolean(), (reply, newer) => {
        try {
          const key = readReply(reply, request, { ...(newer ? tls13 : tls12), password });
          expect(key.record.name === 'web-01' || key.renamedFrom === 'web-01').to.equal(true);
          expect(key.record.key.reveal()).to.match(/^[0-9a-f]{64}$/i);
        } catch (error) {
          if (!(error instanceof EnrollError)) throw error;
          const shown = `${error.message} ${error.hint} ${error.managerSaid}`;
          expect(shown).not.to.include(plain);
          expect(shown).not.to.include(KEY.slice(0, 40));
          expect(shown).not.to.match(/\p{Cc}/u);
        }
      }),
      { numRuns: 400 },
    );
  });
});
