import type { AgentRecord } from '../../model/agent-record.js';
import type { AgentInstallation } from '../../model/host.js';
import { broken, type CheckId, type Finding, right, untold } from './finding.js';
import type { LinkLook } from './link-look.js';

/** What is known of the key on this host. */
export interface KeyFacts {
  readonly record: AgentRecord | undefined;
  /** Whether a manager has acknowledged this very key to an earlier run. */
  readonly usedBefore: boolean;
}

/** Whether the manager acknowledges the key. */
export function key(facts: KeyFacts, look: LinkLook, cause: CheckId | undefined): Finding {
  switch (look.kind) {
    case 'proved': {
      const { protocol, cipher, family } = look.link;
      const manager = family === undefined ? '' : `, ${family}`;
      const how = `${protocol.toUpperCase()}, ${cipher === 'aes' ? 'AES' : 'Blowfish'}${manager}`;
      return right('key', `The manager answered, encrypted with this key (${how}).`);
    }
    case 'daemon':
      return right('key', 'The agent daemon is connected with it, so no test message was sent.');
    case 'looked':
    case 'none':
      return untold('key', look.why);
    case 'failed':
      if (cause === 'key')
        return { ...broken('key', look.error), detail: `${look.error.message}${meaning(facts, look)}` };
      // What keeps a message from being sent is no fault of the key.
      if (cause === undefined) return untold('key', `Not tested: ${look.error.message}`, look.error);
      return untold('key', 'Not acknowledged, which follows from what is wrong above.');
  }
}

/** What the refusal comes to, where nothing on this host explains it. */
function meaning({ record, usedBefore }: KeyFacts, { error, evidence }: Extract<LinkLook, { kind: 'failed' }>): string {
  const kind = evidence?.conclusion.kind;
  if (record === undefined || error.code === 'LINK_REFUSED') return '';
  if (kind !== 'remoted' && kind !== 'refused-message' && kind !== 'silent-udp') return '';
  const doubt = kind === 'silent-udp' ? 'If UDP gets through' : 'So';
  const before = usedBefore ? ' A manager has acknowledged this key before: it may have been removed there.' : '';
  return ` ${doubt}, agent ${record.id} is not in the manager's client.keys, stands there with another key, or its message numbers are behind.${before}`;
}

/** Whether the manager takes agents of this version: since 4.6 one that is newer than the manager may be refused. */
export function version(
  { version: installed }: AgentInstallation,
  look: LinkLook,
  cause: CheckId | undefined,
): Finding {
  if (cause === 'version' && look.kind === 'failed') {
    const { error } = look;
    const own = installed === undefined ? '' : ` The agent here is ${installed}.`;
    return { id: 'version', ok: false, detail: `${error.message}${own}`, hint: error.hint, error };
  }
  if (look.kind === 'daemon') return right('version', 'The agent daemon is connected.');
  if (installed === undefined)
    return untold('version', 'No version of an agent is known here, so none was shown to the manager.');
  return look.kind === 'proved'
    ? right('version', `The manager takes an agent ${installed}.`)
    : untold('version', `The agent here is ${installed}; whether the manager takes it is not told.`);
}
