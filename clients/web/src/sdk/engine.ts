// The part that runs once per browser, in the tab that leads: session, socket, cache, outbox.
// What changes is kept first and told afterwards, so that what a tab is told can be read again.
import { Batch, type Cache, type Cached, type Meta } from './cache'
import { Backoff } from './core/backoff'
import { fromWire } from './core/events'
import type { Position } from './core/logs'
import { Session } from './core/session'
import type { Save } from './core/effects'
import { Driver, type Listener } from './driver'
import { type ClientError, SignedOut } from './errors'
import { afterEvent, afterSync, placedAt, readUpTo, type Queued, type Record } from './records'
import type { Api } from './rest'
import type { Commands, HistoryPage, HistoryRange, Status, Told } from './told'
import { subjectOf, type TokenSource } from './tokens'
import type { ClientEvent, Conversation, LogEvent, Refusal, Sent, SyncPage, User } from './types'

const RECENT = 30 // events fetched of a conversation that this device sees first
const LAG_MAX = 300 // missed events that are fetched; more of them are history
const KEPT = 500 // events per conversation that outlive a restart
const PAGES_KEPT = 3000 // older pages go into the cache up to so many events

export interface EngineOptions {
  origin: string
  tokens: TokenSource & { end(leaving?: boolean): Promise<void> }
  api: Api
  cache: Cache | null
  cached: Cached
  /** Ends the sign-in of this browser. */
  signOut(): Promise<void>
  told(told: Told): void
  status(status: Status): void
  /** The session has ended, and not by a fault of the line. */
  ended(): void
}

/** See above. `commands` is what tabs may ask. */
export class Engine implements Listener {
  readonly commands: Commands
  status: Status = {
    signedIn: 'unknown',
    user: null,
    connection: 'connecting',
    reason: '',
    retryAt: null,
    syncing: false,
  }
  private readonly records = new Map<string, Record>()
  private readonly outbox = new Map<string, Queued>()
  private readonly people = new Map<string, User>()
  private readonly watches = new Map<string, string[]>()
  private readonly placed = new Map<string, number>() // of conversations not shown yet
  private readonly listed = new Set<string>() // by a full sync that is under way
  private readonly backoff = new Backoff(Math.random)
  private meta: Meta | null
  private driver: Driver | null = null
  private batch = new Batch()
  private told: Told = nothing()
  private taken = 0
  private kept: Promise<void> | null = null
  private order: number // of the message queued last
  private run = 0 // which start this is; an older one notices that it is over
  private wakeUp: (() => void) | null = null

  constructor(private readonly options: EngineOptions) {
    const { cached } = options
    this.meta = cached.meta
    this.status.user = cached.meta?.user ?? null
    for (const record of cached.records) this.records.set(record.id, record)
    for (const message of cached.outbox) this.outbox.set(message.id, message)
    for (const user of cached.people) this.people.set(user.id, user)
    this.order = cached.outbox.at(-1)?.order ?? 0
    this.commands = this.offered()
  }

  // --- beginning and end ------------------------------------------------------------------------

  /** Find out who is signed in, then connect; goes on by itself from there. */
  async start(): Promise<void> {
    const run = ++this.run
    this.change({ signedIn: 'unknown', connection: 'connecting', reason: '', retryAt: null })
    for (;;) {
      try {
        const user = await this.identify()
        if (run === this.run) this.connect(user)
        return
      } catch (error) {
        if (run !== this.run) return
        if (error instanceof SignedOut) return this.idle()
        await this.pause(this.backoff.next(), error)
        if (run !== this.run) return
        this.change({ connection: 'connecting', retryAt: null })
      }
    }
  }

  /** Nobody is to be signed in. */
  idle(): void {
    this.change({ signedIn: 'out', connection: 'closed' })
  }

  /** The page goes away. */
  leave(): void {
    this.run += 1
    this.driver?.close()
    this.driver = null
    void this.options.tokens.end(true)
  }

  /** See Driver.wake. */
  wake(): void {
    this.wakeUp?.()
    this.driver?.wake()
  }

  /** See Driver.lost. */
  lost(): void {
    this.driver?.lost()
  }

  private async identify(): Promise<User> {
    const token = await this.options.tokens.accessToken()
    const known = this.meta?.user
    if (known !== undefined && known.id === subjectOf(token)) return known
    const user = await this.options.api.me()
    // Somebody else's data is not for this person's eyes.
    if (known !== undefined && known.id !== user.id) await this.forgetAll()
    return user
  }

