import type { SandboxFamily } from './authd-protocol.js';
import type { LogLine } from './log-lines.js';
import type { SandboxEvent } from './sandbox-events.js';

// remoted has had its name since Wazuh 4.2.
const DAEMONS: Readonly<Record<SandboxFamily, string>> = {
  'wazuh-4': 'wazuh-remoted',
  'wazuh-3': 'ossec-remoted',
  ossec: 'ossec-remoted',
};
// A sandbox that runs for long keeps the newest lines.
const KEPT = 20_000;

/** The manager's ossec.log: what remoted has to say against messages. */
export class ManagerLog {
  readonly #family: SandboxFamily;
  readonly #clock: () => Date;
  readonly #emit: (event: SandboxEvent) => void;
  #lines: string[] = [];

  constructor(family: SandboxFamily, clock: () => Date, emit: (event: SandboxEvent) => void) {
    this.#family = family;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** The newest 20,000 lines, the oldest first. */
  get lines(): readonly string[] {
    return this.#lines.slice(-KEPT);
  }

  write(lines: readonly LogLine[]): void {
    for (const entry of lines) {
      const line = formatLine(entry, this.#family, this.#clock());
      this.#lines.push(line);
      this.#emit({ type: 'log', level: entry.level, ...(entry.code === undefined ? {} : { code: entry.code }), line });
    }
    // Not at every line: each cut copies them all.
    if (this.#lines.length > 2 * KEPT) this.#lines = this.#lines.slice(-KEPT);
  }
}

/** A line as the daemons write it: OSSEC has the number beside the name of the daemon and says WARN, Wazuh has it behind the level. */
export function formatLine({ level, code, text }: LogLine, family: SandboxFamily, at: Date): string {
  const [time, daemon] = [timeOf(at), DAEMONS[family]];
  if (family === 'ossec') {
    const number = code === undefined ? '' : `(${code})`;
    return `${time} ${daemon}${number}: ${level === 'WARNING' ? 'WARN' : level}: ${text}`;
  }
  return `${time} ${daemon}: ${level}: ${code === undefined ? '' : `(${code}): `}${text}`;
}

// Local time, without a zone.
function timeOf(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
