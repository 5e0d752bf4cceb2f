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
export { type CheckedLink, check } from './check.js';
export { type JourneyEdge, nodeJourneyEdge } from './edge.js';
export { type Enrollment, enroll } from './enroll.js';
export { asEnrollError, EnrollError, type ErrorCode, EXIT, type ExitCode, MEANINGS } from './errors.js';
export type { JourneyEvent, Observe } from './events.js';
export { findAgent } from './host/agent-home.js';
export type { AgentInstallation, Host } from './host/host.js';
export { importKey } from './import.js';
export type { Journey } from './journey.js';
export type { AgentRecord } from './keystore/record.js';
export type { LinkProof } from './link/handshake.js';
export type { Endpoint, ManagerFamily } from './manager.js';
export type { TrustVerdict } from './net/trust.js';
export type { AgentKey, KeyRequest, KeySource } from './obtain/key-source.js';
export { emptyReport, type Report, withError, withEvent } from './report.js';
export { Secret } from './secret.js';
export { nodeSettingsEdge } from './settings/node-edge.js';
export type { Settings } from './settings/settings.js';
export { type Settled, settle } from './settings/settle.js';
