/** A process with some hosts of the fleet in it. It is told what to do by the process that started it. */
import { setTimeout as pause } from 'node:timers/promises';
import { hostOf } from './address.js';
import { type Fate, host, type Manager } from './host.js';
import type { Way } from './ways.js';

/** What a worker is told. */
export interface Work {
  readonly way: Way;
  readonly hosts: readonly number[];
  readonly manager: Manager;
  readonly homes: string;
  /** The first two numbers of these hosts' addresses. */
  readonly prefix: string;
  /** When all begin at once, in milliseconds since 1970. */
  readonly startAt: number;
}

/** What it answers. */
export interface Done {
  readonly fates: readonly Fate[];
  /** Of the hosts that came to nothing. */
  readonly errors: readonly string[];
}

process.once('message', async ({ way, hosts, manager, homes, prefix, startAt }: Work) => {
  await pause(Math.max(0, startAt - Date.now()));
  const ended = await Promise.allSettled(hosts.map((number) => host(hostOf(number, prefix), way, manager, homes)));
  const done: Done = {
    fates: ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    errors: ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
  };
  process.send?.(done, () => process.disconnect());
});
process.send?.('here');
