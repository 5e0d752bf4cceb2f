import type { ErrorCode, ExitCode } from '../../src/errors.js';

/*
 * What the program does in each state of a host and its manager. The table of docs/states.md is made from this one, and
 * states.test.ts brings about the states and looks whether it is true.
 */

/** What lies in client.keys. `two`: the key of the host, and another agent's record behind it. `old counter`: restored without its counter. */
export const KEYS = ['none', 'good', 'unknown', "another machine's", 'broken', 'two', 'old counter'] as const;
/**
 * What is seen of the manager, at the ports of the agents and of enrollment. `balancer`: a balancer without its manager, on both;
 * `something else`: a web server on the agent port; `resolves later`: its name has no address at first.
 */
export const MANAGERS = [
  'answers',
  'authd only',
  'agent port only',
  'closed',
  'black hole',
  'balancer',
  'something else',
  'does not resolve',
  'resolves later',
] as const;
/** The agent daemon of the host. `another key`: it was started before client.keys was changed. */
export const DAEMONS = ['none', 'this key', 'another key', 'disconnected', 'says nothing'] as const;
/** What this program remembers. `this key`: a manager has acknowledged it. */
export const NOTES = ['none', 'this key', 'another key', 'broken', 'newer'] as const;
export const FAMILIES = ['wazuh-5', 'wazuh-4', 'wazuh-3', 'ossec'] as const;
export const COMMANDS = ['enroll', 'check'] as const;

export interface State {
  readonly command: (typeof COMMANDS)[number];
  readonly key: (typeof KEYS)[number];
  readonly manager: (typeof MANAGERS)[number];
  readonly daemon: (typeof DAEMONS)[number];
  readonly notes: (typeof NOTES)[number];
  readonly family: (typeof FAMILIES)[number];
}

/** What a run ends with. */
export interface Outcome {
  readonly exit: ExitCode;
  readonly code?: ErrorCode;
  /** Whether client.keys is another one than before. */
  readonly changed: boolean;
  /** Whether a manager was asked for a key. */
  readonly asked: boolean;
  /** What is said, or a part of it. */
  readonly says: string;
}

/** States that end alike. A part that is left out does not matter, or was decided by a rule before this one. */
export interface Rule {
  readonly when: { readonly [Part in keyof State]?: readonly State[Part][] };
  /** In words, for the table. */
  readonly what: string;
  readonly outcome: Outcome | 'cannot be';
}

const kept = (exit: ExitCode, code: ErrorCode | undefined, says: string): Outcome => ({
  exit,
  ...(code === undefined ? {} : { code }),
  changed: false,
  asked: false,
  says,
});

const NO_ANSWER: readonly Rule[] = [
  {
    when: { manager: ['authd only', 'closed'] },
    what: 'The key is kept: a closed port says nothing about it.',
    outcome: kept(7, 'LINK_PORT_CLOSED', 'agent port of the manager is closed'),
  },
  {
    when: { manager: ['black hole'] },
    what: 'The key is kept.',
    outcome: kept(7, 'LINK_SILENT', 'Nothing answered'),
  },
  {
    when: { manager: ['balancer'], family: ['wazuh-5'] },
    what: 'The key is kept.',
    outcome: kept(7, 'LINK_SILENT', 'closed the connection during the TLS handshake'),
  },
  {
    when: { manager: ['something else'], family: ['wazuh-5'] },
    what: 'The key is kept.',
    outcome: kept(7, 'LINK_OTHER_SERVICE', 'is no Wazuh 5'),
  },
  {
    when: { manager: ['balancer'] },
    what: 'The key is kept: it may be the balancer that has no manager. `--reenroll likely` enrolls again if this key was acknowledged before.',
    outcome: kept(7, 'LINK_UNANSWERED', 'takes connections and closes them'),
  },
  {
    when: { manager: ['something else'] },
    what: 'The key is kept, and the service is named.',
    outcome: kept(7, 'LINK_OTHER_SERVICE', 'is a web server (HTTP)'),
  },
  {
    when: { manager: ['does not resolve'] },
    what: 'The key is kept.',
    outcome: kept(7, 'LINK_SILENT', 'could not be resolved'),
  },
];

