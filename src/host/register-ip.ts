import ipaddr from 'ipaddr.js';
import type { HostAddress } from '../model/host.js';
import type { IpSetting } from './address-setting.js';
import { plainAddress, type Route } from './route.js';
import type { InterfaceAddress } from './system.js';

/** How long an address stays: assigned by hand, leased (DHCP, a router), a temporary one of IPv6, or not known. */
export type Lease = 'permanent' | 'leased' | 'temporary' | 'unknown';

/** What is known about the way from this host to the manager. */
export interface RoutingFacts extends Route {
  readonly addresses: readonly InterfaceAddress[];
  /** Whether this host is a container, whose addresses are good inside its own machine at most. */
  readonly container: boolean;
  readonly lease: Lease;
  /** The address of this host that the REST API sees, where that is not `local`. */
  readonly apiSees?: string;
  /** Another way that an agent may take, on which this host has another address. */
  readonly otherwise?: Route;
}

/**
 * The address that the manager is asked to write into the agent's record, and why. `auto` takes the fixed address only
 * where the manager certainly sees it (same link, or globally routable) and where it stays, because a manager that
 * sees another address than the record's drops every message in silence. A lease that is not known counts as none. Where
 * the key comes from a REST API elsewhere, that must be reached from the same address.
 *
 * @param facts absent where the way to the manager could not be found out, `proxied` where it leads through a proxy
 */
export function decideIp(asked: IpSetting, facts: RoutingFacts | 'proxied' | undefined): HostAddress {
  const local = typeof facts === 'object' ? { local: plainAddress(facts.local) } : {};
  switch (asked.kind) {
    case 'any':
      return { ...local, register: asked, why: 'any: as asked for' };
    case 'source':
      return { ...local, register: asked, why: 'the address that the manager sees: as asked for' };
    case 'address':
      return { ...local, register: asked, why: `${asked.address}: as asked for` };
    case 'auto':
      return { ...local, ...decideAuto(facts) };
  }
}

function decideAuto(facts: RoutingFacts | 'proxied' | undefined): Omit<HostAddress, 'local'> {
  const any = (reason: string) => ({ register: { kind: 'any', unasked: true }, why: `any: ${reason}` }) as const;
  if (facts === 'proxied') return any('the manager is reached through a proxy');
  if (facts === undefined) return any('the address by which this host reaches the manager is not known');
  const local = plainAddress(facts.local);
  const manager = plainAddress(facts.manager);
  if (!ipaddr.isValid(local) || !ipaddr.isValid(manager) || rangeOf(local) === 'unspecified') {
    return any('the address by which this host reaches the manager is not known');
  }
  if (local === manager || rangeOf(local) === 'loopback' || rangeOf(manager) === 'loopback') {
    return any('the manager is on this host');
  }
  if (facts.container) return any('this host is a container');
  if (rangeOf(local) === 'linkLocal') return any(`${local} holds on one link only`);
  const linked = onSameLink(local, manager, facts.addresses);
  const global = rangeOf(local) === 'unicast';
  if (!linked && !global) {
    return any(
      isPrivate(manager)
        ? `${local} and ${manager} are on different networks, and what lies between may translate addresses`
        : `${local} reaches ${manager} through address translation`,
    );
  }
  if (facts.apiSees !== undefined) {
    return any(`this host reaches the manager from ${local}, and its API from ${plainAddress(facts.apiSees)}`);
  }
  if (facts.otherwise !== undefined) {
    const { manager: other, local: seen } = facts.otherwise;
    return any(`this host reaches ${manager} from ${local}, and ${plainAddress(other)} from ${plainAddress(seen)}`);
  }
  if (facts.lease === 'leased') return any(`${local} is leased for a time`);
  if (facts.lease === 'temporary') return any(`${local} is a temporary address`);
  const reason = linked ? 'the manager is on the same network' : 'the address is globally routable';
  return { register: { kind: 'address', address: local }, why: `${local}: ${reason}` };
}

function rangeOf(address: string): string {
  return ipaddr.process(address).range();
}

function isPrivate(address: string): boolean {
  return ['private', 'uniqueLocal', 'carrierGradeNat', 'linkLocal'].includes(rangeOf(address));
}

function onSameLink(local: string, manager: string, addresses: readonly InterfaceAddress[]): boolean {
  const target = ipaddr.parse(manager);
  return addresses.some(({ address, prefix }) => {
    if (plainAddress(address) !== local) return false;
    const own = ipaddr.parse(local);
    return own.kind() === target.kind() && target.match(own, prefix);
  });
}
