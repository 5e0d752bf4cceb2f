import type { Protocol } from '../link/message/transport.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { printable } from '../model/printable.js';
import type { AgentState, AgentView } from './agent-table.js';

/** The services of the sandbox. */
export type Service = 'authd' | 'remoted' | 'api';

/** Why authd closes a connection without a word, or leaves it without one. */
export type SilentReason =
  | 'password'
  | 'malformed'
  | 'no client certificate'
  | 'foreign client certificate'
  | 'timeout'
  | 'died';

/** Why remoted drops a message. */
export type DropReason =
  | 'unknown source'
  | 'unknown id'
  | 'address not allowed'
  | 'malformed'
  | 'wrong key'
  | 'old counter'
  | 'key in use'
  | 'frame too long'
  | 'lost connection'
  | 'invalid control message';

/** What kind of message an agent sent. */
export type MessageKind = 'startup' | 'keepalive' | 'shutdown' | 'control' | 'event';

/** What a request to a Wazuh 5 manager showed of itself, whether it was accepted or not. */
export type CredentialKind = 'none' | 'password' | 'token' | 're-enrollment secret' | 'agent key' | 'unreadable';

/** Everything that happens in the sandbox. No event holds a key, a password or a token. */
export type SandboxEvent =
  | { readonly type: 'listening'; readonly service: Service; readonly endpoint: Endpoint; readonly over: string }
  /** Its port is closed. `by itself`: remoted found no agent in client.keys. */
  | { readonly type: 'stopped'; readonly service: Service; readonly how: 'by request' | 'by itself' }
  | { readonly type: 'connection'; readonly service: Service; readonly from: Endpoint }
  /** remoted took a connection and lost it: it is neither answered nor closed. */
  | { readonly type: 'connection lost'; readonly from: Endpoint }
  /** There was no room for it. */
  | { readonly type: 'connection reset'; readonly service: Service; readonly from: Endpoint }
  | { readonly type: 'handshake failed'; readonly service: Service; readonly from: Endpoint; readonly why: string }
  | {
      readonly type: 'request';
      readonly from: Endpoint;
      readonly name: string;
      readonly groups: readonly string[];
      readonly ip?: string;
      readonly version?: string;
      readonly hadPassword: boolean;
      readonly hadKeyHash: boolean;
    }
  /** `text` is what authd answered, with the key left out. */
  | { readonly type: 'reply'; readonly to: Endpoint; readonly text: string }
  | { readonly type: 'closed silently'; readonly from: Endpoint; readonly why: SilentReason }
  | { readonly type: 'left waiting'; readonly from: Endpoint }
  | { readonly type: 'registered'; readonly agent: AgentView }
  | { readonly type: 'replaced'; readonly agent: AgentView; readonly old: AgentView }
  | { readonly type: 'renamed'; readonly agent: AgentView; readonly asked: string }
  | { readonly type: 'removed'; readonly agent: AgentView }
  | { readonly type: 'keys loaded'; readonly agents: number }
  | { readonly type: 'ping'; readonly from: Endpoint; readonly protocol: Protocol }
  | {
      readonly type: 'message';
      readonly from: Endpoint;
      readonly agent: AgentView;
      readonly protocol: Protocol;
      readonly cipher: string;
      readonly counter: string;
      readonly kind: MessageKind;
    }
  | {
      readonly type: 'dropped';
      readonly from: Endpoint;
      readonly protocol: Protocol;
      readonly why: DropReason;
      /** The id that the message carried. */
      readonly id?: string;
    }
  /** What a real manager would have written to its ossec.log; `line` is all of it. */
  | { readonly type: 'log'; readonly level: 'WARNING' | 'ERROR'; readonly code?: number; readonly line: string }
  | { readonly type: 'acknowledged'; readonly agent: AgentView; readonly protocol: Protocol; readonly cipher: string }
  | { readonly type: 'refused'; readonly agent: AgentView; readonly text: string }
  | { readonly type: 'pushed'; readonly agent: AgentView; readonly file: string }
  | { readonly type: 'state'; readonly agent: AgentView; readonly before: AgentState }
  | {
      readonly type: 'api request';
      readonly from: Endpoint;
      readonly method: string;
      /** Without the query. */
      readonly path: string;
      readonly status: number;
      /** The error code in the answer. */
      readonly code?: number;
      /** Absent: no credentials, or none that were accepted. */
      readonly user?: string;
    }
  /** A request to a Wazuh 5 manager. */
  | {
      readonly type: 'https request';
      readonly from: Endpoint;
      /** Its connection, counted from 1 in the order of the handshakes. */
      readonly connection: number;
      readonly method: string;
      /** Without the query. */
      readonly path: string;
      readonly credential: CredentialKind;
      /** The `jti` of its token had come before. */
      readonly reused: boolean;
      /** Absent: it was not answered. */
      readonly status?: number;
    }
  /** An agent has a new key, and the old one is void. */
  | { readonly type: 'rotated'; readonly agent: AgentView }
  /** An agent has a new re-enrollment secret beside its key. */
  | { readonly type: 'secret issued'; readonly agent: AgentView }
  | { readonly type: 'address blocked'; readonly address: string }
  | { readonly type: 'group created'; readonly group: string }
  | { readonly type: 'group assigned'; readonly agent: AgentView; readonly group: string }
  /** A 3.x API was asked to restart every agent, perhaps for an agent of that name. */
  | { readonly type: 'agents restarted'; readonly agents: number }
  | { readonly type: 'closed' };

