import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { refuseSurplus } from '../../src/journey/surplus-agent.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation, Host } from '../../src/model/host.js';
import { failure, OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, note, REQUEST, step } from './journey-scene.js';

const MANAGER = {
  agent: { host: 'siem.example', port: 1514 },
  protocol: 'auto',
  enrollment: { host: 'siem.example', port: 1515 },
} as const;

describe('an agent that is one too many on the manager', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    await note(agent, { request: REQUEST });
  });
  afterEach(() => removeHome(agent));

  const refuse = (asked: string, given: string, present: typeof OLD | undefined, force = false) => {
    const host: Host = { name: { name: asked }, address: { register: { kind: 'any' }, why: '' }, agent };
    const key = {
      record: record('002', given, 'any', 'b'.repeat(64)),
      method: 'authd',
      groups: [],
      warnings: [],
      family: 'ossec',
    } as const;
    const replaced = { works: false, ...(present === undefined ? {} : { record: present }) } as const;
    return step(journeyOf({ agent, settings: { force } }), (ready) =>
      refuseSurplus(ready, host, { kind: 'issued', key, manager: MANAGER }, replaced),
    );
  };

  it('is named for removal where the manager numbers the name of this host, and the request has its end', async () => {
    expect(await failure(refuse('web-01', 'web-011', OLD))).to.include({
      code: 'LINK_UNANSWERED',
      message: `The manager still has the agent 001 web-01 of this host: it gave the new one another name, web-011. So its key in ${agent.keysFile} is kept, and it is the way to siem.example:1514 that lets no message through.`,
      hint: 'Check that UDP gets through to the agent port, in both directions. Remove the surplus agent on the manager: manage_agents -r 002. To replace the key all the same, use --force.',
    });
    expect(await readNotes(agent, nodeFileEdge())).to.not.have.property('request');
  });
  for (const [what, asked, given, present, force] of [
    ['has the name that was asked for', 'web-01', 'web-01', OLD, false],
    ['has another name than the key', 'web-02', 'web-021', OLD, false],
    ['is the only one', 'web-01', 'web-011', undefined, false],
    ['is wanted in any case', 'web-01', 'web-011', OLD, true],
  ] as const) {
    it(`is none that ${what}`, async () => {
      await refuse(asked, given, present, force);
      expect((await readNotes(agent, nodeFileEdge())).request).to.deep.equal(REQUEST);
    });
  }
});
