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
  /** Gives it once, also while it is still being opened, and then makes others. */
  readonly dial: Dial;
  /** Ends it where nobody has taken it. */
  close(): void;
}

/** To learn whether a port is open, without losing what that took. */
export function firstConnection(dial: Dial): FirstConnection {
  let opening: Promise<Socket> | undefined;
  return {
    async open(endpoint, signal) {
      opening = dial(endpoint, signal);
      // It may end before anybody listens to it.
      (await opening).on('error', () => {});
    },
    dial: async (endpoint, signal) => {
      const taken = opening;
      opening = undefined;
      const socket = await taken;
      return socket === undefined || socket.destroyed ? await dial(endpoint, signal) : socket;
    },
    close: () => {
      opening?.then(
        (socket) => socket.destroy(),
        () => {},
      );
    },
  };
}
