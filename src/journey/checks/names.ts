import { EnrollError } from '../../errors.js';
import { type Route, routingTable } from '../../host/route.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import { printable } from '../../model/printable.js';
import { proxyFor } from '../../net/proxy.js';
import type { Journey } from '../context.js';
import { broken, type CheckId, type Finding, right, untold, wrong } from './finding.js';
import type { LinkLook } from './link-look.js';

/** The addresses of one manager, and the ways to them. */
export interface NameLook {
  readonly endpoint: Endpoint;
  /** Those that this host has a way to. */
  readonly routes: readonly Route[];
  /** Of several addresses, those that take connections on the agent port over TCP; absent: not tried. */
  readonly answering?: readonly string[];
  /** Why there is no address, or no way. */
  readonly error?: EnrollError;
  /** A proxy finds the addresses. */
  readonly proxied?: true;
}

/** How long an address may take to answer, in milliseconds. */
const ANSWER_MS = 3000;

/** Looks up the name of a manager, and asks the routing table for the ways to it. */
export async function lookAtName({ settings, edge, signal }: Journey, endpoint: Endpoint): Promise<NameLook> {
  if (proxyFor(endpoint, settings.proxy) !== undefined) return { endpoint, routes: [], proxied: true };
  const { timeoutMs } = settings;
  try {
    const routes = await routingTable(timeoutMs, edge.lookup)(endpoint, signal);
    if (routes.length === 1) return { endpoint, routes };
    const dial = edge.dial(Math.min(ANSWER_MS, timeoutMs));
    const tried = await Promise.all(
      routes.map(async ({ manager }) => {
        const socket = await dial({ host: manager, port: endpoint.port }, signal).catch(() => undefined);
        socket?.destroy();
        return socket === undefined ? [] : [manager];
      }),
    );
    return { endpoint, routes, answering: tried.flat() };
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    return { endpoint, routes: [], error: thrown };
  }
}

/** Whether the managers' names lead to addresses. */
export function managerName(looks: readonly NameLook[], look: LinkLook, cause: CheckId | undefined): Finding {
  const lost = looks.filter(({ error }) => error?.code === 'HOST_UNRESOLVED');
  const found = looks.filter((each) => !lost.includes(each)).map(inWords);
  const [first] = lost;
  if (first?.error !== undefined) {
    const detail = [...lost.map(({ error }) => error?.message), ...found].join(' ');
    if (cause !== 'manager-name' || look.kind !== 'failed') return wrong('manager-name', detail, first.error.hint);
    return { id: 'manager-name', ok: false, detail, hint: first.error.hint, error: look.error };
  }
  // The handshake could not resolve it, and this look could: it comes and goes.
  if (cause === 'manager-name' && look.kind === 'failed') return broken('manager-name', look.error);
  return right('manager-name', found.join(' '));
}

function inWords({ endpoint: { host }, routes, answering, proxied }: NameLook): string {
  if (proxied) return `${printable(host)} is reached through the proxy, which finds its address.`;
  const addresses = routes.map(({ manager }) => manager);
  if (addresses.length === 0) return `${printable(host)} has an address.`;
  if (addresses.length === 1 && addresses[0] === host) return `${host} is an address.`;
  const each = addresses.map((address) =>
    answering === undefined || answering.length === 0
      ? address
      : `${address} (${answering.includes(address) ? 'answers' : 'no answer'} on the agent port over TCP)`,
  );
  return `${printable(host)} is ${each.join(', ')}.`;
}

/** Whether this host has a way to the managers, and from which of its addresses it speaks. */
export function route(looks: readonly NameLook[]): Finding {
  const cut = looks.filter(({ error }) => error !== undefined && error.code !== 'HOST_UNRESOLVED');
  const [first] = cut;
  if (first?.error !== undefined) {
    return wrong('route', cut.map(({ error }) => error?.message).join(' '), first.error.hint);
  }
  const ways = looks.flatMap(({ endpoint, routes: [best] }) =>
    best === undefined ? [] : [`${formatEndpoint(endpoint)} from ${best.local}`],
  );
  if (ways.length > 0) return right('route', `This host reaches ${ways.join(', ')}.`);
  return looks.some(({ proxied }) => proxied)
    ? untold('route', 'A proxy speaks in the place of this host.')
    : untold('route', "Not looked at: the manager's name has no address.");
}
