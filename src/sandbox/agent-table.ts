import type { AgentRecord } from '../model/agent-record.js';
import { keyHash } from '../model/agent-record.js';
import type { Secret } from '../model/secret.js';

/** What a manager knows of an agent's connection. */
export type AgentState = 'never_connected' | 'pending' | 'active' | 'disconnected';

/** An agent as others may see it: without its key. */
export interface AgentView {
  readonly id: string;
  readonly name: string;
  readonly ip: string;
  readonly groups: readonly string[];
  readonly state: AgentState;
}

/** An agent as the manager keeps it. */
export interface Agent extends AgentView {
  readonly record: AgentRecord;
  readonly registeredAt: Date;
  /** When `state` was entered, or found again. */
  readonly stateSince: Date;
}

/**
 * What happens to a request for a name, or an address, that an agent has already.
 *
 * `replace`: the old agent goes if every condition holds (authd's `<force>`, Wazuh 4; `force_insert` and `force_time`, 3.x).
 * `rename`: a number is appended to the name (OSSEC). `refuse`: never replaced.
 */
export type DuplicateRules =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'rename' }
  | {
      readonly kind: 'replace';
      /** Also an agent that is `pending` or `active`. */
      readonly evenConnected: boolean;
      /** A `disconnected` one must have been so for this long. */
      readonly disconnectedForMs: number;
      /** Whatever its state, it must not have been heard of for this long (3.x). */
      readonly unseenForMs?: number;
      readonly registeredForMs: number;
      /** Also where the request's key hash shows that the host has the agent's present key. */
      readonly evenSameKey: boolean;
    };

/** A request to register an agent that is valid in itself. */
export interface Registration {
  readonly name: string;
  /** As client.keys is to hold it. */
  readonly ip: string;
  readonly groups: readonly string[];
  /** SHA-1 of the record that the host has, lower-case hex. */
  readonly keyHash?: string;
}

/** The outcome of {@link AgentStore.register}. */
export type Registered =
  | { readonly ok: true; readonly agent: Agent; readonly replaced: readonly Agent[]; readonly renamedFrom?: string }
  | { readonly ok: false; readonly why: 'duplicate name' | 'duplicate IP' | 'no free name'; readonly existing: Agent };

/** A request that may fix more than authd lets an agent fix, and brings its own rules. */
export interface Insertion extends Registration {
  /** Digits, three at least. Absent: the next free one. */
  readonly id?: string;
  readonly key?: Secret;
  readonly duplicates: DuplicateRules;
}

/** The outcome of {@link AgentStore.insert}. */
export type Inserted = Registered | { readonly ok: false; readonly why: 'duplicate ID'; readonly existing: Agent };

/** What an {@link AgentStore} is made with. */
export interface AgentStoreOptions {
  readonly firstId: number;
  readonly duplicates: DuplicateRules;
  readonly clock: () => Date;
  /** 64 hex digits, new each time. */
  readonly newKey: () => Secret;
  /** Is told each time that client.keys was written. */
  readonly onWritten?: () => void;
}

type Wanted = Registration & Partial<Pick<Insertion, 'id' | 'key'>>;

// OSSEC tries web-01, web-012 … web-01255 and gives up (ossec-authd, main-server.c, 2.8 to 4.3).
const LAST_SUFFIX = 255;

/** The manager's client.keys and agent states: one store for authd, remoted, and whatever else registers agents. */
export class AgentStore {
  readonly #options: AgentStoreOptions;
  readonly #agents = new Map<string, Agent>();
  #nextId: number;
  #changes = 0;
  #changedAt: Date;

  constructor(options: AgentStoreOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
    this.#changedAt = options.clock();
  }

  /** Goes up with every change to client.keys. */
  get changes(): number {
    return this.#changes;
  }

  /** When client.keys was last written: when the manager was set up, to begin with. */
  get changedAt(): Date {
    return this.#changedAt;
  }

