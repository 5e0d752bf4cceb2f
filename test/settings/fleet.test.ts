import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { OptionName } from '../../src/settings/options.js';
import { settled as settledWith } from './in-memory.js';

type Given = readonly (readonly [OptionName, string | boolean])[];

const settled = (flags: Given, environment: Record<string, string> = {}) =>
  settledWith([['manager', 'manager.example'], ...flags], environment);

async function refusal(flags: Given, environment: Record<string, string> = {}): Promise<EnrollError> {
  const error = await settled(flags, environment).catch((thrown: unknown) => thrown);
  if (error instanceof EnrollError) return error;
  throw new Error('It should have been refused.');
}

describe('settings of a fleet', () => {
  it('takes a pattern as the name, and refuses a wrong one before anybody is contacted', async () => {
    expect((await settled([['name', '{hostname}-{instance-id}']])).settings.name).to.equal('{hostname}-{instance-id}');
    expect((await settled([], { WAZUH_AGENT_NAME: '{fqdn}' })).settings.name).to.equal('{fqdn}');
    expect((await refusal([['name', '{host}']])).code).to.equal('NAME_UNUSABLE');
    expect((await refusal([], { WAZUH_AGENT_NAME: '{hostname' })).code).to.equal('NAME_UNUSABLE');
  });

  it('binds the key to the machine unless it is told not to', async () => {
    expect((await settled([])).settings.machineBinding).to.equal(true);
    expect((await settled([['machine-binding', false]])).settings.machineBinding).to.equal(false);
  });

  it('spreads over no time unless it is told to', async () => {
    expect((await settled([])).settings.splayMs).to.equal(0);
    expect((await settled([['splay', '0']])).settings.splayMs).to.equal(0);
    expect((await settled([['splay', '10m']])).settings.splayMs).to.equal(600_000);
    expect((await refusal([['splay', '-1s']])).code).to.equal('SETTING_INVALID');
  });
});
