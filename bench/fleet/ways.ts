/** How a host of the fleet goes about getting its key. */
export interface Way {
  readonly name: string;
  /** For people. */
  readonly what: string;
  /** By this program; else as the agent of the family does, with authd's own protocol. */
  readonly by: 'agent-enroll' | 'peer';
  /** Seconds over which first contacts are spread. */
  readonly splayS: number;
  /** How often one run tries again, with a pause that is drawn from a growing range. */
  readonly retries: number;
  /** Seconds from a run that failed to the next one; the last counts for all that follow. No host has a jitter in these. */
  readonly pausesS: readonly number[];
}

const SPLAY_S = 60;
const MANY = 100;

/**
 * What is compared. The pauses of the agent's own enrollment grow by 5 s up to 60 s and are the same on every host;
 * `agent-auth` does not try again by itself, so a script does, after a time of its own.
 */
export const WAYS: readonly Way[] = [
  {
    name: 'agent-auth in a loop',
    what: 'tried again every 10 s by a script',
    by: 'peer',
    splayS: 0,
    retries: 0,
    pausesS: [10],
  },
  {
    name: "the agent's own enrollment",
    what: 'tried again after 5 s, 10 s … 60 s',
    by: 'peer',
    splayS: 0,
    retries: 0,
    pausesS: Array.from({ length: 12 }, (_, turn) => 5 * (turn + 1)),
  },
  {
    name: 'agent-enroll, splay',
    what: `\`--splay ${SPLAY_S}s --retries 0\`, started again 60 s after a failure`,
    by: 'agent-enroll',
    splayS: SPLAY_S,
    retries: 0,
    pausesS: [60],
  },
  {
    name: 'agent-enroll, back-off',
    what: `\`--retries ${MANY}\``,
    by: 'agent-enroll',
    splayS: 0,
    retries: MANY,
    pausesS: [60],
  },
  {
    name: 'agent-enroll, splay and back-off',
    what: `\`--splay ${SPLAY_S}s --retries ${MANY}\``,
    by: 'agent-enroll',
    splayS: SPLAY_S,
    retries: MANY,
    pausesS: [60],
  },
];

/** How long to wait after the `failures`th failed run, in milliseconds. */
export function pauseAfterRun({ pausesS }: Pick<Way, 'pausesS'>, failures: number): number {
  return 1000 * (pausesS[Math.min(failures, pausesS.length) - 1] ?? 0);
}
