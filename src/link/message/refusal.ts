import { formatEndpoint } from '../../model/endpoint.js';
import { LinkError } from '../link-error.js';
import type { HandshakeRequest } from './handshake-request.js';
import type { Sightings } from './sightings.js';
import type { Protocol } from './transport.js';

/** The error for a manager that knows the key and refuses the agent in words. */
export function refusedInWords(
  { endpoint }: HandshakeRequest,
  sightings: Sightings,
  { attempts, elapsedMs }: { readonly attempts: number; readonly elapsedMs: number },
  protocol: Protocol,
  words: string,
): LinkError {
  const code = /version/i.test(words) ? 'LINK_VERSION_REFUSED' : 'LINK_REFUSED';
  const message = `The manager (${formatEndpoint(endpoint)}) knows the key and refuses this agent: "${words}".`;
  sightings.noteAnswer(protocol);
  const seen = sightings.evidence({ authd: false, messages: attempts, waitedMs: elapsedMs });
  const evidence = { ...seen, conclusion: { kind: 'remoted', by: 'words' } } as const;
  return new LinkError(code, message, evidence, { managerSaid: words });
}
