import { EnrollError } from '../../errors.js';
import { formatMode } from '../../files/access.js';
import type { CounterLook } from '../../keystore/sender-counter.js';
import type { AgentRecord } from '../../model/agent-record.js';
import type { AgentInstallation } from '../../model/host.js';
import { isLast } from '../../model/message-counter.js';
import { printable } from '../../model/printable.js';
import { type CheckId, type Finding, right, untold, wrong } from './finding.js';
import type { LinkLook } from './link-look.js';

/** What is known of the counter before any message was sent. */
export interface CounterFacts {
  /** `undefined`: there is no file. */
  readonly look: CounterLook | undefined;
  /** Present instead: it cannot be read. */
  readonly error?: EnrollError;
  /** Whether a manager has acknowledged this very key to an earlier run. */
  readonly usedBefore: boolean;
}

/** Whether the counter of a key that was in use is gone: a manager that checks the numbers then takes none of its messages. */
export function isLost({ look, error, usedBefore }: CounterFacts): boolean {
  if (!usedBefore || error !== undefined) return false;
  const last = look?.last;
  return last === undefined || (last.global === 0 && last.local === 0);
}

/** The counter of the last message, which the agent counts on from. */
export function counter(
  agent: AgentInstallation,
  record: AgentRecord | undefined,
  facts: CounterFacts,
  look: LinkLook,
  cause: CheckId | undefined,
): Finding {
  const path = printable(agent.counterFile);
  if (facts.error !== undefined)
    return untold('counter', facts.error.message, record === undefined ? undefined : facts.error);
  const { last } = facts.look ?? {};
  if (cause === 'counter' && look.kind === 'failed' && record !== undefined) {
    const gone = facts.look === undefined ? `There was no ${path}` : `${path} held no number or 0:0`;
    const detail = `${gone}, though a manager has acknowledged this key before: the messages are numbered from the beginning again, and a manager that checks the numbers (OSSEC does) takes none of them.`;
    const hint = `Restore ${path} along with the key, or remove queue/rids/${record.id} on the manager and restart that, or get a new key with agent-enroll --force. The manager's log says "(1407): Duplicated counter" if this is it.`;
    const { error } = look;
    return {
      id: 'counter',
      ok: false,
      detail,
      hint,
      error: new EnrollError(error.code, error.message, { hint, cause: error }),
    };
  }
  if (last !== undefined && isLast(last)) {
    const hint = `Remove ${path}, with the agent stopped; a manager that checks the numbers needs a new key: agent-enroll --force.`;
    const detail = `${path} says that all message numbers are used up.`;
    return { id: 'counter', ok: false, detail, hint, ...(look.kind === 'failed' ? { error: look.error } : {}) };
  }
  const account = agent.account;
  const access = facts.look?.facts;
  if (account !== undefined && access !== undefined && !mayWrite(access, account)) {
    const detail = `${path} has mode ${formatMode(access.mode)} and belongs to user ${access.uid}: the agent, which runs as ${account.user}, cannot write it, and ends over that.`;
    return wrong('counter', detail, `As root: chown ${account.user}:${account.group} ${path}; chmod 640 ${path}`);
  }
  if (facts.look === undefined) return right('counter', `There is no ${path}: nothing was sent yet.`);
  if (last === undefined) return right('counter', `${path} holds no number, so the agent begins at 0:1.`);
  const shown = `The last message had ${last.global}:${last.local}`;
  return look.kind === 'proved' || look.kind === 'daemon'
    ? right('counter', `${shown}.`)
    : untold('counter', `${shown}; whether the manager has seen later ones is not told.`);
}

function mayWrite(
  { uid, gid, mode }: NonNullable<CounterLook['facts']>,
  account: { readonly uid: number; readonly gid: number },
): boolean {
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & 0o2) !== 0;
}
