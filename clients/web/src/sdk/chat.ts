// One tab's view of everything: usable without Vue.
//
//   const chat = new Chat(location.origin, { loaded, told, status })
//   await chat.start(new URL(location.href))
//   await chat.send(conversation, 'hello')
import { Account } from './account'
import { Cache, type Cached } from './cache'
import type { Deed } from './core/errands'
import { Engine } from './engine'
import { Api } from './rest'
import { returnedFrom, SignIn } from './sign_in'
import { Tabs } from './tabs'
import type { HistoryPage, HistoryRange, Status, Told } from './told'
import { BrowserTokens, type TokenSource } from './tokens'
import type { Attachment, Message, User } from './types'
import { FileUpload, type UploadListener } from './uploads'

const DATABASE = 'agileim'
const SIGNED_OUT = 'agileim.signed_out' // in localStorage: do not sign in by ourselves
const UNTOLD = 'untold' // there: auth could not be told

/** What a message has beside its text. */
export interface SendOptions {
  /** The seq of the message that it answers. */
  replyTo?: number | null
  /** The seq of the message that its thread begins with. */
  thread?: number | null
  attachments?: readonly Attachment[]
}

/** Whom a Chat tells. */
export interface ChatListener {
  /** All that is known, in place of what was told before. */
  loaded(cached: Cached): void
  told(told: Told): void
  status(status: Status): void
}

const NOTHING: Cached = { meta: null, records: [], outbox: [], errands: [], people: [] }

/** See above. */
export class Chat implements TokenSource {
  readonly api: Api
  readonly account: Account
  private readonly signIn: SignIn
  private readonly tabs: Tabs
  private cache: Cache | null = null
  private engine: Engine | null = null
  private loading = 0
  private readonly waiting: Told[] = [] // told while the cache is being read
  private shown: string[] = []
  private tokens: BrowserTokens | null = null // of the tab that leads
  private returned = false // this page is the one that a sign-in returns to

  constructor(
    private readonly origin: string,
    private readonly listener: ChatListener,
  ) {
    this.signIn = new SignIn(origin)
    this.api = new Api(origin, this)
    this.account = new Account(origin, this)
    this.tabs = new Tabs({
      told: (told) => (this.loading > 0 ? this.waiting.push(told) : listener.told(told)),
      status: (status) => listener.status(status),
      missed: () => void this.reload(),
      returned: () => this.restart(),
    })
  }

  /** Whether this tab is the one that talks to the server. */
  get leads(): boolean {
    return this.tabs.leads
  }

