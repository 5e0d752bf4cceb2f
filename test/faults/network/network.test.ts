import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { attempt, type Tried } from './attempt.js';
import { type Cell, cells } from './cells.js';
import { isCounted, limitMs, RULES, ruleFor } from './rules.js';
import { openStage, type Stage } from './scene.js';

const AT_ONCE = 48;
const MATRIX = [...cells()];

describe('the table of faults', () => {
  it('says of every cell what comes of it', () => {
    expect(MATRIX.filter((cell) => ruleFor(cell) === undefined)).to.deep.equal([]);
    expect(MATRIX.length).to.be.greaterThan(500);
  });
  it('has no rule that never decides', () => {
    const deciding = new Set(MATRIX.map(ruleFor));
    expect(RULES.filter((rule) => !deciding.has(rule))).to.deep.equal([]);
  });
});

describe('where a connection breaks', function () {
  this.timeout(600_000);
  let stage: Stage;
  const outcomes = new Map<Cell, Tried | Error>();
  let openBefore: readonly string[] = [];

  before(async () => {
    // Loaded as one: what it loads later by itself knows the same classes.
    const library = await import('../../../src/index.js');
    openBefore = process.getActiveResourcesInfo();
    stage = await openStage();
    // What is loaded late is loaded before the clocks of all cells run.
    for (const channel of ['authd', 'API', 'HTTPS'] as const) {
      const whole = { channel, phase: 'after reply', fault: 'close', times: 'always' } as const;
      await attempt(whole, `warm-${channel}`, MATRIX.length, stage, library);
    }
    const waiting = [...MATRIX.entries()];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [number, cell] = next;
        const tried = attempt(cell, `host-${number}`, number, stage, library);
        outcomes.set(cell, await tried.catch((thrown: unknown) => new Error(String(thrown), { cause: thrown })));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await stage.close();
  });

  for (const cell of MATRIX) {
    it(`${cell.channel}, ${cell.phase}: ${cell.fault}, ${cell.times}`, () => {
      const tried = outcomes.get(cell);
      const outcome = ruleFor(cell)?.outcome;
      if (tried instanceof Error) throw tried;
      if (tried === undefined || outcome === undefined) throw new Error('It was not tried.');
      const { broken, again, wayOut } = tried;
      const said = `${broken.code} ${broken.message}`;
      expect(broken.exit, said).to.equal(outcome.exit);
      if (outcome.codes.length > 0) expect(outcome.codes, said).to.include(broken.code);
      expect(broken.message).to.include(outcome.says);
      if (outcome.exit !== 0) expect(broken.hint).to.not.equal('');
      expect(broken.ms, 'milliseconds').to.be.below(limitMs(cell));
      if (isCounted(cell)) {
        expect(tried.strikes, 'how often it broke').to.be.within(1, cell.times === 'once' ? 2 : 60);
        expect(tried.released, 'all connections closed').to.equal(true);
      }
      // The disk is untouched, or complete.
      expect(tried.keys).to.equal(outcome.exit === 0 || outcome.exit === 7 ? 'whole' : 'none');
      expect(tried.leftovers).to.deep.equal([]);
      expect(tried.agents, 'agents').to.equal(outcome.agents);
      // A run after it succeeds, or names the way out, and does so then; there is one agent.
      if (outcome.agents === 1 && tried.keys === 'none') {
        expect([again.exit, again.code], again.message).to.deep.equal([5, 'NAME_DUPLICATE']);
        if (outcome.exit === 8) expect(again.message).to.include('Most likely the earlier run of');
        expect(again.hint).to.include('manage_agents -r');
        expect(wayOut?.exit, wayOut?.message).to.equal(0);
      } else {
        expect(again.exit, again.message).to.equal(0);
      }
      expect({ agents: tried.agentsAtLast, same: tried.sameAgent }).to.deep.equal({ agents: 1, same: true });
    });
  }

  it('leaves no socket, no thread and no timer', () => {
    const kinds = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'UDPWrap', 'MessagePort', 'ConnectWrap'];
    const left = (resources: readonly string[]) => resources.filter((kind) => kinds.includes(kind)).length;
    expect(left(process.getActiveResourcesInfo())).to.equal(left(openBefore));
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
    // The one of this test.
    expect(timers.length).to.be.at.most(1);
  });
});
