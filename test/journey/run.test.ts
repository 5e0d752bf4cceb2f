import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import type { Journey } from '../../src/journey/context.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { type RunInput, run, settleOn, withinLimits } from '../../src/journey/run.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { OptionName } from '../../src/settings/options.js';
import { nodeSettingsEdge, type SettingsEdge } from '../../src/settings/settings-edge.js';
import { settle } from '../../src/settings/settle.js';
import { failure, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf } from './journey-scene.js';

const INTERRUPTED = new EnrollError('INTERRUPTED', 'Ctrl-C.');
const REFUSED = new EnrollError('CONNECTION_REFUSED', 'The manager refused the connection.');
const hangs = () => new Promise<never>(() => {});

describe('a run of a command', () => {
  let agent: AgentInstallation;
  let told: JourneyEvent[];
  let stop: AbortController;
  beforeEach(async () => {
    agent = await scratchHome();
    told = [];
    stop = new AbortController();
  });
  afterEach(() => removeHome(agent));

  type GivenFlags = Partial<Record<OptionName, string>>;
  const input = (flags: GivenFlags = {}, more: Partial<RunInput> = {}): RunInput => ({
    command: 'enroll',
    flags: new Map(
      Object.entries({ manager: 'siem.example', 'agent-home': agent.home, ...flags }),
    ) as RunInput['flags'],
    given: 'arguments',
    environment: {},
    edge: journeyOf({ agent }).edge,
    settingsEdge: (signal) => nodeSettingsEdge(nodeFileEdge(), signal),
    observe: (event) => told.push(event),
    signal: stop.signal,
    ...more,
  });
  /** What it ended with. */
  const errorOf = async (given: RunInput, steps: (journey: Journey) => Promise<never>) => {
    const { report, ended } = await run(given, steps);
    if (ended.ok) throw new Error('It should have failed.');
    const { code, message, hint } = ended.error;
    expect(report).to.deep.include({ ok: false, error: { code, message, hint } });
    return ended.error;
  };
  const throwing = (error: unknown) => async (): Promise<never> => {
    throw error;
  };
  /** A settings edge of which nothing is ever read. */
  const unread: SettingsEdge = { ...nodeSettingsEdge(nodeFileEdge(), new AbortController().signal), readFile: hangs };

  it('is taken with what was settled for the agent that was found', async () => {
    const given = input({ retries: '7', keys: '/elsewhere/keys' });
    let seen: Journey | undefined;
    const { report, ended } = await run(given, async (journey) => {
      seen = journey;
      return { changed: true, more: 'x' };
    });
    expect(ended).to.deep.equal({ ok: true, result: { changed: true, more: 'x' } });
    expect(report).to.deep.equal({ ok: true, changed: true, command: 'enroll', warnings: [] });
    expect(seen?.settings).to.deep.include({ retries: 7 });
    expect(seen?.settings.managers[0]?.agent).to.deep.equal({ host: 'siem.example', port: 1514 });
    expect(seen?.agent).to.include({ home: agent.home, keysFile: '/elsewhere/keys' });
    expect(seen?.signal).to.equal(stop.signal);
  });
  it('finds the agent by itself where nobody says where it is', async () => {
    const homes: string[] = [];
    const flags = new Map([['manager', 'siem.example']] as const);
    await run(input({}, { flags }), async ({ agent: { home, keysFile } }) => {
      homes.push(home, keysFile);
      return { changed: false };
    });
    expect(homes).to.deep.equal(['/var/ossec', '/var/ossec/etc/client.keys']);
  });
  it('tells what happens, and reports it', async () => {
    const event: JourneyEvent = { kind: 'present', record: OLD, keysFile: '/k' };
    const { report } = await run(input(), async ({ observe }) => {
      observe(event);
      return { changed: false };
    });
    expect(told).to.deep.equal([event]);
    expect(report).to.deep.include({ ok: true, changed: false, keysFile: '/k' });
  });
  it('is heard of no more once it is over', async () => {
    let journey: Journey | undefined;
    const { report } = await run(input(), async (given) => {
      journey = given;
      return { changed: false };
    });
    journey?.observe({ kind: 'warning', text: 'Late.' });
    expect(told).to.deep.equal([]);
    expect(report.warnings).to.deep.equal([]);
  });

  describe('that fails', () => {
    it('by a value that cannot be right says so, and what the settings had warned of', async () => {
      const environment = { WAZUH_AGENT_NAME: '/web/wazuh-agent' };
      const { report, ended } = await run(input({ retries: 'often' }, { environment }), hangs);
      expect(ended).to.have.nested.property('error.code', 'SETTING_INVALID');
      expect(report.warnings).to.have.length(1);
      expect(told).to.deep.equal([{ kind: 'warning', text: report.warnings[0] }]);
    });
    it('ends with the error of its step, and reports how far it came', async () => {
      const { report, ended } = await run(input(), async ({ observe }) => {
        observe({ kind: 'method', method: 'authd', why: 'the default' });
        throw REFUSED;
      });
      expect(ended).to.deep.equal({ ok: false, error: REFUSED });
      expect(report).to.include({ ok: false, changed: false, method: 'authd' });
    });
    it('in a way that nobody has thought of ends with an error all the same', async () => {
      expect(await errorOf(input(), throwing(new TypeError('x is no function')))).to.include({ code: 'INTERNAL' });
    });
    it('by a value that nobody has typed names the place that it is from', async () => {
      const environment = { WAZUH_AGENT_NAME: 'web-01' };
      const error = await errorOf(input({}, { environment }), throwing(new EnrollError('NAME_REFUSED', 'No.')));
      expect(error.hint).to.contain('The name came from WAZUH_AGENT_NAME.');
    });
    it('once interrupted ends with that, whatever broke', async () => {
      const error = await errorOf(input(), async () => {
        stop.abort(INTERRUPTED);
        throw REFUSED;
      });
      expect(error).to.equal(INTERRUPTED);
    });
  });

  describe('that has put a key in its place', () => {
    const installing = async ({ observe }: Journey): Promise<never> => {
      observe({ kind: 'installed', keysFile: '/k' });
      throw REFUSED;
    };
    it('says that nobody has acknowledged it, where the manager cannot be reached then', async () => {
      expect(await errorOf(input(), installing)).to.include({ code: 'LINK_SILENT', cause: REFUSED });
    });
    it('has none to be acknowledged where it is to retire the host', async () => {
      const given = input({}, { command: 'retire' });
      const aside = async ({ observe }: Journey): Promise<never> => {
        observe({ kind: 'aside', file: '/k.retired' });
        throw REFUSED;
      };
      expect(await errorOf(given, aside)).to.equal(REFUSED);
    });
  });

  describe('and its deadline', () => {
    it('ends it with that, whatever hangs, and it is heard of no more', async () => {
      let late = () => {};
      const error = await errorOf(input({ deadline: '20ms' }), async ({ observe, signal }) => {
        late = () => observe({ kind: 'warning', text: 'Late.' });
        expect(signal).to.not.equal(stop.signal);
        return await hangs();
      });
      expect(error).to.include({ code: 'DEADLINE_PASSED', exitCode: 3 });
      expect(error.message).to.equal('The run was not finished within 0.02 s (--deadline).');
      late();
      expect(told).to.deep.equal([]);
    });
    it('holds for the reading of the settings', async () => {
      const error = await errorOf(input({ deadline: '20ms' }, { settingsEdge: () => unread }), hangs);
      expect(error).to.include({ code: 'DEADLINE_PASSED' });
    });
    it('is one of the values that are looked at', async () => {
      const error = await errorOf(input({ deadline: 'soon' }), hangs);
      expect(error).to.include({ code: 'SETTING_INVALID' });
      expect(error.message).to.contain('--deadline');
    });
    it('is forgotten where it was in time', async () => {
      for (const flags of [{ deadline: '1h' }, {}]) {
        expect((await run(input(flags), async () => ({ changed: false }))).ended.ok).to.equal(true);
      }
      expect(getEventListeners(stop.signal, 'abort')).to.deep.equal([]);
    });
  });

  it('is left behind where it is interrupted and hangs', async () => {
    const error = await errorOf(input(), async () => {
      stop.abort(INTERRUPTED);
      return await hangs();
    });
    expect(error).to.equal(INTERRUPTED);
  });
  it('is waited for while a step is under way that nothing may cut off', async () => {
    let held = 0;
    const edge = journeyOf({
      agent,
      edge: {
        uninterrupted: (step) => {
          held += 1;
          return step();
        },
      },
    }).edge;
    const { ended } = await run(input({}, { edge }), async (journey) => {
      await journey.edge.uninterrupted(async () => {
        stop.abort(INTERRUPTED);
        // Longer than what hangs is given.
        await new Promise((resolve) => setTimeout(resolve, 270));
      });
      return { changed: true };
    });
    expect(ended.ok).to.equal(true);
    expect(held).to.equal(1);
  });

  describe('whose settings are read', () => {
    it('ends at once where it is to stop meanwhile', async () => {
      const reading = failure(settleOn(input({}, { settingsEdge: () => unread }), settle));
      stop.abort(INTERRUPTED);
      expect(await reading).to.equal(INTERRUPTED);
    });
    it('reads them until it is to stop, and hears no warning of it then', async () => {
      const signals: AbortSignal[] = [];
      const settingsEdge = (signal: AbortSignal) => {
        signals.push(signal);
        return unread;
      };
      let warn: (text: string) => void = () => {};
      const reading = failure(
        settleOn(input({}, { settingsEdge }), async (given) => {
          warn = given.warn;
          warn('Before.');
          stop.abort(INTERRUPTED);
          warn('After.');
          return await hangs();
        }),
      );
      expect(await reading).to.equal(INTERRUPTED);
      expect(signals).to.deep.equal([stop.signal]);
      expect(told).to.deep.equal([{ kind: 'warning', text: 'Before.' }]);
    });
    it('gives the settings of what the command line and the environment say, whoever has given it', async () => {
      const environment = { WAZUH_AGENT_NAME: 'by-variable' };
      const { settled, agent: found } = await settleOn(input({ retries: '1' }, { environment }), settle);
      expect(settled.settings).to.include({ name: 'by-variable', retries: 1 });
      expect(found.home).to.equal(agent.home);
      const refused = await failure(settleOn(input({ retries: 'x' }, { given: 'library' }), settle));
      expect(refused.message).to.not.contain('--retries');
    });
  });

  it('gives the work within its limits the rest of what it was given', async () => {
    const given = input({ deadline: '1h' });
    const seen = await withinLimits(given, async (limited) => limited);
    expect(seen).to.deep.include({ command: 'enroll', flags: given.flags, environment: given.environment });
    expect(seen.edge.lookup).to.equal(given.edge.lookup);
    expect(seen.signal).to.not.equal(stop.signal);
  });
});
