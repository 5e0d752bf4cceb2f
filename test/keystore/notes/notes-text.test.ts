import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { NOTHING_KNOWN, type Notes, type WorkingLink } from '../../../src/keystore/notes/notes.js';
import { begunRequest, formatNotes, parseNotes } from '../../../src/keystore/notes/notes-text.js';

const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;
const FIRST_SEEN = '2026-01-02T03:04:05.000Z';
const SEEN = { fingerprint: FINGERPRINT, firstSeen: FIRST_SEEN };
const HASH = 'cd'.repeat(32);
const BINDING = {
  agentId: '001',
  key: HASH,
  salt: 'ef'.repeat(16),
  hashes: { 'machine-id': HASH, 'from-the-future': HASH },
  othersNames: ['web-01'],
};
const REQUEST = { name: 'web-01', manager: '[2001:db8::1]:1515', startedAt: FIRST_SEEN };
const LINK = { protocol: 'udp', cipher: 'blowfish', family: 'ossec' } as const;
const HTTPS = { protocol: 'https', port: 27_000, prefix: '/api' } as const;
const ASKED = { agent: '001 web-01', name: 'web-01', ip: 'any', groups: ['web', 'linux'] };
const DAEMON = { instance: '4711 1234', keys: '2049:17 1700000000' };

/** All that notes can hold, as JSON. */
const FULL = {
  version: 2,
  managers: { 'manager.example:1515': SEEN, '[2001:db8::1]:1515': { ...SEEN, hearsay: true } },
  links: {
    'manager.example:1514': LINK,
    'other.example:1514': { protocol: 'tcp', cipher: 'aes' },
    'wazuh5.example:1514': HTTPS,
  },
  acknowledged: '001 web-01',
  binding: BINDING,
  asked: ASKED,
  daemon: DAEMON,
  request: REQUEST,
};

function parsed(json: unknown): Notes {
  const result = parseNotes(JSON.stringify(json));
  if (!result.ok) throw new Error(JSON.stringify(result));
  return result.notes;
}

function fault(text: string): string {
  const result = parseNotes(text);
  if (result.ok) throw new Error(`It should not have been understood: ${text}`);
  return result.fault === 'broken' ? result.what : result.fault;
}

