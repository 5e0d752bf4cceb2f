import { MEANINGS } from '../../errors.js';
import type { Conclusion, LinkEvidence } from '../link-evidence.js';
import type { HandshakeRequest } from './handshake-request.js';

/** What to do about it: which line to look for in the manager's log, and what each of them means. */
export function hintFor(request: HandshakeRequest, { conclusion, tcp, udp }: LinkEvidence): string {
  switch (conclusion.kind) {
    case 'remoted':
    case 'refused-message':
      return `${inTheLog(request)} ${UNKNOWN}; ${WRONG_KEY}; ${counter(request)}. A manager needs some seconds to load a new key: --wait gives it longer.`;
    case 'silent-udp':
      return `Check that UDP gets through to port ${request.endpoint.port}: if it does, there is a line for each message. ${inTheLog(request)} ${UNKNOWN}; ${WRONG_KEY}; ${counter(request)}. An OSSEC manager that says Invalid ID of an agent that is in its client.keys has missed the second in which it was added: touch etc/client.keys there.${cipherToo(request)}`;
    case 'closes':
      return 'Check that the manager behind it runs, and what the balancer, forwarder or firewall says of it. Nothing here tells whether the key is good.';
    case 'other-service':
      return portHint(conclusion, request);
    case 'unresolved':
      return MEANINGS.HOST_UNRESOLVED.hint;
    case 'closed':
      return MEANINGS.LINK_PORT_CLOSED.hint;
    case 'silent':
      return tcp?.last === 'silent' && udp?.last !== 'silent'
        ? `Something takes connections there and does not speak. ${MEANINGS.LINK_SILENT.hint}`
        : MEANINGS.LINK_SILENT.hint;
  }
}

// The lines of remoted (OSSEC 4.3, Wazuh 4.14), which are the same in all versions.
const UNKNOWN = '"(1408): Invalid ID": the agent is not in client.keys there, or with another address';
const WRONG_KEY =
  '"(1404): Authentication error" or "(1403): Incorrectly formatted message": the key or the cipher differs';

function inTheLog({ record }: HandshakeRequest): string {
  return `Look into the manager's log (ossec.log) for agent ${record.id} and for this host's address:`;
}

function counter({ record }: HandshakeRequest): string {
  return `"(1407): Duplicated counter": the key was restored and its counter is behind, so restore queue/rids/sender_counter along with it, or remove queue/rids/${record.id} on the manager and restart that`;
}

function cipherToo({ cipher }: HandshakeRequest): string {
  return cipher === 'aes' ? ' OSSEC before 4.0.0 has no AES: leave --cipher out.' : '';
}

function portHint({ service }: Extract<Conclusion, { kind: 'other-service' }>, { endpoint }: HandshakeRequest): string {
  const remoted = 'remoted listens on 1514 unless it was told otherwise';
  if (service === 'authd')
    return `Give the agent port with --port: ${remoted}. The enrollment port is --enrollment-port.`;
  return endpoint.port === 1514
    ? "Find out what runs on port 1514 there, and check the manager's address: this is the agent port of most managers."
    : `Check the manager's address and the agent port (--port): ${remoted}.`;
}