  private connect(user: User): void {
    this.backoff.reset()
    this.meta = { user, cursor: this.meta?.cursor ?? null }
    this.batch.meta = this.meta
    this.change({ signedIn: 'in', user })
    this.trim()
    const positions = new Map<string, Position>()
    for (const { id, position, head } of this.records.values()) {
      positions.set(id, { seq: position, head })
    }
    const session = new Session({
      cursor: this.meta.cursor,
      positions,
      start: { recent: RECENT },
      lagMax: LAG_MAX,
      inOrder: true,
    })
    const { tokens, api } = this.options
    const url = `${this.options.origin.replace(/^http/, 'ws')}/ws`
    const driver = new Driver(session, url, tokens, api, this)
    this.driver = driver
    for (const { id, conversation, text, failed, sent } of this.outbox.values()) {
      if (failed === '' && sent === 0) session.send(id, conversation, { text }, driver.now)
    }
    for (const { id, readSeq, conversation } of this.records.values()) {
      if (readSeq > conversation.read_seq) session.read(id, readSeq, driver.now)
    }
    session.watch(this.watched(), driver.now)
    driver.start()
    this.settled()
  }

  private async forgetAll(): Promise<void> {
    const forgotten = [...this.records.keys()]
    const unqueued = [...this.outbox.keys()]
    this.records.clear()
    this.outbox.clear()
    this.people.clear()
    this.meta = null
    this.batch = new Batch()
    this.told = nothing()
    await this.kept
    await this.options.cache?.clear().catch(() => undefined)
    this.options.told({ ...nothing(), forgotten, unqueued })
  }

  private async signOut(): Promise<void> {
    this.run += 1
    this.driver?.close()
    this.driver = null
    // The line may be down: what is here goes in any case.
    await this.options.tokens.end().catch(() => undefined)
    await this.options.signOut().catch(() => undefined)
    await this.forgetAll()
    this.options.ended()
    this.change({ signedIn: 'out', user: null, connection: 'closed', reason: '', retryAt: null })
  }

  private pause(delayS: number, error: unknown): Promise<void> {
    const retryAt = Date.now() + delayS * 1000
    const reason = error instanceof Error ? error.message : String(error)
    this.change({ connection: 'waiting', reason, retryAt })
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayS * 1000)
      this.wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private change(change: Partial<Status>): void {
    this.status = { ...this.status, ...change }
    this.options.status(this.status)
  }

  // --- what the driver tells --------------------------------------------------------------------

  emitted(event: ClientEvent): void {
    switch (event.event) {
      case 'connection':
        this.line(event.state, event.reason, event.retry_in_s)
        break
      case 'conversation_changed':
        if (event.conversation.state === 'member') this.shown(event.conversation)
        break
      case 'receipt':
        if (event.user === this.meta?.user.id) void this.readElsewhere(event.conversation, event.read)
        this.told.news.push(event)
        break
      case 'typing':
      case 'presence':
        this.told.news.push(event)
        break
      default:
        this.logged(event)
    }
  }

  synced(page: SyncPage): void {
    if (page.full) for (const { id } of page.conversations) this.listed.add(id)
    if (page.more) return
    // These are all conversations there are.
    if (page.full) for (const id of this.records.keys()) if (!this.listed.has(id)) this.forget(id)
    this.listed.clear()
    this.change({ syncing: false })
  }

  save(save: Save): void {
    for (const [id, position] of save.placed) {
      const record = this.records.get(id)
      if (record === undefined) this.placed.set(id, position)
      else this.empty(record, position)
    }
    for (const [id, head] of save.heads) {
      const record = this.records.get(id)
      if (record !== undefined) this.put({ ...record, head: Math.max(record.position, head) })
    }
    for (const id of save.left) this.forget(id)
    if (save.cursor !== null && this.meta !== null) {
      this.meta = { ...this.meta, cursor: save.cursor }
      this.batch.meta = this.meta
    }
  }

  sent(id: string, sent: Sent): void {
    const message = this.outbox.get(id)
    if (message === undefined) return
    const record = this.records.get(message.conversation)
    // Its event follows as soon as it is its turn; only then the message gives way to it.
    if (record === undefined || record.position >= sent.seq) this.unqueue(id)
    else this.queue({ ...message, sent: sent.seq })
  }

  refused(id: string, refusal: Refusal): void {
    const message = this.outbox.get(id)
    if (message !== undefined) this.queue({ ...message, failed: refusal.code })
  }

  stopped(error: ClientError): void {
    if (!(error instanceof SignedOut)) return
    this.run += 1
    this.driver?.close()
    this.driver = null
    void this.options.tokens.end()
    this.options.ended()
    this.change({ signedIn: 'out', connection: 'closed', reason: error.message, retryAt: null })
  }

