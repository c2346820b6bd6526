// How long to wait before trying again: exponential, capped, with full jitter, which spreads the
// clients of a server that comes back evenly.

/** Counts failures in a row; the delay is uniform in [0, min(cap, base · 2ⁿ)), in seconds. */
export class Backoff {
  private failures = 0

  constructor(
    private readonly rng: () => number,
    private readonly baseS = 0.5,
    private readonly capS = 30,
  ) {}

  /** Count one failure; the seconds to wait before the next try. */
  next(atLeastFailures = 0): number {
    this.failures = Math.max(this.failures, atLeastFailures)
    const delay = this.rng() * Math.min(this.capS, this.baseS * 2 ** Math.min(this.failures, 16))
    this.failures += 1
    return delay
  }

  /** The last try has succeeded. */
  reset(): void {
    this.failures = 0
  }
}