describe('the text of notes', () => {
  it('has every part of them, in version 2', () => {
    expect(parsed(FULL)).to.deep.equal({
      managers: new Map([
        ['manager.example:1515', { ...SEEN, other: {} }],
        ['[2001:db8::1]:1515', { ...SEEN, hearsay: true, other: {} }],
      ]),
      links: new Map<string, WorkingLink>([
        ['manager.example:1514', LINK],
        ['other.example:1514', { protocol: 'tcp', cipher: 'aes' }],
        ['wazuh5.example:1514', HTTPS],
      ]),
      acknowledged: '001 web-01',
      binding: { ...BINDING, hashes: new Map(Object.entries(BINDING.hashes)), other: {} },
      asked: ASKED,
      daemon: DAEMON,
      request: REQUEST,
      other: {},
    } satisfies Notes);
    expect(JSON.parse(formatNotes(parsed(FULL)))).to.deep.equal(FULL);
  });

  it('has nothing where nothing is known, but its version and that no manager is', () => {
    expect(JSON.parse(formatNotes(NOTHING_KNOWN))).to.deep.equal({ version: 2, managers: {} });
    expect(parsed({ version: 2 })).to.deep.equal(NOTHING_KNOWN);
  });

  it('is for people to read too', () => {
    expect(formatNotes(parsed(FULL))).to.match(/^\{\n {2}"version": 2,\n[\s\S]*\n\}\n$/);
  });

  it('of version 1 is read, and written as version 2', () => {
    const { version: _, links: __, request: ___, ...first } = FULL;
    const notes = parsed({ version: 1, ...first });
    expect(notes.links.size).to.equal(0);
    expect(notes.managers.get('manager.example:1515')?.fingerprint).to.equal(FINGERPRINT);
    expect(JSON.parse(formatNotes(notes))).to.deep.equal({ version: 2, ...first });
  });

  it('keeps what another version noted, in each part', () => {
    const more = {
      ...FULL,
      managers: { 'a:1': { ...SEEN, alias: 'x' } },
      binding: { ...BINDING, alias: 'y' },
      machine: { id: [1, 2] },
    };
    expect(parsed(more).other).to.deep.equal({ machine: { id: [1, 2] } });
    expect(JSON.parse(formatNotes(parsed(more)))).to.deep.equal(more);
  });

  it('takes a word that is not known for none where nothing hangs on it', () => {
    const notes = parsed({
      version: 2,
      links: { 'a:1': { protocol: 'tcp', cipher: 'aes', family: 'of-the-future' } },
      managers: { 'a:1': { ...SEEN, hearsay: 'yes' } },
      acknowledged: 1,
      asked: 'web-01',
      daemon: null,
    });
    expect(notes.links.get('a:1')).to.deep.equal({ protocol: 'tcp', cipher: 'aes' });
    expect(notes.managers.get('a:1')).to.not.have.property('hearsay');
    expect(notes).to.not.have.any.keys('acknowledged', 'asked', 'daemon');
  });

  it('takes what was asked for, and the daemon that was seen, for unknown where a part is missing or of another kind', () => {
    for (const part of Object.keys(ASKED)) {
      for (const wrong of [undefined, 1, [1]]) {
        const notes = parsed({ version: 2, asked: { ...ASKED, [part]: wrong } });
        expect(notes, part).to.not.have.property('asked');
      }
    }
    for (const part of Object.keys(DAEMON)) {
      expect(parsed({ version: 2, daemon: { ...DAEMON, [part]: 1 } }), part).to.not.have.property('daemon');
    }
  });

  it('counts the first of two writings of one endpoint, which an earlier version noted as two', () => {
    const second = { ...SEEN, fingerprint: `sha256:${'00'.repeat(32)}` };
    const { managers } = parsed({ version: 2, managers: { 'A.example.:1515': SEEN, 'a.example:1515': second } });
    expect([...managers]).to.deep.equal([['a.example:1515', { ...SEEN, other: {} }]]);
  });

  it('is not understood, with the reason, where it is broken', () => {
    for (const [text, what] of [
      ['', 'it is not JSON'],
      ['{"version":2,', 'it is not JSON'],
      ['[]', 'it is not a JSON object'],
      ['null', 'it is not a JSON object'],
      ['{}', 'it has no valid version'],
      ['{"version":"2"}', 'it has no valid version'],
      ['{"version":0}', 'it has no valid version'],
      ['{"version":1.5}', 'it has no valid version'],
      ['{"version":2,"managers":[]}', '"managers" is not an object'],
      ['{"version":2,"managers":{"a:1":"x"}}', 'what it says of a:1 is not an object'],
      ['{"version":2,"managers":{"a:1":{"firstSeen":"2026-01-01"}}}', 'what it says of a:1 has no valid fingerprint'],
      [
        `{"version":2,"managers":{"a:1":{"fingerprint":"${FINGERPRINT}","firstSeen":"then"}}}`,
        'what it says of a:1 has no valid date',
      ],
      [
        `{"version":2,"managers":{"a:1":{"fingerprint":"${FINGERPRINT.toUpperCase()}","firstSeen":"2026-01-01"}}}`,
        'what it says of a:1 has no valid fingerprint',
      ],
      [
        `{"version":2,"managers":{"a:1":{"fingerprint":["${FINGERPRINT}"],"firstSeen":"2026-01-01"}}}`,
        'what it says of a:1 has no valid fingerprint',
      ],
      [
        `{"version":2,"managers":{"a:1":{"fingerprint":"${FINGERPRINT}","firstSeen":2026}}}`,
        'what it says of a:1 has no valid date',
      ],
      [
        '{"version":2,"links":{"a:1":{"protocol":"https","port":"27000","prefix":"/"}}}',
        'what it says of a:1 has no valid port and prefix',
      ],
      [
        '{"version":2,"links":{"a:1":{"protocol":"https","port":27000}}}',
        'what it says of a:1 has no valid port and prefix',
      ],
      ['{"version":2,"links":[]}', '"links" is not an object'],
      ['{"version":2,"links":{"a:1":1}}', 'what it says of a:1 is not an object'],
      ['{"version":2,"links":{"a:1":{"protocol":"x","cipher":"aes"}}}', 'what it says of a:1 has no valid protocol'],
      ['{"version":2,"links":{"a:1":{"protocol":"tcp","cipher":"x"}}}', 'what it says of a:1 has no valid cipher'],
    ] as const) {
      expect(fault(text), text).to.equal(what);
    }
    expect(fault('{"version":3}')).to.equal('newer');
    expect(fault('{"version":3,"managers":7}')).to.equal('newer');
  });

  it('is not understood where what it says of the machine is broken', () => {
    for (const [wrong, what] of [
      [[], 'is not an object'],
      [null, 'is not an object'],
      [{ ...BINDING, agentId: 'x' }, 'has no valid agent id'],
      [{ ...BINDING, agentId: 1 }, 'has no valid agent id'],
      [{ ...BINDING, agentId: '001x' }, 'has no valid agent id'],
      [{ ...BINDING, agentId: 'x001' }, 'has no valid agent id'],
      [{ ...BINDING, key: 'x' }, 'has no valid key'],
      [{ ...BINDING, key: [HASH] }, 'has no valid key'],
      [{ ...BINDING, salt: '' }, 'has no valid salt'],
      [{ ...BINDING, salt: [BINDING.salt] }, 'has no valid salt'],
      [{ ...BINDING, salt: `${BINDING.salt}0` }, 'has no valid salt'],
      [{ ...BINDING, salt: `0${BINDING.salt}` }, 'has no valid salt'],
      [{ ...BINDING, hashes: [] }, 'has no hashes'],
      [{ ...BINDING, hashes: { 'machine-id': 1 } }, 'has an invalid hash'],
      [{ ...BINDING, hashes: { 'machine-id': [HASH] } }, 'has an invalid hash'],
      [{ ...BINDING, hashes: { 'machine-id': HASH.slice(1) } }, 'has an invalid hash'],
      [{ ...BINDING, othersNames: [1] }, 'has invalid names'],
    ] as const) {
      const text = JSON.stringify({ version: 2, binding: wrong });
      expect(fault(text), text).to.equal(`what it says of the machine ${what}`);
    }
  });

  it('shows an endpoint in its fault as something that can be printed', () => {
    expect(fault('{"version":2,"links":{"\\u001b[2J":1}}')).to.match(/^[\P{C}]*$/u);
  });

  it('takes __proto__ for an endpoint as any other', () => {
    const text = `{"version":2,"managers":{"__proto__":${JSON.stringify(SEEN)}}}`;
    const result = parseNotes(text);
    expect(result.ok && result.notes.managers.get('__proto__')?.fingerprint).to.equal(FINGERPRINT);
    expect(result.ok && formatNotes(result.notes)).to.contain('"__proto__"');
  });

  it('is notes or broken, any JSON, and gives notes back as they were', () => {
    fc.assert(
      fc.property(fc.json(), fc.dictionary(fc.string(), fc.jsonValue()), (json, any) => {
        const own = new Set(Object.keys(FULL));
        const other = Object.fromEntries(Object.entries(any).filter(([name]) => !own.has(name)));
        const text = formatNotes({ ...parsed(FULL), other });
        const again = parseNotes(text);
        expect(again.ok && formatNotes(again.notes)).to.equal(text);
        expect(parseNotes(json).ok).to.equal(false);
      }),
    );
  });

  describe('about a request', () => {
    it('still tells that there was one where it is not understood', () => {
      const unknown = { name: 'unknown', manager: 'a manager', startedAt: 'unknown' };
      for (const noted of [undefined, null, 1, 'web-01', [], {}, { name: 1 }]) {
        expect(begunRequest(noted), JSON.stringify(noted)).to.deep.equal(unknown);
      }
      expect(begunRequest({ name: 'web-01' })).to.deep.equal({ ...unknown, name: 'web-01' });
      expect(parsed({ version: 2, request: 7 }).request).to.deep.equal(unknown);
    });
  });
});
