import { join, resolve } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { absolutePath, pathBelow } from '../../src/files/plain-path.js';

const name = fc.oneof(
  fc.constantFrom('', '.', '..', '...', '.ssec', 'etc', 'client.keys', 'a b', 'é'),
  fc.string({ maxLength: 6 }).map((text) => text.replaceAll('/', '')),
);

describe('files/plain-path', () => {
  it('is what node:path makes of it', () => {
    const names = fc.array(name, { maxLength: 6 });
    fc.assert(
      fc.property(names, fc.constantFrom('', '/', '//', './'), fc.constantFrom('', '/'), (parts, before, after) => {
        const path = `${before}${parts.join('/')}${after}`;
        expect(absolutePath(path)).to.equal(resolve(path));
      }),
    );
  });

  it('puts a name below a directory as node:path does', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), name, (parts, last) => {
        const directory = resolve('/', ...parts);
        expect(pathBelow(directory, last)).to.equal(resolve(join(directory, last)));
      }),
    );
  });

  it('knows the ends', () => {
    expect(absolutePath('/')).to.equal('/');
    expect(pathBelow('/', 'etc')).to.equal('/etc');
    expect(pathBelow('/var/ossec', '..')).to.equal('/var');
    expect(pathBelow('/var/ossec', '.')).to.equal('/var/ossec');
  });
});
