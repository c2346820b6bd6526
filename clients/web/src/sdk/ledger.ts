// What is known and what waits, in memory and in the cache. Changes come together in a batch; it is
// kept first and told afterwards, so that what a tab is told can be read again.
import { Batch, type Cache, type Cached, type Meta } from './cache'
import type { Save } from './core/effects'
import { fulfils, type Errand } from './core/errands'
import { amended, answered, isChange, outdates } from './core/transcript'
import { afterEvent, afterSync, placedAt, readUpTo, type Queued, type Record } from './records'
import type { Told } from './told'
import type { Conversation, LogEvent, Message, MessageChange, Refusal, Sent, SettingsChanged, User } from './types'

const KEPT = 500 // events per conversation that outlive a restart
const RECENT_CHANGES = 200 // per conversation: an answer that is under way may be older than these

/** Who is told of changes. */
export interface LedgerListener {
  told(told: Told): void
  /** So many log events of the session were taken care of. */
  taken(count: number): void
  /** These messages were edited, and no event tells how. */
  outdated(messages: readonly Message[]): void
}

/** See above. Whoever changes something calls `settled` when done. */
export class Ledger {
  meta: Meta | null
  readonly records = new Map<string, Record>()
  readonly outbox = new Map<string, Queued>()
  readonly errands = new Map<string, Errand>()
  readonly people = new Map<string, User>()
  private readonly recent = new Map<string, MessageChange[]>()
  private readonly placed = new Map<string, number>() // of conversations not shown yet
  private batch = new Batch()
  private news: Told = nothing()
  private taken = 0
  private kept: Promise<void> | null = null
  private order: number // of the message queued last

  constructor(
    private readonly cache: Cache | null,
    cached: Cached,
    private readonly listener: LedgerListener,
  ) {
    this.meta = cached.meta
    for (const record of cached.records) this.records.set(record.id, record)
    for (const message of cached.outbox) this.outbox.set(message.id, message)
    for (const errand of cached.errands) this.errands.set(errand.id, errand)
    for (const user of cached.people) this.people.set(user.id, user)
    this.order = Math.max(0, ...[...cached.outbox, ...cached.errands].map(({ order }) => order))
  }

  /** Keep what has changed, as soon as what is being kept is kept. */
  settled(): void {
    if (this.kept !== null || !this.pending) return
    this.kept = this.keep().finally(() => {
      this.kept = null
      this.settled()
    })
  }

  private get pending(): boolean {
    const { news, batch, taken } = this
    return taken > 0 || !batch.empty || Object.values(news).some((list) => list.length > 0)
  }

  /** Keep what has come together, then tell it. */
  private async keep(): Promise<void> {
    const { batch, taken } = this
    const told = { ...this.news, records: [...batch.records.values()] }
    this.batch = new Batch()
    this.news = nothing()
    this.taken = 0
    const outdated = await this.amend(batch)
    if (!batch.empty) {
      // Without storage everything still works, as long as the page is open.
      await this.cache?.keep(batch).catch((error: unknown) => console.warn(error))
    }
    this.listener.told(told)
    if (taken > 0) this.listener.taken(taken)
    if (outdated.length > 0) this.listener.outdated(outdated)
  }

  /** This user's settings of a conversation are others now. */
  private setUp(event: SettingsChanged): void {
    const record = this.records.get(event.about)
    if (record === undefined || event.settings.version <= record.conversation.settings.version) return
    this.put({ ...record, conversation: { ...record.conversation, settings: event.settings } })
  }

  /** Write into kept messages what a batch's events say of them; the messages whose text has to be
   * asked for. */
  private async amend(batch: Batch): Promise<Message[]> {
    const changes = batch.events.filter((one) => isChange(one) || (one.event === 'message' && one.thread !== null))
    const outdated: Message[] = []
    if (changes.length === 0) return outdated
    const nameOf = (one: { conversation: string }, seq: number) => `${one.conversation} ${String(seq)}`
    const events = new Map(batch.events.map((event) => [nameOf(event, event.seq), event]))
    for (const change of changes) {
      const target = isChange(change) ? change.target : change.event === 'message' ? (change.thread ?? 0) : 0
      const name = nameOf(change, target)
      const emptied = batch.emptied.has(change.conversation)
      const kept = emptied ? undefined : this.cache?.event(change.conversation, target)
      const found = events.get(name) ?? (await kept?.catch(() => undefined))
      if (found?.event !== 'message') continue
      if (!isChange(change)) events.set(name, answered(found, change))
      else {
        if (outdates(found, change)) outdated.push(found)
        events.set(name, amended(found, change))
      }
    }
    batch.events = [...events.values()]
    return outdated
  }