  settled(): void {
    if (this.kept !== null || !this.pending) return
    this.kept = this.keep().finally(() => {
      this.kept = null
      this.settled()
    })
  }

  private get pending(): boolean {
    const { told, batch, taken } = this
    return taken > 0 || !batch.empty || Object.values(told).some((list) => list.length > 0)
  }

  /** Keep what has come together, then tell it. */
  private async keep(): Promise<void> {
    const { batch, taken } = this
    const told = { ...this.told, records: [...batch.records.values()] }
    this.batch = new Batch()
    this.told = nothing()
    this.taken = 0
    if (!batch.empty) {
      // Without storage everything still works, as long as the page is open.
      await this.options.cache?.keep(batch).catch((error: unknown) => console.warn(error))
    }
    this.options.told(told)
    const driver = this.driver
    if (taken > 0 && driver !== null) driver.perform(driver.session.taken(taken, driver.now))
  }

  private line(state: Status['connection'], reason: string, retryInS: number): void {
    const retryAt = state === 'waiting' ? Date.now() + retryInS * 1000 : null
    const syncing = state === 'connected' || (this.status.syncing && state !== 'closed')
    this.change({ connection: state, reason, retryAt, syncing })
  }

  private shown(conversation: Conversation): void {
    const record = afterSync(this.records.get(conversation.id), conversation)
    this.put(record)
    if (conversation.peer !== null) this.meet([conversation.peer])
    const position = this.placed.get(conversation.id)
    if (position === undefined) return
    this.placed.delete(conversation.id)
    this.empty(record, position)
  }

  private logged(event: LogEvent): void {
    this.taken += 1
    const record = this.records.get(event.conversation)
    if (record === undefined) return
    this.batch.events.push(event)
    this.told.events.push(event)
    if (event.event === 'message' && event.mine) this.unqueue(event.client_msg_id)
    const next = afterEvent(record, event, this.meta?.user.id ?? '')
    if (next === null) this.forget(record.id)
    else this.put(next)
  }

  private async readElsewhere(conversation: string, seq: number): Promise<void> {
    const record = this.records.get(conversation)
    if (record === undefined) return
    this.put({ ...record, conversation: { ...record.conversation, read_seq: seq } })
    await this.mark(conversation, seq, 0)
    this.settled()
  }

  private async mark(conversation: string, seq: number, number: number): Promise<void> {
    const event = number > 0 ? null : await this.options.cache?.event(conversation, seq)
    const record = this.records.get(conversation)
    if (record === undefined) return
    const all = seq >= record.conversation.head_seq ? record.conversation.number : 0
    this.put(readUpTo(record, seq, Math.max(number, event?.number ?? 0, all)))
  }

  // --- changes ----------------------------------------------------------------------------------

  private put(record: Record): void {
    this.records.set(record.id, record)
    this.batch.records.set(record.id, record)
  }

  private empty(record: Record, position: number): void {
    this.batch.events = this.batch.events.filter(({ conversation }) => conversation !== record.id)
    this.batch.emptied.add(record.id)
    this.told.emptied.push(record.id)
    this.put(placedAt(record, position))
  }

  private forget(id: string): void {
    if (!this.records.delete(id)) return
    this.batch.events = this.batch.events.filter(({ conversation }) => conversation !== id)
    this.batch.records.delete(id)
    this.batch.forgotten.add(id)
    this.told.forgotten.push(id)
  }

  private queue(message: Queued): void {
    this.outbox.set(message.id, message)
    this.batch.queued.set(message.id, message)
    this.told.queued.push(message)
  }

  private unqueue(id: string): void {
    if (!this.outbox.delete(id)) return
    this.batch.queued.delete(id)
    this.batch.unqueued.add(id)
    this.told.unqueued.push(id)
  }

  private meet(users: readonly User[]): void {
    for (const user of users) {
      const known = this.people.get(user.id)
      if (known?.handle === user.handle && known.display_name === user.display_name) continue
      this.people.set(user.id, user)
      this.batch.people.push(user)
      this.told.people.push(user)
    }
  }

  private trim(): void {
    for (const record of this.records.values()) {
      if (record.position - record.low <= KEPT) continue
      const trimmed = { ...record, low: record.position - KEPT }
      this.records.set(record.id, trimmed)
      this.options.cache?.trim(trimmed).catch((error: unknown) => console.warn(error))
    }
  }

  private watched(): string[] {
    return [...this.watches.values()].flat()
  }

