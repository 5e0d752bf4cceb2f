import { abortReason, EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { LinkError } from '../link-error.js';
import type { HttpsProof } from '../link-proof.js';
import { attemptDeadline } from '../message/attempt.js';
import { type ControlMessage, controlBody, readControl } from './control.js';
import { sayGoodbye } from './goodbye.js';
import type { ProveEdge, ProveRequest } from './prove-request.js';
import { type Attempt, endingOf, Sightings } from './sightings.js';
import { openSigned, type Signed } from './signed.js';
import { linkError } from './words.js';

/** A manager has a new key after 0.05 s, a worker after about 10: the requests thin out in between, in milliseconds. */
const FIRST_MS = 50;
const LONGEST_MS = 2000;
const GROWTH = 1.5;

/**
 * Proves the link to a Wazuh 5 with signed requests. A fresh key: `startup` until the manager takes it, and then always
 * `shutdown`, so that the agent is not left `pending` (5.0: such an agent is never replaced). Else a message that no
 * manager knows, for the answer to it tells that the key is good, and nothing is left behind.
 *
 * What may pass is tried until the wait is over: a key that the manager does not know yet, a manager that is not ready, a
 * name that does not resolve.
 *
 * @throws LinkError `LINK_NOT_ACKNOWLEDGED` where the manager does not know the agent, which is evidence that the key is
 * no good; `LINK_REFUSED` where it refuses it otherwise; `LINK_NOT_READY`, `VERSION_REFUSED`, `LINK_PORT_CLOSED`,
 * `LINK_OTHER_SERVICE`, `LINK_SILENT`
 * @throws EnrollError `KEYS_INVALID`; the codes of trust, where the manager's certificate is not trusted; and the reason
 * of an aborted `signal`
 */
export async function prove(request: ProveRequest, edge: ProveEdge, signal: AbortSignal): Promise<HttpsProof> {
  const signed = await openSigned(request, edge);
  const wait = attemptDeadline(signal, request.waitMs, edge.pause);
  const poll = new Poll(request, edge, signed, wait.signal);
  try {
    return await poll.run();
  } catch (thrown) {
    if (signal.aborted) throw abortReason(signal);
    throw thrown;
  } finally {
    wait.clear();
    if (poll.greeted) await sayGoodbye(signed, edge, signal);
    await signed.close();
  }
}

/** Asks until the manager acknowledges the key. */
class Poll {
  readonly #request: ProveRequest;
  readonly #edge: ProveEdge;
  readonly #signed: Signed;
  /** Aborted when the wait is over, and when the run is to end. */
  readonly #over: AbortSignal;
  readonly #sightings = new Sightings();
  readonly #beganAt: number;
  #attempts = 0;
  #greeted = false;

  constructor(request: ProveRequest, edge: ProveEdge, signed: Signed, over: AbortSignal) {
    this.#request = request;
    this.#edge = edge;
    this.#signed = signed;
    this.#over = over;
    this.#beganAt = edge.now();
  }

  /** Whether a startup may have been carried out: then the agent is `pending` until it says goodbye. */
  get greeted(): boolean {
    return this.#greeted;
  }

  async run(): Promise<HttpsProof> {
    let waitMs = FIRST_MS;
    for (;;) {
      const attempt = await this.#ask();
      if (attempt === 'acknowledged') return this.#proof();
      if (attempt === 'again') continue;
      if (attempt !== undefined) {
        this.#sightings.note(attempt);
        if (!mayPass(attempt, this.#request.fresh)) throw this.#error();
      }
      const atLeastMs = attempt?.kind === 'not ready' ? (attempt.afterMs ?? 0) : 0;
      await this.#edge.pause(Math.max(waitMs, atLeastMs), this.#over);
      if (this.#over.aborted) throw this.#error();
      waitMs = Math.min(LONGEST_MS, waitMs * GROWTH);
    }
  }

  /** `again`: at once; `undefined`: the wait was over before anything came of it. */
  async #ask(): Promise<Attempt | 'acknowledged' | 'again' | undefined> {
    const sent: ControlMessage = this.#request.fresh ? 'startup' : 'probe';
    this.#attempts += 1;
    this.#edge.onAttempt?.({ number: this.#attempts, protocol: 'https' });
    try {
      const outcome = await this.#signed.post('control', controlBody(sent), this.#over);
      if (outcome.kind === 'stranger') return { kind: 'stranger', noRoute: false, which: outcome.sentence };
      if (outcome.kind === 'lost') {
        this.#greeted ||= sent === 'startup';
        const timedOut = outcome.error.code === 'CONNECTION_TIMED_OUT';
        return { kind: 'unanswered', ending: timedOut ? 'silent' : 'closed', why: outcome.error.message };
      }
      const read = readControl(sent, outcome.answer);
      if (read.kind === 'acknowledged') {
        this.#greeted ||= sent === 'startup';
        return 'acknowledged';
      }
      return read.kind === 'stale' && this.#signed.correctClock(outcome.answer) ? 'again' : read;
    } catch (thrown) {
      if (this.#over.aborted) {
        this.#greeted ||= sent === 'startup' && this.#signed.mayHaveLeft;
        return undefined;
      }
      return this.#unreached(thrown);
    }
  }

  #unreached(thrown: unknown): Attempt {
    if (!(thrown instanceof EnrollError)) throw thrown;
    const ending = endingOf(thrown);
    if (ending !== undefined) return { kind: 'unanswered', ending, why: thrown.message };
    if (thrown.code !== 'TLS_FAILED') throw thrown;
    const where = formatEndpoint(this.#request.manager);
    const evidence = {
      ...this.#sightings.evidence(this.#facts()),
      conclusion: { kind: 'other-service', protocol: 'tcp', service: 'unknown' },
    } as const;
    const message = `What answers at ${where} is no Wazuh 5: it does not speak TLS 1.3.`;
    throw new LinkError('LINK_OTHER_SERVICE', message, evidence, { hint: thrown.hint, cause: thrown });
  }

  #facts() {
    const { localAddress } = this.#signed;
    return {
      messages: this.#attempts,
      waitedMs: this.#edge.now() - this.#beganAt,
      ...(localAddress === undefined ? {} : { localAddress }),
    };
  }

  #error(): LinkError {
    return linkError(this.#request, this.#sightings.last, this.#sightings.evidence(this.#facts()));
  }

  #proof(): HttpsProof {
    const { messages: attempts, waitedMs: ms, ...where } = this.#facts();
    return { protocol: 'https', family: 'wazuh-5', attempts, ms: Math.round(ms), ...where };
  }
}

/** Whether asking again can help. A key that was not issued just now is not accepted later than at once. */
function mayPass(attempt: Attempt, fresh: boolean): boolean {
  switch (attempt.kind) {
    case 'unknown agent':
    case 'refused':
    case 'accepted, not ready':
    case 'not ready':
    case 'unanswered':
      return true;
    case 'invalid signature':
      return fresh;
    case 'stale':
    case 'version refused':
    case 'not understood':
    case 'pre-release':
    case 'stranger':
      return false;
  }
}