  /** Show what is kept, then connect or follow the tab that does. The path to go on with, if the
   * page is the one that a sign-in returns to. */
  async start(page: URL): Promise<string | null> {
    const path = returnedFrom(page)
    if (path !== null && page.searchParams.has('code')) {
      localStorage.removeItem(SIGNED_OUT)
      this.returned = true
      this.tabs.tellReturned()
    }
    this.cache = await Cache.open(DATABASE).catch((error: unknown) => {
      console.warn(error)
      return null
    })
    await this.reload()
    void this.tabs.lead().then(() => this.lead())
    addEventListener('online', () => this.wake())
    addEventListener('offline', () => this.engine?.lost())
    addEventListener('pageshow', () => this.wake())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.wake()
    })
    addEventListener('pagehide', (event) => {
      if (event.persisted) return
      if (this.shown.length > 0) void this.tabs.call('watch', this.tabs.id, []).catch(ignore)
      this.engine?.leave()
    })
    return path
  }

  /** Where to send the person to sign in. */
  signInPage(options: { register?: boolean; returnTo?: string }): Promise<string> {
    // Who has signed out here is asked for the password again.
    const again = localStorage.getItem(SIGNED_OUT) !== null
    return this.signIn.page({ ...options, again })
  }

  /** End this device's session and forget what is kept; in all tabs. */
  signOut(): Promise<void> {
    return this.tabs.call('signOut')
  }

  /** See TokenSource. */
  accessToken(rejected = ''): Promise<string> {
    return this.tabs.call('token', rejected)
  }

  /** Queue a message; resolves when it is kept, and will be delivered once. */
  send(conversation: string, text: string, options: SendOptions = {}): Promise<void> {
    const id = crypto.randomUUID()
    const time = new Date().toISOString()
    const { replyTo = null, thread = null, attachments = [] } = options
    const message = { id, conversation, text, reply_to: replyTo, thread, attachments, time }
    return this.tabs.call('send', { ...message, failed: '', sent: 0, order: 0 })
  }

  /** Change a message; resolves when that is kept. It is done as soon as there is a line. */
  ask(conversation: string, seq: number, deed: Deed): Promise<void> {
    const id = crypto.randomUUID()
    return this.tabs.call('ask', { id, conversation, seq, deed, order: 0 })
  }

  /** One message as it is now; null if there is none. */
  message(conversation: string, seq: number): Promise<Message | null> {
    return this.tabs.call('message', conversation, seq)
  }

  /** All pinned messages, ascending. */
  pins(conversation: string): Promise<Message[]> {
    return this.tabs.call('pins', conversation)
  }

  /** Send a file to the server, for messages to come. */
  upload(file: File, listener: UploadListener): FileUpload {
    return new FileUpload(this.origin, this, file, listener)
  }

  /** Try a refused message again. */
  resend(id: string): Promise<void> {
    return this.tabs.call('resend', id)
  }

  /** Forget a refused message. */
  discard(id: string): Promise<void> {
    return this.tabs.call('discard', id)
  }

  /** The user has read up to `seq`, where `number` messages existed (0: not known). */
  read(conversation: string, seq: number, number = 0): void {
    this.tabs.call('read', conversation, seq, number).catch(ignore)
  }

  /** The user types, or has stopped. */
  typing(conversation: string, active: boolean): void {
    this.tabs.call('typing', conversation, active).catch(ignore)
  }

  /** Follow the presence of these conversations' members. */
  watch(conversations: readonly string[]): void {
    this.shown = [...conversations]
    this.tabs.call('watch', this.tabs.id, this.shown).catch(ignore)
  }

  /** A page of a log. */
  history(conversation: string, range: HistoryRange): Promise<HistoryPage> {
    return this.tabs.call('history', conversation, range)
  }

  /** Users by id. */
  people(ids: readonly string[]): Promise<User[]> {
    return this.tabs.call('people', [...ids])
  }

  /** Look for what changed now. */
  sync(): void {
    this.tabs.call('sync').catch(ignore)
  }

  /** Connect now instead of at the next try. */
  retryNow(): void {
    this.tabs.call('retry').catch(ignore)
  }

  private wake(): void {
    if (this.engine !== null) {
      this.engine.wake()
      this.endLate()
    } else this.retryNow()
  }

  private async reload(): Promise<void> {
    this.loading += 1
    const cached = await this.readAll()
    this.loading -= 1
    if (this.loading > 0) return
    this.listener.loaded(cached)
    // What was told meanwhile may be in it already: being told twice does no harm.
    for (const told of this.waiting.splice(0)) this.listener.told(told)
    if (this.shown.length > 0) this.watch(this.shown)
  }

  private async readAll(): Promise<Cached> {
    const cached = await this.cache?.load().catch((error: unknown) => console.warn(error))
    return cached ?? NOTHING
  }

  private async lead(): Promise<void> {
    const tokens = new BrowserTokens(this.signIn, localStorage)
    this.tokens = tokens
    if (this.returned) tokens.returned()
    const engine = new Engine({
      origin: this.origin,
      tokens,
      api: new Api(this.origin, tokens),
      cache: this.cache,
      cached: await this.readAll(),
      signOut: () => this.signIn.signOut(),
      told: (told) => this.tabs.tell(told),
      status: (status) => this.tabs.tellStatus(status),
      ended: (told) => localStorage.setItem(SIGNED_OUT, told ? '1' : UNTOLD),
    })
    this.engine = engine
    this.tabs.leading(engine.commands, engine.status)
    if (this.shown.length > 0) this.watch(this.shown)
    if (localStorage.getItem(SIGNED_OUT) === null) await engine.start()
    else {
      engine.idle()
      this.endLate()
    }
  }

  private endLate(): void {
    if (localStorage.getItem(SIGNED_OUT) !== UNTOLD) return
    this.engine?.endLate().catch(ignore)
  }

  private restart(): void {
    if (this.engine?.status.signedIn !== 'out') return
    this.tokens?.returned()
    void this.engine.start()
  }
}

function ignore(): void {
  // The next call, or the next start, makes up for it.
}