  // --- what tabs ask ------------------------------------------------------------------------------

  private offered(): Commands {
    return {
      send: async (given) => {
        if (this.outbox.has(given.id)) return
        const message = { ...given, order: (this.order += 1) }
        this.queue(message)
        this.deliver(message)
        await this.flushed()
      },
      resend: async (id) => {
        const message = this.outbox.get(id)
        if (message === undefined || message.failed === '') return
        this.queue({ ...message, failed: '' })
        this.deliver(message)
        await this.flushed()
      },
      discard: async (id) => {
        this.unqueue(id)
        if (this.driver !== null) {
          this.driver.perform(this.driver.session.cancelSend(id, this.driver.now)[1])
        }
        await this.flushed()
      },
      read: async (conversation, seq, number) => {
        await this.mark(conversation, seq, number)
        this.tell((driver) => driver.session.read(conversation, seq, driver.now))
      },
      typing: async (conversation, active) =>
        this.tell((driver) => driver.session.typing(conversation, active, driver.now)),
      watch: async (tab, conversations) => {
        if (conversations.length > 0) this.watches.set(tab, conversations)
        else this.watches.delete(tab)
        this.told.news.push(...(this.driver?.session.present() ?? []))
        this.tell((driver) => driver.session.watch(this.watched(), driver.now))
      },
      token: (rejected) => this.options.tokens.accessToken(rejected),
      retry: async () => this.wake(),
      sync: async () => this.tell((driver) => driver.session.syncNow(driver.now)),
      history: (conversation, range) => this.history(conversation, range),
      people: (ids) => this.learn(ids),
      signOut: () => this.signOut(),
    }
  }

  private tell(wish: (driver: Driver) => ReturnType<Session['tick']>): void {
    if (this.driver !== null) this.driver.perform(wish(this.driver))
    this.settled()
  }

  private deliver({ id, conversation, text }: Queued): void {
    this.tell((driver) => driver.session.send(id, conversation, { text }, driver.now))
  }

  private async flushed(): Promise<void> {
    this.settled()
    while (this.kept !== null) await this.kept
  }

  private async learn(ids: readonly string[]): Promise<User[]> {
    const missing = ids.filter((id) => !this.people.has(id))
    if (missing.length > 0) this.meet(await this.options.api.users(missing))
    this.settled()
    return ids.map((id) => this.people.get(id)).filter((user) => user !== undefined)
  }

  private async history(conversation: string, range: HistoryRange): Promise<HistoryPage> {
    const cached = await this.cachedHistory(conversation, range)
    if (cached !== null) return cached
    if (this.driver === null && this.status.signedIn === 'out') throw new SignedOut('signed out')
    const page = await this.options.api.events(conversation, range)
    const me = this.meta?.user.id ?? ''
    const events = page.events.map((event) => fromWire(event, me))
    const first = events[0]
    const last = events.at(-1)
    if ('after' in range) return { events, complete: (last?.seq ?? 0) >= page.head_seq }
    const complete = first === undefined || first.seq <= Math.max(1, page.first_seq)
    const record = this.records.get(conversation)
    const joins = record !== undefined && last !== undefined && range.before === record.low + 1
    if (joins && first !== undefined && record.position - record.low < PAGES_KEPT) {
      this.batch.events.push(...events)
      this.put({ ...record, low: first.seq - 1 })
      this.settled()
    }
    return { events, complete }
  }

  /** From the cache, as far as that is one piece with what is asked for; else null. */
  private async cachedHistory(
    conversation: string,
    range: HistoryRange,
  ): Promise<HistoryPage | null> {
    const record = this.records.get(conversation)
    const { cache } = this.options
    if (record === undefined || cache === null) return null
    const { low, position, head } = record
    const { limit } = range
    if ('after' in range) {
      const { after } = range
      if (after < low || after >= position) return null
      const upto = Math.min(position, after + limit)
      const events = await cache.eventsBefore(conversation, after, upto + 1, limit)
      return events.length === 0 ? null : { events, complete: upto >= head }
    }
    if (range.before <= low + 1 || range.before > position + 1) return null
    await this.kept // what was taken last may not be written yet
    const events = await cache.eventsBefore(conversation, low, range.before, limit)
    const first = events[0]
    if (first === undefined) return null
    return { events, complete: first.seq <= Math.max(1, record.conversation.first_seq) }
  }
}

function nothing(): Told {
  return {
    records: [],
    forgotten: [],
    emptied: [],
    events: [],
    queued: [],
    unqueued: [],
    people: [],
    news: [],
  }
}