const SILENT: Readonly<Record<SilentReason, string>> = {
  password: 'the password is wrong, missing, or not wanted',
  malformed: 'the request is not one that authd reads',
  'no client certificate': 'the client showed no certificate',
  'foreign client certificate': "the client's certificate is not signed by the manager's CA",
  timeout: 'the client sent nothing in time',
  died: 'authd ended in the middle of it',
};

const DROPPED: Readonly<Record<DropReason, string>> = {
  'unknown source': 'it has no id, and no agent has this address',
  'unknown id': 'remoted knows no agent of this id (yet)',
  'address not allowed': "the agent's record is for another address",
  malformed: 'it is not in the form of the protocol',
  'wrong key': "it does not decrypt with the agent's key",
  'old counter': 'its counter is not above the last one',
  'key in use': 'another connection uses this key',
  'frame too long': 'the announced length is over 65536',
  'lost connection': 'remoted has lost the connection that it came over',
  'invalid control message': 'it is a control message that remoted does not know',
};

const CREDENTIALS: Readonly<Record<Exclude<CredentialKind, 'none'>, string>> = {
  password: 'the password',
  token: 'an enrollment token',
  're-enrollment secret': 'a re-enrollment secret',
  'agent key': 'the key of an agent',
  unreadable: 'a credential that it does not read',
};
const PATH_LIMIT = 200;

