import { before, describe, it } from 'mocha';
import { attempt } from './attempt.js';
import { cells } from './cells.js';
import { openStage } from './scene.js';

describe('matrix', function () {
  this.timeout(600_000);
  it('runs', async () => {
    const library = await import('../../../src/index.js');
    const t0 = performance.now();
    const stage = await openStage();
    console.log('stage', Math.round(performance.now() - t0));
    for (const channel of ['authd','API','HTTPS'] as const) { const w = await attempt({channel, phase:'after reply', fault:'close', times:'always'}, 100000+channel.length, stage, library); console.log(w.broken, w.again); }
    console.log('warm', Math.round(performance.now() - t0));
    const all = [...cells()].filter((c) => (process.env['ONLY'] ? JSON.stringify(c).includes(process.env['ONLY']) : true));
    console.log(all.length);
    const waiting = [...all.entries()];
    const out: string[] = [];
    const started = performance.now();
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [number, cell] = next;
        try {
          const t = await attempt(cell, number, stage, library);
          const { broken: b, again: a, wayOut: w } = t;
          out.push(`${cell.channel} | ${cell.phase} | ${cell.fault} | ${cell.times} => ${b.exit} ${b.code ?? ''} ${b.ms}ms keys=${t.keys} agents=${t.agents} strikes=${t.strikes} rel=${t.released} left=${t.leftovers} again=${a.exit} ${a.code ?? ''} ${a.ms} way=${w?.exit} ${w?.code ?? ''} last=${t.agentsAtLast} same=${t.sameAgent} || ${b.message}${a.exit ? ` ## ${a.message}` : ''}${w?.exit ? ` ## ${w.message}` : ''}`);
        } catch (e) {
          out.push(`${JSON.stringify(cell)} THROWN ${e instanceof Error ? e.stack : e}`);
        }
      }
    };
    await Promise.all(Array.from({ length: Number(process.env['AT'] ?? 48) }, worker));
    console.log(Math.round(performance.now() - started), 'ms');
    await stage.close(); console.log('closed', Math.round(performance.now() - started));
    const fs = await import('node:fs');
    fs.writeFileSync('/tmp/fm-out.txt', out.sort().join('\n'));
    console.log(process.getActiveResourcesInfo());
  });
});
