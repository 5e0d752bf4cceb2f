import { MEANINGS } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { pathAt } from '../../model/https-endpoint.js';
import { printable } from '../../model/printable.js';
import { LinkError } from '../link-error.js';
import type { Ending, LinkEvidence } from '../link-evidence.js';
import { addressMismatch } from '../message/address-mismatch.js';
import type { ProveRequest } from './prove-request.js';
import type { Attempt } from './sightings.js';

interface Meaning {
  readonly code: LinkError['code'];
  readonly message: string;
  readonly hint?: string;
  readonly said?: string;
}

/** What the last attempt is called where an error is thrown for it. */
export function linkError(request: ProveRequest, last: Attempt | undefined, evidence: LinkEvidence): LinkError {
  const { code, message, hint, said = '' } = meaningOf(request, last, evidence);
  const managerSaid = printable(said);
  const sentence = managerSaid === '' ? message : `${message} It said: "${managerSaid}".`;
  const mismatch = isOfTheKey(last) ? addressMismatch(request.record, evidence.localAddress) : undefined;
  return new LinkError(code, mismatch === undefined ? sentence : `${sentence} ${mismatch}`, evidence, {
    hint: hint ?? MEANINGS[code].hint,
    ...(managerSaid === '' ? {} : { managerSaid }),
  });
}

function isOfTheKey(last: Attempt | undefined): boolean {
  return last?.kind === 'unknown agent' || last?.kind === 'invalid signature';
}

function meaningOf(request: ProveRequest, last: Attempt | undefined, { waitedMs }: LinkEvidence): Meaning {
  const { manager, record } = request;
  const where = formatEndpoint(manager);
  const waited = `within ${Number((waitedMs / 1000).toFixed(1))} s`;
  switch (last?.kind) {
    case 'unknown agent':
      return {
        code: 'LINK_NOT_ACKNOWLEDGED',
        message: `The manager's remoted is there (${where}), but does not know agent ${record.id}: it did not acknowledge the key ${waited}.`,
        hint: `Look for agent ${record.id} in the manager's client.keys: it may have been removed, or this is another manager. A worker of a cluster needs about 10 s to learn a new key: --wait gives it longer.`,
        said: last.said,
      };
    case 'invalid signature':
      return {
        code: 'LINK_REFUSED',
        message: `The manager (${where}) knows agent ${record.id} and does not accept this key from this host ${waited}.`,
        hint: `Either agent ${record.id} has another key there by now, or it is registered with an address (${record.ip}) that is not the one which the manager sees: behind a NAT register it with --ip any. --force enrolls again.`,
        said: last.said,
      };
    case 'stale':
      return {
        code: 'LINK_REFUSED',
        message: `The manager's clock (${where}) and this host's are too far apart, so it accepts nothing that is signed here.`,
        hint: MEANINGS.CLOCK_REFUSED.hint,
        said: last.said,
      };
    case 'refused':
      return {
        code: 'LINK_REFUSED',
        message: `The manager (${where}) refuses this agent (${printable(last.which)}).`,
        said: last.said,
      };
    case 'accepted, not ready':
      return {
        code: 'LINK_NOT_READY',
        message: `The manager (${where}) accepted the key, but ${printable(last.missing)} is not available there, and it did not take the agent ${waited}.`,
      };
    case 'not ready':
      return {
        code: 'LINK_NOT_READY',
        message: `The manager (${where}) is there and took no request of an agent ${waited} (${printable(last.which)}).`,
        hint: 'Nothing here tells whether the key is good. Run agent-enroll check once the manager is ready; if it stays like this, look into its log (ossec.log).',
      };
    case 'version refused':
      return {
        code: 'VERSION_REFUSED',
        message: `The manager (${where}) accepted the key and refuses the version of the agent.`,
        hint: 'Upgrade the manager: it is older than the agents that it is to take.',
        said: last.said,
      };
    case 'pre-release':
      return {
        code: 'LINK_REFUSED',
        message: `The manager (${where}) is a pre-release of Wazuh 5 that signs with AES-CMAC, which nothing else speaks.`,
        hint: MEANINGS.MANAGER_UNSUPPORTED.hint,
        said: last.said,
      };
    case 'not understood':
      return {
        code: 'INTERNAL',
        message: `The manager (${where}) did not understand the request.`,
        said: last.said,
      };
    case 'stranger':
      return last.noRoute
        ? {
            code: 'LINK_OTHER_SERVICE',
            message: `${where} has nothing at ${pathAt(manager, 'control')}: it has another prefix, or it is older than Wazuh 5.`,
            hint: "Check the prefix and the port in the manager's address.",
          }
        : {
            code: 'LINK_OTHER_SERVICE',
            message: `What answers at ${where} is not the remoted of a Wazuh 5 (${printable(last.which)}).`,
            hint: MEANINGS.NOT_MANAGER.hint,
          };
    case 'unanswered':
      return unanswered(request, last.ending, last.why, waited);
    case undefined:
      return unanswered(request, 'silent', '', waited);
  }
}

const CHECK = 'Check that remoted runs on the manager, the port in its address, and the firewalls between.';

function unanswered({ manager }: ProveRequest, ending: Ending, why: string, waited: string): Meaning {
  const where = formatEndpoint(manager);
  switch (ending) {
    case 'refused':
      return { code: 'LINK_PORT_CLOSED', message: `The agent port of the manager is closed (${where}).`, hint: CHECK };
    case 'closed':
      return {
        code: 'LINK_SILENT',
        message: `The agent port (${where}) takes requests and closes the connection without an answer, and nothing acknowledged the key ${waited}.`,
        hint: 'Check that the manager behind it runs, and what a balancer, forwarder or firewall says of it. Nothing here tells whether the key is good.',
      };
    case 'unresolved':
      return {
        code: 'LINK_SILENT',
        message: `The manager was not reached: the name ${manager.host} could not be resolved ${waited}.`,
        hint: MEANINGS.HOST_UNRESOLVED.hint,
      };
    case 'unreachable':
    case 'silent':
      return {
        code: 'LINK_SILENT',
        message: `Nothing answered at the manager (${where}) ${waited}.${why === '' ? '' : ` ${why}`}`,
        hint: CHECK,
      };
  }
}
