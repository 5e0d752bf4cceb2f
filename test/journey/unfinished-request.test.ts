import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { explainedByEarlier, tellOfAnothers, tellOfUnfinished } from '../../src/journey/unfinished-request.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, note, REQUEST, step } from './journey-scene.js';

describe('a request of an earlier run that had no end, in words', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const WORDS =
    'An earlier run (2026-01-02T03:04:05.000Z) asked siem.example:1515 for a key as web-01 and did not come to an end: an agent of that name may exist there without a key on this host.';

  it('is told once it is found', async () => {
    const journey = journeyOf({ agent });
    expect(await step(journey, async (ready) => tellOfUnfinished(ready))).to.equal(undefined);
    expect(journey.warnings()).to.deep.equal([]);
    await note(agent, { request: REQUEST });
    expect(await step(journey, async (ready) => tellOfUnfinished(ready))).to.deep.equal(REQUEST);
    expect(journey.warnings()).to.deep.equal([WORDS]);
  });
  it('is told beside a key that works only where it was for another agent', async () => {
    const journey = journeyOf({ agent });
    await step(journey, async (ready) => tellOfAnothers(ready, OLD));
    await note(agent, { request: REQUEST });
    await step(journey, async (ready) => tellOfAnothers(ready, OLD));
    expect(journey.warnings()).to.deep.equal([]);
    await step(journey, async (ready) => tellOfAnothers(ready, record('7', 'db-01', 'any', 'a'.repeat(64))));
    expect(journey.warnings()).to.deep.equal([WORDS]);
  });
  it('explains why a name is taken', () => {
    const error = new EnrollError('NAME_DUPLICATE', 'It is taken.', { managerSaid: 'Duplicate name' });
    const told = explainedByEarlier(error, REQUEST, 'web-01');
    expect(told).to.include({
      code: 'NAME_DUPLICATE',
      message:
        'It is taken. Most likely the earlier run of 2026-01-02T03:04:05.000Z made that agent: it asked siem.example:1515 for this name and never had an answer.',
      hint: 'Look for web-01 on the manager. If it was registered then and never connected, remove it there (manage_agents -r) and run this again, or bring its key here with agent-enroll import.',
      managerSaid: 'Duplicate name',
      cause: error,
    });
    expect(explainedByEarlier(new EnrollError('NAME_DUPLICATE', 'x'), REQUEST, 'web-01').managerSaid).to.equal(
      undefined,
    );
  });
  it('explains nothing else', () => {
    const taken = new EnrollError('NAME_DUPLICATE', 'It is taken.');
    expect(explainedByEarlier(taken, undefined, 'web-01')).to.equal(taken);
    expect(explainedByEarlier(taken, REQUEST, 'web-02')).to.equal(taken);
    const other = new EnrollError('IP_DUPLICATE', 'It is taken.');
    expect(explainedByEarlier(other, REQUEST, 'web-01')).to.equal(other);
  });
});
