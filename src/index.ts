/**
 * The library: the journey from "no key" to "the manager answered", without the command line. It never prints, never
 * ends the process, and reads neither arguments nor the environment.
 *
 * @example
 * import { enroll, findAgent, nodeJourneyEdge, nodeSettingsEdge, settle } from 'agent-enroll';
 *
 * const edge = nodeJourneyEdge({});
 * const agent = await findAgent({}, edge.system);
 * const flags = new Map([['manager', 'siem.example.org']]);
 * const { settings } = await settle({ command: 'enroll', flags, environment: {}, agent, edge: nodeSettingsEdge });
 * const { record } = await enroll({ settings, agent, edge, observe: () => {}, signal: new AbortController().signal });
 */

export { asEnrollError, EnrollError, type ErrorCode, EXIT, type ExitCode, MEANINGS } from './errors.js';
export { findAgent } from './host/agent-home.js';
export { type CheckedLink, check } from './journey/check.js';
export type { Journey } from './journey/context.js';
export { type Enrollment, enroll } from './journey/enroll.js';
export type { JourneyEvent, Observe } from './journey/events.js';
export { importKey } from './journey/import.js';
export { type JourneyEdge, nodeJourneyEdge } from './journey/journey-edge.js';
export { emptyReport, type Report, withError, withEvent } from './journey/report.js';
export type { LinkProof } from './link/link-proof.js';
export type { AgentRecord } from './model/agent-record.js';
export type { Endpoint, ManagerFamily } from './model/endpoint.js';
export type { AgentInstallation, Host } from './model/host.js';
export { Secret } from './model/secret.js';
export type { TrustVerdict } from './net/trust.js';
export type { AgentKey, Completion, KeyRequest, KeySource } from './obtain/key-source.js';
export type { Settings } from './settings/settings.js';
export { nodeSettingsEdge } from './settings/settings-edge.js';
export { type Settled, settle } from './settings/settle.js';
