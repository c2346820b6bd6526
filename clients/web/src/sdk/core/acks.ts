// Acknowledging events: one cumulative `ack` for several. Pure.
// After 32 events, or 500 ms after the first of them; where 8 have come by then, a busy room,
// after 2 s at the latest.

const ACK_EVENTS = 32
const ACK_AFTER_S = 0.5
const BUSY_EVENTS = 8
const BUSY_ACK_AFTER_S = 2

/** Counts the event frames of one connection. */
export class AckWindow {
  dueAt: number | null = null
  private count = 0
  private acked = 0
  private firstAt = 0 // of those not acknowledged

  /** One event frame was taken care of. */
  received(now: number): void {
    this.count += 1
    const waiting = this.count - this.acked
    if (waiting >= ACK_EVENTS) this.dueAt = now
    else if (waiting === 1) {
      this.firstAt = now
      this.dueAt = now + ACK_AFTER_S
    } else if (waiting === BUSY_EVENTS) this.dueAt = this.firstAt + BUSY_ACK_AFTER_S
  }

  /** The number to acknowledge now, if it is time. */
  due(now: number): number | null {
    if (this.dueAt === null || this.dueAt > now) return null
    this.dueAt = null
    this.acked = this.count
    return this.acked
  }
}
