import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { identity, ofName } from '../../src/journey/identity.js';
import type { KeyToReplace } from '../../src/journey/present-key.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, step } from './journey-scene.js';

const OF_KEY = record('001', 'db-01', 'any', 'a'.repeat(64));
const NONE: KeyToReplace = { works: false };
const ORIGIN = { kind: 'environment', name: 'WAZUH_AGENT_NAME' } as const;

describe('as what a host enrolls', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const named = async (settings: Partial<Settings>, present: KeyToReplace) => {
    const journey = journeyOf({ agent, settings });
    const { name } = await step(journey, (ready) => identity(ready, present));
    const told = journey.told.find(({ kind }) => kind === 'identified');
    expect(told).to.have.nested.property('manager.port', 1);
    expect(told).to.have.deep.nested.property('host.name', name);
    return name;
  };

  it('is its own name', async () => {
    expect(await named({}, NONE)).to.deep.equal({ name: 'web-01' });
  });
  it('is the name in its key, which is told where it is another one', async () => {
    expect(await named({}, { works: false, record: OF_KEY })).to.deep.equal({ name: 'db-01', ofKey: true });
    expect(await named({}, { works: false, record: { ...OF_KEY, name: 'web-01' } })).to.deep.equal({ name: 'web-01' });
  });
  it('is no name that the user of the agent may have written', async () => {
    expect(await named({}, { works: false, record: OF_KEY, agents: true })).to.deep.equal({ name: 'web-01' });
  });
  it('is the name that was asked for, whatever is in its key', async () => {
    expect(await named({ name: 'app-01' }, { works: false, record: OF_KEY })).to.deep.equal({ name: 'app-01' });
  });
  it('is nothing without a manager', async () => {
    const work = step(journeyOf({ agent, settings: { managers: [] } }), (ready) => identity(ready, NONE));
    expect(await failure(work)).to.include({ code: 'MANAGER_MISSING', message: 'No manager is named.' });
  });
  it('is refused with the place where the name was asked for', async () => {
    const settings = { name: 'x y', nameOrigin: ORIGIN };
    const error = await failure(step(journeyOf({ agent, settings }), (ready) => identity(ready, NONE)));
    expect(error.code).to.equal('NAME_UNUSABLE');
    expect(error.message).to.match(/^WAZUH_AGENT_NAME: /);
  });
  it('is refused in other words only where it is the name', () => {
    const { settings } = journeyOf({ agent, settings: { nameOrigin: ORIGIN } });
    const other = new EnrollError('HOST_UNRESOLVED', 'No address.');
    expect(ofName(settings, other)).to.equal(other);
    const name = new EnrollError('NAME_UNUSABLE', 'No name.');
    expect(ofName(settings, name)).to.have.property('message', 'WAZUH_AGENT_NAME: No name.');
    expect(ofName(journeyOf({ agent }).settings, name)).to.equal(name);
  });
});
