import { expect } from 'chai';
import { describe, it } from 'mocha';
import { identifyRequest } from '../../src/journey/identify-request.js';
import { settled } from '../settings/scene.js';

/** What is asked of this host with these flags. */
async function asked(flags: Parameters<typeof settled>[0]['flags']) {
  const environment = { AGENT_ENROLL_API_PASSWORD: 'Hunter2!' };
  return await requestOf({ environment, flags: { manager: 'manager.example', 'api-user': 'enroll', ...flags } });
}

async function requestOf(scene: Parameters<typeof settled>[0]) {
  const { settings } = await settled(scene);
  const [manager] = settings.managers;
  if (manager === undefined) throw new Error('There is no manager.');
  return identifyRequest(settings, manager);
}

describe('what the settings ask about this host', () => {
  it('is how it reaches the manager, and an API that is elsewhere', async () => {
    const own = { host: 'manager.example', port: 1514 };
    expect(await asked({}))
      .to.deep.include({ manager: own, viaProxy: false })
      .and.not.to.have.property('api');
    expect(await asked({ 'api-url': 'https://api.example:55000' })).to.deep.include({
      manager: own,
      api: { host: 'api.example', port: 55_000 },
    });
  });

  it('is how it reaches the other managers, whichever the one is', async () => {
    const flags = { manager: 'a.example,b.example,c.example' };
    const { manager, others, ...rest } = await requestOf({ flags });
    expect(manager.host).to.equal('a.example');
    expect(others).to.deep.equal([
      { host: 'b.example', port: 1514 },
      { host: 'c.example', port: 1514 },
    ]);
    expect(rest).to.not.have.property('api');
  });

  it('is nothing about an API behind a proxy', async () => {
    const flags = { 'api-url': 'https://api.example:55000', proxy: 'http://proxy.example:3128' };
    expect(await asked(flags))
      .to.include({ viaProxy: true })
      .and.not.to.have.property('api');
  });
});
