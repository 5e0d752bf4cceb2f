import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../src/errors.js';
import { askFor } from '../../src/journey/ask-for.js';
import type { AgentKey, KeyRequest, KeySource } from '../../src/obtain/key-source.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, installationAt, NEW, OLD } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

const fixed: KeyRequest = { name: 'web-01', ip: { kind: 'address', address: '10.0.0.5' }, groups: ['web'] };

/** A manager that refuses the first request with this code, and what it was asked for. */
function refusing(code: ErrorCode) {
  const asked: KeyRequest[] = [];
  const source: KeySource = {
    method: 'authd',
    obtain: async (request): Promise<AgentKey> => {
      asked.push(request);
      if (asked.length === 1) throw new EnrollError(code, 'Duplicate IP: 10.0.0.5');
      return { method: 'authd', record: NEW, groups: request.groups, warnings: ['another'] };
    },
  };
  return { asked, source };
}

async function ask(code: ErrorCode, request = fixed, ip: Settings['ip'] = { kind: 'auto' }) {
  const { asked, source } = refusing(code);
  const journey = journeyOf({ agent: installationAt('/nowhere'), settings: { ip } });
  const work = askFor(request, source, journey);
  return { asked, key: await work.catch(() => undefined), work };
}

describe('an address that the manager has for another agent', () => {
  it('is left out the second time where nobody but this program has chosen it, and this is told', async () => {
    const { asked, key } = await ask('IP_DUPLICATE');
    expect(asked).to.deep.equal([fixed, { ...fixed, ip: { kind: 'any' } }]);
    expect(key?.warnings).to.have.length(2);
    expect(key?.warnings[0]).to.include('10.0.0.5').and.to.include('any');
  });
  it('is a refusal where somebody asked for it', async () => {
    const { asked, work } = await ask('IP_DUPLICATE', fixed, fixed.ip);
    expect((await failure(work)).code).to.equal('IP_DUPLICATE');
    expect(asked).to.have.length(1);
  });
  it("is a refusal where it is the present key's own: that one is tried then", async () => {
    const { asked, work } = await ask('IP_DUPLICATE', { ...fixed, present: { ...OLD, ip: '10.0.0.5' } });
    expect((await failure(work)).code).to.equal('IP_DUPLICATE');
    expect(asked).to.have.length(1);
  });
  it('is no reason to ask twice where something else is refused', async () => {
    const { asked, work } = await ask('NAME_DUPLICATE');
    expect((await failure(work)).code).to.equal('NAME_DUPLICATE');
    expect(asked).to.have.length(1);
  });
});
