import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { keyHash } from '../../../src/model/agent-record.js';
import { Secret } from '../../../src/model/secret.js';
import { formatRequest } from '../../../src/obtain/authd/request.js';
import type { KeyRequest } from '../../../src/obtain/key-source.js';
import { failure } from '../../net/expect-error.js';
import { passwordOf } from '../password.js';

const plain: KeyRequest = { name: 'web-01', ip: { kind: 'any' }, groups: [] };
/** The request as one text, a character a byte. */
const format = (wanted: KeyRequest, password?: Secret<Uint8Array>) =>
  Buffer.from(formatRequest(wanted, password)).toString('latin1');
const present = { id: '003', name: 'web-01', ip: 'any', key: new Secret('ab'.repeat(32)) };

/** Groups that fill the request, of which the last has this length. */
const filling = (last: number) => [...Array.from({ length: 63 }, () => 'g'.repeat(255)), 'g'.repeat(last)];

describe('the request to authd', () => {
  it('has its fields in the order that every generation takes, and no version', () => {
    expect(format(plain)).to.equal("OSSEC A:'web-01' IP:'any'\n");
    expect(
      format({ ...plain, groups: ['web', 'db'], ip: { kind: 'source' }, present }, passwordOf("p w 'q'")),
    ).to.equal(`OSSEC PASS: p w 'q' OSSEC A:'web-01' G:'web,db' IP:'src' K:'${keyHash(present)}'\n`);
  });

  it('sends addresses and ranges as given, and IPv6 written out for managers that know no short form', () => {
    const ip = (address: string) => format({ ...plain, ip: { kind: 'address', address } }).slice(17, -1);
    expect(ip('10.1.2.3')).to.equal("IP:'10.1.2.3'");
    expect(ip('10.8.0.0/255.255.0.0')).to.equal("IP:'10.8.0.0/255.255.0.0'");
    expect(ip('2001:db8::2')).to.equal("IP:'2001:0DB8:0000:0000:0000:0000:0000:0002'");
    expect(ip('2001:db8:1::/48')).to.equal("IP:'2001:0DB8:0001:0000:0000:0000:0000:0000/48'");
  });

  it('has the bytes of the password as they stand, UTF-8 or not', () => {
    const line = format(plain, passwordOf('p\xe4ss', 'latin1'));
    expect(line).to.equal("OSSEC PASS: p\xe4ss OSSEC A:'web-01' IP:'any'\n");
    expect(format(plain, passwordOf('p\xe4ss'))).to.equal("OSSEC PASS: p\xc3\xa4ss OSSEC A:'web-01' IP:'any'\n");
  });

  it('has every password that no manager misreads, byte for byte', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 }).map((any) => any.map((byte) => byte | 0x80));
    fc.assert(
      fc.property(bytes, (password) => {
        const line = Buffer.from(formatRequest(plain, new Secret(password)));
        expect(line.subarray(12, 12 + password.length).equals(password)).to.equal(true);
        expect(line.toString('latin1', 12 + password.length)).to.equal(` ${format(plain)}`);
      }),
    );
  });

  for (const [why, password] of [
    ['a line feed', 'a\nb'],
    ['a carriage return', 'secretword\r'],
    ['a NUL', 'a\0'],
    ['UTF-16 in it', 'p\0w\0'],
    ['the byte that deletes', 'a\x7f'],
    ['nothing in it', ''],
    ['the words that end it', "a OSSEC A:'evil' b"],
  ] as const) {
    it(`refuses a password with ${why}, without showing it`, async () => {
      const error = await failure('SETTING_INVALID', () => formatRequest(plain, passwordOf(password)));
      if (password !== '') expect(error.message).not.to.include(password);
    });
  }

  for (const name of ["we'b", 'a b', 'x', '.hid', 'n'.repeat(129), 'web\n', '']) {
    it(`refuses the name ${JSON.stringify(name).slice(0, 20)}`, () =>
      failure('NAME_UNUSABLE', () => formatRequest({ ...plain, name })));
  }

  for (const group of ['', '.', '..', 'a b', "we'b", 'a,b', 'a/b', 'a\\b', 'a\n', 'a:b', 'g'.repeat(256)]) {
    it(`refuses the group ${JSON.stringify(group).slice(0, 20)}`, () =>
      failure('SETTING_INVALID', () => formatRequest({ ...plain, groups: [group] })));
  }

  const password = 'Use the first line of etc/authd.pass on the manager, without its line end.';
  const sent = (why: string) => `The enrollment password ${why}, so it cannot be sent to a manager.`;
  const names = 'Correct --groups: names separated by single commas.';
  const characters = 'holds a space or one of \\ / : * ? " \' < > | ,';
  for (const [what, call, code, message, hint] of [
    [
      'a name',
      () => format({ ...plain, name: 'a\tb' }),
      'NAME_UNUSABLE',
      'No manager takes a?b as the name of an agent.',
      "Give a name of 2 to 128 letters, digits, '.', '_' and '-', without a leading '.', with --name.",
    ],
    ['no password', () => format(plain, passwordOf('')), 'SETTING_INVALID', sent('is empty'), password],
    [
      'a line end in a password',
      () => format(plain, passwordOf('a\nb')),
      'SETTING_INVALID',
      sent('holds a line end or another control character'),
      password,
    ],
    [
      'the words that end a password',
      () => format(plain, passwordOf("a OSSEC A:'b")),
      'SETTING_INVALID',
      sent("holds the text OSSEC A:'"),
      password,
    ],
    [
      'too many groups',
      () => format({ ...plain, groups: Array.from({ length: 129 }, () => 'g') }),
      'SETTING_INVALID',
      '129 groups are named; a manager takes 128.',
      'Name fewer groups with --groups.',
    ],
    ['no group', () => format({ ...plain, groups: [''] }), 'SETTING_INVALID', 'The group name "" is empty.', names],
    [
      'a directory',
      () => format({ ...plain, groups: ['..'] }),
      'SETTING_INVALID',
      'The group name ".." is that of a directory.',
      names,
    ],
    [
      'a long group',
      () => format({ ...plain, groups: ['g'.repeat(256)] }),
      'SETTING_INVALID',
      `The group name "${'g'.repeat(256)}" is longer than 255 bytes.`,
      names,
    ],
    [
      'a character in a group',
      () => format({ ...plain, groups: ['a\nb'] }),
      'SETTING_INVALID',
      `The group name "a?b" ${characters}.`,
      names,
    ],
    [
      'an address',
      () => format({ ...plain, ip: { kind: 'address', address: '999.1.1.1' } }),
      'SETTING_INVALID',
      '999.1.1.1 is not an address or range of an agent.',
      'Use --ip ADDRESS, ADDRESS/BITS, any or source.',
    ],
    [
      'too much for one record',
      () => format({ ...plain, groups: filling(226) }),
      'SETTING_INVALID',
      'The request would have 16385 bytes, and a manager reads 16384 at most.',
      'Name fewer groups, and assign the others on the manager afterwards.',
    ],
  ] as const) {
    it(`refuses in words: ${what}`, async () => {
      const error = await failure(code, call);
      expect([error.message, error.hint]).to.deep.equal([message, hint]);
    });
  }

  it('has as many bytes as one record, and groups as long as they may be', () => {
    expect(format({ ...plain, groups: filling(225) })).to.have.length(16_384);
    expect(format({ ...plain, groups: ['g'.repeat(255)] })).to.include(`G:'${'g'.repeat(255)}'`);
  });

  it('leaves an address that nobody asked for to the manager', () => {
    expect(format({ ...plain, ip: { kind: 'any', unasked: true } })).to.equal("OSSEC A:'web-01'\n");
  });

  it('takes 128 groups and not one more', async () => {
    const groups = Array.from({ length: 128 }, (_, index) => `g${index}`);
    expect(format({ ...plain, groups })).to.include('g127');
    await failure('SETTING_INVALID', () => formatRequest({ ...plain, groups: [...groups, 'one'] }));
  });

  it('refuses what does not fit one TLS record', async () => {
    const groups = Array.from({ length: 128 }, (_, index) => String(index).padStart(255, 'g'));
    await failure('SETTING_INVALID', () => formatRequest({ ...plain, groups }));
  });

  for (const address of ['any', 'x', '999.1.1.1', '10.0.0.1/33', "10.0.0.1' K:'"]) {
    it(`refuses the address ${address}`, () =>
      failure('SETTING_INVALID', () => formatRequest({ ...plain, ip: { kind: 'address', address } })));
  }

  it('is one line of one TLS record, or an error that shows no password', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string(), { maxLength: 5 }), fc.string(), (name, groups, secret) => {
        const password = `${secret}hunter2`;
        try {
          const line = formatRequest({ ...plain, name, groups }, passwordOf(password));
          expect(line.indexOf(0x0a)).to.equal(line.length - 1);
          expect(line.length).to.be.at.most(16_384);
        } catch (error) {
          if (!(error instanceof EnrollError)) throw error;
          expect(`${error.message} ${error.hint}`).not.to.include('hunter2');
        }
      }),
    );
  });
});
