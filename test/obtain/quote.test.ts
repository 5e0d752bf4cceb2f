import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesOf, Secret } from '../../src/model/secret.js';
import { quote } from '../../src/obtain/quote.js';
import { passwordOf } from './password.js';

const HEX = '0123456789abcdef'.repeat(4);

describe("a quotation of a manager's words", () => {
  it('shows no secret, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string({ minLength: 12, unit: 'grapheme-ascii' }),
        fc.boolean(),
        (before, after, plain, inBytes) => {
          fc.pre(!'[secret]'.includes(plain));
          const secret = inBytes ? passwordOf(plain) : new Secret(plain);
          return !quote(`${before} ${plain} ${after}`, [secret]).includes(plain);
        },
      ),
    );
  });

  for (const [what, secret] of [
    ['text', new Secret('pässwörd')],
    ['bytes of UTF-8', passwordOf('pässwörd')],
    ['bytes of Latin-1', passwordOf('pässwörd', 'latin1')],
  ] as const) {
    it(`shows no secret of ${what}, read as UTF-8 or byte by byte`, () => {
      const bytes = Buffer.from(bytesOf(secret));
      for (const encoding of ['utf8', 'latin1'] as const) {
        expect(quote(`no ${bytes.toString(encoding)} here`, [secret])).to.equal('no [secret] here');
      }
    });
  }

  it('shows no key and no base64 of one', () => {
    const record = Buffer.from(`001 web-01 any ${HEX}`).toString('base64');
    expect(quote(`"${HEX}" and "${record}" and "${record.slice(8)}"`, [])).to.equal(
      '"[key]" and "[hidden]" and "[hidden]"',
    );
  });

  it('shows the long name of an agent, and nothing that moves a cursor', () => {
    const name = `${'web-server-of-the-third-floor-'.repeat(4)}01`;
    expect(quote(`Duplicate agent name: ${name}\u001b[2J`, [])).to.equal(`Duplicate agent name: ${name}?[2J`);
  });

  it('shows a long name of capitals and digits', () => {
    const name = `${'WEB-SERVER-OF-THE-THIRD-FLOOR-'.repeat(4)}01`;
    expect(quote(name, [])).to.equal(name);
  });

  it('hides nothing of a password that is empty', () => {
    expect(quote('as it is', [passwordOf(''), new Secret('')])).to.equal('as it is');
  });

  it('of a megabyte is made in no time', () => {
    const began = performance.now();
    quote('a'.repeat(500_000) + 'A1'.repeat(250_000), [passwordOf('x')]);
    expect(performance.now() - began).to.be.below(2000);
  });
});
