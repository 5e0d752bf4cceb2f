import type { Protocol } from './message/transport.js';

/** What an attempt over one protocol ended with. */
export type Ending =
  /** The port is closed: a refused connection, or the notice that a datagram did not get in. */
  | 'refused'
  /** No connection, no route. */
  | 'unreachable'
  | 'unresolved'
  /** The connection was taken, and closed without a byte. */
  | 'closed'
  /** Nothing came. */
  | 'silent';

/** What something that is no remoted speaks. `authd`: it is the enrollment port. `text`: it greets as mail and file servers do. */
export type Service = 'http' | 'ssh' | 'tls' | 'authd' | 'text' | 'unknown';

/** Something that answers and is no remoted. */
export interface Stranger {
  readonly service: Service;
  /** The first line of what it said, where that is text: printable, and cut to a sane length. */
  readonly said?: string;
}

/** What was seen of one protocol while the key was not acknowledged. */
export interface Sighting {
  /** What the last attempt that has ended came to; absent: none has. */
  readonly last?: Ending;
  /** What kept the last one from being made, in words. */
  readonly why?: string;
  /** How many attempts came to what. */
  readonly endings: Readonly<Partial<Record<Ending, number>>>;
  /** `then`: `#ping` was answered, and no longer at the end of the wait; `now`: at the end as well. Absent: never. */
  readonly pong?: 'then' | 'now';
  /** An answer came that is encrypted with this key, and no acknowledgement. */
  readonly answered: boolean;
  /**
   * How often in a row an idle connection stayed open until a whole message had arrived on it, and was then closed at
   * once without a byte: it was the message that was refused.
   */
  readonly refusals: number;
  readonly stranger?: Stranger;
}

/** What a handshake that was not acknowledged comes to. Only the first two prove that a manager refuses the key. */
export type Conclusion =
  /**
   * A remoted is there and does not acknowledge the key. `by`: what proves it: `pong`, at the beginning and at the end;
   * an `answer` that is encrypted with the key; a refusal in `words`.
   */
  | { readonly kind: 'remoted'; readonly by: 'pong' | 'answer' | 'words' }
  /** A remoted without `#pong` (Wazuh 3) that refuses the messages of this key, and they alone. */
  | { readonly kind: 'refused-message' }
  /** Connections are taken and closed in some other way: a balancer or forwarder without its manager, a firewall. */
  | { readonly kind: 'closes' }
  /** UDP is silent beside a refused TCP: an OSSEC that does not know the key, or a firewall. */
  | { readonly kind: 'silent-udp' }
  | ({ readonly kind: 'other-service'; readonly protocol: Protocol } & Stranger)
  /** The port is closed. */
  | { readonly kind: 'closed' }
  /** Nothing answers: no route, a firewall that drops, a connection that is taken and never answered. */
  | { readonly kind: 'silent' }
  /** The manager's name has no address, for as long as was waited. */
  | { readonly kind: 'unresolved' };

/** What a handshake that was not acknowledged has seen. */
export interface LinkEvidence {
  readonly conclusion: Conclusion;
  /** Absent: not tried. */
  readonly tcp?: Sighting;
  /** Absent: not tried. */
  readonly udp?: Sighting;
  /** From which address this host spoke to the manager, where that was direct. A NAT on the way may show it another one. */
  readonly localAddress?: string;
  /** Messages sent with the key. */
  readonly messages: number;
  /** How long an acknowledgement was waited for, in milliseconds. */
  readonly waitedMs: number;
}
