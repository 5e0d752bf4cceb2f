/** What a {@link RequestLimit} is made with. */
export interface RequestLimitOptions {
  /** Requests a minute; 0: as many as come. */
  readonly perMinute: number;
  readonly clock: () => Date;
}

const MINUTE_MS = 60_000;

/** The limit of the 4.x API on requests from everybody together, logins included; minutes begin with a request. */
export class RequestLimit {
  readonly #options: RequestLimitOptions;
  #since = Number.NEGATIVE_INFINITY;
  #taken = 0;

  constructor(options: RequestLimitOptions) {
    this.#options = options;
  }

  /** Counts a request; false: it is one too many. */
  take(): boolean {
    const now = this.#options.clock().getTime();
    if (now - this.#since >= MINUTE_MS) {
      this.#since = now;
      this.#taken = 0;
    }
    this.#taken += 1;
    return this.#options.perMinute === 0 || this.#taken <= this.#options.perMinute;
  }
}

/** What a {@link LoginBlock} is made with. */
export interface LoginBlockOptions {
  /** Failed logins from one address. */
  readonly after: number;
  /** Counted from the first of them. */
  readonly forMs: number;
  readonly clock: () => Date;
}

const ADDRESS_LIMIT = 1_024;

/**
 * Failed logins, by address (Wazuh 4.14): with the last one allowed the address is blocked. All that is known of an
 * address is forgotten when the time since its first failure is over.
 */
export class LoginBlock {
  readonly #options: LoginBlockOptions;
  readonly #failures = new Map<string, { readonly since: number; readonly count: number }>();

  constructor(options: LoginBlockOptions) {
    this.#options = options;
  }

  isBlocked(address: string): boolean {
    const known = this.#failures.get(address);
    if (known === undefined) return false;
    if (this.#options.clock().getTime() - known.since < this.#options.forMs) return known.count >= this.#options.after;
    this.#failures.delete(address);
    return false;
  }

  /** Notes a failure; true: it was the one that blocks the address. */
  failed(address: string): boolean {
    const known = this.#failures.get(address) ?? { since: this.#options.clock().getTime(), count: 0 };
    const count = known.count + 1;
    this.#failures.set(address, { since: known.since, count });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > ADDRESS_LIMIT && oldest !== undefined) this.#failures.delete(oldest);
    return count === this.#options.after;
  }
}
