import type { FleetResults } from './results.js';
import { SIMULATED_WAYS } from './simulation.js';

/** A table of the page about the fleet. */
export interface Table {
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** What was measured of each way. */
export function measuredTable({ runs }: FleetResults): Table {
  const head = ['Way', '', '50 %', '95 %', 'All', 'Asked authd', 'Messages', 'Resets', 'Lines in the log', 'Enrolled'];
  const lines = runs.map((run) => {
    const { name, what, answerS, asked, messages, resetBy, logLines, answered, agents, registered } = run;
    return [
      name,
      what,
      ...timesIn(answerS),
      `${asked.mean}, at most ${asked.max}`,
      `${messages.mean}, at most ${messages.max}`,
      `${resetBy.authd} by authd, ${resetBy.remoted} by remoted`,
      String(logLines),
      `${answered} of ${answered}, ${registered - agents} twice`,
    ];
  });
  return { head, lines };
}

/** What a simulated fleet comes to. */
export function simulatedTable({ simulated }: FleetResults): Table {
  const head = ['Way', '', '50 %', '95 %', 'All', 'Asked authd', 'In the worst second', 'Gave up'];
  const lines = simulated.map(({ keyS, asked, worstSecond, without }, index) => {
    const { name = '', what = '' } = SIMULATED_WAYS[index] ?? {};
    return [name, what, ...timesIn(keyS), String(asked), String(worstSecond), String(without)];
  });
  return { head, lines };
}

/** Handshakes by the thousand. */
export function steadyTable({ handshakes, runsAgain }: FleetResults): Table {
  const head = ['', 'Times', 'A minute', 'Heap, MiB', 'Resident, MiB'];
  const rows = [
    ['a handshake', handshakes],
    ['a whole run with the key that is there', runsAgain],
  ] as const;
  const lines = rows.map(([what, { times, seconds, heapMiB, rssMiB }]) => {
    const perMinute = String(Math.round((times / seconds) * 60));
    return [what, String(times), perMinute, heapMiB.join(' → '), rssMiB.join(' → ')];
  });
  return { head, lines };
}

function timesIn(times: readonly number[]): readonly string[] {
  return [0.5, 0.95, 1].map((share) => `${times[Math.round(share * times.length) - 1]} s`);
}
