// The shell around core/session.ts: moves text and calls REST as its effects say. One socket, one
// timer; nothing here decides.
import type { Effect, Save } from './core/effects'
import { SUBPROTOCOL, decode, encode, type ClientFrame } from './core/frames'
import * as policy from './core/policy'
import type { Session } from './core/session'
import { ProtocolError, Refused, SignedOut, type ClientError } from './errors'
import type { Api } from './rest'
import type { TokenSource } from './tokens'
import type { ClientEvent, EventPage, Refusal, Sent, SyncPage } from './types'

const OPEN_TIMEOUT_MS = 15_000
const REPORT_AFTER_MS = 500
const TIMER_MAX_MS = 60_000
const SILENT_TOO_LONG_MS = 60_000 // after the machine slept, the line is most likely dead

/** Who is told what the session wants kept and shown. All methods return at once. */
export interface Listener {
  emitted(event: ClientEvent): void
  save(save: Save): void
  synced(page: SyncPage): void
  sent(id: string, sent: Sent): void
  refused(id: string, refusal: Refusal): void
  stopped(error: ClientError): void
  /** All effects of one happening were told. */
  settled(): void
}

/** Runs one session until it is stopped or closed. */
export class Driver {
  private socket: WebSocket | null = null
  private token = ''
  private newToken = false
  private timer: ReturnType<typeof setTimeout> | undefined
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private heardAt = 0 // of Date.now(), which goes on while the machine sleeps
  private deliveries = new Map<string, number>()
  private reporting = false
  private closed = false

  constructor(
    readonly session: Session,
    private readonly url: string,
    private readonly tokens: TokenSource,
    private readonly api: Api,
    private readonly listener: Listener,
  ) {}

  /** The session's clock, in monotonic seconds. */
  get now(): number {
    return performance.now() / 1000
  }

  /** Begin to connect. */
  start(): void {
    this.perform(this.session.connecting())
    void this.connect()
  }

  /** Say goodbye and close the socket. Nothing is performed afterwards. */
  close(): void {
    this.perform(this.session.farewell())
    this.closed = true
    clearTimeout(this.timer)
    clearTimeout(this.retryTimer)
    this.letGo()?.close(1000)
  }

  /** Connect now, if that is what is being waited for. */
  retryNow(): void {
    if (this.retryTimer === undefined) return
    clearTimeout(this.retryTimer)
    this.retry()
  }

  /** The page is looked at again, or the network is back: what timers noticed late, notice now. */
  wake(): void {
    if (this.session.phase === 'up' && Date.now() - this.heardAt > SILENT_TOO_LONG_MS) {
      this.drop('the line went silent')
    } else {
      this.perform(this.session.tick(this.now))
    }
    this.retryNow()
  }

  /** The network is gone: what is written now would be lost, and noticed late. */
  lost(): void {
    this.drop('the network is gone')
  }

  /** Carry out effects, then set the timer anew. */
  perform(effects: readonly Effect[]): void {
    if (this.closed) return
    for (const effect of effects) this.performOne(effect)
    this.listener.settled()
    clearTimeout(this.timer)
    const at = this.session.nextAt()
    if (at === null) return
    const waitMs = Math.min(TIMER_MAX_MS, Math.max(0, (at - this.now) * 1000))
    this.timer = setTimeout(() => this.perform(this.session.tick(this.now)), Math.ceil(waitMs))
  }

  private performOne(effect: Effect): void {
    switch (effect.do) {
      case 'write':
        this.write(effect.frame)
        break
      case 'emit':
        this.listener.emitted(effect.event)
        break
      case 'fetch':
        void this.fetch(effect.fetch)
        break
      case 'sync':
        void this.sync(effect.cursor)
        break
      case 'save':
        this.listener.save(effect.save)
        break
      case 'sent':
        this.listener.sent(effect.id, effect.sent)
        break
      case 'refused':
        this.listener.refused(effect.id, effect.refusal)
        break
      case 'delivered':
        this.deliveries.set(effect.conversation, effect.seq)
        this.report()
        break
      case 'new_token':
        void this.renew()
        break
      case 'drop':
        this.drop(effect.reason)
        break
      case 'wait':
        this.newToken = effect.newToken
        this.retryTimer = setTimeout(() => this.retry(), effect.delayS * 1000)
        break
      case 'stop':
        this.letGo()?.close(1000)
        this.listener.stopped(effect.error)
        break
    }
  }