  /** As `touch client.keys` at a later second: nothing new is in it, and its time is another one. */
  touch(): void {
    const next = (Math.floor(this.#changedAt.getTime() / 1000) + 1) * 1000;
    this.#changedAt = new Date(Math.max(this.#options.clock().getTime(), next));
    this.#changes += 1;
    this.#options.onWritten?.();
  }

  list(): readonly Agent[] {
    return [...this.#agents.values()];
  }

  get(id: string): Agent | undefined {
    return this.#agents.get(id);
  }

  /** Registers an agent by the rules for duplicates. Names compare with their case, addresses as client.keys holds them. */
  register(wanted: Registration): Registered {
    return this.#options.duplicates.kind === 'rename'
      ? this.#registerRenaming(wanted)
      : this.#registerReplacing(wanted, this.#options.duplicates);
  }

  /** Registers an agent by rules of the request's own, as the API does. An id that was used sets the count for the next. */
  insert(wanted: Insertion): Inserted {
    const owner = wanted.id === undefined ? undefined : this.#agents.get(wanted.id);
    if (owner !== undefined && !this.#replaceable(owner, wanted.keyHash, wanted.duplicates)) {
      return { ok: false, why: 'duplicate ID', existing: owner };
    }
    return this.#registerReplacing(wanted, wanted.duplicates, owner);
  }

  /** Gives an agent a new key under its id, and what else is new about it; `undefined` if there is no such agent. */
  rotate(id: string, changes: Partial<Pick<Agent, 'name' | 'ip' | 'groups'>> = {}): Agent | undefined {
    const agent = this.#agents.get(id);
    if (agent === undefined) return undefined;
    const { name, ip, groups } = { ...agent, ...changes };
    const now = { ...agent, name, ip, groups, record: { id, name, ip, key: this.#options.newKey() } };
    this.#agents.set(id, now);
    this.#written();
    return now;
  }

  remove(id: string): Agent | undefined {
    const agent = this.#agents.get(id);
    if (agent !== undefined) {
      this.#agents.delete(id);
      this.#written();
    }
    return agent;
  }

  /** Puts an agent into these groups and no others; `undefined` if there is no such agent. */
  setGroups(id: string, groups: readonly string[]): Agent | undefined {
    const agent = this.#agents.get(id);
    if (agent === undefined) return undefined;
    const now = { ...agent, groups };
    this.#agents.set(id, now);
    return now;
  }

  /** Enters a state; returns the agent as it is now and the state before, or `undefined` if there is no such agent. */
  setState(id: string, state: AgentState): { readonly agent: Agent; readonly before: AgentState } | undefined {
    const agent = this.#agents.get(id);
    if (agent === undefined) return undefined;
    const now = { ...agent, state, stateSince: this.#options.clock() };
    this.#agents.set(id, now);
    return { agent: now, before: agent.state };
  }

  #registerRenaming(wanted: Registration): Registered {
    let name = wanted.name;
    for (let suffix = 2; this.#named(name) !== undefined; suffix += 1) {
      const existing = this.#named(wanted.name);
      if (suffix > LAST_SUFFIX && existing !== undefined) return { ok: false, why: 'no free name', existing };
      name = `${wanted.name}${suffix}`;
    }
    const holder = this.#holding(wanted.ip);
    if (holder !== undefined) return { ok: false, why: 'duplicate IP', existing: holder };
    const agent = this.#add({ ...wanted, name });
    return { ok: true, agent, replaced: [], ...(name === wanted.name ? {} : { renamedFrom: wanted.name }) };
  }

  #registerReplacing(wanted: Wanted, rules: DuplicateRules, owner?: Agent): Registered {
    const holder = this.#holding(wanted.ip);
    if (holder !== undefined && !this.#replaceable(holder, wanted.keyHash, rules)) {
      return { ok: false, why: 'duplicate IP', existing: holder };
    }
    const namesake = this.#named(wanted.name);
    if (namesake !== undefined && namesake !== holder && !this.#replaceable(namesake, wanted.keyHash, rules)) {
      return { ok: false, why: 'duplicate name', existing: namesake };
    }
    const replaced = [...new Set([owner, holder, namesake])].filter((agent) => agent !== undefined);
    for (const agent of replaced) this.#agents.delete(agent.id);
    return { ok: true, agent: this.#add(wanted), replaced };
  }

  #replaceable(agent: Agent, hash: string | undefined, rules: DuplicateRules): boolean {
    if (rules.kind !== 'replace') return false;
    const now = this.#options.clock().getTime();
    const connected = agent.state === 'pending' || agent.state === 'active';
    if (connected && !rules.evenConnected) return false;
    if (agent.state === 'disconnected' && now - agent.stateSince.getTime() < rules.disconnectedForMs) return false;
    const unseen = agent.state === 'never_connected' || now - agent.stateSince.getTime() >= (rules.unseenForMs ?? 0);
    if (!unseen) return false;
    if (now - agent.registeredAt.getTime() < rules.registeredForMs) return false;
    return rules.evenSameKey || hash !== keyHash(agent.record);
  }

  #named(name: string): Agent | undefined {
    return this.list().find((agent) => agent.name === name);
  }

  #holding(ip: string): Agent | undefined {
    return ip === 'any' ? undefined : this.list().find((agent) => agent.ip === ip);
  }

  #add({ name, ip, groups, id: fixed, key }: Wanted): Agent {
    const id = fixed ?? String(this.#nextId).padStart(3, '0');
    const now = this.#options.clock();
    const record = { id, name, ip, key: key ?? this.#options.newKey() };
    const agent: Agent = { id, name, ip, groups, state: 'never_connected', record, registeredAt: now, stateSince: now };
    this.#nextId = Math.max(this.#nextId, Number(id) + 1);
    this.#agents.set(id, agent);
    this.#written();
    return agent;
  }

  #written(): void {
    this.#changes += 1;
    this.#changedAt = this.#options.clock();
    this.#options.onWritten?.();
  }
}

/** The agent without its key, for events and lists. */
export function viewOf({ id, name, ip, groups, state }: Agent): AgentView {
  return { id, name, ip, groups, state };
}
