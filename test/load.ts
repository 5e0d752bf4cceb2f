import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

const AT_MOST = 10;

/** By how much longer all takes here than on a machine with nothing else to do: 1 or more. */
export const LOAD = Math.min(AT_MOST, Math.max(1, Math.max(loadOfLastMinute(), runningNow()) / availableParallelism()));

function loadOfLastMinute(): number {
  const [load = 0] = loadavg();
  return load;
}

/** What runs or would run at this moment: of what has just begun the load of the last minute does not tell. */
function runningNow(): number {
  if (process.platform !== 'linux') return 0;
  return Number(/ (\d+)\//.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1] ?? 0);
}
