import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { assignGroups } from '../../src/journey/assign-groups.js';
import type { AgentKey, Completion } from '../../src/obtain/key-source.js';
import { failure, installationAt, OLD } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

const KEY: AgentKey = { method: 'api', record: OLD, groups: [], warnings: [] };
const DONE: Completion = { groups: ['linux'], warnings: ['web is unknown.'] };

describe('the groups that a manager still owes a key', () => {
  const asking = (key: AgentKey, signal = new AbortController().signal) => {
    const agent = installationAt('/var/ossec');
    const journey = journeyOf({ agent, settings: { groups: ['linux', 'web'] }, signal });
    return { told: journey.told, work: assignGroups(journey, { key }) };
  };

  it('are none where the key came with all', async () => {
    const { told, work } = asking(KEY);
    await work;
    expect(told).to.deep.equal([]);
  });
  it('are asked for, and what came of it is told', async () => {
    const { told, work } = asking({ ...KEY, complete: async () => DONE });
    await work;
    expect(told).to.deep.equal([
      { kind: 'grouping', groups: ['linux', 'web'] },
      { kind: 'grouped', ...DONE },
    ]);
  });
  it('end with the run, and a key is in its place that nobody has acknowledged', async () => {
    for (const [code, becomes] of [
      ['DEADLINE_PASSED', 'LINK_SILENT'],
      ['TERMINATED', 'TERMINATED'],
    ] as const) {
      const stop = new AbortController();
      const complete = async (signal: AbortSignal) => {
        expect(signal).to.equal(stop.signal);
        stop.abort(new EnrollError(code, 'Stop.'));
        return DONE;
      };
      const { told, work } = asking({ ...KEY, complete }, stop.signal);
      expect(await failure(work)).to.include({ code: becomes });
      expect(told.at(-1)).to.deep.equal({ kind: 'grouped', ...DONE });
    }
  });
});
