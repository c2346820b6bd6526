// The part that runs once per browser, in the tab that leads: session, socket, ledger.
import type { Cache, Cached } from './cache'
import { Backoff } from './core/backoff'
import type { Save } from './core/effects'
import type { Position } from './core/logs'
import type { Body } from './core/outbox'
import { Session } from './core/session'
import { Driver, type Listener } from './driver'
import { Errands } from './errands'
import { SignedOut, type ClientError } from './errors'
import { History } from './history'
import { Ledger } from './ledger'
import type { Queued } from './records'
import type { Api } from './rest'
import type { Commands, Status, Told } from './told'
import { subjectOf, type TokenSource } from './tokens'
import type { ClientEvent, Refusal, Sent, SyncPage, User } from './types'

const RECENT = 30 // events fetched of a conversation that this device sees first
const LAG_MAX = 300 // missed events that are fetched; more of them are history

export interface EngineOptions {
  origin: string
  tokens: TokenSource & { end(): Promise<void> }
  api: Api
  cache: Cache | null
  cached: Cached
  /** Ends the sign-in of this browser. */
  signOut(): Promise<void>
  told(told: Told): void
  status(status: Status): void
  /** The session has ended, and not by a fault of the line. `told`: auth knows. */
  ended(told: boolean): void
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
  private readonly ledger: Ledger
  private readonly history: History
  private readonly errands: Errands
  private readonly watches = new Map<string, string[]>()
  private readonly listed = new Set<string>() // by a full sync that is under way
  private readonly backoff = new Backoff(Math.random)
  private driver: Driver | null = null
  private run = 0 // which start this is; an older one notices that it is over
  private wakeUp: (() => void) | null = null

  constructor(private readonly options: EngineOptions) {
    this.ledger = new Ledger(options.cache, options.cached, {
      told: (told) => options.told(told),
      taken: (count) => this.tell((driver) => driver.session.taken(count, driver.now)),
      outdated: (messages) => void this.history.refresh(messages),
    })
    this.history = new History(this.ledger, options.api, options.cache)
    this.errands = new Errands(this.ledger, options.api)
    this.status.user = this.ledger.meta?.user ?? null
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

  /** Nobody is to be signed in, but the line was down when auth was to be told: tell it now.
   * Rejects when it is still down. */
  async endLate(): Promise<void> {
    await this.options.tokens.end()
    await this.options.signOut()
    this.options.ended(true)
  }

  /** The page goes away; the session stays. */
  leave(): void {
    this.run += 1
    this.driver?.close()
    this.driver = null
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
    const known = this.ledger.meta?.user
    if (known !== undefined && known.id === subjectOf(token)) return known
    const user = await this.options.api.me()
    // Somebody else's data is not for this person's eyes.
    if (known !== undefined && known.id !== user.id) await this.ledger.clear()
    return user
  }

  private connect(user: User): void {
    this.backoff.reset()
    const { ledger } = this
    const cursor = ledger.meta?.cursor ?? null
    ledger.belongsTo(user, cursor)
    this.change({ signedIn: 'in', user })
    ledger.trim()
    const positions = new Map<string, Position>()
    for (const { id, position, head } of ledger.records.values()) {
      positions.set(id, { seq: position, head })
    }
    const session = new Session({
      cursor,
      positions,
      start: { recent: RECENT },
      lagMax: LAG_MAX,
      inOrder: true,
    })
    const { tokens, api } = this.options
    const url = `${this.options.origin.replace(/^http/, 'ws')}/ws`
    const driver = new Driver(session, url, tokens, api, this)
    this.driver = driver
    for (const message of ledger.outbox.values()) {
      const { id, conversation, failed, sent } = message
      if (failed === '' && sent === 0) session.send(id, conversation, bodyOf(message), driver.now)
    }
    for (const { id, readSeq, conversation } of ledger.records.values()) {
      if (readSeq > conversation.read_seq) session.read(id, readSeq, driver.now)
    }
    session.watch(this.watched(), driver.now)
    driver.start()
    this.settled()
  }

  private async signOut(): Promise<void> {
    this.run += 1
    this.driver?.close()
    this.driver = null
    // The line may be down: what is here goes in any case.
    const ends = [this.options.tokens.end(), this.options.signOut()]
    const told = (await Promise.allSettled(ends)).every(({ status }) => status === 'fulfilled')
    await this.ledger.clear()
    this.options.ended(told)
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
        if (event.conversation.state === 'member') this.ledger.shown(event.conversation)
        break
      case 'receipt':
        if (event.user === this.status.user?.id) void this.readHere(event.conversation, event.read)
        this.ledger.tell(event)
        break
      case 'person':
        this.ledger.renamed(event.user, event.display_name)
        break
      case 'typing':
      case 'presence':
        this.ledger.tell(event)
        break
      default:
        this.ledger.logged(event)
    }
  }