/** The rules, in order: the first that fits decides. */
export const RULES: readonly Rule[] = [
  {
    when: { key: ['none', 'broken'], daemon: ['this key'] },
    what: 'No daemon can be connected with a key that is not there.',
    outcome: 'cannot be',
  },
  {
    when: { key: ["another machine's"], notes: ['none', 'another key', 'broken', 'newer'] },
    what: 'It is the notes of this key that tell of the other machine.',
    outcome: 'cannot be',
  },
  {
    when: { family: ['wazuh-5'], manager: ['authd only', 'agent port only'] },
    what: 'A Wazuh 5 takes its agents and gives them their keys at one port.',
    outcome: 'cannot be',
  },
  {
    when: { key: ['none'], notes: ['this key'] },
    what: 'There is no key that the notes could be about.',
    outcome: 'cannot be',
  },

  // What lies on the disk, before anybody is asked.
  {
    when: { command: ['check'], key: ['none'] },
    what: 'There is no key to look at.',
    outcome: kept(6, 'KEY_MISSING', 'There is no key'),
  },
  {
    when: { command: ['enroll'], notes: ['broken'] },
    what: 'Nobody is asked: the notes say whom this host trusts.',
    outcome: kept(6, 'FILE_UNREADABLE', 'is broken'),
  },
  {
    when: { command: ['enroll'], notes: ['newer'] },
    what: 'Nobody is asked: a newer version of this program has been here.',
    outcome: kept(6, 'FILE_UNREADABLE', 'was written by a newer agent-enroll'),
  },
  {
    when: { key: ['broken'] },
    what: 'Nobody is asked: somebody has to look at the file. `--force` enrolls anew.',
    outcome: kept(6, 'KEYS_INVALID', 'is not valid'),
  },
  {
    when: { command: ['check'], key: ["another machine's"] },
    what: 'No message is sent with the key of another machine.',
    outcome: kept(7, 'KEY_OF_ANOTHER_MACHINE', 'was enrolled on another machine'),
  },

  // The word of a daemon, which no test message is sent beside.
  {
    when: { key: ['good', 'unknown', 'two', 'old counter'], daemon: ['this key'] },
    what: 'The fresh word of the daemon is the proof; no message is sent.',
    outcome: kept(0, undefined, ''),
  },
  {
    when: { key: ['good', 'unknown', 'two', 'old counter'], daemon: ['another key'] },
    what: 'The agent has to be restarted.',
    outcome: kept(7, 'AGENT_RESTART_NEEDED', 'was started before'),
  },
  {
    when: { key: ['good', 'unknown', 'two', 'old counter'], daemon: ['disconnected'] },
    what: "The key is kept. The way out: the agent's log; `--force` and a restart where the manager has forgotten the agent.",
    outcome: kept(7, 'AGENT_NOT_CONNECTED', 'says that it is disconnected'),
  },
  {
    when: { key: ['good', 'unknown', 'two', 'old counter'], daemon: ['says nothing'] },
    what: 'The key is kept. The way out: stop the agent, `check`, start it.',
    outcome: kept(7, 'AGENT_NOT_CONNECTED', 'does not tell whether it is connected'),
  },

  // A key that works.
  {
    when: { key: ['good', 'two'], manager: ['answers', 'agent port only', 'resolves later'] },
    what: 'Nothing is changed: the manager answered this key.',
    outcome: kept(0, undefined, ''),
  },
  {
    when: {
      key: ['old counter'],
      manager: ['answers', 'agent port only', 'resolves later'],
      family: ['wazuh-5', 'wazuh-4', 'wazuh-3'],
    },
    what: 'Nothing is changed: Wazuh does not compare counters unless told to.',
    outcome: kept(0, undefined, ''),
  },

  // A key that a manager does not take.
  {
    when: {
      command: ['check'],
      key: ['unknown'],
      manager: ['answers', 'agent port only', 'resolves later'],
      family: ['wazuh-5', 'wazuh-4', 'wazuh-3'],
    },
    what: 'The manager does not know the key.',
    outcome: kept(7, 'LINK_NOT_ACKNOWLEDGED', 'remoted is there'),
  },
  {
    when: { key: ['unknown'], manager: ['answers', 'resolves later'], family: ['wazuh-5', 'wazuh-4', 'wazuh-3'] },
    what: 'The manager is there and refuses the key: the host enrolls again, under the name in its key.',
    outcome: { exit: 0, changed: true, asked: true, says: '' },
  },
  {
    when: { key: ['unknown'], manager: ['agent port only'], family: ['wazuh-4', 'wazuh-3'] },
    what: 'The manager refuses the key, and its authd cannot be reached for another one.',
    outcome: { exit: 3, code: 'CONNECTION_REFUSED', changed: false, asked: true, says: 'refused' },
  },
  {
    when: {
      key: ['unknown', 'old counter'],
      manager: ['answers', 'agent port only', 'resolves later'],
      family: ['ossec'],
    },
    what: 'The key is kept: an OSSEC manager is as silent to a key that it does not know, or whose counter is old, as a firewall. `--reenroll likely` enrolls again if this key was acknowledged before.',
    outcome: kept(7, 'LINK_UNANSWERED', 'nothing acknowledged the key'),
  },
  ...NO_ANSWER.map(
    (rule): Rule => ({ ...rule, when: { key: ['good', 'unknown', 'two', 'old counter'], ...rule.when } }),
  ),

  // No key, or none that is this host's.
  {
    when: { manager: ['agent port only', 'closed'] },
    what: 'Nothing is installed.',
    outcome: { exit: 3, code: 'CONNECTION_REFUSED', changed: false, asked: true, says: '' },
  },
  {
    when: { manager: ['balancer'] },
    what: 'Nothing is installed.',
    outcome: { exit: 3, code: 'CONNECTION_FAILED', changed: false, asked: true, says: '' },
  },
  {
    when: { manager: ['black hole'] },
    what: 'Nothing is installed.',
    outcome: { exit: 3, code: 'CONNECTION_TIMED_OUT', changed: false, asked: true, says: '' },
  },
  {
    when: { manager: ['something else'], family: ['wazuh-5'] },
    what: 'Nothing is installed: no credential is sent to it.',
    outcome: { exit: 3, code: 'TLS_FAILED', changed: false, asked: true, says: 'does not speak TLS 1.3' },
  },
  {
    when: { manager: ['does not resolve'] },
    what: 'Nothing is installed.',
    outcome: { exit: 3, code: 'HOST_UNRESOLVED', changed: false, asked: true, says: '' },
  },
  {
    when: { daemon: ['another key', 'disconnected', 'says nothing', 'this key'] },
    what: 'The host enrolls; the agent has to be restarted for its key.',
    outcome: { exit: 7, code: 'AGENT_RESTART_NEEDED', changed: true, asked: true, says: 'runs with the one before' },
  },
  {
    when: { manager: ['answers', 'resolves later'] },
    what: 'The host enrolls, as itself.',
    outcome: { exit: 0, changed: true, asked: true, says: '' },
  },
  {
    when: { manager: ['authd only'] },
    what: 'The key is installed, and not proven.',
    outcome: {
      exit: 7,
      code: 'LINK_PORT_CLOSED',
      changed: true,
      asked: true,
      says: 'agent port of the manager is closed',
    },
  },
  {
    when: { manager: ['something else'], family: ['ossec'] },
    what: 'The key is installed, and not proven: an OSSEC manager is spoken to over UDP.',
    outcome: { exit: 7, code: 'LINK_SILENT', changed: true, asked: true, says: 'UDP: the port is closed' },
  },
  {
    when: { manager: ['something else'] },
    what: 'The key is installed, and not proven; the service is named.',
    outcome: { exit: 7, code: 'LINK_OTHER_SERVICE', changed: true, asked: true, says: 'is a web server (HTTP)' },
  },
];

