// All conversations of this device: merging sync with live events, gaps, and the memory bound.
//
// Pure: times are seconds of any monotonic clock, given in. At most `window` events are on their
// way to the program at a time; what does not fit is not kept but fetched once there is room.
import type { Conversation, EventPage, SyncPage, WireEvent } from '../types'
import { ConversationLog } from './log'

export const WINDOW = 1000
const FETCH_MAX = 200 // events in one request: the server's page limit
const FETCHES_AT_ONCE = 4
const GAP_HOLD_S = 0.3 // `sent` overtakes the events of others by about this much: no gap yet
const RETRY_BASE_S = 0.5
const RETRY_CAP_S = 30

/** Ask for up to `limit` events after `afterSeq`. */
export interface Fetch {
  conversation: string
  afterSeq: number
  limit: number
}

/** How far a conversation was handed out, and its highest seq known then. */
export interface Position {
  seq: number
  head: number
}

/** Where a log begins on a device that has not seen it: at its head, before its first event, or
 * some events before its head. */
export type Start = 'now' | 'beginning' | { recent: number }

export interface LogsOptions {
  positions?: ReadonlyMap<string, Position>
  /** No sync was ever completed. */
  fresh: boolean
  start: Start
  window: number
  /** A log that is further behind than this is placed anew, as on a fresh device: what lies
   * between is history, to be fetched when somebody looks at it. */
  lagMax: number
  rng: () => number
}

/** What one page of a sync changed. */
export interface Synced {
  events: WireEvent[]
  /** New or restarted logs: their position. */
  placed: Map<string, number>
  heads: Map<string, number>
  left: string[]
}

export class Logs {
  private readonly logs = new Map<string, ConversationLog>()
  private readonly behind = new Map<string, number>()
  private readonly reserved = new Map<string, number>() // room kept for fetches in flight
  private readonly failures = new Map<string, number>()
  private asked = new Set<string>()
  private out = 0 // handed on, not yet taken by the program
  private fresh: boolean

  constructor(private readonly options: LogsOptions) {
    this.fresh = options.fresh
    for (const [name, position] of options.positions ?? []) {
      const log = new ConversationLog(position.seq, position.head)
      this.logs.set(name, log)
      if (log.behind) this.behind.set(name, 0)
    }
  }

  /** Events that may still be handed on. */
  get room(): number {
    let reserved = 0
    for (const count of this.reserved.values()) reserved += count
    return this.options.window - this.out - reserved
  }

  /** Whether there are events of conversations that no sync has shown yet. */
  get unplaced(): boolean {
    return this.unplacedNames().size > 0
  }

  /** Take an event from the socket; what can be handed on now. */
  live(event: WireEvent, now: number): WireEvent[] {
    const log = this.log(event.conversation)
    const inOrder = log.position !== null && event.seq <= log.position + 1
    let ready: WireEvent[] = []
    if (!inOrder && this.held() >= this.options.window) {
      log.raiseHead(event.seq)
    } else {
      ready = log.offer(event, this.room)
      this.out += ready.length
    }
    this.note(event.conversation, log, now + GAP_HOLD_S)
    return ready
  }

  /** A heartbeat says that `seq` exists. */
  head(conversation: string, seq: number, now: number): void {
    const log = this.log(conversation)
    log.raiseHead(seq)
    this.note(conversation, log, now + GAP_HOLD_S)
  }

  /** A sync begins: it will show every conversation known by now. */
  syncAsked(): void {
    this.asked = this.unplacedNames()
  }

  /** Merge one page of a sync. */
  synced(page: SyncPage, now: number): Synced {
    const result: Synced = { events: [], placed: new Map(), heads: new Map(), left: [] }
    for (const conversation of page.conversations) {
      if (conversation.state === 'left') {
        this.forget(conversation.id)
        result.left.push(conversation.id)
      } else {
        this.syncOne(conversation, page, now, result)
      }
    }
    if (!page.more) {
      this.fresh = false
      // Known before the sync was asked for and not in it: left in the meantime.
      const unplaced = this.unplacedNames()
      for (const name of this.asked) if (unplaced.has(name)) this.forget(name)
      this.asked = new Set()
    }
    return result
  }

  /** Take the answer to a fetch. */
  fetched(conversation: string, page: EventPage, now: number): WireEvent[] {
    const reserved = this.reserved.get(conversation) ?? 0
    this.reserved.delete(conversation)
    const log = this.logs.get(conversation)
    if (log === undefined) return []
    const before = log.position
    log.raiseHead(page.head_seq)
    const ready = log.fetched(page.events, page.first_seq, Math.max(reserved, this.room))
    this.out += ready.length
    if (log.position === before && log.missing() !== null) {
      this.retryLater(conversation, now)
    } else {
      this.failures.delete(conversation)
      this.behind.delete(conversation)
      this.note(conversation, log, now)
    }
    return ready
  }

