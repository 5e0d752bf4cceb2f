import type { Ending, LinkEvidence, Sighting, Stranger } from '../link-evidence.js';
import { conclude } from './conclusion.js';
import type { Protocol } from './transport.js';

/** Of many notices that a port is closed hosts send a few only: for so long the silence between them says nothing. */
const NOTICE_HOLDS_MS = 5000;

interface Notes {
  last: Ending | undefined;
  /** When that was seen. */
  lastMs: number;
  why: string | undefined;
  readonly endings: Partial<Record<Ending, number>>;
  pong: 'then' | 'now' | undefined;
  answered: boolean;
  refusals: number;
  stranger: Stranger | undefined;
}

/** What is seen of a manager while it does not acknowledge, as it comes. */
export class Sightings {
  readonly #elapsedMs: () => number;
  readonly #notes: Partial<Record<Protocol, Notes>> = {};
  #localAddress: string | undefined;

  /** @param elapsedMs milliseconds since the handshake began */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  /** A protocol is tried, and how an attempt ended where it has; `why`: what kept it from being made, in words. */
  note(protocol: Protocol, ending?: Ending, why?: string): void {
    const notes = this.#of(protocol);
    if (ending === undefined) return;
    notes.endings[ending] = (notes.endings[ending] ?? 0) + 1;
    const recent = this.#elapsedMs() - notes.lastMs < NOTICE_HOLDS_MS;
    if (protocol === 'udp' && ending === 'silent' && notes.last === 'refused' && recent) return;
    notes.last = ending;
    notes.lastMs = this.#elapsedMs();
    notes.why = why;
  }

  /** `#ping` was answered. */
  notePong(protocol: Protocol): void {
    this.#of(protocol).pong = 'then';
  }

  /** At the end of the wait `#ping` was answered once more. */
  notePongAtTheEnd(protocol: Protocol): void {
    this.#of(protocol).pong = 'now';
  }

  /** Something came that is encrypted with the key, and no acknowledgement. */
  noteAnswer(protocol: Protocol): void {
    this.#of(protocol).answered = true;
  }

  noteStranger(protocol: Protocol, stranger: Stranger): void {
    this.#of(protocol).stranger ??= stranger;
  }

  /** Whether it was the message, and nothing else, for which a connection was closed. */
  noteRefusal(refused: boolean): void {
    const notes = this.#of('tcp');
    notes.refusals = refused ? notes.refusals + 1 : 0;
  }

  /** The first address counts: whoever speaks from several has it from the way to the manager. */
  noteLocalAddress(address: string | undefined): void {
    this.#localAddress ??= address;
  }

  get localAddress(): string | undefined {
    return this.#localAddress;
  }

  /** Whether `#ping` was answered on any protocol. */
  get pong(): boolean {
    return this.pongs.length > 0;
  }

  /** On which protocols `#ping` was answered. */
  get pongs(): readonly Protocol[] {
    return (['tcp', 'udp'] as const).filter((protocol) => this.#notes[protocol]?.pong !== undefined);
  }

  /** As it is now; `undefined`: not tried. */
  of(protocol: Protocol): Sighting | undefined {
    const notes = this.#notes[protocol];
    if (notes === undefined) return undefined;
    const { last, why, endings, pong, answered, refusals, stranger } = notes;
    return {
      ...(last === undefined ? {} : { last }),
      ...(why === undefined ? {} : { why }),
      endings: { ...endings },
      ...(pong === undefined ? {} : { pong }),
      answered,
      refusals,
      ...(stranger === undefined ? {} : { stranger }),
    };
  }

  /**
   * What it all comes to.
   * @param authd whether the port is that of the enrollment service
   */
  evidence(facts: { readonly authd: boolean; readonly messages: number; readonly waitedMs: number }): LinkEvidence {
    const { authd, messages, waitedMs } = facts;
    const [tcp, udp] = [this.of('tcp'), this.of('udp')];
    const seen = { ...(tcp === undefined ? {} : { tcp }), ...(udp === undefined ? {} : { udp }) };
    const localAddress = this.#localAddress;
    return {
      conclusion: conclude(seen, authd),
      ...seen,
      ...(localAddress === undefined ? {} : { localAddress }),
      messages,
      waitedMs: Math.round(waitedMs),
    };
  }

  #of(protocol: Protocol): Notes {
    this.#notes[protocol] ??= {
      last: undefined,
      lastMs: 0,
      why: undefined,
      endings: {},
      pong: undefined,
      answered: false,
      refusals: 0,
      stranger: undefined,
    };
    return this.#notes[protocol];
  }
}