  /** What is being kept, if anything is. */
  async written(): Promise<void> {
    await this.kept
  }

  /** Resolves when all changes are kept. */
  async flushed(): Promise<void> {
    this.settled()
    while (this.kept !== null) await this.kept
  }

  /** News of a moment, to be told in their turn. */
  tell(...news: Told['news']): void {
    this.news.news.push(...news)
  }

  /** Whose data this is, and how far it was synced. */
  belongsTo(user: User, cursor: string | null): void {
    this.meta = { user, cursor }
    this.batch.meta = this.meta
  }

  /** Forget everything. */
  async clear(): Promise<void> {
    const forgotten = [...this.records.keys()]
    const unqueued = [...this.outbox.keys()]
    const undone = [...this.errands.keys()]
    this.records.clear()
    this.outbox.clear()
    this.errands.clear()
    this.recent.clear()
    this.people.clear()
    this.meta = null
    this.batch = new Batch()
    this.news = nothing()
    await this.kept
    await this.cache?.clear().catch(() => undefined)
    this.listener.told({ ...nothing(), forgotten, unqueued, undone })
  }

  // --- what the session tells -------------------------------------------------------------------

  /** A sync is to be remembered. */
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

  /** A message is stored. */
  sent(id: string, sent: Sent): void {
    const message = this.outbox.get(id)
    if (message === undefined) return
    const record = this.records.get(message.conversation)
    // Its event follows as soon as it is its turn; only then the message gives way to it.
    if (record === undefined || record.position >= sent.seq) this.unqueue(id)
    else this.queue({ ...message, sent: sent.seq })
  }

  /** A message will not be stored. */
  refused(id: string, refusal: Refusal): void {
    const message = this.outbox.get(id)
    if (message !== undefined) this.queue({ ...message, failed: refusal.code })
  }

  /** A sync has shown a conversation. */
  shown(conversation: Conversation): void {
    const record = afterSync(this.records.get(conversation.id), conversation)
    this.put(record)
    if (conversation.peer !== null) this.meet([conversation.peer])
    const position = this.placed.get(conversation.id)
    if (position === undefined) return
    this.placed.delete(conversation.id)
    this.empty(record, position)
  }

  /** The next event of a log. */
  logged(event: LogEvent): void {
    this.taken += 1
    const record = this.records.get(event.conversation)
    if (record === undefined) return
    this.batch.events.push(event)
    this.news.events.push(event)
    if (event.event === 'message' && event.mine) this.unqueue(event.client_msg_id)
    if (isChange(event)) this.changed(event)
    if (event.event === 'conversation_settings') this.setUp(event)
    this.passed(event.conversation, event.seq)
    const next = afterEvent(record, event, this.meta?.user.id ?? '')
    if (next === null) this.forget(record.id)
    else this.put(next)
  }

  private changed(change: MessageChange): void {
    const recent = this.recent.get(change.conversation) ?? []
    recent.push(change)
    this.recent.set(change.conversation, recent.slice(-RECENT_CHANGES))
    const errand = [...this.errands.values()].find((one) => fulfils(change, one))
    if (errand !== undefined) this.undo(errand.id)
  }

  // --- changes ----------------------------------------------------------------------------------

  /** A new message. */
  add(given: Queued): Queued {
    const message = { ...given, order: (this.order += 1) }
    this.queue(message)
    return message
  }

  /** The server has heard of this mark. */
  readOnServer(conversation: string, seq: number): void {
    const record = this.records.get(conversation)
    if (record === undefined) return
    this.put({ ...record, conversation: { ...record.conversation, read_seq: seq } })
  }

  /** The user has read up to `seq`, where `number` messages existed (0: not known). */
  async mark(conversation: string, seq: number, number: number): Promise<void> {
    const event = number > 0 ? null : await this.cache?.event(conversation, seq)
    const record = this.records.get(conversation)
    if (record === undefined) return
    const all = seq >= record.conversation.head_seq ? record.conversation.number : 0
    this.put(readUpTo(record, seq, Math.max(number, event?.number ?? 0, all)))
  }

