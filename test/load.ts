import { availableParallelism, loadavg } from 'node:os';

const AT_MOST = 10;
const [load = 0] = loadavg();

/** By how much longer all takes here than on a machine with nothing else to do: 1 or more. */
export const LOAD = Math.min(AT_MOST, Math.max(1, load / availableParallelism()));
