import { EnrollError, type ErrorCode, type ErrorDetails } from '../../errors.js';
import type { Fault } from './answer.js';

/** A refusal, and what is needed to put it into words. */
export interface RefusalContext {
  readonly name: string;
  /** The field `ip` of the request; `undefined`: left out. */
  readonly ip: string | undefined;
  /** `host:port`. */
  readonly where: string;
  /** Makes a part of the answer fit to be shown. */
  readonly quote: (said: string) => string;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

const AUTHD_DOWN: Refusal = {
  code: 'MANAGER_FAULT',
  message: 'The API cannot add agents, because authd does not run on the manager.',
  hint: 'Start authd on the manager (<auth><disabled>no</disabled></auth> in its ossec.conf), and look into its log if it does not stay up.',
};

const SAME_ID: Refusal = {
  code: 'MANAGER_FAULT',
  message: 'The manager gave the agent an id that it had given already.',
  hint: "Try again. If it stays like this, look into the manager's client.keys and its log (ossec.log).",
};

const NAME_HINT = "Choose another name with --name: 2 to 128 letters, digits, '.', '_' and '-'.";

/**
 * The codes seen from 3.13.6, 4.0.4 to 4.14.7 and 5.0.0-beta4. 3.x has 9007, 9008 and 9012 where its authd runs, and
 * 1706, 1705 and 1708 where it does not.
 */
function explain(code: number, { name, ip, where }: RefusalContext): Refusal | undefined {
  switch (code) {
    case 1705:
    case 9008:
      return { code: 'NAME_DUPLICATE', message: `The manager already has an agent called ${name}.` };
    case 1706:
    case 9007:
      return {
        code: 'IP_DUPLICATE',
        message: `The manager has another agent with the address ${ip ?? 'of this host'}.`,
      };
    case 1708:
    case 9012:
      return SAME_ID;
    case 601:
      return {
        code: 'NAME_REFUSED',
        message: `The manager did not accept ${name} as the name of an agent.`,
        hint: NAME_HINT,
      };
    case 1738:
      return { code: 'NAME_REFUSED', message: `The name ${name} is too long for the manager.`, hint: NAME_HINT };
    case 606:
      return { code: 'IP_REFUSED', message: `The manager did not accept the address ${ip ?? 'of this host'}.` };
    case 800:
      return {
        code: 'IP_REFUSED',
        message: 'The API is behind a proxy that does not tell it the address of this host.',
        hint: 'Use --ip any, or give the address with --ip ADDRESS.',
      };
    case 1710:
      return { code: 'GROUP_UNKNOWN', message: 'The manager does not have this group.' };
    case 1726:
      return AUTHD_DOWN;
    case 1701:
    case 1703:
      return { code: 'REQUEST_REFUSED', message: 'The manager does not know the agent (any more).' };
    case 4000:
      return { code: 'API_PERMISSION_DENIED', message: 'The API user may not add agents.' };
    case 603:
      return { code: 'NOT_API', message: `${where} has no call to add an agent.` };
    case 604:
    case 607:
    case 6002:
      return {
        code: 'REQUEST_REFUSED',
        message: 'The API did not understand the request.',
        hint: 'Something between this host and the API may change what is sent. Look into api.log on the manager.',
      };
    default:
      return undefined;
  }
}

/** The error for a refusal. A code that nobody has seen before is shown with all that the API said. */
export function refusal(fault: Fault, context: RefusalContext): EnrollError {
  const { status, code, said } = fault;
  const managerSaid = context.quote(said);
  const known = (code === undefined ? undefined : explain(code, context)) ?? byStatus(fault, context);
  const which = code === undefined ? `HTTP ${status}` : `error ${code}`;
  const { hint, message } = known;
  const details: ErrorDetails = {
    ...(managerSaid === '' ? {} : { managerSaid }),
    ...(hint === undefined ? {} : { hint }),
  };
  const quoted = managerSaid === '' ? ` (${which}).` : ` It said: "${managerSaid}" (${which}).`;
  return new EnrollError(known.code, `${managerSaid === '' ? message.replace(/\.$/, '') : message}${quoted}`, details);
}

function byStatus({ status, said }: Fault, { name, ip, where }: RefusalContext): Refusal {
  // The schema of 4.x: "'10.1.0.0/16' is not a 'alphanumeric' - 'ip'".
  const field = status === 400 ? / - '(ip|name)'/.exec(said)?.[1] : undefined;
  if (field === 'ip') {
    return { code: 'IP_REFUSED', message: `The API did not accept the address ${ip ?? 'of this host'}.` };
  }
  if (field === 'name') {
    return {
      code: 'NAME_REFUSED',
      message: `The API did not accept ${name} as the name of an agent.`,
      hint: NAME_HINT,
    };
  }
  if (status === 404 || status === 405) return { code: 'NOT_API', message: `${where} has no call to add an agent.` };
  return {
    code: 'REQUEST_REFUSED',
    message: 'The API refused the request.',
    hint: 'Look into api.log and ossec.log on the manager for the reason.',
  };
}
