import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { AskedDeleter } from '../../src/journey/agent-deleters.js';
import { deleteByOne } from '../../src/journey/delete-agent.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { Deletion } from '../../src/obtain/api/delete-agent.js';
import { failure, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, step } from './journey-scene.js';

const DELETED: Deletion = { kind: 'deleted' };
const GONE: Deletion = { kind: 'gone' };
const ANOTHER: Deletion = { kind: 'another', name: 'db-01' };
const down = () => new EnrollError('CONNECTION_REFUSED', 'Nobody listens.');
const refused = () => new EnrollError('API_CREDENTIALS_REFUSED', 'Wrong.');
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
  const ask = (deleters: readonly AskedDeleter[], retries = 0) => {
    const journey = journeyOf({ agent, settings: { retries }, edge: { randomNumber: () => 0 } });
    return step(journey, (ready) => deleteByOne(deleters, ready, OLD));
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
  it('may be deleted where the answer was lost and nobody is reached any more', async () => {
    const error = await failure(ask([manager('a', [down()], true)]));
    expect(error).to.include({ code: 'ANSWER_LOST', exitCode: 8 });
    expect(error.message).to.include('Nobody listens.').and.include('agent 001 web-01');
  });
});
