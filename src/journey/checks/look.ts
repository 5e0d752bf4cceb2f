import { asEnrollError, EnrollError } from '../../errors.js';
import type { MachineVerdict } from '../../host/binding.js';
import { installedAccess } from '../../keystore/installed.js';
import { linksOf, NOTHING_KNOWN, type Notes } from '../../keystore/notes/notes.js';
import { readNotes } from '../../keystore/notes/notes-file.js';
import { lookAtCounter } from '../../keystore/sender-counter.js';
import { addressMismatch } from '../../link/message/address-mismatch.js';
import type { AgentRecord } from '../../model/agent-record.js';
import { type Endpoint, endpointKey, formatEndpoint } from '../../model/endpoint.js';
import type { ManagerSettings } from '../../settings/settings.js';
import type { Journey } from '../context.js';
import { requireConnected, runningDaemon } from '../daemon-word.js';
import { checkBinding } from '../machine-binding.js';
import { address } from './address.js';
import { agentPort, remoted } from './agent-port.js';
import { api, clock, lookAtApi } from './api.js';
import { causeOf } from './cause.js';
import { type CounterFacts, counter, isLost } from './counter.js';
import { agentLog, type DaemonLook, daemon, lookAtLog } from './daemon.js';
import { enrollment, lookAtService } from './enrollment.js';
import { broken, type CheckId, type Finding, untold } from './finding.js';
import { key, version } from './key.js';
import { keyAccess, lookAtKey } from './key-file.js';
import { type LinkLook, lookWithoutKey, tryLink } from './link-look.js';
import { machine } from './machine.js';
import { lookAtName, managerName, type NameLook, route } from './names.js';
import { lookAtConf, ossecConf } from './ossec-conf.js';

/** What lies on this host. */
interface Here {
  readonly record: AgentRecord | undefined;
  readonly notes: Notes;
  readonly verdict: MachineVerdict | undefined;
  readonly daemon: DaemonLook;
  readonly counter: CounterFacts;
}

/** What it all came to. */
export interface Seen {
  readonly link: LinkLook;
  /** `undefined`: there is no key. */
  readonly record: AgentRecord | undefined;
}

/** Beside the proof nothing is waited for longer, in milliseconds. */
const BESIDE_MS = 5000;

/**
 * Looks at all that a host needs to appear at its manager: first at what lies here, then, side by side, at the link, the
 * names, the services and the agent's own word.
 *
 * @param told is given each finding as soon as it is certain
 * @throws EnrollError the reason of the signal
 */
export async function lookAtAll(journey: Journey, told: (...findings: Finding[]) => void): Promise<Seen> {
  const { settings, agent, edge } = journey;
  const { managers, unsettled } = settings;
  const here = await lookHere(journey, told);
  const beside = { ...journey, settings: { ...settings, timeoutMs: Math.min(settings.timeoutMs, BESIDE_MS) } };
  const conf = lookAtConf(agent, edge).then((look) => told(ossecConf(agent, look, managers)));
  const log = lookAtLog(agent, edge).then((look) =>
    told(daemon(agent, here.daemon, look), agentLog(agent, look, here.daemon)),
  );
  const rest = lookAtApi(beside).then((look) => told(api(look), clock(look)));
  const service = lookAtServices(beside, here.notes).then(told);
  const names = Promise.all(managers.map((manager) => lookAtName(beside, manager.agent)));
  const [link, found] = await Promise.all([lookAtLink(journey, here), names, conf, log, rest, service]);
  if (unsettled?.managers === undefined) told(...linkFindings(journey, here, link, found));
  else told(...withoutManager(unsettled.managers));
  return { link, record: here.record };
}

async function lookHere(journey: Journey, told: (...findings: Finding[]) => void): Promise<Here> {
  const { settings, agent, edge, observe, signal } = journey;
  const { file, finding } = await lookAtKey(agent, edge);
  const record = file?.record;
  if (record !== undefined) observe({ kind: 'present', record, keysFile: agent.keysFile });
  if (file?.tooWide !== undefined) {
    observe({ kind: 'warning', text: `${file.tooWide} Run agent-enroll to set this right.` });
  }
  told(finding, keyAccess(agent, await installedAccess(agent, edge.disk)));
  const notes = await readNotes(agent, edge.disk).catch(() => NOTHING_KNOWN);
  const verdict =
    record === undefined || !settings.machineBinding ? undefined : await checkBinding(notes, record, edge, signal);
  told(machine(agent, record, verdict));
  return {
    record,
    notes,
    verdict,
    daemon: await lookAtDaemon(journey, notes, record),
    counter: await counterFacts(journey, notes, record),
  };
}

async function lookAtDaemon(journey: Journey, notes: Notes, record: AgentRecord | undefined): Promise<DaemonLook> {
  const running = await runningDaemon(journey);
  if (running === undefined || record === undefined) return { daemon: running };
  try {
    await requireConnected(journey, notes, running);
    return { daemon: running };
  } catch (thrown) {
    return { daemon: running, error: asEnrollError(thrown) };
  }
}