  /** A fetch got no answer: it is due again after a while. */
  fetchFailed(conversation: string, now: number): void {
    this.reserved.delete(conversation)
    if (this.logs.has(conversation)) this.retryLater(conversation, now)
  }

  /** The user is no longer a member. */
  forget(conversation: string): void {
    this.logs.delete(conversation)
    this.behind.delete(conversation)
    this.failures.delete(conversation)
  }

  /** The program has taken `count` events; what can be handed on now. */
  taken(count: number): WireEvent[] {
    this.out -= count
    const ready: WireEvent[] = []
    for (const conversation of [...this.behind.keys()]) {
      const log = this.log(conversation)
      if (!log.ready || this.reserved.has(conversation)) continue
      const events = log.drain(this.room)
      this.out += events.length
      ready.push(...events)
      if (!log.behind) this.behind.delete(conversation)
    }
    return ready
  }

  /** The ranges to ask for now. */
  due(now: number): Fetch[] {
    const fetches: Fetch[] = []
    for (const [conversation, at] of this.behind) {
      if (this.reserved.size >= FETCHES_AT_ONCE || !this.hasRoom()) break
      if (at > now || this.reserved.has(conversation)) continue
      const missing = this.log(conversation).missing()
      if (missing === null) continue
      const limit = Math.min(missing.upto - missing.after, FETCH_MAX, this.room)
      this.reserved.set(conversation, limit)
      fetches.push({ conversation, afterSeq: missing.after, limit })
    }
    return fetches
  }

  /** When `due` will have something to say; null: not by the passing of time. */
  nextAt(): number | null {
    if (this.reserved.size >= FETCHES_AT_ONCE || !this.hasRoom()) return null
    let next: number | null = null
    for (const [conversation, at] of this.behind) {
      if (this.reserved.has(conversation) || this.log(conversation).missing() === null) continue
      if (next === null || at < next) next = at
    }
    return next
  }

  private log(conversation: string): ConversationLog {
    let log = this.logs.get(conversation)
    if (log === undefined) {
      log = new ConversationLog()
      this.logs.set(conversation, log)
    }
    return log
  }

  private unplacedNames(): Set<string> {
    const names = new Set<string>()
    for (const name of this.behind.keys()) {
      if (this.logs.get(name)?.position === null) names.add(name)
    }
    return names
  }

  /** Events held above gaps; only logs that are behind hold any. */
  private held(): number {
    let held = 0
    for (const name of this.behind.keys()) held += this.logs.get(name)?.buffered ?? 0
    return held
  }

  private hasRoom(): boolean {
    // Waiting for a quarter of the window saves the many tiny requests of a slow program.
    return this.room >= Math.max(1, Math.min(FETCH_MAX, Math.floor(this.options.window / 4)))
  }

  private syncOne(conversation: Conversation, page: SyncPage, now: number, result: Synced): void {
    const name = conversation.id
    const head = conversation.head_seq
    const log = this.log(name)
    if (log.position === null) {
      log.place(this.startOf(conversation, log))
      result.placed.set(name, log.position ?? 0)
    } else if (page.full && head < log.position) {
      // The server was restored from a backup: what was handed out above no longer exists.
      log.reset(head)
      result.placed.set(name, head)
    } else if (head - log.position > this.options.lagMax && !this.reserved.has(name)) {
      log.place(this.recent(conversation, log))
      result.placed.set(name, log.position)
    }
    log.raiseHead(head)
    result.heads.set(name, log.head)
    const events = log.drain(this.room)
    this.out += events.length
    result.events.push(...events)
    this.behind.delete(name)
    this.note(name, log, now)
  }

  private startOf(conversation: Conversation, log: ConversationLog): number {
    const start = this.options.start
    const beginning = Math.max(0, conversation.first_seq - 1)
    if (!this.fresh || start === 'beginning') {
      return conversation.head_seq - beginning > this.options.lagMax
        ? this.recent(conversation, log)
        : beginning
    }
    return this.recent(conversation, log)
  }

  private recent(conversation: Conversation, log: ConversationLog): number {
    const start = this.options.start
    const back = typeof start === 'object' ? start.recent : 0
    const held = log.lowestHeld()
    const head = conversation.head_seq - back
    const position = held === null ? head : Math.min(head, held - 1)
    return back === 0 ? Math.max(0, position) : Math.max(position, conversation.first_seq - 1, 0)
  }

  private note(conversation: string, log: ConversationLog, at: number): void {
    if (!log.behind) this.behind.delete(conversation)
    else if (!this.behind.has(conversation)) this.behind.set(conversation, at)
  }

  private retryLater(conversation: string, now: number): void {
    const failures = this.failures.get(conversation) ?? 0
    this.failures.set(conversation, failures + 1)
    const bound = Math.min(RETRY_CAP_S, RETRY_BASE_S * 2 ** Math.min(failures, 16))
    this.behind.set(conversation, now + Math.max(0.05, this.options.rng() * bound))
  }
}
