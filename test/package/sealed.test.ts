import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readConfig } from '../../scripts/package/config.js';
import { closeVariables } from '../../scripts/package/environment.js';
import { BUILD, skipped } from './binaries.js';

const NAME = /(?:OPENSSL|SSL|NODE|ICU|SIMDUTF)_[A-Za-z0-9_]+/;
/** As many characters before and after a changed byte hold the name, in UTF-16 too. */
const AROUND = 60;

for (const target of (await readConfig()).targets) {
  const file = join(BUILD, 'base', `node-${target.platform}`, 'bin', target.windows ? 'node.exe' : 'node');
  const missing = skipped({ [`${target.base}, fetched by npm run package`]: existsSync(file) });

  (missing === '' ? describe : describe.skip)(`${target.base} with its variables closed${missing}`, function () {
    this.timeout(30_000);

    it('differs in nothing but their names', async () => {
      const original = await readFile(file);
      const closed = Buffer.from(original);
      closeVariables(closed, target);
      expect(closed).to.have.length(original.length);
      const changed = closed.reduce<number[]>((at, byte, index) => {
        if (byte !== original[index]) at.push(index);
        return at;
      }, []);
      expect(changed).to.have.length.within(20, 250);
      for (const at of changed) {
        const text = original.toString('latin1', at - AROUND, at + AROUND).replaceAll('\0', '');
        expect(text).to.match(NAME);
      }
    });

    it('is not made where a name stands twice, or not at all', async () => {
      const node = await readFile(file);
      const twice = Buffer.concat([node, Buffer.from('\0NODE_ICU_DATA\0')]);
      expect(() => closeVariables(twice, target)).to.throw('NODE_ICU_DATA 2 times (native), where 1 were expected');
      closeVariables(node, target);
      expect(() => closeVariables(node, target)).to.throw('OPENSSL_CONF 0 times (native), where 1 were expected');
    });
  });
}
