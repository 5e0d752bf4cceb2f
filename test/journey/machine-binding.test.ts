import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { bindingOf, machineSuffix } from '../../src/host/binding.js';
import { asItself, bind, boundTo, checkBinding, keyOfAnotherMachine } from '../../src/journey/machine-binding.js';
import { type KeyBinding, NOTHING_KNOWN, type Notes } from '../../src/keystore/notes/notes.js';
import { LONGEST_NAME } from '../../src/model/agent-record.js';
import type { AgentInstallation, Host } from '../../src/model/host.js';
import type { Settings } from '../../src/settings/settings.js';
import { type FakeFacts, fakeSystem, never } from '../host/fake-system.js';
import { NEW, OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, MACHINE, note, step } from './journey-scene.js';

const OTHER: FakeFacts = { files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };
const NOBODY: FakeFacts = { files: {} };

describe('what is noted of the machine that a key is on', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const edgeOf = (facts: FakeFacts) => ({ ...journeyOf({ agent }).edge, system: fakeSystem(facts) });
  const bound = (notes: Notes, facts = MACHINE, key = OLD, copied?: typeof OLD) =>
    boundTo(notes, key, edgeOf(facts), never, copied);
  const verdict = (binding: KeyBinding | undefined, key = OLD, facts = MACHINE) =>
    checkBinding({ ...NOTHING_KNOWN, ...(binding === undefined ? {} : { binding }) }, key, edgeOf(facts), never);
  const of = async (facts = MACHINE, key = OLD): Promise<KeyBinding> => {
    const binding = await bound(NOTHING_KNOWN, facts, key);
    if (binding === undefined) throw new Error('It was to be bound.');
    return binding;
  };

  describe('of a key that has come into its place', () => {
    const noted = async (facts: FakeFacts, settings: Partial<Settings> = {}, copied?: typeof OLD) => {
      const journey = journeyOf({ agent, facts, settings });
      return await step(journey, async (ready) => {
        await bind(ready, NEW, copied);
        return ready.notes.notes;
      });
    };
    beforeEach(async () => note(agent, { acknowledged: '001 web-01', binding: await of() }));

    it('is that it is on this one, in place of what was noted of the key before', async () => {
      const { acknowledged, binding } = await noted(MACHINE, {}, OLD);
      expect([acknowledged, binding?.agentId, binding?.othersNames]).to.deep.equal(['001 web-01', NEW.id, ['web-01']]);
      expect(await verdict(binding, NEW)).to.equal('same');
    });
    it('is nothing any more where this machine cannot be told from others', async () => {
      const { acknowledged, ...notes } = await noted(NOBODY);
      expect(acknowledged).to.equal('001 web-01');
      expect(notes).to.not.have.property('binding');
    });
    it('stays what it was where machines are not to be told apart', async () => {
      expect((await noted(MACHINE, { machineBinding: false })).binding?.agentId).to.equal(OLD.id);
    });
  });

  it('tells this machine from others, for this key alone', async () => {
    const binding = await of();
    expect(binding).to.deep.include({ agentId: '001', othersNames: [], other: {} });
    expect(binding.salt).to.match(/^[0-9a-f]{32}$/);
    expect(await verdict(binding)).to.equal('same');
    expect(await verdict(binding, OLD, OTHER)).to.equal('other');
    expect(await verdict(binding, NEW, OTHER)).to.equal('unknown');
    // Another key of the same number, and the same key under another number.
    expect(await verdict(binding, record('001', 'web-01', 'any', 'c'.repeat(64)), OTHER)).to.equal('unknown');
    expect(await verdict({ ...binding, agentId: '002' }, OLD, OTHER)).to.equal('unknown');
    expect(await verdict(undefined)).to.equal('unknown');
  });
  it('is nothing where nothing is known of it, and stays where something was', async () => {
    expect(await bound(NOTHING_KNOWN, NOBODY)).to.equal(undefined);
    const binding = await of();
    expect(await bound({ ...NOTHING_KNOWN, binding }, NOBODY)).to.deep.equal(binding);
  });
  it('is the same the next time, with what an earlier note knew beyond it', async () => {
    const binding = { ...(await of()), other: { later: 1 } };
    const more = {
      ...binding,
      hashes: new Map([
        ...binding.hashes,
        ...bindingOf({ dmiUuid: '12345678-1234-1234-1234-123456789abc' }, binding.salt).hashes,
      ]),
    };
    expect(more.hashes.size).to.equal(2);
    expect(await bound({ ...NOTHING_KNOWN, binding: more })).to.deep.equal(more);
  });
  it('is new for another key or on another machine', async () => {
    const binding = { ...(await of()), other: { later: 1 } };
    for (const [facts, key] of [
      [MACHINE, NEW],
      [OTHER, OLD],
    ] as const) {
      const now = await bound({ ...NOTHING_KNOWN, binding }, facts, key);
      expect(now).to.deep.include({ agentId: key.id, other: {} });
      expect(now?.salt).to.not.equal(binding.salt);
      expect(now?.hashes.size).to.equal(1);
    }
  });
  it('holds the names of the last sixteen machines that it is a copy of, each once', async () => {
    const names = Array.from({ length: 16 }, (_, each) => `web-${each}`);
    const binding = { ...(await of()), othersNames: names };
    const copied = (name: string) => bound({ ...NOTHING_KNOWN, binding }, MACHINE, OLD, { ...OLD, name });
    expect((await copied('web-16'))?.othersNames).to.deep.equal([...names.slice(1), 'web-16']);
    expect((await copied('web-3'))?.othersNames).to.deep.equal(names);
    expect((await bound(NOTHING_KNOWN, MACHINE, OLD, NEW))?.othersNames).to.deep.equal(['web-01']);
  });

  describe('gives a host its name', () => {
    const host = (name: string): Host => ({ name: { name }, address: { register: { kind: 'any' }, why: '' }, agent });
    const named = async (name: string, settings: Partial<Settings> = {}, copied?: typeof OLD) => {
      const journey = journeyOf({ agent, settings });
      const found = await step(journey, (ready) => asItself(ready, host(name), copied));
      return { name: found.name, warnings: journey.warnings() };
    };
    const copy = (as: string, why = '') =>
      `The key that is there (agent 001 web-01) was enrolled on another machine, of which this one is a copy. It is not used: this host enrolls as itself, as ${as}${why}.`;
    const SUFFIX = machineSuffix({ machineId: `${'1'.repeat(31)}a` });
    const STILL = ', since the host has the name of that machine still';

    it('as it is, where it is no copy or has another name', async () => {
      expect(await named('web-01')).to.deep.equal({ name: { name: 'web-01' }, warnings: [] });
      expect(await named('web-02', {}, OLD)).to.deep.equal({ name: { name: 'web-02' }, warnings: [copy('web-02')] });
    });
    it('of its own, where it has the name of the other machine still', async () => {
      expect(await named('web-01', {}, OLD)).to.deep.equal({
        name: { name: `web-01-${SUFFIX}`, changedFrom: 'web-01' },
        warnings: [copy(`web-01-${SUFFIX}`, STILL)],
      });
    });
    it('of its own, where an earlier run noted that others go by that name', async () => {
      await note(agent, { binding: { ...(await of()), othersNames: ['web-01'] } });
      expect(await named('web-01')).to.deep.equal({
        name: { name: `web-01-${SUFFIX}`, changedFrom: 'web-01' },
        warnings: [],
      });
    });
    it('as it was named outright, whosever that is, but not by a pattern', async () => {
      expect((await named('web-01', { name: 'web-01' }, OLD)).name).to.deep.equal({ name: 'web-01' });
      expect((await named('web-01', { name: '{hostname}' }, OLD)).name.name).to.equal(`web-01-${SUFFIX}`);
    });
    it('that a manager takes, however long the other was', async () => {
      const fits = 'w'.repeat(LONGEST_NAME - 9);
      expect((await named(fits, {}, { ...OLD, name: fits })).name.name).to.equal(`${fits}-${SUFFIX}`);
      const longer = `${fits}w`;
      const { name } = await named(longer, {}, { ...OLD, name: longer });
      expect(name.name.length).to.be.at.most(LONGEST_NAME);
      expect(name).to.include({ changedFrom: longer });
    });
    it('as it is, where machines are not to be told apart', async () => {
      expect(await named('web-01', { machineBinding: false }, OLD)).to.deep.equal({
        name: { name: 'web-01' },
        warnings: [],
      });
    });
  });

  it('keeps messages from being sent with the key of another machine, in words', () => {
    expect(keyOfAnotherMachine(agent, OLD)).to.include({
      code: 'KEY_OF_ANOTHER_MACHINE',
      message: `The key in ${agent.keysFile} (agent 001 web-01) was enrolled on another machine, so no message is sent with it.`,
    });
  });
});
