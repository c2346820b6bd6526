// A window on one conversation's log. See contracts.ts: Timeline.
import { computed, markRaw, shallowReactive, shallowRef, type ComputedRef } from 'vue'
import type { Errand, HistoryPage, HistoryRange, Told } from '@/sdk'
import { expected } from '@/sdk/core/errands'
import { amended, answered, isChange } from '@/sdk/core/transcript'
import type { Entry, LogEvent, Message, PendingMessage, Timeline } from './contracts'

const PAGE = 50
const HELD_MAX = 2000
const HELD_SLACK = 500 // live events trim rarely, not one by one

/** Where a timeline gets its events and pending messages from. */
export interface TimelineSource {
  history(range: HistoryRange): Promise<HistoryPage>
  pending(): readonly PendingMessage[]
  errands(): readonly Errand[]
  me(): string
  /** The last event that the list knows, or 0. */
  position(): number
  /** Null while it is not known. */
  readSeq(): number | null
}

const entries = new WeakMap<LogEvent, Entry>()

export class LogTimeline implements Timeline {
  private readonly events = shallowRef<readonly LogEvent[]>([])
  private readonly all: ComputedRef<readonly Entry[]>
  private readonly state = shallowReactive({
    ready: false,
    atStart: false,
    atEnd: true,
    loading: null as Timeline['loading'],
    failed: false,
    unreadAfter: null as number | null,
  })
  private turn = 0 // loads of an earlier place in the log are of no use
  private missed = false // live events came while the end was being loaded

  constructor(
    readonly conversation: string,
    private readonly source: TimelineSource,
  ) {
    markRaw(this)
    this.state.unreadAfter = source.readSeq()
    this.all = computed(() => this.merged())
  }

  get entries(): readonly Entry[] {
    return this.all.value
  }
  get ready(): boolean {
    return this.state.ready
  }
  get atStart(): boolean {
    return this.state.atStart
  }
  get atEnd(): boolean {
    return this.state.atEnd
  }
  get loading(): Timeline['loading'] {
    return this.state.loading
  }
  get failed(): boolean {
    return this.state.failed
  }
  get unreadAfter(): number {
    return this.state.unreadAfter ?? Number.MAX_SAFE_INTEGER
  }

  /** The event with this seq, if it is in the window. */
  find(seq: number): LogEvent | undefined {
    return this.events.value.find((event) => event.seq === seq)
  }

  async loadOlder(): Promise<void> {
    const first = this.events.value[0]
    if (first === undefined || this.state.atStart || this.state.loading !== null) return
    const shown = this.events.value.filter(isShown).length
    await this.load('older', { before: first.seq, limit: PAGE }, (page) => {
      let events = [...page.events, ...this.events.value]
      this.state.atStart = page.complete
      if (events.length > HELD_MAX) {
        events = events.slice(0, HELD_MAX)
        this.state.atEnd = false
      }
      this.events.value = events
    })
    // A page of nothing but edits and reactions shows nothing.
    const { failed } = this.state
    if (!failed && this.events.value.filter(isShown).length === shown) await this.loadOlder()
  }

  async loadNewer(): Promise<void> {
    const last = this.events.value.at(-1)
    if (last === undefined || this.state.atEnd || this.state.loading !== null) return
    await this.load('newer', { after: last.seq, limit: PAGE }, (page) => {
      let events = [...this.events.value, ...page.events]
      this.state.atEnd = page.complete
      if (events.length > HELD_MAX) {
        events = events.slice(-HELD_MAX)
        this.state.atStart = false
      }
      this.events.value = events
    })
  }

  async jumpTo(seq: number): Promise<void> {
    if (this.find(seq) !== undefined) return
    const half = PAGE / 2
    this.turn += 1
    await this.load('jump', { after: Math.max(0, seq - half), limit: PAGE }, (page) => {
      this.events.value = page.events
      this.state.atStart = (page.events[0]?.seq ?? 1) <= 1
      this.state.atEnd = page.complete
    })
  }

  async jumpToEnd(): Promise<void> {
    if (this.state.ready && this.state.atEnd && !this.missed) return
    this.turn += 1
    this.missed = false
    const before = (this.source.position() || Number.MAX_SAFE_INTEGER - 1) + 1
    await this.load('jump', { before, limit: PAGE }, (page) => {
      this.events.value = page.events
      this.state.atStart = page.complete
      this.state.atEnd = true
    })
    // What came while the page was under way is not in it.
    if (this.missed && !this.state.failed) await this.jumpToEnd()
  }