/** The rule that decides a state; `undefined`: the table has a hole. */
export function ruleFor(state: State): Rule | undefined {
  return RULES.find(({ when }) => fits(state, when));
}

function fits(state: State, when: Rule['when']): boolean {
  const has = <Part extends keyof State>(part: Part) => when[part]?.includes(state[part]) ?? true;
  return has('command') && has('key') && has('manager') && has('daemon') && has('notes') && has('family');
}

/** Every state there is. */
export function* allStates(): Generator<State> {
  for (const command of COMMANDS)
    for (const key of KEYS)
      for (const manager of MANAGERS)
        for (const daemon of DAEMONS)
          for (const notes of NOTES)
            for (const family of FAMILIES) yield { command, key, manager, daemon, notes, family };
}

/**
 * States to try: every combination of key, manager and family on a host as hosts are; and of each rule every value of
 * each part that it decides.
 */
export function statesToTry(): readonly State[] {
  const tried: State[] = [];
  const seen = new Set<string>();
  for (const state of allStates()) {
    const rule = ruleFor(state);
    if (rule === undefined || rule.outcome === 'cannot be') continue;
    const number = RULES.indexOf(rule);
    const { command, key, manager, family, daemon, notes } = state;
    const facts = [
      ...(isOrdinary(state) ? [`${command} ${key} ${manager} ${family}`] : []),
      ...[command, key, manager, notes, `${daemon} ${family}`].map((value) => `${number} ${value}`),
    ];
    if (facts.every((fact) => seen.has(fact))) continue;
    for (const fact of facts) seen.add(fact);
    tried.push(state);
  }
  return tried;
}

/** No daemon yet, and no notes but those that the key itself takes; `check` has nothing to add where no manager is asked. */
function isOrdinary({ command, key, daemon, notes }: State): boolean {
  if (daemon !== 'none') return false;
  if (notes !== (key === "another machine's" ? 'this key' : 'none')) return false;
  return command === 'enroll' || key === 'good' || key === 'unknown';
}