async function counterFacts(
  { agent, edge }: Journey,
  { acknowledged }: Notes,
  record: AgentRecord | undefined,
): Promise<CounterFacts> {
  const usedBefore = record !== undefined && acknowledged === `${record.id} ${record.name}`;
  try {
    return { look: await lookAtCounter(agent, edge.disk), usedBefore };
  } catch (thrown) {
    return { look: undefined, error: asEnrollError(thrown), usedBefore };
  }
}

async function lookAtLink(journey: Journey, here: Here): Promise<LinkLook> {
  const { settings } = journey;
  const { record, notes, verdict, daemon: running } = here;
  const [first] = settings.managers;
  if (first === undefined) return { kind: 'none', why: 'Not looked at: no manager is named.' };
  if (verdict === 'other') return { kind: 'none', why: 'Not looked at: the key is that of another machine.' };
  if (record === undefined) return await lookWithoutKey(journey, first, 'Not tested: there is no key to be used.');
  if (running.daemon === undefined) {
    return await tryLink(journey, { record, notes, waitMs: settings.waitMs, links: linksOf(notes, record) });
  }
  if (running.error === undefined) return { kind: 'daemon', daemon: running.daemon };
  return await lookWithoutKey(
    journey,
    first,
    'Not tested: no test message is sent beside an agent daemon, whose counters and connection it would disturb.',
  );
}

async function lookAtServices({ settings, ...journey }: Journey, notes: Notes): Promise<Finding> {
  const fault = settings.unsettled?.enrollment;
  if (fault !== undefined) return { id: 'enrollment', ok: false, detail: fault.message, hint: fault.hint };
  const endpoints = new Map<string, Endpoint>(
    settings.managers.map((manager) => enrollmentOf(manager, notes)).map((each) => [formatEndpoint(each), each]),
  );
  if (endpoints.size === 0) return untold('enrollment', 'Not looked at: no manager is named.');
  const looks = [...endpoints.values()].map((endpoint) => lookAtService({ ...journey, settings }, endpoint, notes));
  return enrollment(await Promise.all(looks));
}

/** Where a manager gives keys: a Wazuh 5 at the port that it takes its agents at. */
function enrollmentOf({ https, agent, enrollment: authd }: ManagerSettings, { links }: Notes): Endpoint {
  const worked = links.get(endpointKey(agent));
  if (https !== undefined) return https;
  return worked?.protocol === 'https' ? { host: agent.host, port: worked.port } : authd;
}

function linkFindings(
  { agent, edge }: Journey,
  here: Here,
  link: LinkLook,
  names: readonly NameLook[],
): readonly Finding[] {
  const { record } = here;
  const local = localAddress(link) ?? names[0]?.routes[0]?.local;
  const mismatch = record !== undefined && addressMismatch(record, local) !== undefined;
  const cause = causeHere(link, here, mismatch);
  const own = edge.system.addresses().map((each) => each.address);
  return [
    managerName(names, link, cause),
    route(names),
    agentPort(link, cause),
    remoted(link),
    address({ record, local, own }, link, cause),
    version(agent, link, cause),
    counter(agent, record, here.counter, link, cause),
    key({ record, usedBefore: here.counter.usedBefore }, link, cause),
  ];
}

function localAddress(link: LinkLook): string | undefined {
  switch (link.kind) {
    case 'proved':
      return link.link.localAddress;
    case 'failed':
    case 'looked':
      return link.evidence?.localAddress;
    default:
      return undefined;
  }
}

/** Which check the link failed at; `undefined`: it did not, or nothing of it was seen. */
function causeHere(link: LinkLook, here: Here, mismatch: boolean): CheckId | undefined {
  const suspicions = { address: mismatch, counter: isLost(here.counter) };
  if (link.kind === 'failed') {
    if (link.evidence !== undefined) return causeOf(link.error.code, link.evidence, suspicions);
    // A proxy stands in the way of the port; anything else kept messages from being sent.
    return isOfProxy(link.error.cause) ? 'agent-port' : undefined;
  }
  // A daemon that the manager does not take: the address explains it.
  const refused = here.daemon.error?.code === 'AGENT_NOT_CONNECTED';
  return link.kind === 'looked' && link.evidence.conclusion.kind === 'remoted' && refused && mismatch
    ? 'address'
    : undefined;
}

function isOfProxy(cause: unknown): boolean {
  return cause instanceof EnrollError && cause.code.includes('PROXY');
}

function withoutManager(fault: EnrollError): readonly Finding[] {
  const others = ['route', 'agent-port', 'remoted', 'address', 'version', 'counter', 'key'] as const;
  return [broken('manager-name', fault), ...others.map((id) => untold(id, 'Not looked at: no manager is named.'))];
}
