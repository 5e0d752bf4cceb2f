import { type ManagerAnswer, refusalOf } from '../../model/manager-answer.js';
import type { Refusal, RefusalContext } from './refusal-meaning.js';

const NAME_HINT = "Choose another name with --name: 2 to 128 letters, digits, '.', '_' and '-'.";

const LATER = { wait: {} } as const;

/**
 * What the numbers of authd mean behind HTTPS; they are those of Wazuh 4 and some more (5.0, August: up to 9017 and −1;
 * the others in its sources). 0 is a refusal without a number of its own.
 *
 * @returns `undefined` for a number that nobody has seen
 */
export function byNumber(answer: ManagerAnswer, context: RefusalContext): Refusal | undefined {
  const { code, said } = refusalOf(answer);
  const { name, ip } = context;
  switch (code) {
    case -1:
      return {
        code: 'ANSWER_LOST',
        message: 'The manager does not know itself what has come of the request: the agent may exist there now.',
        hint: 'Look for its name on the manager before you enroll again. A use of the token may be spent.',
      };
    case 0:
      return answer.status === 403 ? DISABLED : answer.status === 400 ? ofInput(said, context) : undefined;
    case 9003:
    case 9004:
    case 9005:
    case 9006:
    case 9017:
      return ofInput(said, context);
    case 9007:
      return { code: 'IP_DUPLICATE', message: `The manager has another agent with the address ${ip}.` };
    case 9008:
      return {
        code: 'NAME_DUPLICATE',
        message: `The manager already has an agent called ${name}.`,
        hint: 'Choose another name with --name, or remove the old agent on the manager. A manager replaces an agent only once it has been registered for an hour, and never connected or been disconnected for one.',
      };
    case 9012:
      return {
        code: 'REQUEST_REFUSED',
        message: 'The manager gave the agent an id that it had given already.',
        hint: "Try again. If it stays like this, look into the manager's client.keys and its log (ossec.log).",
      };
    case 9013:
      return { code: 'AGENT_LIMIT', message: 'The manager has as many agents as it takes.' };
    case 9014:
      return { code: 'GROUP_UNKNOWN', message: 'The manager does not have this group.' };
    case 9015:
    case 9016:
      return {
        code: 'MANAGER_NOT_READY',
        message: 'This worker cannot reach its master.',
        hint: "Enroll with the cluster's master, or try later.",
        again: LATER,
      };
    case 9022:
      return { code: 'TOKEN_REFUSED', message: 'The enrollment token was removed or revoked on the manager.' };
    case 9023:
      return { code: 'TOKEN_REFUSED', message: 'The enrollment token has expired.' };
    case 9024:
      return { code: 'TOKEN_REFUSED', message: 'The enrollment token was used as often as it may be.' };
    case 9030:
      return {
        code: 'MANAGER_NOT_READY',
        message: 'The manager is giving this agent another key at this moment.',
        again: LATER,
      };
    case 9031:
      return { code: 'MANAGER_NOT_READY', message: 'The manager cannot write down a new key yet.', again: LATER };
    default:
      return undefined;
  }
}

const DISABLED: Refusal = {
  code: 'REQUEST_REFUSED',
  message: 'Enrollment is disabled on this manager.',
  hint: 'Enable it on the manager, in the <auth> of its ossec.conf, or enroll with another node. The token or password stays good.',
};

/** What was not liked is in the text alone. */
function ofInput(said: string, { name, ip }: RefusalContext): Refusal {
  if (/protocol-version|required header/i.test(said)) {
    return { code: 'INTERNAL', message: 'The manager misses a part of the request.' };
  }
  if (/newer/i.test(said)) {
    return { code: 'VERSION_REFUSED', message: 'The agent is newer than the manager allows.' };
  }
  if (/\bgroups?\b/i.test(said)) return { code: 'GROUP_UNKNOWN', message: 'The manager did not accept the groups.' };
  if (/\bname\b/i.test(said)) {
    return {
      code: 'NAME_REFUSED',
      message: `The manager did not accept ${name} as the name of an agent.`,
      hint: NAME_HINT,
    };
  }
  if (/\bip\b|\baddress\b/i.test(said)) {
    return { code: 'IP_REFUSED', message: `The manager did not accept the address ${ip} for this agent.` };
  }
  return { code: 'REQUEST_REFUSED', message: 'The manager did not accept what was asked for.' };
}
