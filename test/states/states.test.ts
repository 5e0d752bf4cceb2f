import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { check } from '../../src/journey/check.js';
import { enroll } from '../../src/journey/enroll.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { HttpsEndpoint } from '../../src/model/https-endpoint.js';
import { Secret } from '../../src/model/secret.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { Settings } from '../../src/settings/settings.js';
import { journeyOf, type ToldJourney } from '../journey/journey-scene.js';
import { record, removeHome, scratchHome } from '../keystore/scratch.js';
import { factsOf, putHost } from './host.js';
import { type Managers, PASSWORD, type SeenManager, startManagers } from './managers.js';
import { allStates, type Outcome, RULES, ruleFor, type State, statesToTry } from './states.js';

/** What a run came to, in the terms of the table. */
interface Seen extends Omit<Outcome, 'says'> {
  readonly message: string;
}

const AT_ONCE = 60;

describe('the table of states', () => {
  it('says of every state what is done, or that it cannot be', () => {
    const holes = [...allStates()].filter((state) => ruleFor(state) === undefined);
    expect(holes).to.deep.equal([]);
  });
  it('has no rule that never decides', () => {
    const deciding = new Set([...allStates()].map(ruleFor));
    expect(RULES.filter((rule) => !deciding.has(rule))).to.deep.equal([]);
  });
});

describe('in each state', function () {
  this.timeout(120_000);
  let managers: Managers | undefined;
  const states = statesToTry();
  const outcomes = new Map<State, Seen>();

  before(async () => {
    const started = await startManagers(await issueStockCertificate());
    managers = started;
    const waiting = [...states.entries()];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [number, state] = next;
        outcomes.set(state, await tryState(state, number, started));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    // What closes within milliseconds of a message is told from what closes anyway: where too much is going on for that,
    // nothing is concluded, and the state is tried once more, alone.
    for (const [number, state] of states.entries()) {
      const { code } = outcomeOf(state);
      if (outcomes.get(state)?.code !== code)
        outcomes.set(state, await tryState(state, states.length + number, started));
    }
  });
  after(() => managers?.close());

  for (const state of states) {
    it(
      Object.entries(state)
        .map(([part, value]) => `${part} ${value}`)
        .join(', '),
      () => {
        const seen = outcomes.get(state);
        if (seen === undefined) throw new Error('It was not tried.');
        const { says, ...expected } = outcomeOf(state);
        const { message, ...found } = seen;
        expect(found, message).to.deep.equal(expected);
        expect(message).to.include(says);
      },
    );
  }
});

function outcomeOf(state: State): Outcome {
  const outcome = ruleFor(state)?.outcome;
  if (outcome === undefined || outcome === 'cannot be') throw new Error('It cannot be tried.');
  return outcome;
}

async function tryState(state: State, number: number, managers: Managers): Promise<Seen> {
  const agent = await scratchHome(['etc', 'queue/rids']);
  try {
    const manager = managers.seen(state);
    const hostname = `host-${number}`;
    // Downwards, for a manager gives the ids above the highest.
    const own = record(String(900_000 - number), hostname, 'any', number.toString(16).padStart(64, '0'));
    if (isKnown(state)) manager.sandbox?.addAgent(own);
    await putHost(agent, state, own);
    if (state.key === 'old counter') await useUpCounters(agent, state, manager, hostname);
    const before = await readFile(agent.keysFile, 'latin1').catch(() => undefined);
    const journey = journeyFor(agent, state, manager, hostname);
    const error = await (state.command === 'enroll' ? enroll(journey) : check(journey)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined && !(error instanceof EnrollError)) throw error;
    return {
      exit: error?.exitCode ?? 0,
      ...(error === undefined ? {} : { code: error.code }),
      changed: (await readFile(agent.keysFile, 'latin1').catch(() => undefined)) !== before,
      asked: journey.kinds().includes('asking'),
      message: error?.message ?? '',
    };
  } finally {
    await removeHome(agent);
  }
}

function isKnown({ key }: State): boolean {
  return key === 'good' || key === 'two' || key === "another machine's" || key === 'old counter';
}

function journeyFor(agent: AgentInstallation, state: State, manager: SeenManager, hostname: string): ToldJourney {
  const { lookup, dial } = manager;
  // A Wazuh 3 that refuses a key is certain only after some seconds.
  const isDoubtful = state.key === 'unknown' && state.family === 'wazuh-3' && manager.sandbox !== undefined;
  return journeyOf({
    agent,
    authd: manager.authd,
    remoted: manager.agent,
    facts: factsOf(agent, state, hostname),
    settings: {
      ...(manager.https === undefined ? {} : ofWazuh5(manager, manager.https)),
      waitMs: isDoubtful ? 10_000 : 3000,
      timeoutMs: state.manager === 'black hole' ? 300 : 5000,
      retries: state.manager === 'resolves later' ? 5 : 0,
    },
    edge: {
      randomNumber: () => 0,
      ...(lookup === undefined ? {} : { lookup }),
      ...(dial === undefined ? {} : { dial }),
    },
  });
}

/** A manager that is named as a Wazuh 5, with a password. */
function ofWazuh5({ agent, authd }: SeenManager, https: HttpsEndpoint): Partial<Settings> {
  return {
    managers: [{ agent, protocol: 'auto', enrollment: authd, https }],
    method: { use: 'https', why: 'it is named so' },
    trust: { insecure: false },
    password: new Secret(Buffer.from(PASSWORD)),
  };
}

/** Lets the manager see a counter that the host then knows nothing of. */
async function useUpCounters(agent: AgentInstallation, state: State, manager: SeenManager, hostname: string) {
  if (
    manager.sandbox === undefined ||
    state.family === 'wazuh-5' ||
    state.daemon !== 'none' ||
    state.notes === 'broken' ||
    state.notes === 'newer'
  )
    return;
  const healthy: State = { ...state, key: 'good', manager: 'answers', command: 'check' };
  await writeFile(agent.counterFile, '25:100:');
  await check(
    journeyFor(agent, healthy, { ...manager, agent: manager.sandbox.endpoints.agent ?? manager.agent }, hostname),
  ).catch(() => {});
  await writeFile(agent.counterFile, '0:1:');
}
