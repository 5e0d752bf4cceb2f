import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { isObject, listOf, memberOf, objectOf, parseJson, textOf } from '../../src/model/json.js';

describe('JSON from outside', () => {
  it('is read as what it holds, or as nothing', () => {
    expect(parseJson('{"a": [1, null]}')).to.deep.equal({ a: [1, null] });
    expect(parseJson('null')).to.equal(null);
    for (const text of ['', '{"a":', 'undefined', "{'a': 1}", '\uFEFF{}']) expect(parseJson(text)).to.equal(undefined);
  });

  it('is an object only where it is one', () => {
    for (const value of [null, [], [[]], 'text', 1, true, undefined]) {
      expect(isObject(value), String(value)).to.equal(false);
      expect(objectOf(value)).to.deep.equal({});
    }
    expect(isObject({})).to.equal(true);
    expect(objectOf({ a: 1 })).to.deep.equal({ a: 1 });
  });

  it('has the members that it has itself, and none that every object has', () => {
    const value = parseJson('{"a": 1, "__proto__": 2}');
    expect(memberOf(value, 'a')).to.equal(1);
    expect(memberOf(value, '__proto__')).to.equal(2);
    for (const name of ['constructor', 'toString', '__proto__']) expect(memberOf({}, name)).to.equal(undefined);
    expect(memberOf(['x'], '0')).to.equal(undefined);
    expect(memberOf(['x'], 'length')).to.equal(undefined);
  });

  it('is never taken for a list or a text that it is not', () => {
    expect(listOf([1])).to.deep.equal([1]);
    expect(listOf({ length: 1, 0: 1 })).to.deep.equal([]);
    expect(textOf('')).to.equal('');
    expect(textOf(new String('x'))).to.equal(undefined);
  });

  it('comes back from its text whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseJson(JSON.stringify(value))).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
