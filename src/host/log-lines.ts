import { printable } from '../model/printable.js';

/** A line of an agent's log. */
export interface LogLine {
  /** As the agent wrote it: local time, without a zone, `2026/11/25 09:01:02`. */
  readonly time: string;
  /** `wazuh-agentd`, `ossec-agentd`; on Windows the one program that there is. */
  readonly program: string;
  readonly level: string;
  /** With its number, if it has one; printable. */
  readonly text: string;
}

/** `YYYY/MM/DD hh:mm:ss wazuh-agentd: LEVEL: (code): text` (Wazuh 3.x to 5.x), OSSEC `ossec-agentd(code): LEVEL: text`. */
const LINE =
  /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d) ([A-Za-z0-9_-]{1,40})(?::[a-z_-]{1,40})?(?:\[\d+\] [^ ]{1,80} at [^ ]{1,80})?(?:\((\d{4})\))?: (INFO|WARN|WARNING|ERROR|CRITICAL|DEBUG): ?(.{0,2000})$/;

/** Reads the lines of an agent's log; what is no line of one is passed over. */
export function parseLog(text: string): readonly LogLine[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, time = '', program = '', code, level = '', rest = ''] = match;
    return [{ time, program, level, text: printable(code === undefined ? rest : `(${code}): ${rest}`) }];
  });
}

/** What a line tells about the link, in words; `undefined`: it is not known. */
export interface LogMeaning {
  readonly what: string;
  readonly hint: string;
}

/** What lines say, by their numbers and texts: Wazuh 4.14.7, provoked one at a time; OSSEC's have the same numbers. */
const KNOWN: readonly (readonly [RegExp, LogMeaning])[] = [
  [
    /^\(1216\): |Unable to connect to '/,
    {
      what: 'the agent port is closed, or the manager cannot be reached',
      hint: 'Check that remoted runs on the manager, and the address, port and protocol in ossec.conf.',
    },
  ],
  [
    /^\(1208\): |Unable to connect to (the )?enrollment service/i,
    {
      what: 'the enrollment port (1515) cannot be reached',
      hint: 'The agent has no key and tries to enroll by itself: run agent-enroll, or start authd on the manager.',
    },
  ],
  [
    /Could not resolve hostname/i,
    {
      what: "the manager's name has no address",
      hint: 'Check the name in ossec.conf, and the name servers of this host.',
    },
  ],
  [
    /^\((4112|1215)\): |Invalid server address|No client configured/i,
    {
      what: 'ossec.conf names no manager, or has the placeholder of the package still',
      hint: 'Name the manager in <client><server><address>: agent-enroll --write-config does it.',
    },
  ],
  [
    /^\((1226|1202)\): |Error reading XML/i,
    { what: 'a configuration file is not well-formed', hint: 'Correct the file that it names, and start the agent.' },
  ],
  [
    /^\(1751\): |client\.keys not found or empty/i,
    { what: 'the agent has no key', hint: 'Run agent-enroll, and start the agent.' },
  ],
  [
    /client\.keys' due to \[\(13\)|^\((1402|4109)\): /,
    {
      what: 'the agent may not read its key, or has none',
      hint: 'The key should be 0640 and belong to root and to the group of the agent.',
    },
  ],
  [
    /sender_counter|Unable to open agent file/i,
    {
      what: 'the message counter belongs to somebody else, and the agent ends over it',
      hint: "Give queue/rids and what is in it to the agent's user (chown -R), and start the agent.",
    },
  ],
  [
    /version must be lower or equal/i,
    {
      what: 'the manager refuses this agent, because it is newer than the manager',
      hint: 'Upgrade the manager, or allow it with <allow_higher_versions> there.',
    },
  ],
  [
    /\(from manager\)/,
    {
      what: 'the agent enrolls by itself, and authd refuses it with these words',
      hint: 'Run agent-enroll, which explains the refusal.',
    },
  ],
  [
    /^\(1404\): /,
    { what: 'the key differs from the one that the manager has', hint: 'Enroll again: agent-enroll --force.' },
  ],
  [
    /^\(1407\): |Duplicated? counter/i,
    {
      what: 'a message came with a number that was used already: a counter was restored, or two hosts have one key',
      hint: 'Look for a second host with this key; a restored one enrolls again with agent-enroll --force.',
    },
  ],
  [
    /^\(4101\): |Waiting for server reply/i,
    {
      what: 'the manager does not answer this key: it does not know it, has another one, or a firewall stands in between',
      hint: "Look into the manager's log (ossec.log) for this agent.",
    },
  ],
  [
    /^\(1137\): |Lost connection with manager|Server unavailable\. Setting lock|Process locked due to agent is offline/i,
    {
      what: 'the agent lost the manager and waits for it',
      hint: 'What keeps it from connecting again stands in the checks above.',
    },
  ],
];

/** What a line means for the link; `undefined`: that is not known here. */
export function meaningOf({ text }: LogLine): LogMeaning | undefined {
  return KNOWN.find(([pattern]) => pattern.test(text))?.[1];
}

/** What the end of a log says about the link. */
export interface LogWord {
  /** When the agent said last that it is connected; absent: not in these lines. */
  readonly connectedAt?: string;
  /** The last different troubles since then, the newest last. */
  readonly troubles: readonly LogLine[];
  /** Absent, or how often it closed connections since then that it had just made, without an error. */
  readonly refusedConnections?: number;
}

const MOST_TROUBLES = 3;
const DAEMON = /^(wazuh|ossec)-agentd?$/;

/**
 * What the agent has met since it was last connected. Lines of its other programs are left out, but for those that wait
 * for the connection.
 */
export function logWord(lines: readonly LogLine[]): LogWord {
  const own = lines.filter(({ program }) => DAEMON.test(program));
  const last = own.findLastIndex(({ text }) => /^\(4102\): /.test(text));
  const since = own.slice(last + 1);
  const connectedAt = own[last]?.time;
  const troubles = new Map<string, LogLine>();
  for (const line of since) {
    if (!isTrouble(line)) continue;
    troubles.delete(line.text);
    troubles.set(line.text, line);
  }
  const closings = since.filter(({ text }) => /^Closing connection to server/.test(text)).length;
  return {
    ...(connectedAt === undefined ? {} : { connectedAt }),
    troubles: [...troubles.values()].slice(-MOST_TROUBLES),
    ...(closings > 1 ? { refusedConnections: closings } : {}),
  };
}

function isTrouble(line: LogLine): boolean {
  if (line.level === 'DEBUG') return false;
  return line.level !== 'INFO' || /Could not resolve hostname/i.test(line.text);
}
