// Acknowledging events: one cumulative `ack` per 32 events or 500 ms. Pure.

const ACK_EVENTS = 32
const ACK_AFTER_S = 0.5

/** Counts the event frames of one connection. */
export class AckWindow {
  dueAt: number | null = null
  private count = 0
  private acked = 0

  /** One event frame was taken care of. */
  received(now: number): void {
    this.count += 1
    if (this.count - this.acked >= ACK_EVENTS) this.dueAt = now
    else this.dueAt ??= now + ACK_AFTER_S
  }

  /** The number to acknowledge now, if it is time. */
  due(now: number): number | null {
    if (this.dueAt === null || this.dueAt > now) return null
    this.dueAt = null
    this.acked = this.count
    return this.acked
  }
}