  synced(page: SyncPage): void {
    if (page.full) for (const { id } of page.conversations) this.listed.add(id)
    if (page.more) return
    // These are all conversations there are.
    if (page.full) {
      for (const id of this.ledger.records.keys()) if (!this.listed.has(id)) this.ledger.forget(id)
    }
    this.listed.clear()
    this.change({ syncing: false })
  }

  save(save: Save): void {
    this.ledger.save(save)
  }

  sent(id: string, sent: Sent): void {
    this.ledger.sent(id, sent)
  }

  refused(id: string, refusal: Refusal): void {
    this.ledger.refused(id, refusal)
  }

  settled(): void {
    this.ledger.settled()
  }

  stopped(error: ClientError): void {
    if (!(error instanceof SignedOut)) return
    this.run += 1
    this.driver?.close()
    this.driver = null
    // It has ended there; this takes the cookie back.
    void this.options.tokens.end().catch(() => undefined)
    this.options.ended(true)
    this.change({ signedIn: 'out', connection: 'closed', reason: error.message, retryAt: null })
  }

  private line(state: Status['connection'], reason: string, retryInS: number): void {
    const retryAt = state === 'waiting' ? Date.now() + retryInS * 1000 : null
    if (state === 'connected') void this.errands.run()
    const syncing = state === 'connected' || (this.status.syncing && state !== 'closed')
    this.change({ connection: state, reason, retryAt, syncing })
  }

  /** Another device of this user has read. */
  private async readHere(conversation: string, seq: number): Promise<void> {
    this.ledger.readOnServer(conversation, seq)
    await this.ledger.mark(conversation, seq, 0)
    this.ledger.settled()
  }

  private watched(): string[] {
    return [...this.watches.values()].flat()
  }

  // --- what tabs ask ------------------------------------------------------------------------------

  private offered(): Commands {
    const { ledger } = this
    return {
      send: async (given) => {
        if (ledger.outbox.has(given.id)) return
        this.deliver(ledger.add(given))
        await ledger.flushed()
      },
      resend: async (id) => {
        const message = ledger.outbox.get(id)
        if (message === undefined || message.failed === '') return
        ledger.queue({ ...message, failed: '' })
        this.deliver(message)
        await ledger.flushed()
      },
      discard: async (id) => {
        ledger.unqueue(id)
        this.tell((driver) => driver.session.cancelSend(id, driver.now)[1])
        await ledger.flushed()
      },
      read: async (conversation, seq, number) => {
        await ledger.mark(conversation, seq, number)
        this.tell((driver) => driver.session.read(conversation, seq, driver.now))
      },
      typing: async (conversation, active) =>
        this.tell((driver) => driver.session.typing(conversation, active, driver.now)),
      watch: async (tab, conversations) => {
        if (conversations.length > 0) this.watches.set(tab, conversations)
        else this.watches.delete(tab)
        ledger.tell(...(this.driver?.session.present() ?? []))
        this.tell((driver) => driver.session.watch(this.watched(), driver.now))
      },
      token: (rejected) => this.options.tokens.accessToken(rejected),
      retry: async () => this.wake(),
      sync: async () => this.tell((driver) => driver.session.syncNow(driver.now)),
      history: (conversation, range) => this.history.page(conversation, range),
      people: (ids) => this.history.people(ids),
      ask: async (errand) => {
        if (ledger.errands.has(errand.id)) return
        ledger.ask(errand)
        await ledger.flushed()
        if (this.status.connection === 'connected') void this.errands.run()
      },
      message: (conversation, seq) => this.history.message(conversation, seq),
      pins: (conversation) => this.history.pins(conversation),
      signOut: () => this.signOut(),
    }
  }

  private tell(wish: (driver: Driver) => ReturnType<Session['tick']>): void {
    if (this.driver !== null) this.driver.perform(wish(this.driver))
    this.ledger.settled()
  }

  private deliver(message: Queued): void {
    const { id, conversation } = message
    this.tell((driver) => driver.session.send(id, conversation, bodyOf(message), driver.now))
  }
}

function bodyOf({ text, reply_to, thread, attachments }: Queued): Body {
  return {
    text,
    ...(reply_to === null ? {} : { reply_to }),
    ...(thread === null ? {} : { thread }),
    ...(attachments.length === 0 ? {} : { attachments }),
  }
}
