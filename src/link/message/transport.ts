/** How messages travel to remoted. */
export type Protocol = 'tcp' | 'udp';

/**
 * What the handshake needs of a connection: whole messages in and out. Framing, sockets and proxies are the
 * transport's own affair, so the same handshake runs over TCP, UDP, a proxy and a test's in-memory pair.
 */
export interface Transport {
  readonly protocol: Protocol;
  /** This host's address on it; absent: not known, or not what the manager sees (a proxy). */
  readonly localAddress?: string | undefined;
  /** What arrived first, as it came and before it was taken for messages: it tells who is there. A few bytes at most. */
  readonly firstBytes: Uint8Array;
  /**
   * Sends one message, whole.
   * @param beforeTheEnd over TCP, what the last byte waits for
   * @throws EnrollError if the connection is gone
   */
  send(message: Uint8Array, beforeTheEnd?: () => Promise<unknown>): Promise<void>;
  /**
   * The next message, in the order of arrival; `undefined` once the manager has closed the connection (never on UDP).
   * @throws EnrollError if the connection broke, the frame is longer than the protocol allows, or `signal` was aborted
   */
  receive(signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Ends the connection. May be called more than once. */
  close(): void;
}

/**
 * Opens a transport.
 * @throws EnrollError with `HOST_UNRESOLVED`, `CONNECTION_REFUSED`, `CONNECTION_TIMED_OUT` or `CONNECTION_FAILED`
 */
export type OpenTransport = (protocol: Protocol, signal: AbortSignal) => Promise<Transport>;
