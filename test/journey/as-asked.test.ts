import { expect } from 'chai';
import { describe, it } from 'mocha';
import { askedFor, tellOfDifferences } from '../../src/journey/as-asked.js';
import type { AskedFor } from '../../src/keystore/notes/notes.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { Host } from '../../src/model/host.js';
import type { Settings } from '../../src/settings/settings.js';
import { installationAt, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, MACHINE, note, step } from './journey-scene.js';

const record: AgentRecord = { ...OLD, id: '001', name: 'web-01', ip: '10.0.0.5' };
const agent = `${record.id} ${record.name}`;

async function told(
  settings: Partial<Settings>,
  asked?: AskedFor,
  facts = MACHINE,
  kept = record,
): Promise<readonly string[]> {
  const home = await scratchHome(['etc', 'queue/rids']);
  try {
    if (asked !== undefined) await note(home, { asked });
    const journey = journeyOf({ agent: home, facts, settings: { ip: { kind: 'auto' }, ...settings } });
    await step(journey, (ready) => tellOfDifferences(ready, kept));
    return journey.warnings();
  } finally {
    await removeHome(home);
  }
}

describe('what is noted of what a manager was asked for', () => {
  for (const [register, ip] of [
    [{ kind: 'any' }, 'any'],
    [{ kind: 'source' }, 'source'],
    [{ kind: 'address', address: '10.0.0.6' }, '10.0.0.6'],
  ] as const) {
    it(`is the address ${ip}`, () => {
      const { settings, agent: home } = journeyOf({
        agent: installationAt('/var/ossec'),
        settings: { groups: ['eu'] },
      });
      const host: Host = { name: { name: 'web' }, address: { register, why: '' }, agent: home };
      expect(askedFor(settings, host, record)).to.deep.equal({ agent, name: 'web', ip, groups: ['eu'] });
    });
  }
});

describe('what was asked for, on a host whose key is kept', () => {
  const unlike: readonly (readonly [string, Partial<Settings>, string])[] = [
    ['another name', { name: 'web-02' }, 'the name web-02'],
    ['another name by a pattern', { name: '{hostname}-x' }, 'the name web-01-x'],
    ['another address', { ip: { kind: 'address', address: '10.0.0.6' } }, 'the address 10.0.0.6'],
    ['no address', { ip: { kind: 'any' } }, 'the address any'],
    ['groups', { groups: ['web', 'eu'] }, 'the groups web, eu'],
  ];
  for (const [what, settings, words] of unlike) {
    it(`is told to be left undone: ${what}`, async () => {
      const [warning = '', ...others] = await told(settings);
      expect(others).to.deep.equal([]);
      expect(warning).to.include(`(agent 001 web-01, address 10.0.0.5)`).and.to.include(`: ${words}.`);
    });
  }
  it('is told in one sentence', async () => {
    const warnings = await told({ name: 'web-02', groups: ['web'] });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('the name web-02, the groups web.');
  });
  it('is nothing to tell of a name that cannot be made now', async () => {
    expect(await told({ name: '{fqdn-of-nobody}' })).to.deep.equal([]);
  });
  it('is nothing to tell where it is as the key says', async () => {
    expect(await told({ name: 'web-01', ip: { kind: 'address', address: '10.0.0.5' } })).to.deep.equal([]);
    expect(await told({ ip: { kind: 'source' } })).to.deep.equal([]);
    // However an address is written.
    for (const [address, ip] of [
      ['FD00::5', 'fd00::5'],
      ['fd00::5', 'FD00::5'],
    ] as const) {
      expect(await told({ ip: { kind: 'address', address } }, undefined, MACHINE, { ...record, ip })).to.deep.equal([]);
    }
    // The host may have been renamed since.
    expect(await told({}, undefined, { ...MACHINE, hostname: 'db-01' })).to.deep.equal([]);
  });

  it('is nothing to tell where the key was asked for with it, whatever the manager made of that', async () => {
    const asked = { agent, name: 'web', ip: 'any', groups: ['eu', 'web'] };
    expect(await told({ name: 'web', ip: { kind: 'any' }, groups: ['web', 'eu'] }, asked)).to.deep.equal([]);
    expect((await told({ groups: ['web'] }, asked)).join()).to.include('is not done: the groups web.');
  });
  it('is told where the note is about another key', async () => {
    const asked = { agent: '002 web-01', name: 'web-01', ip: 'any', groups: ['web'] };
    expect(await told({ groups: ['web'] }, asked)).to.have.length(1);
  });
});
