import type { ChildProcess, spawn } from 'node:child_process';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { isObject } from '../model/json.js';
import type { Lookup } from './lookup.js';

/** Node.js, to be started beside this process. */
export interface Runtime {
  /** Its path. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

// It goes when its parent does, and waits for no look-up either.
const CODE = `
const { lookup } = require('node:dns');
process.on('message', ({ id, host, hints }) =>
  lookup(host, { all: true, hints }, (error, found) => process.send({ id, found, code: error?.code }, () => {})));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));`;

/** A look-up under way. */
interface Asked {
  readonly found: (addresses: readonly LookupAddress[]) => void;
  readonly failed: (error: Error) => void;
}

/**
 * The system's look-up in a process of its own, which is started with the first name. A look-up cannot be cancelled, and
 * a process ends no sooner than the look-ups in it: this way it is another process that is held up.
 *
 * @param otherwise is asked where no process can be started, and about addresses
 */
export function lookupProcess({ program, environment }: Runtime, otherwise: Lookup): Lookup {
  const asked = new Map<number, Asked>();
  let child: ChildProcess | undefined;
  let last = 0;

  const gone = () => {
    child = undefined;
    for (const { failed } of asked.values()) failed(new Error('the process that looks names up has ended'));
    asked.clear();
  };
  const start = (spawns: typeof spawn): ChildProcess => {
    // What is meant for this process is not for that one.
    const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !/^NODE_/i.test(name)));
    const started = spawns(program, ['-e', CODE], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env,
      windowsHide: true,
    });
    started.on('message', (message: unknown) => {
      const { id, found, code } = isObject(message) ? message : {};
      const question = typeof id === 'number' ? asked.get(id) : undefined;
      if (question === undefined || typeof id !== 'number') return;
      asked.delete(id);
      if (asked.size === 0) started.channel?.unref();
      if (Array.isArray(found)) question.found(found.flatMap(addressOf));
      else question.failed(Object.assign(new Error('the look-up failed'), { code }));
    });
    started.once('error', gone);
    started.once('exit', gone);
    started.unref();
    return started;
  };

  return async (host) => {
    // Nobody needs to be asked about an address.
    if (isIP(host) !== 0) return await otherwise(host);
    const [{ spawn }, { ADDRCONFIG }] = await Promise.all([import('node:child_process'), import('node:dns')]);
    child ??= start(spawn);
    const { channel, pid } = child;
    if (pid === undefined || channel === undefined || channel === null) return await otherwise(host);
    const { promise, found, failed } = question();
    last += 1;
    asked.set(last, { found, failed });
    channel.ref();
    child.send({ id: last, host, hints: process.platform === 'win32' ? 0 : ADDRCONFIG }, (error) => {
      if (error !== null) failed(error);
    });
    return await promise;
  };
}

function question(): Asked & { readonly promise: Promise<readonly LookupAddress[]> } {
  let found: Asked['found'] = () => {};
  let failed: Asked['failed'] = () => {};
  const promise = new Promise<readonly LookupAddress[]>((resolve, reject) => {
    found = resolve;
    failed = reject;
  });
  return { promise, found, failed };
}

function addressOf(given: unknown): LookupAddress[] {
  if (!isObject(given)) return [];
  const { address, family } = given;
  return typeof address === 'string' && typeof family === 'number' ? [{ address, family }] : [];
}
