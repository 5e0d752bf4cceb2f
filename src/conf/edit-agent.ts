import { bareHost, isSameHost } from '../model/zone.js';
import {
  breakBefore,
  type Change,
  element,
  filled,
  lastNamed,
  setChildren,
  textIn,
  UNIT,
  type Wanted,
} from './change.js';
import { type AgentEndpoint, DEFAULT_ENDPOINT, formatAgentEndpoint, parseEndpoint } from './endpoint.js';
import type { Element } from './shape.js';
import type { ConfTarget } from './target.js';

/**
 * Points the `<agent>` of a Wazuh 5 agent at a manager: its last `<manager>`, in the form that it has, and what is asked
 * for of its `<enrollment>`.
 *
 * @param agents every `<agent>` of the file, at least one
 */
export function changesOfAgent(text: string, agents: readonly Element[], target: ConfTarget): Change[] {
  const holder = agents.findLast((agent) => lastNamed(agent, 'manager') !== undefined);
  const manager = holder === undefined ? undefined : lastNamed(holder, 'manager');
  const enrollment = agents.map((agent) => lastNamed(agent, 'enrollment')).findLast((found) => found !== undefined);
  const [first] = agents;
  if (manager === undefined) {
    if (first === undefined) return [];
    const lines = enrollment === undefined ? agentLines(target) : managerLines(target);
    return [filled(text, first, lines), ...changesOfEnrollment(text, enrollment, target)];
  }
  return [
    ...changesOfManager(text, manager, target),
    ...(enrollment === undefined ? after(text, manager, enrollmentLines(target)) : []),
    ...changesOfEnrollment(text, enrollment, target),
  ];
}

/** What stands in an `<agent>` that is new. */
export function agentLines(target: ConfTarget): string[] {
  return [...managerLines(target), ...enrollmentLines(target)];
}

function managerLines(target: ConfTarget): string[] {
  const endpoint = formatAgentEndpoint(endpointOf(target, undefined));
  return ['<manager>', `${UNIT}${element('endpoint', endpoint)}`, '</manager>'];
}

function enrollmentLines(target: ConfTarget): string[] {
  const parts = wantedOfEnrollment(target).map(([name, value]) => `${UNIT}${element(name, value)}`);
  return parts.length === 0 ? [] : ['<enrollment>', ...parts, '</enrollment>'];
}

function wantedOfEnrollment({ enrollment: { name, groups } = {} }: ConfTarget): Wanted[] {
  return [
    ...(name === undefined ? [] : [['agent_name', name] as const]),
    ...(groups === undefined ? [] : [['groups', groups.join(',')] as const]),
  ];
}

function changesOfEnrollment(text: string, enrollment: Element | undefined, target: ConfTarget): Change[] {
  const wanted = wantedOfEnrollment(target);
  return enrollment === undefined || wanted.length === 0 ? [] : setChildren(text, enrollment, wanted, 'exact');
}

function changesOfManager(text: string, manager: Element, target: ConfTarget): Change[] {
  const endpoint = lastNamed(manager, 'endpoint');
  const address = lastNamed(manager, 'address');
  if (endpoint === undefined && address !== undefined) return changesOfAddress(text, manager, target);
  const present = endpoint === undefined ? '' : textIn(text, endpoint);
  const current = parseEndpoint(present);
  const wanted = endpointOf(target, current);
  if (current !== undefined && isSameEndpoint(current, wanted)) return [];
  const scheme = /^https:\/\//.exec(present)?.[0] ?? '';
  return setChildren(text, manager, [['endpoint', `${scheme}${formatAgentEndpoint(wanted)}`]], 'exact');
}

/** The form before the endpoint, which has no place for a prefix. */
function changesOfAddress(text: string, manager: Element, target: ConfTarget): Change[] {
  const { https, host } = target;
  if (https !== undefined && https.prefix !== DEFAULT_ENDPOINT.prefix) {
    return setChildren(text, manager, [['endpoint', formatAgentEndpoint(endpointOf(target, undefined))]], 'exact');
  }
  const hasPort = lastNamed(manager, 'port') !== undefined;
  const port = https?.port ?? (isSameHost(host, addressIn(text, manager)) ? undefined : DEFAULT_ENDPOINT.port);
  const isNews = port !== undefined && (hasPort || port !== DEFAULT_ENDPOINT.port);
  return setChildren(text, manager, [['address', host], ...(isNews ? [['port', String(port)] as const] : [])]);
}

function addressIn(text: string, manager: Element): string {
  const address = lastNamed(manager, 'address');
  return address === undefined ? '' : textIn(text, address);
}

function endpointOf({ host, https }: ConfTarget, current: AgentEndpoint | undefined): AgentEndpoint {
  const name = bareHost(host);
  const here = current !== undefined && isSameHost(current.host, name) ? current : undefined;
  const zone = host === name ? here?.zone : host.slice(name.length + 1);
  const { port, prefix } = https ?? here ?? DEFAULT_ENDPOINT;
  return { host: name, ...(zone === undefined ? {} : { zone }), port, prefix };
}

function isSameEndpoint(one: AgentEndpoint, other: AgentEndpoint): boolean {
  const { zone, port, prefix } = other;
  return isSameHost(one.host, other.host) && one.zone === zone && one.port === port && one.prefix === prefix;
}

/** Puts lines after an element, as it stands itself. */
function after(text: string, { whole }: Element, lines: readonly string[]): Change[] {
  if (lines.length === 0) return [];
  const own = breakBefore(text, whole.start);
  const block = lines.map((line) => (own === '' ? line.trim() : `${own}${line}`)).join('');
  return [{ start: whole.end, end: whole.end, text: block }];
}
