import { EnrollError, MEANINGS } from '../../errors.js';
import type { LinkEvidence } from '../../link/link-evidence.js';
import { seenInWords, strangerInWords } from '../../link/message/words.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { broken, type CheckId, type Finding, right, untold, wrong } from './finding.js';
import type { LinkLook } from './link-look.js';

const OSSEC_OR_FIREWALL = 'An OSSEC manager is silent like this to a key that it does not know, and so is a firewall.';

/** @param cause which check the link failed at */
export function agentPort(look: LinkLook, cause: CheckId | undefined): Finding {
  switch (look.kind) {
    case 'proved':
      return right(
        'agent-port',
        `${formatEndpoint(look.link.endpoint)} answers over ${look.link.protocol.toUpperCase()}.`,
      );
    case 'daemon':
      return right('agent-port', 'The agent daemon is connected to it.');
    case 'none':
      return untold('agent-port', look.why);
    case 'looked':
      return withoutKey(look);
    case 'failed':
      return failed(look, cause);
  }
}

function failed({ error, evidence, over }: Extract<LinkLook, { kind: 'failed' }>, cause: CheckId | undefined): Finding {
  if (cause === 'agent-port') {
    if (over === undefined) return broken('agent-port', error);
    const set = over === 'tcp' ? 'UDP' : 'TCP';
    const detail = `${error.message} Over ${over.toUpperCase()} the manager acknowledges this key, and ${set} alone is set.`;
    return broken('agent-port', new EnrollError(error.code, detail, { hint: otherProtocol(over), cause: error }));
  }
  if (evidence === undefined) return untold('agent-port', 'Not looked at: no message could be sent.');
  if (evidence.conclusion.kind === 'unresolved')
    return untold('agent-port', "Not looked at: the manager's name has no address.");
  const seen = seenInWords(evidence) ?? 'Nothing was seen.';
  return evidence.conclusion.kind === 'silent-udp'
    ? untold('agent-port', `${seen} ${OSSEC_OR_FIREWALL}`)
    : right('agent-port', seen);
}

function otherProtocol(over: 'tcp' | 'udp'): string {
  return `Set <protocol>${over}</protocol> in ossec.conf (and leave --protocol and WAZUH_PROTOCOL out), or let the manager take the other one: <remote><protocol> there.`;
}

function withoutKey({ at, evidence }: Extract<LinkLook, { kind: 'looked' }>): Finding {
  const where = formatEndpoint(at);
  const seen = seenInWords(evidence) ?? '';
  const { conclusion } = evidence;
  switch (conclusion.kind) {
    case 'closed':
      return wrong(
        'agent-port',
        `The agent port of the manager is closed (${where}). ${seen}`,
        MEANINGS.LINK_PORT_CLOSED.hint,
      );
    case 'silent':
      return wrong('agent-port', `Nothing answers on the agent port (${where}). ${seen}`, MEANINGS.LINK_SILENT.hint);
    case 'other-service':
      return wrong(
        'agent-port',
        `What answers on the agent port (${where}) is no manager: it is ${strangerInWords(conclusion)}.`,
        MEANINGS.LINK_OTHER_SERVICE.hint,
      );
    case 'unresolved':
      return untold('agent-port', "Not looked at: the manager's name has no address.");
    case 'silent-udp':
      return untold(
        'agent-port',
        `${where}: ${seen} An OSSEC manager takes UDP alone, and answers nobody without a key.`,
      );
    case 'closes':
      return untold('agent-port', `${where} takes connections. ${seen}`);
    case 'remoted':
    case 'refused-message':
      return right('agent-port', `${where} answers.`);
  }
}

/** Whether a manager's remoted is there, and by what that is known. */
export function remoted(look: LinkLook): Finding {
  switch (look.kind) {
    case 'proved':
      return right('remoted', 'It has acknowledged a message.');
    case 'daemon':
      return right('remoted', 'The agent daemon is connected to it.');
    case 'none':
      return untold('remoted', look.why);
    case 'looked':
    case 'failed':
      return remotedBy(look.evidence);
  }
}

function remotedBy(evidence: LinkEvidence | undefined): Finding {
  switch (evidence?.conclusion.kind) {
    case 'remoted':
      return right('remoted', `It ${BY[evidence.conclusion.by]}.`);
    case 'refused-message':
      return right(
        'remoted',
        'It is there: it closes a connection for a message with this key, and leaves an idle one open.',
      );
    case 'silent-udp':
      return untold('remoted', 'Not told: an OSSEC manager says nothing to an agent that it does not know.');
    case 'closes':
      return untold('remoted', 'Not told: connections are taken and closed.');
    default:
      return untold('remoted', 'Not looked at: nothing was reached.');
  }
}

const BY = {
  pong: 'answers #ping',
  answer: 'answers encrypted with this key',
  words: 'refuses this agent in words',
} as const;
