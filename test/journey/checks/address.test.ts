import { expect } from 'chai';
import { describe, it } from 'mocha';
import { address } from '../../../src/journey/checks/address.js';
import { byDaemon, failed, none, proved, record } from './check-scene.js';

const fixed = { ...record, ip: '192.0.2.7' };
const elsewhere = { record: fixed, local: '10.0.0.1', own: ['10.0.0.1'] };
const refused = failed('LINK_NOT_ACKNOWLEDGED', { kind: 'remoted', by: 'pong' });
const MISMATCH = 'The record is for 192.0.2.7, and this host speaks to the manager from 10.0.0.1.';
const HINT =
  "Enroll again for the address that the manager sees, or for any: agent-enroll --force --ip any. Where the manager refuses the name, it still has agent 001: manage_agents -r 001 there, then once more. Only where a NAT shows this host to the manager as 192.0.2.7 is the record right: then look into the manager's log (ossec.log) for agent 001.";

describe('the check of the address', () => {
  for (const [what, facts, look, cause, ok, detail] of [
    [
      'there is no key',
      { ...elsewhere, record: undefined },
      refused,
      'key',
      null,
      'Not looked at: there is no key that can be used.',
    ],
    ['the record is for any', { ...elsewhere, record }, refused, 'key', true, 'The record is for any address.'],
    [
      'it is not known from where this host speaks',
      { ...elsewhere, local: undefined },
      refused,
      'key',
      null,
      'The record is for 192.0.2.7; from which address this host speaks is not known.',
    ],
    [
      'both are the same',
      { ...elsewhere, local: '192.0.2.7' },
      refused,
      'key',
      true,
      'The record is for 192.0.2.7, and this host speaks from 192.0.2.7.',
    ],
    [
      'they differ, and the manager answers',
      elsewhere,
      proved,
      undefined,
      true,
      `${MISMATCH} The manager takes it: something on the way translates addresses.`,
    ],
    [
      'they differ, and the agent is connected',
      elsewhere,
      byDaemon,
      undefined,
      true,
      `${MISMATCH} The manager takes it: something on the way translates addresses.`,
    ],
    [
      'they differ, and the link fails over something else',
      elsewhere,
      refused,
      'agent-port',
      null,
      `${MISMATCH} It has no such address. That matters unless something on the way translates it.`,
    ],
    [
      'they differ, and this host has the one of the record as well',
      { ...elsewhere, own: ['10.0.0.1', '192.0.2.7'] },
      none,
      undefined,
      null,
      `${MISMATCH} It has that address as well. That matters unless something on the way translates it.`,
    ],
  ] as const) {
    it(`says where ${what}: ${detail}`, () => {
      expect(address(facts, look, cause)).to.deep.equal({ id: 'address', ok, detail });
    });
  }

  it('ends the run where the manager refuses the key and nothing but the address explains it', () => {
    const { error, ...shown } = address(elsewhere, refused, 'address');
    expect(shown).to.deep.equal({
      id: 'address',
      ok: false,
      detail: `${MISMATCH} It has no such address. The manager is there, and does not take messages with this key from here.`,
      hint: HINT,
    });
    expect(error).to.include({
      code: 'LINK_NOT_ACKNOWLEDGED',
      message: 'It failed.',
      hint: HINT,
      cause: refused.error,
    });
  });
  it('explains why an agent daemon is not connected', () => {
    expect(address(elsewhere, none, 'address')).to.deep.equal({
      id: 'address',
      ok: false,
      detail: `${MISMATCH} It has no such address.`,
      hint: HINT,
    });
  });
});