/** One plain line for an event: no control characters, no secrets, no time (whoever prints it adds that). */
export function describeEvent(event: SandboxEvent): string {
  switch (event.type) {
    case 'listening':
      return `${event.service} listens on ${formatEndpoint(event.endpoint)} (${event.over})`;
    case 'stopped':
      return `${event.service} ${event.how === 'by request' ? 'stopped' : 'ended: client.keys is empty'}, its port is closed`;
    case 'connection':
      return `${event.service}: connection from ${formatEndpoint(event.from)}`;
    case 'connection lost':
      return `remoted: lost the connection from ${formatEndpoint(event.from)}, which is neither answered nor closed`;
    case 'connection reset':
      return `${event.service}: no room for the connection from ${formatEndpoint(event.from)}, which was reset`;
    case 'handshake failed':
      return `${event.service}: TLS handshake with ${formatEndpoint(event.from)} failed: ${printable(event.why)}`;
    case 'request':
      return `authd: request for ${requestText(event)}`;
    case 'reply':
      return `authd: answered ${printable(event.text)}`;
    case 'closed silently':
      return `authd: closed ${formatEndpoint(event.from)} without a word: ${SILENT[event.why]}`;
    case 'left waiting':
      return `authd: ${formatEndpoint(event.from)} sent no complete line in its first record and gets no answer`;
    case 'registered':
      return `agent ${agentText(event.agent)} registered, IP ${event.agent.ip}${groupText(event.agent.groups)}`;
    case 'replaced':
      return `agent ${agentText(event.old)} replaced by ${agentText(event.agent)}`;
    case 'renamed':
      return `agent ${agentText(event.agent)} was asked for as ${printable(event.asked)}, which exists`;
    case 'removed':
      return `agent ${agentText(event.agent)} removed`;
    case 'keys loaded':
      return `remoted: client.keys read, ${event.agents} ${event.agents === 1 ? 'agent' : 'agents'}`;
    case 'ping':
      return `remoted: #ping over ${event.protocol} from ${formatEndpoint(event.from)}, answered #pong`;
    case 'message':
      return `remoted: ${event.kind} from agent ${agentText(event.agent)} over ${event.protocol}, ${event.cipher}, counter ${event.counter}`;
    case 'dropped':
      return `remoted: dropped a message from ${formatEndpoint(event.from)} over ${event.protocol}${idText(event.id)}: ${DROPPED[event.why]}`;
    case 'log':
      return `log: ${printable(event.line)}`;
    case 'acknowledged':
      return `remoted: acknowledged agent ${agentText(event.agent)} over ${event.protocol}, ${event.cipher}`;
    case 'refused':
      return `remoted: refused agent ${agentText(event.agent)}: ${printable(event.text)}`;
    case 'pushed':
      return `remoted: sent ${event.file} to agent ${agentText(event.agent)}`;
    case 'state':
      return `agent ${agentText(event.agent)} is ${event.agent.state} (was ${event.before})`;
    case 'api request':
      return `api: ${requestLine(event)}`;
    case 'https request':
      return `remoted: ${httpsLine(event)}`;
    case 'rotated':
      return `agent ${agentText(event.agent)} has a new key, IP ${event.agent.ip}${groupText(event.agent.groups)}`;
    case 'secret issued':
      return `agent ${agentText(event.agent)} has a new re-enrollment secret`;
    case 'address blocked':
      return `api: ${printable(event.address)} failed to log in too often and is blocked, with the right password too`;
    case 'group created':
      return `group ${printable(event.group)} created`;
    case 'group assigned':
      return `agent ${agentText(event.agent)} is in group ${printable(event.group)} now`;
    case 'agents restarted':
      return `api: every agent restarted (${event.agents}), as PUT /agents/restart asks`;
    case 'closed':
      return 'the sandbox is closed';
  }
}

function requestText(event: Extract<SandboxEvent, { type: 'request' }>): string {
  const parts = [
    printable(event.name),
    event.ip === undefined ? 'no IP' : `IP ${printable(event.ip)}`,
    ...(event.groups.length > 0 ? [`groups ${printable(event.groups.join(','))}`] : []),
    ...(event.version === undefined ? [] : [`version ${printable(event.version)}`]),
    event.hadPassword ? 'with a password' : 'without a password',
    ...(event.hadKeyHash ? ['with the hash of its present key'] : []),
  ];
  return `${parts.join(', ')} from ${formatEndpoint(event.from)}`;
}

function requestLine({ method, path, from, status, code, user }: Extract<SandboxEvent, { type: 'api request' }>) {
  const who = user === undefined ? '' : ` (${printable(user)})`;
  const error = code === undefined ? '' : `, error ${code}`;
  return `${pathText(method, path)} from ${formatEndpoint(from)}${who}, answered ${status}${error}`;
}

function httpsLine(event: Extract<SandboxEvent, { type: 'https request' }>): string {
  const { method, path, from, credential, reused, status } = event;
  const shown =
    credential === 'none' ? '' : ` with ${CREDENTIALS[credential]}${reused ? ', in a token used before' : ''}`;
  return `${pathText(method, path)} from ${formatEndpoint(from)}${shown}, ${status === undefined ? 'not answered' : `answered ${status}`}`;
}

function pathText(method: string, path: string): string {
  return printable(`${method} ${path.length > PATH_LIMIT ? `${path.slice(0, PATH_LIMIT)}…` : path}`);
}

function agentText({ id, name }: AgentView): string {
  return `${id} (${printable(name)})`;
}

function groupText(groups: readonly string[]): string {
  return groups.length > 0 ? `, groups ${printable(groups.join(','))}` : '';
}

function idText(id: string | undefined): string {
  return id === undefined ? '' : ` with id ${printable(id)}`;
}