  // --- the connection -------------------------------------------------------------------------

  private retry(): void {
    this.retryTimer = undefined
    this.start()
  }

  private async connect(): Promise<void> {
    try {
      this.token = await this.tokens.accessToken(this.newToken ? this.token : '')
    } catch (error) {
      if (error instanceof SignedOut || error instanceof ProtocolError) {
        this.perform(this.session.stop(error))
      } else {
        this.ended(policy.LOST, 'no answer from the server')
      }
      return
    }
    if (this.closed || this.session.phase === 'stopped') return
    const socket = new WebSocket(this.url, [SUBPROTOCOL])
    this.socket = socket
    const opening = setTimeout(() => {
      if (this.socket === socket) this.drop('no answer from the server')
    }, OPEN_TIMEOUT_MS)
    socket.onopen = () => {
      clearTimeout(opening)
      this.heardAt = Date.now()
      this.perform(this.session.opened(this.token, this.now))
    }
    socket.onmessage = ({ data }) => {
      this.heardAt = Date.now()
      if (typeof data === 'string') this.perform(this.session.received(decode(data), this.now))
    }
    socket.onclose = ({ code }) => {
      clearTimeout(opening)
      this.letGo()
      this.ended(code, '')
    }
  }

  private write(frame: ClientFrame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encode(frame))
  }

  /** The browser may take long to notice that nobody is there: do not wait for it. */
  private drop(reason: string): void {
    const socket = this.letGo()
    if (socket === null) return
    socket.close(1000)
    // Not within the effects that led here.
    queueMicrotask(() => this.ended(policy.LOST, reason))
  }

  private letGo(): WebSocket | null {
    const socket = this.socket
    this.socket = null
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null
    return socket
  }

  private ended(code: number, why: string): void {
    if (!this.closed) this.perform(this.session.closed(code, this.now, why))
  }

  private async renew(): Promise<void> {
    try {
      this.token = await this.tokens.accessToken(this.token)
    } catch (error) {
      // Otherwise the gateway closes with 4003, and we try again.
      if (error instanceof SignedOut) this.perform(this.session.stop(error))
      return
    }
    this.perform(this.session.token(this.token))
  }

  // --- REST -----------------------------------------------------------------------------------

  private async fetch(wanted: (Effect & { do: 'fetch' })['fetch']): Promise<void> {
    const { conversation, afterSeq, limit } = wanted
    let page: EventPage
    try {
      page = await this.api.events(conversation, { after: afterSeq, limit })
    } catch (error) {
      if (this.isEnd(error)) return
      const gone = error instanceof Refused && error.code === 'not_found'
      this.perform(this.session.fetchFailed(conversation, this.now, gone))
      return
    }
    this.perform(this.session.fetched(conversation, page, this.now))
  }

  private async sync(cursor: string | null): Promise<void> {
    let page: SyncPage
    try {
      page = await this.api.sync(cursor)
    } catch (error) {
      if (this.isEnd(error)) return
      const refused = error instanceof Refused && error.code === 'invalid'
      this.perform(this.session.syncFailed(this.now, refused))
      return
    }
    if (this.closed) return
    this.listener.synced(page)
    this.perform(this.session.synced(page, this.now))
  }

  private isEnd(error: unknown): boolean {
    if (!(error instanceof SignedOut)) return false
    if (this.session.phase !== 'stopped') this.perform(this.session.stop(error))
    return true
  }

  private report(): void {
    if (this.reporting) return
    this.reporting = true
    setTimeout(() => {
      this.reporting = false
      const deliveries = this.deliveries
      this.deliveries = new Map()
      for (const [conversation, seq] of deliveries) {
        if (this.closed) return
        // A report that fails is covered by the next one.
        this.api.delivered(conversation, seq).catch(() => undefined)
      }
    }, REPORT_AFTER_MS)
  }
}
