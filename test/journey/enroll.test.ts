import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { enroll } from '../../src/journey/enroll.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { failure, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

describe('an enrollment', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  it('asks nobody where there is a key that works, or that is to be taken for one', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const journey = journeyOf({ agent, settings: { handshake: false } });
    expect(await enroll(journey)).to.deep.equal({ changed: false, record: OLD });
    expect(journey.kinds()).to.deep.equal(['present']);
  });
  it('leaves the key alone where no manager can be asked for another', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const journey = journeyOf({ agent, settings: { handshake: false, force: true } });
    expect(await failure(enroll(journey))).to.include({ code: 'CONNECTION_REFUSED' });
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
  });
});
