/** What a {@link RequestBucket} is made with. */
export interface RequestBucketOptions {
  readonly perSecond: number;
  /** As many may come at once. */
  readonly burst: number;
  readonly clock: () => Date;
}

/** The limit on enrollments from everybody together (100 a second, 200 at once, Wazuh 5.0). */
export class RequestBucket {
  readonly #options: RequestBucketOptions;
  #left: number;
  #at: number;

  constructor(options: RequestBucketOptions) {
    this.#options = options;
    this.#left = options.burst;
    this.#at = options.clock().getTime();
  }

  /** Counts a request; false: it is one too many. */
  take(): boolean {
    const { perSecond, burst, clock } = this.#options;
    const now = clock().getTime();
    this.#left = Math.min(burst, this.#left + (Math.max(0, now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