  /** A change is asked for. */
  ask(given: Errand): void {
    const errand = { ...given, order: (this.order += 1) }
    this.errands.set(errand.id, errand)
    this.batch.errands.set(errand.id, errand)
    this.news.errands.push(errand)
  }

  /** An errand is done, or (`code`) was refused. */
  undo(id: string, code = ''): void {
    const errand = this.errands.get(id)
    if (errand === undefined) return
    this.errands.delete(id)
    this.batch.errands.delete(id)
    this.batch.undone.add(id)
    this.news.undone.push(id)
    if (code !== '') this.news.faults.push({ errand, code })
  }

  /** A message as an answer tells it, with what has happened since. */
  upToDate(message: Message): Message {
    let now = message
    for (const change of this.recent.get(message.conversation) ?? []) now = amended(now, change)
    return now
  }

  /** Messages as they are now, in place of what is known of them. */
  replace(messages: readonly Message[]): void {
    for (const message of messages) {
      const record = this.records.get(message.conversation)
      this.news.amended.push(message)
      if (record === undefined) continue
      const { seq } = message
      if (seq > record.low && seq <= record.position) this.batch.events.push(message)
      if (record.last?.seq === seq) this.put({ ...record, last: message })
    }
  }

  /** Older events that join those of the cache. */
  extend(record: Record, events: readonly LogEvent[], low: number): void {
    this.batch.events.push(...events)
    this.put({ ...record, low })
  }

  private put(record: Record): void {
    this.records.set(record.id, record)
    this.batch.records.set(record.id, record)
  }

  /** The log went beyond `seq`: messages stored up to there do not wait for their event any more. */
  private passed(conversation: string, seq: number): void {
    for (const message of this.outbox.values()) {
      const stored = message.sent > 0 && message.sent <= seq
      if (stored && message.conversation === conversation) this.unqueue(message.id)
    }
  }

  private empty(record: Record, position: number): void {
    this.batch.events = this.batch.events.filter(({ conversation }) => conversation !== record.id)
    this.batch.emptied.add(record.id)
    this.news.emptied.push(record.id)
    this.put(placedAt(record, position))
    this.passed(record.id, position)
  }

  /** The user is no longer a member. */
  forget(id: string): void {
    if (!this.records.delete(id)) return
    this.batch.events = this.batch.events.filter(({ conversation }) => conversation !== id)
    this.batch.records.delete(id)
    this.batch.forgotten.add(id)
    this.news.forgotten.push(id)
  }

  /** A message waits, or waits in another way than before. */
  queue(message: Queued): void {
    this.outbox.set(message.id, message)
    this.batch.queued.set(message.id, message)
    this.news.queued.push(message)
  }

  /** A message waits no more. */
  unqueue(id: string): void {
    if (!this.outbox.delete(id)) return
    this.batch.queued.delete(id)
    this.batch.unqueued.add(id)
    this.news.unqueued.push(id)
  }

  /** These users are known. */
  meet(users: readonly User[]): void {
    for (const user of users) {
      const known = this.people.get(user.id)
      if (known?.handle === user.handle && known.display_name === user.display_name && known.avatar === user.avatar) continue
      this.people.set(user.id, user)
      this.batch.people.push(user)
      this.news.people.push(user)
    }
  }

  /** Somebody who may be known is called otherwise now. */
  renamed(id: string, name: string): void {
    const user = this.people.get(id)
    if (user !== undefined) this.meet([{ ...user, display_name: name }])
    for (const record of this.records.values()) {
      const { peer } = record.conversation
      if (peer?.id !== id || peer.display_name === name) continue
      this.put({ ...record, conversation: { ...record.conversation, peer: { ...peer, display_name: name } } })
    }
  }

  /** Let go of what is too old to be kept for another start. */
  trim(): void {
    for (const record of this.records.values()) {
      if (record.position - record.low <= KEPT) continue
      const trimmed = { ...record, low: record.position - KEPT }
      this.records.set(record.id, trimmed)
      this.cache?.trim(trimmed).catch((error: unknown) => console.warn(error))
    }
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
    amended: [],
    errands: [],
    undone: [],
    faults: [],
    news: [],
  }
}

