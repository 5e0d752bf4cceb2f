import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { requestKey } from '../../src/journey/request-key.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation, Host } from '../../src/model/host.js';
import type { ManagerSettings, Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, note, REQUEST, step, type ToldJourney } from './journey-scene.js';

const closed = (port: number): ManagerSettings => ({
  agent: { host: '127.0.0.1', port: 1514 },
  protocol: 'auto',
  enrollment: { host: '127.0.0.1', port },
});

describe('a request for a key', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const asking = (settings: Partial<Settings>, given: Partial<Given> = {}) => {
    const journey = journeyOf({ agent, settings: { managers: [closed(1)], ...settings }, ...given });
    return { journey, error: failure(ask(journey)) };
  };
  const ask = (journey: ToldJourney) => {
    const host: Host = { name: { name: 'web-01' }, address: { register: { kind: 'any' }, why: '' }, agent };
    return step(journey, (ready) => requestKey(ready, host, { works: false }));
  };

  it('names each manager that could not be asked', async () => {
    const { error } = asking({ managers: [closed(1), closed(2)] });
    const { code, message, hint, cause } = await error;
    expect(code).to.equal('CONNECTION_REFUSED');
    expect(message).to.equal(
      'No manager could be asked for a key. 127.0.0.1:1: 127.0.0.1:1 refused the connection. 127.0.0.1:2: 127.0.0.1:2 refused the connection.',
    );
    expect(cause).to.be.instanceOf(EnrollError).and.include({ code, hint });
  });
  it('fails as it did where there is one manager', async () => {
    const { journey, error } = asking({});
    expect(await error).to.include({ code: 'CONNECTION_REFUSED', message: '127.0.0.1:1 refused the connection.' });
    expect(journey.told.filter(({ kind }) => kind === 'method')).to.deep.equal([
      { kind: 'method', method: 'authd', why: 'the default' },
    ]);
    expect(journey.kinds()).to.deep.equal(['method', 'asking']);
    expect(await readNotes(agent, nodeFileEdge())).to.not.have.property('request');
  });
  it('is none without a manager', async () => {
    expect(await asking({ managers: [] }).error).to.include({
      code: 'MANAGER_MISSING',
      message: 'No manager is named.',
    });
  });
  it('is repeated as often as was said, after a while', async () => {
    const { journey, error } = asking({ retries: 2 }, { edge: { randomNumber: () => 0.01 } });
    await error;
    expect(journey.kinds()).to.deep.equal(['method', 'asking', 'retrying', 'asking', 'retrying', 'asking']);
    const waits = journey.told.flatMap((event) => (event.kind === 'retrying' ? [event.waitMs] : []));
    expect(waits).to.deep.equal([10, 20]);
  });
  it('waits for its turn among many, each machine for its own', async () => {
    const { journey, error } = asking({ splayMs: 20 });
    await error;
    expect(journey.kinds()).to.deep.equal(['method', 'splaying', 'asking']);
    const [wait] = journey.told.flatMap((event) => (event.kind === 'splaying' ? [event.waitMs] : []));
    expect(wait).to.be.within(0, 20);
  });
  it('is made no more once the run is to stop, whatever that is for', async () => {
    for (const [kind, settings, told] of [
      ['splaying', { splayMs: 1_000_000 }, ['method', 'splaying']],
      ['retrying', { retries: 5 }, ['method', 'asking', 'asking', 'retrying']],
      ['asking', {}, ['method', 'asking']],
    ] as const) {
      const stop = new AbortController();
      const reason = new EnrollError('DEADLINE_PASSED', 'Stop.');
      const journey = journeyOf({
        agent,
        settings: { managers: [closed(1), closed(2)], ...settings },
        edge: { randomNumber: () => 0.99 },
        signal: stop.signal,
      });
      const observe: typeof journey.observe = (event) => {
        journey.observe(event);
        if (event.kind === kind) stop.abort(reason);
      };
      expect(await failure(ask({ ...journey, observe }))).to.equal(reason);
      expect(journey.kinds()).to.deep.equal(told);
      // Cut off while a manager was asked, nobody knows what came of it.
      expect((await readNotes(agent, nodeFileEdge())).request !== undefined).to.equal(kind === 'asking');
    }
  });
  it('goes to the next manager where one is not what it should be, and to both again where one may be there later', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.9\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const managers = [closed(port), closed(1)];
    const { journey, error } = asking({ managers, retries: 1 }, { edge: { randomNumber: () => 0 } });
    expect(await error).to.include({ code: 'TLS_FAILED' });
    expect(journey.kinds()).to.deep.equal(['method', 'asking', 'asking', 'retrying', 'asking', 'asking']);
    server.close();
  });
  it('leaves one of an earlier run as open as it was, and tells of it', async () => {
    await note(agent, { request: REQUEST });
    const { journey, error } = asking({});
    await error;
    expect(journey.warnings()).to.have.length(1);
    expect((await readNotes(agent, nodeFileEdge())).request).to.deep.equal(REQUEST);
  });
  it('is not made where only a file of others names the manager, and it would be shown a secret', async () => {
    const origin = { kind: 'file', path: '/etc/conf' } as const;
    const hearsay = [{ endpoint: closed(1).enrollment, origin, secrets: [{ value: 'the password', origin }] }];
    const { journey, error } = asking({ hearsay });
    expect((await error).message).to.contain('127.0.0.1:1');
    expect(journey.kinds()).to.deep.equal([]);
  });
});
