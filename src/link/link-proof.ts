import type { ManagerFamily } from '../model/endpoint.js';
import type { Protocol } from './message/transport.js';

/** That the manager answered a message encrypted with this key, or a request signed with it. */
export type LinkProof = MessageProof | HttpsProof;

/** By the message protocol: OSSEC, Wazuh 3 and 4. */
export interface MessageProof extends Answered {
  readonly protocol: Protocol;
  readonly cipher: 'aes' | 'blowfish';
}

/** By a signed request: Wazuh 5. */
export interface HttpsProof extends Answered {
  readonly protocol: 'https';
  readonly cipher?: never;
}

interface Answered {
  /** What the answer tells about the manager. */
  readonly family?: ManagerFamily;
  /** Messages or requests sent until one was acknowledged. */
  readonly attempts: number;
  /** From the first message to the acknowledgement, milliseconds. */
  readonly ms: number;
  /** From which address this host spoke to the manager, where that was direct. */
  readonly localAddress?: string;
}
