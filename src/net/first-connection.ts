import type { Socket } from 'node:net';
import type { Endpoint } from '../model/endpoint.js';
import type { Dial } from './connect.js';

/** A connection that is opened ahead of whoever needs it. */
export interface FirstConnection {
  /**
   * Opens it.
   * @throws as the dial does
   */
  open(endpoint: Endpoint, signal: AbortSignal): Promise<void>;
  /** Gives it once, and then makes others. */
  readonly dial: Dial;
  /** Ends it where nobody has taken it. */
  close(): void;
}

/** To learn whether a port is open, without losing what that took. */
export function firstConnection(dial: Dial): FirstConnection {
  let open: Socket | undefined;
  return {
    async open(endpoint, signal) {
      open = await dial(endpoint, signal);
      // It may end before anybody listens to it.
      open.on('error', () => {});
    },
    dial: async (endpoint, signal) => {
      const taken = open;
      open = undefined;
      return taken !== undefined && !taken.destroyed ? taken : await dial(endpoint, signal);
    },
    close: () => open?.destroy(),
  };
}
