import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { AskedDeleter } from '../../src/journey/agent-deleters.js';
import { deleteAgent, deleteByOne } from '../../src/journey/delete-agent.js';
import { endpointKey } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { Deletion } from '../../src/obtain/api/delete-agent.js';
import type { Settings } from '../../src/settings/settings.js';
import { failure, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { passwordOf } from '../obtain/password.js';
import { type Given, journeyOf, NOBODY, note, step } from './journey-scene.js';

const DELETED: Deletion = { kind: 'deleted' };
const GONE: Deletion = { kind: 'gone' };
const ANOTHER: Deletion = { kind: 'another', name: 'db-01' };
const down = () => new EnrollError('CONNECTION_REFUSED', 'Nobody listens.');
const refused = () => new EnrollError('API_CREDENTIALS_REFUSED', 'Wrong.');
const busy = () => new EnrollError('API_RATE_LIMITED', 'Too much to do.');
const stranger = () => new EnrollError('NOT_API', 'A printer.');

describe('an agent of one of several managers', () => {
  let agent: AgentInstallation;
  let asked: string[];
  beforeEach(async () => {
    agent = await scratchHome();
    asked = [];
  });
  afterEach(() => removeHome(agent));

  /** A manager that answers so, one answer after another. */
  const manager = (host: string, answers: readonly (Deletion | EnrollError)[], isOpen = false): AskedDeleter => {
    let turn = 0;
    const remove = async () => {
      asked.push(host);
      const answer = answers[Math.min(turn, answers.length - 1)] ?? GONE;
      turn += 1;
      if (answer instanceof EnrollError) throw answer;
      return answer;
    };
    return { endpoint: { host, port: 55000 }, deleter: { isOpen, remove } };
  };
  const ask = (deleters: readonly AskedDeleter[], retries = 0, given: Partial<Given> = {}) => {
    const journey = journeyOf({ agent, settings: { retries }, edge: { randomNumber: () => 0.001 }, ...given });
    const answer = step(journey, (ready) => deleteByOne(deleters, ready, OLD));
    return Object.assign(answer, { told: journey.told });
  };

  it('is deleted by the first that has it, and no other is asked', async () => {
    expect(await ask([manager('a', [GONE]), manager('b', [DELETED]), manager('c', [DELETED])])).to.equal(DELETED);
    expect(asked).to.deep.equal(['a', 'b']);
  });
  it('is deleted by the one that has it though another is down', async () => {
    expect(await ask([manager('a', [down()]), manager('b', [DELETED])])).to.equal(DELETED);
  });
  it('is gone where all say so', async () => {
    expect(await ask([manager('a', [GONE]), manager('b', [GONE])])).to.equal(GONE);
  });
  it('is not taken for gone where one could not be asked: that may have it', async () => {
    expect((await failure(ask([manager('a', [GONE]), manager('b', [down()])]))).code).to.equal('CONNECTION_REFUSED');
    expect((await failure(ask([manager('a', [stranger()]), manager('b', [GONE])]))).code).to.equal('NOT_API');
    expect(asked).to.deep.equal(['a', 'b', 'a', 'b']);
  });
  it('is deleted by another than one that can do nothing at the moment', async () => {
    expect(await ask([manager('a', [busy()]), manager('b', [DELETED])])).to.equal(DELETED);
  });
  it('is asked for again where that may pass', async () => {
    expect(await ask([manager('a', [down(), DELETED]), manager('b', [GONE])], 1)).to.equal(DELETED);
    expect(asked).to.deep.equal(['a', 'b', 'a']);
  });
  it('has given its id away where one says so', async () => {
    expect(await ask([manager('a', [GONE]), manager('b', [ANOTHER])])).to.equal(ANOTHER);
  });
  it('is asked for no more once a manager refuses: a login that failed is not repeated', async () => {
    expect((await failure(ask([manager('a', [refused()]), manager('b', [DELETED])], 3))).code).to.equal(
      'API_CREDENTIALS_REFUSED',
    );
    expect(asked).to.deep.equal(['a']);
  });
  it('is asked for as often as was said, after a while', async () => {
    const asking = ask([manager('a', [down()])], 2);
    expect(await failure(asking)).to.include({ code: 'CONNECTION_REFUSED' });
    expect(asked).to.deep.equal(['a', 'a', 'a']);
    const waits = asking.told.flatMap((event) => (event.kind === 'retrying' ? [event.waitMs] : []));
    expect(waits).to.deep.equal([1, 2]);
  });
  it('is asked for no more once the run is to stop, be it while it is waited or while a manager is asked', async () => {
    const reason = new EnrollError('TERMINATED', 'Terminated.');
    for (const kind of ['retrying', 'retiring']) {
      asked = [];
      const stop = new AbortController();
      const journey = journeyOf({ agent, settings: { retries: 1 }, edge: { randomNumber: () => 0 } });
      const observe: typeof journey.observe = (event) => {
        if (event.kind === kind) stop.abort(reason);
      };
      const deleters = [manager('a', [down(), DELETED]), manager('b', [down(), DELETED])];
      const stopped = step({ ...journey, observe, signal: stop.signal }, (ready) => deleteByOne(deleters, ready, OLD));
      expect(await failure(stopped)).to.equal(reason);
      expect(asked).to.deep.equal(kind === 'retrying' ? ['a', 'b'] : ['a']);
    }
  });
  it('is deleted by nobody where there is no manager', async () => {
    expect(await failure(ask([]))).to.include({ code: 'MANAGER_MISSING', message: 'No manager is named.' });
  });
  it('may be deleted where the answer was lost and nobody is reached any more', async () => {
    const error = await failure(ask([manager('a', [down()], true)]));
    expect(error).to.include({ code: 'ANSWER_LOST', exitCode: 8 });
    expect(error.message).to.equal(
      'Nobody listens. The request to delete agent 001 web-01 had been sent before, and its answer was lost.',
    );
    expect(error.hint).to.equal(
      'Run the same command again: it looks first whether the manager still has the agent. Its key is in its place until then.',
    );
    expect(error.cause).to.include({ code: 'CONNECTION_REFUSED' });
    const another = await failure(ask([manager('a', [down()], true), manager('b', [GONE])]));
    expect(another).to.include({ code: 'ANSWER_LOST' });
  });
  it('may be deleted where the answer was lost, which is said once', async () => {
    const lost = new EnrollError('ANSWER_LOST', 'The connection ended.');
    expect(await failure(ask([manager('a', [lost], true)]))).to.equal(lost);
  });

  describe('by the REST API', () => {
    const api = { user: 'wazuh', password: passwordOf('wazuh') };
    const at = (host: string) => ({ agent: { host, port: 1514 }, protocol: 'auto', enrollment: NOBODY }) as const;
    const dial = () => async () => {
      throw down();
    };
    const asking = (more: Partial<Settings>, url?: string) => {
      const managers = [at('siem-1.example'), at('siem-2.example')];
      const journey = journeyOf({ agent, settings: { managers, ...more }, edge: { dial } });
      const asked = step(journey, (ready) =>
        deleteAgent(ready, { ...api, ...(url === undefined ? {} : { url }) }, OLD),
      );
      const endpoints = () => journey.told.flatMap((event) => (event.kind === 'retiring' ? [event.endpoint] : []));
      return { journey, error: failure(asked), endpoints };
    };

    it('of each manager, or the one that is named for all', async () => {
      const each = asking({});
      expect(await each.error).to.include({ code: 'CONNECTION_REFUSED' });
      expect(each.endpoints()).to.deep.equal([
        { host: 'siem-1.example', port: 55_000 },
        { host: 'siem-2.example', port: 55_000 },
      ]);
      expect(each.journey.told[0]).to.deep.equal({ kind: 'method', method: 'api', why: 'the default' });
      const one = asking({}, 'https://api.example:444');
      await one.error;
      expect(one.endpoints()).to.deep.equal([{ host: 'api.example', port: 444 }]);
    });
    it('that only a file of others names is not shown a password, unless an earlier run has noted it', async () => {
      const endpoint = { host: 'siem-1.example', port: 55_000 };
      const origin = { kind: 'file', path: '/etc/conf' } as const;
      const hearsay = [{ endpoint, origin, secrets: [{ value: 'the password', origin }] }];
      expect(await asking({ hearsay }).error).to.include({ code: 'SETTING_INVALID' });
      const seen = { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
      await note(agent, { managers: new Map([[endpointKey(endpoint), seen]]) });
      expect(await asking({ hearsay }).error).to.include({ code: 'CONNECTION_REFUSED' });
    });
  });
});
