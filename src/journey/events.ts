import type { EnrollError } from '../errors.js';
import type { AgentDaemon } from '../host/agent-daemon.js';
import type { LinkProof } from '../link/link-proof.js';
import type { Protocol } from '../link/message/transport.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Endpoint } from '../model/endpoint.js';
import type { Host } from '../model/host.js';
import type { SeenCertificate } from '../net/trust.js';
import type { AgentKey, Completion, Method } from '../obtain/key-source.js';
import type { Check } from './checks/finding.js';

/**
 * What happens on the journey, as facts. The command line makes its sentences of them, the JSON report its fields; a
 * program that uses the library may do neither.
 */
export type JourneyEvent =
  | { readonly kind: 'identified'; readonly host: Host; readonly manager: Endpoint }
  /** A key is there already, and is tried before anything else. */
  | { readonly kind: 'present'; readonly record: AgentRecord; readonly keysFile: string }
  /** A run that was killed had this key already, and had not put it in its place. */
  | { readonly kind: 'left'; readonly record: AgentRecord }
  /** The manager is there and does not acknowledge the key that is on this host; `why` this host enrolls again, in words. */
  | { readonly kind: 'rejected'; readonly record: AgentRecord; readonly why: string }
  /** Another run of this program has the agent's home. */
  | { readonly kind: 'waiting'; readonly pid: number }
  /** The first contact of a fleet is spread over a window; this host's turn comes then. */
  | { readonly kind: 'splaying'; readonly waitMs: number }
  /** By which way the key will be got, and what decided it, in words. */
  | { readonly kind: 'method'; readonly method: Method; readonly why: string }
  | { readonly kind: 'asking'; readonly method: Method; readonly endpoint: Endpoint; readonly name: string }
  /** The server that is asked has shown its certificate. */
  | { readonly kind: 'certificate'; readonly seen: SeenCertificate }
  /** No manager could be reached; another try follows. */
  | { readonly kind: 'retrying'; readonly error: EnrollError; readonly waitMs: number }
  | { readonly kind: 'obtained'; readonly key: AgentKey }
  /** A key that was given by hand was read. */
  | { readonly kind: 'imported'; readonly record: AgentRecord; readonly keysFile: string }
  | { readonly kind: 'installed'; readonly keysFile: string }
  /** The manager is asked to put the agent into these, now that its key is installed. */
  | { readonly kind: 'grouping'; readonly groups: readonly string[] }
  | ({ readonly kind: 'grouped' } & Completion)
  /** The agent's own configuration names the manager that was used. */
  | { readonly kind: 'configured'; readonly file: string; readonly changed: boolean }
  /** The key of this host was written for a backup; without a file, to standard output. */
  | { readonly kind: 'exported'; readonly record: AgentRecord; readonly file?: string }
  /** A manager's REST API is asked to delete this host's agent. */
  | { readonly kind: 'retiring'; readonly endpoint: Endpoint; readonly record: AgentRecord }
  /** What became of the agent at its manager. */
  | { readonly kind: 'retired'; readonly agent: Exclude<RetiredAgent, 'none'>; readonly record: AgentRecord }
  /** This host has no key, and so no agent that could be retired. */
  | { readonly kind: 'retired'; readonly agent: 'none'; readonly keysFile: string }
  /** The key was taken out of its place, and lies there now. */
  | { readonly kind: 'aside'; readonly file: string }
  | {
      readonly kind: 'proving';
      readonly endpoint: Endpoint;
      readonly waitMs: number;
      /** Present: by signed requests (Wazuh 5), and not by messages. */
      readonly https?: true;
    }
  | { readonly kind: 'attempt'; readonly number: number; readonly protocol: Protocol | 'https' }
  | { readonly kind: 'proved'; readonly proof: LinkProof }
  /** An agent daemon runs on this host, so its own word is taken instead of a test message. */
  | { readonly kind: 'daemon'; readonly daemon: AgentDaemon }
  /** All that `check` has looked at, in order. */
  | { readonly kind: 'checked'; readonly checks: readonly Check[] }
  | { readonly kind: 'warning'; readonly text: string };

/**
 * What became of a host's agent at its manager: it was deleted; it was not there (any more); another key has its id by now,
 * and that agent was left alone; nobody was asked to delete it; this host had none.
 */
export type RetiredAgent = 'deleted' | 'gone' | 'another' | 'not asked' | 'none';

/** Takes the events of a journey as they happen. */
export type Observe = (event: JourneyEvent) => void;
