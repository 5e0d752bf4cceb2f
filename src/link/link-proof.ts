import type { ManagerFamily } from '../model/endpoint.js';
import type { Protocol } from './message/transport.js';

/** That the manager answered a message encrypted with this key. */
export interface LinkProof {
  readonly protocol: Protocol;
  readonly cipher: 'aes' | 'blowfish';
  /** What the answer tells about the manager. */
  readonly family?: ManagerFamily;
  /** Messages sent until one was acknowledged. */
  readonly attempts: number;
  /** From the first message to the acknowledgement, milliseconds. */
  readonly ms: number;
  /** From which address this host spoke to the manager, where that was direct. */
  readonly localAddress?: string;
}