  /** What the log's keeper tells. */
  told(told: Told): void {
    if (told.emptied.includes(this.conversation)) {
      this.events.value = []
      this.missed = true
      void this.jumpToEnd()
      return
    }
    const mine = told.events.filter((event) => event.conversation === this.conversation)
    if (mine.length > 0) {
      this.append(mine)
      this.amend(mine)
    }
    this.replace(told.amended)
  }

  /** The line is back: what failed without it is tried again. */
  reconnected(): void {
    if (this.state.failed && !this.state.ready) void this.jumpToEnd()
  }

  /** Something may have been missed. */
  reloaded(): void {
    const last = this.events.value.at(-1)
    if (!this.state.atEnd || (last !== undefined && last.seq >= this.source.position())) return
    this.missed = true
    void this.jumpToEnd()
  }

  private append(events: readonly LogEvent[]): void {
    if (!this.state.atEnd) return
    if (!this.state.ready || this.state.loading === 'jump') {
      this.missed = true
      return
    }
    const known = this.events.value
    let last = known.at(-1)?.seq ?? 0
    const fresh: LogEvent[] = []
    for (const event of events) {
      if (event.seq <= last) continue
      if (event.seq !== last + 1 && last > 0) {
        this.missed = true
        void this.jumpToEnd()
        return
      }
      last = event.seq
      fresh.push(event)
    }
    if (fresh.length === 0) return
    let next = [...known, ...fresh]
    if (next.length > HELD_MAX + HELD_SLACK) {
      next = next.slice(-HELD_MAX)
      this.state.atStart = false
    }
    this.events.value = next
  }

  /** What became of messages in the window. */
  private amend(events: readonly LogEvent[]): void {
    const changes = events.filter(isChange)
    const replies = events.filter((event) => event.event === 'message' && event.thread !== null) as Message[]
    if (changes.length + replies.length === 0) return
    const targets = new Set<number | null>([...changes.map(({ target }) => target), ...replies.map(({ thread }) => thread)])
    this.change((message) =>
      targets.has(message.seq) ? replies.reduce(answered, changes.reduce(amended, message)) : message,
    )
  }

  /** Messages as they are now. */
  private replace(messages: readonly Message[]): void {
    const now = new Map<number, Message>()
    for (const one of messages) if (one.conversation === this.conversation) now.set(one.seq, one)
    if (now.size > 0) this.change((message) => now.get(message.seq) ?? message)
  }

  private change(how: (message: Message) => Message): void {
    const old = this.events.value
    const next = old.map((event) => (event.event === 'message' ? how(event) : event))
    if (next.some((event, at) => event !== old[at])) this.events.value = next
  }

  private async load(
    what: 'older' | 'newer' | 'jump',
    range: HistoryRange,
    done: (page: HistoryPage) => void,
  ): Promise<void> {
    const turn = this.turn
    this.state.loading = what
    this.state.failed = false
    try {
      const page = await this.source.history(range)
      if (turn !== this.turn) return
      done(page)
      this.state.unreadAfter ??= this.source.readSeq()
      this.state.ready = true
    } catch {
      if (turn === this.turn) this.state.failed = true
    } finally {
      if (turn === this.turn) this.state.loading = null
    }
  }

  private merged(): readonly Entry[] {
    const rows: Entry[] = []
    const errands = this.source.errands()
    for (const event of this.events.value) {
      if (!isShown(event)) continue
      const own = event.event === 'message' ? errands.filter(({ seq }) => seq === event.seq) : []
      const shown = own.length === 0 ? event : expected(event as Message, own, this.source.me())
      rows.push(entryOf(shown))
    }
    if (!this.state.atEnd) return rows
    const pending = this.source.pending()
    if (pending.length === 0) return rows
    const known = new Set(rows.map((row) => row.key))
    for (const message of pending) {
      if (!known.has(message.id) && message.thread === null) rows.push({ key: message.id, type: 'pending', pending: message })
    }
    return rows
  }
}

/** Whether an event has a row of its own: what became of a message shows in its row. */
export function isShown(event: LogEvent): boolean {
  if (event.event === 'other' || event.event === 'conversation_settings') return false
  if (event.event === 'message') return event.thread === null // its thread shows it
  return !isChange(event) || event.event === 'message_pinned'
}

function entryOf(event: LogEvent): Entry {
  let entry = entries.get(event)
  if (entry === undefined) {
    const own = event.event === 'message' && event.mine && event.client_msg_id !== ''
    // Only one's own key: others could choose theirs to collide.
    entry = { key: own ? event.client_msg_id : String(event.seq), type: 'event', event }
    entries.set(event, entry)
  }
  return entry
}

