// One conversation's log on this device: puts events in order, drops repeats, shows gaps.
//
// Pure: no input or output, no clock. Sources of events are the socket (live, at least once), the
// answers to own sends, and ranges fetched over REST; heads come from sync and heartbeats.
import type { WireEvent } from '../types'

export const BUFFER_MAX = 128 // events held above a gap; what does not fit is fetched later

/** Seqs `after + 1 … upto`. */
export interface Range {
  after: number
  upto: number
}

/** `position` is the last seq handed on (null until known), `head` the highest one heard of. */
export class ConversationLog {
  head: number
  private readonly buffer = new Map<number, WireEvent>()

  constructor(
    public position: number | null = null,
    head = 0,
  ) {
    this.head = Math.max(head, position ?? 0)
  }

  /** Events held back. */
  get buffered(): number {
    return this.buffer.size
  }

  /** Whether the next event in order is at hand. */
  get ready(): boolean {
    return this.position !== null && this.buffer.has(this.position + 1)
  }

  /** Whether events are known that were not handed on. */
  get behind(): boolean {
    return this.position === null || this.head > this.position
  }

  /** Take one event; up to `room` events that are now in order. */
  offer(event: WireEvent, room: number): WireEvent[] {
    this.head = Math.max(this.head, event.seq)
    if (this.position !== null) {
      if (event.seq <= this.position) return []
      if (event.seq === this.position + 1 && room > 0 && this.buffer.size === 0) {
        this.position = event.seq
        return [event]
      }
    }
    this.hold(event)
    return this.drain(room)
  }

  /** Hand on up to `room` buffered events that are in order. */
  drain(room: number): WireEvent[] {
    const ready: WireEvent[] = []
    while (this.position !== null && ready.length < room) {
      const event = this.buffer.get(this.position + 1)
      if (event === undefined) break
      this.buffer.delete(event.seq)
      this.position = event.seq
      ready.push(event)
    }
    return ready
  }

  /** Take a range asked for after `position`; up to `room` events that are now in order. What the
   * server left out of the range is not for this user, and no gap. */
  fetched(events: readonly WireEvent[], firstSeq: number, room: number): WireEvent[] {
    if (this.position === null) return []
    const ready: WireEvent[] = []
    let full = false
    for (const event of events) {
      if (event.seq <= this.position) continue
      if (ready.length >= room) {
        this.head = Math.max(this.head, event.seq)
        full = true
        break
      }
      this.position = event.seq
      ready.push(event)
    }
    if (!full) this.position = Math.max(this.position, firstSeq - 1)
    this.head = Math.max(this.head, this.position)
    this.discard()
    return ready.concat(this.drain(room - ready.length))
  }

  /** Set where to go on from; what is buffered at or below it is dropped. */
  place(position: number): void {
    this.position = position
    this.head = Math.max(this.head, position)
    this.discard()
  }

  /** Start again at `position`: the server's log is another one than before. */
  reset(position: number): void {
    this.position = this.head = position
    this.buffer.clear()
  }

  /** Seq `seq` exists. */
  raiseHead(seq: number): void {
    this.head = Math.max(this.head, seq)
  }

  /** The lowest seq in the buffer. */
  lowestHeld(): number | null {
    return this.buffer.size === 0 ? null : Math.min(...this.buffer.keys())
  }

  /** The first range that has to be fetched before anything can be handed on. */
  missing(): Range | null {
    if (this.position === null || this.head <= this.position || this.ready) return null
    const held = this.lowestHeld()
    return { after: this.position, upto: held === null ? this.head : held - 1 }
  }

  private hold(event: WireEvent): void {
    if (this.buffer.size >= BUFFER_MAX && !this.buffer.has(event.seq)) {
      const highest = Math.max(...this.buffer.keys())
      if (event.seq > highest) return
      this.buffer.delete(highest)
    }
    this.buffer.set(event.seq, event)
  }

  private discard(): void {
    const position = this.position ?? 0
    for (const seq of this.buffer.keys()) if (seq <= position) this.buffer.delete(seq)
  }
}
