import { expect } from 'chai';
import { describe, it } from 'mocha';
import { machine } from '../../../src/journey/checks/machine.js';
import { agent, record } from './check-scene.js';

describe('the check of the machine', () => {
  for (const [verdict, ok, detail] of [
    ['same', true, 'The key was enrolled on this machine.'],
    ['unknown', null, 'Not told: nothing was noted of the machine that this key was enrolled on.'],
    [undefined, null, 'Not looked at (--no-machine-binding).'],
  ] as const) {
    it(`says: ${detail}`, () => {
      expect(machine(agent, record, verdict)).to.deep.equal({ id: 'machine', ok, detail });
    });
  }
  it('ends the run where it is another one', () => {
    const finding = machine(agent, record, 'other');
    expect(finding).to.include({
      id: 'machine',
      ok: false,
      detail:
        'The key in /var/ossec/etc/client.keys (agent 001 web-01) was enrolled on another machine, so no message is sent with it.',
    });
    expect(finding.error).to.include({ code: 'KEY_OF_ANOTHER_MACHINE', hint: finding.hint });
  });
  it('has nothing to look at without a key', () => {
    expect(machine(agent, undefined, 'other')).to.deep.equal({
      id: 'machine',
      ok: null,
      detail: 'Not looked at: there is no key that can be used.',
    });
  });
});
