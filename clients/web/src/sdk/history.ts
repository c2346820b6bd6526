// Pages of logs and messages as they are now: from the cache where that has them, else from the
// server.
import type { Cache } from './cache'
import { fromWire } from './core/events'
import { fromPresent } from './core/transcript'
import type { Ledger } from './ledger'
import type { Api } from './rest'
import type { HistoryPage, HistoryRange } from './told'
import type { LogEvent, Message, MessagePage, User } from './types'

const PAGES_KEPT = 3000 // older pages go into the cache up to so many events
const PAGE_MAX = 200

/** See above. */
export class History {
  constructor(
    private readonly ledger: Ledger,
    private readonly api: Api,
    private readonly cache: Cache | null,
  ) {}

  private get me(): string {
    return this.ledger.meta?.user.id ?? ''
  }

  /** A page of a log, its messages as they are now. */
  async page(conversation: string, range: HistoryRange): Promise<HistoryPage> {
    const cached = await this.cached(conversation, range)
    if (cached !== null) return cached
    const page = await this.api.events(conversation, range)
    const events = await this.asNow(conversation, page.events.map((event) => fromWire(event, this.me)))
    const first = events[0]
    const last = events.at(-1)
    if ('after' in range) return { events, complete: (last?.seq ?? 0) >= page.head_seq }
    const complete = first === undefined || first.seq <= Math.max(1, page.first_seq)
    const record = this.ledger.records.get(conversation)
    const joins = record !== undefined && last !== undefined && range.before === record.low + 1
    if (joins && first !== undefined && record.position - record.low < PAGES_KEPT) {
      this.ledger.extend(record, events, first.seq - 1)
      this.ledger.settled()
    }
    return { events, complete }
  }

  /** One message as it is now; null if there is none that this user may see. */
  async message(conversation: string, seq: number): Promise<Message | null> {
    const record = this.ledger.records.get(conversation)
    if (record !== undefined && seq > record.low && seq <= record.position) {
      await this.ledger.written()
      const known = await this.cache?.event(conversation, seq)
      if (known !== undefined) return known.event === 'message' ? known : null
    }
    const [found] = this.read(conversation, await this.api.messages(conversation, seq + 1, 1))
    return found?.seq === seq ? found : null
  }

  /** All pinned messages, ascending. */
  async pins(conversation: string): Promise<Message[]> {
    return this.read(conversation, await this.api.pins(conversation)).filter(({ pinned }) => pinned)
  }

  /** Ask for messages of which the text is not known. */
  async refresh(outdated: readonly Message[]): Promise<void> {
    for (const { conversation, seq } of outdated) {
      const page = await this.api.messages(conversation, seq + 1, 1).catch(() => null)
      if (page === null) continue
      this.ledger.replace(this.read(conversation, page).filter((message) => message.seq === seq))
    }
    this.ledger.settled()
  }

  /** Users by id. */
  async people(ids: readonly string[]): Promise<User[]> {
    const { people } = this.ledger
    const missing = ids.filter((id) => !people.has(id))
    if (missing.length > 0) this.ledger.meet(await this.api.users(missing))
    this.ledger.settled()
    return ids.map((id) => people.get(id)).filter((user) => user !== undefined)
  }

  /** Events of which the messages tell what became of them. */
  private async asNow(conversation: string, events: readonly LogEvent[]): Promise<LogEvent[]> {
    const wanted = events.filter((event) => event.event === 'message').map(({ seq }) => seq)
    const lowest = wanted[0]
    let before = (wanted.at(-1) ?? 0) + 1
    const now = new Map<number, Message>()
    while (lowest !== undefined && before > lowest) {
      const limit = Math.min(PAGE_MAX, wanted.length)
      const page = await this.api.messages(conversation, before, limit)
      for (const message of this.read(conversation, page)) now.set(message.seq, message)
      before = page.next ?? 0
    }
    return events.map((event) => now.get(event.seq) ?? event)
  }

  private read(conversation: string, page: MessagePage): Message[] {
    return page.messages.map((shown) =>
      this.ledger.upToDate(fromPresent(conversation, shown, page.head_seq, this.me)),
    )
  }

  /** From the cache, as far as that is one piece with what is asked for; else null. */
  private async cached(conversation: string, range: HistoryRange): Promise<HistoryPage | null> {
    const record = this.ledger.records.get(conversation)
    const { cache } = this
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
    await this.ledger.written() // what was taken last may not be there yet
    const events = await cache.eventsBefore(conversation, low, range.before, limit)
    const first = events[0]
    if (first === undefined) return null
    return { events, complete: first.seq <= Math.max(1, record.conversation.first_seq) }
  }
}
