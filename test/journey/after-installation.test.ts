import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { importKey } from '../../src/journey/import.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { directDial } from '../../src/net/connect.js';
import type { Lookup } from '../../src/net/lookup.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

const KEY = 'ab'.repeat(32);

describe('a name that does not resolve once the key is installed', function () {
  this.timeout(20_000);
  let sandbox: Sandbox;
  let agent: AgentInstallation;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 50 });
    sandbox.addAgent({ id: '007', name: 'web-01', ip: 'any', key: new Secret(KEY) });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const imported = (lookup: Lookup, waitMs: number) => {
    const remoted = { host: 'manager.example', port: sandbox.endpoints.agent.port };
    const edge = { lookup, dial: (timeoutMs: number) => directDial(timeoutMs, lookup) };
    const journey = journeyOf({ agent, remoted, edge, settings: { waitMs, machineBinding: false } });
    const work = importKey(journey, `007 web-01 any ${KEY}`, { mayReplace: async () => true });
    return { journey, work };
  };
  const again = () => Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' });

  it('is looked up until the wait ends', async () => {
    let looks = 0;
    const later: Lookup = async () => {
      looks += 1;
      if (looks < 3) throw again();
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const { work } = imported(later, 10_000);
    expect((await work).link?.protocol).to.equal('tcp');
    expect(looks).to.be.at.least(3);
  });

  it('leaves a key that nobody has acknowledged', async () => {
    const never: Lookup = async () => {
      throw again();
    };
    const { journey, work } = imported(never, 300);
    const error = await work.catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(EnrollError).and.include({ exitCode: 7 });
    expect(journey.kinds()).to.include('installed');
  });
});
