// The session: everything the client decides, without input or output.
//
// (state, what happened, now) → effects. It outlives connections; the shell (../driver.ts) moves
// text and calls REST as the effects say. Times are seconds of any monotonic clock.
// tests/frames/*.json runs it, and other languages' clients, through recorded sequences.
import type { ClientError } from '../errors'
import type { EventPage, Presence, Refusal, SyncPage, WireEvent } from '../types'
import { AckWindow } from './acks'
import { Backoff } from './backoff'
import type { Effect } from './effects'
import { endsMembership, fromWire } from './events'
import type { ClientFrame, EventFrame, SentFrame, ServerFrame, WelcomeFrame } from './frames'
import { Logs, WINDOW, type Position, type Start } from './logs'
import { Outbox, wireBody, type Body } from './outbox'
import * as policy from './policy'
import { PresenceBoard, TypingBoard, WATCH_RENEW_S } from './presence'
import { ReadMarks } from './reads'

const WELCOME_TIMEOUT_S = 15
const SILENCE_HEARTBEATS = 2.5 // no frame for that many heartbeats: the line is dead
const STABLE_AFTER_S = 10 // a connection that lasted so long ends a row of failures

export type Phase = 'down' | 'hello' | 'up' | 'stopped'

export interface SessionOptions {
  cursor?: string | null
  positions?: ReadonlyMap<string, Position>
  start?: Start
  window?: number
  lagMax?: number
  /** See Outbox. */
  inOrder?: boolean
  agent?: string
  rng?: () => number
}

/** See above. Every method returns the effects to perform, in order. */
export class Session {
  phase: Phase = 'down'
  user = ''
  private readonly agent: string
  private readonly rng: () => number
  private readonly logs: Logs
  private readonly outbox: Outbox
  private readonly backoff: Backoff
  private readonly syncBackoff: Backoff
  private readonly typingBoard = new TypingBoard()
  private readonly presence = new PresenceBoard()
  private readonly reads = new ReadMarks()
  private acks = new AckWindow()
  private cursor: string | null
  private syncAt: number | null = null
  private syncing = false
  private deadline: number | null = null // for the next frame
  private heartbeatS = 25
  private upSince = 0
  private watchAt: number | null = null
  private reconnectAfterS: number | null = null
  private tokenDoubtful = false // refused once: a newer one gets one more try

  constructor(options: SessionOptions = {}) {
    this.agent = options.agent ?? 'agileim-web/0.1'
    this.rng = options.rng ?? Math.random
    this.cursor = options.cursor ?? null
    this.logs = new Logs({
      positions: options.positions ?? new Map<string, Position>(),
      fresh: this.cursor === null,
      start: options.start ?? 'now',
      window: options.window ?? WINDOW,
      lagMax: options.lagMax ?? Infinity,
      rng: this.rng,
    })
    this.outbox = new Outbox(this.rng, options.inOrder ?? false)
    this.backoff = new Backoff(this.rng)
    this.syncBackoff = new Backoff(this.rng)
  }

  // --- the connection -----------------------------------------------------------------------

  /** The shell opens a socket. */
  connecting(): Effect[] {
    return [connection('connecting')]
  }

  /** The socket is open. */
  opened(token: string, now: number): Effect[] {
    this.phase = 'hello'
    this.deadline = now + WELCOME_TIMEOUT_S
    return [write({ type: 'hello', token, agent: this.agent })]
  }

  /** The socket has ended, or did not open (code 1006). */
  closed(code: number, now: number, why = ''): Effect[] {
    if (this.phase === 'stopped') return []
    if (this.phase === 'up' && now - this.upSince >= STABLE_AFTER_S) this.backoff.reset()
    this.phase = 'down'
    this.deadline = this.watchAt = null
    this.outbox.disconnected()
    this.reads.disconnected()
    const gone = this.presence.unknown().map(emit)
    return [...gone, ...this.afterClose(code, why || policy.reason(code))]
  }

  /** Do not connect again. */
  stop(error: ClientError): Effect[] {
    this.phase = 'stopped'
    this.deadline = this.syncAt = this.watchAt = null
    return [connection('closed', 0, error.message), { do: 'stop', error }]
  }

  /** The program closes the client: say what would else have waited for a timer. */
  farewell(): Effect[] {
    if (this.phase !== 'up') return []
    const acked = this.acks.due(Infinity)
    const effects: Effect[] = acked === null ? [] : [write({ type: 'ack', n: acked })]
    return effects.concat(this.dueReads(Infinity))
  }

  /** A newer token, as asked for by `new_token`. */
  token(token: string): Effect[] {
    return this.phase === 'up' ? [write({ type: 'refresh', token })] : []
  }

  /** A frame came; null: one that was not understood. */
  received(frame: ServerFrame | null, now: number): Effect[] {
    if (this.phase === 'up') this.deadline = now + SILENCE_HEARTBEATS * this.heartbeatS
    const effects = frame === null ? [] : this.handle(frame, now)
    return effects.concat(this.pump(now))
  }

  // --- answers of REST ------------------------------------------------------------------------

  /** One page of a sync. */
  synced(page: SyncPage, now: number): Effect[] {
    this.cursor = page.cursor
    const { events, placed, heads, left } = this.logs.synced(page, now)
    // Not before the last page: a first sync that was interrupted must start anew.
    const cursor = page.more ? null : page.cursor
    const effects: Effect[] = [{ do: 'save', save: { cursor, placed, heads, left } }]
    for (const conversation of page.conversations) {
      effects.push(emit({ event: 'conversation_changed', conversation }))
    }
    effects.push(...this.emitLog(events))
    if (page.more) {
      effects.push({ do: 'sync', cursor: this.cursor })
    } else {
      this.syncing = false
      this.syncBackoff.reset()
    }
    return effects.concat(this.pump(now))
  }

  /** The sync got no answer; or (`refused`) the server does not take this cursor: ask for
   * everything. */
  syncFailed(now: number, refused = false): Effect[] {
    this.syncing = false
    if (refused) this.cursor = null
    this.syncAt = now + this.syncBackoff.next()
    return this.pump(now)
  }

  /** The answer to a fetch. */
  fetched(conversation: string, page: EventPage, now: number): Effect[] {
    const effects = this.emitLog(this.logs.fetched(conversation, page, now))
    const last = page.events.at(-1)
    if (last !== undefined) effects.push({ do: 'delivered', conversation, seq: last.seq })
    return effects.concat(this.pump(now))
  }

  /** A fetch got no answer, or (`gone`) the user may no longer see the conversation. */
  fetchFailed(conversation: string, now: number, gone: boolean): Effect[] {
    this.logs.fetchFailed(conversation, now)
    if (!gone) return this.pump(now)
    this.logs.forget(conversation)
    const save = { cursor: null, placed: new Map(), heads: new Map(), left: [conversation] }
    return [{ do: 'save', save }, ...this.pump(now)]
  }

  // --- wishes of the program --------------------------------------------------------------------

  /** The program took `count` log events. */
  taken(count: number, now: number): Effect[] {
    return this.emitLog(this.logs.taken(count)).concat(this.pump(now))
  }

  /** Send a message, again and again until answered or cancelled. */
  send(id: string, conversation: string, body: Body, now: number): Effect[] {
    this.outbox.add(id, conversation, body)
    return this.pump(now)
  }

  /** Nobody waits for it any more; whether it was ever written. */
  cancelSend(id: string, now: number): [written: boolean, effects: Effect[]] {
    const pending = this.outbox.drop(id)
    return [pending !== null && pending.tries > 0, this.pump(now)]
  }

  /** The user has read up to `seq`. */
  read(conversation: string, seq: number, now: number): Effect[] {
    this.reads.mark(conversation, seq)
    return this.pump(now)
  }

  /** The user types, or has stopped. Lost while there is no connection. */
  typing(conversation: string, active: boolean, now: number): Effect[] {
    if (this.phase !== 'up' || !this.typingBoard.own(conversation, active, now)) return []
    const frame: ClientFrame = { type: 'typing', conversation }
    return [write(active ? frame : { ...frame, active: false })]
  }

  /** Follow the presence of these conversations' members. */
  watch(conversations: readonly string[], now: number): Effect[] {
    this.presence.watch(conversations)
    if (this.phase !== 'up') return []
    this.watchAt = now + WATCH_RENEW_S
    return [this.watchFrame()]
  }

  /** Look for what changed now, e.g. after having made a conversation. */
  syncNow(now: number): Effect[] {
    this.syncAt = now
    return this.pump(now)
  }

  /** Who is online in watched conversations, for those who were not there to hear it. */
  present(): Presence[] {
    return this.presence.known()
  }

  // --- time -------------------------------------------------------------------------------------

  /** Do what has become due. */
  tick(now: number): Effect[] {
    const effects: Effect[] = this.typingBoard.expired(now).map(emit)
    if (this.deadline !== null && this.deadline <= now) {
      this.deadline = null
      const reason = this.phase === 'hello' ? 'no answer' : 'the line went silent'
      return [...effects, { do: 'drop', reason }]
    }
    return effects.concat(this.pump(now))
  }

  /** When to call `tick`; null: not before something else happens. */
  nextAt(): number | null {
    const times = [this.typingBoard.nextAt()]
    if (this.phase === 'hello' || this.phase === 'up') times.push(this.deadline)
    if (this.phase === 'up') {
      times.push(
        this.logs.nextAt(),
        this.acks.dueAt,
        this.watchAt,
        this.outbox.nextAt(),
        this.reads.nextAt(),
        this.syncing ? null : this.syncAt,
      )
    }
    const known = times.filter((at) => at !== null)
    return known.length > 0 ? Math.min(...known) : null
  }

  // --- inside -----------------------------------------------------------------------------------

  private handle(frame: ServerFrame, now: number): Effect[] {
    switch (frame.type) {
      case 'event':
        return this.event(frame, now)
      case 'sent':
        return this.sent(frame, now)
      case 'refused': {
        const refused = this.outbox.refused(frame.id, frame, now)
        if (refused === null) return []
        const { code, message, field } = frame
        const refusal: Refusal = { code, message, field }
        return [{ do: 'refused', id: frame.id, refusal }]
      }
      case 'ping':
        for (const [conversation, seq] of frame.heads) this.logs.head(conversation, seq, now)
        return [write({ type: 'pong' })]
      case 'receipt': {
        const { conversation, user, delivered, read } = frame
        return [emit({ event: 'receipt', conversation, user, delivered, read })]
      }
      case 'typing':
        return this.typingBoard.received(frame, now).map(emit)
      case 'person':
        return [emit({ event: 'person', user: frame.user, display_name: frame.display_name })]
      case 'presence':
        return this.presence.received(frame).map(emit)
      case 'expiring':
        return [{ do: 'new_token' }]
      case 'resync':
        this.syncAt = now + (this.rng() * frame.within_ms) / 1000
        // What we had asked for may be lost as well.
        if (this.presence.watched.length > 0) this.watchAt = this.syncAt
        return []
      case 'reconnect':
        this.reconnectAfterS = frame.after_ms / 1000
        return [{ do: 'drop', reason: policy.reason(policy.GOING_AWAY) }]
      case 'welcome':
        return this.welcome(frame, now)
      default:
        return []
    }
  }

  private welcome(frame: WelcomeFrame, now: number): Effect[] {
    if (this.phase !== 'hello') return []
    this.phase = 'up'
    this.user = frame.user
    this.upSince = now
    this.heartbeatS = frame.heartbeat_s
    this.deadline = now + SILENCE_HEARTBEATS * frame.heartbeat_s
    this.acks = new AckWindow()
    this.tokenDoubtful = false
    // Subscribed from now on: what the sync does not show yet will come as an event.
    this.syncAt = now
    const effects: Effect[] = [connection('connected')]
    if (this.presence.watched.length > 0) {
      this.watchAt = now + WATCH_RENEW_S
      effects.push(this.watchFrame())
    }
    return effects
  }

  private event(frame: EventFrame, now: number): Effect[] {
    this.acks.received(now)
    const effects: Effect[] = this.typingBoard.spoke(frame.conversation, frame.sender).map(emit)
    return effects.concat(this.emitLog(this.logs.live(frame, now)))
  }

  private sent(frame: SentFrame, now: number): Effect[] {
    const { id, conversation, seq, number, time, repeat } = frame
    const pending = this.outbox.drop(id)
    if (pending === null) {
      // Nobody waits: the text is gone, but the seq exists and will be fetched.
      this.logs.head(conversation, seq, now)
      return []
    }
    const own: WireEvent = {
      conversation,
      seq,
      kind: 'message',
      sender: this.user,
      time,
      number,
      body: { ...pending.body },
      client_msg_id: id,
    }
    const sent = { conversation, seq, number, time, repeat, client_msg_id: id }
    return [{ do: 'sent', id, sent }, ...this.emitLog(this.logs.live(own, now))]
  }

  private emitLog(ready: readonly WireEvent[]): Effect[] {
    return ready.map((event) => {
      if (endsMembership(event, this.user)) this.logs.forget(event.conversation)
      return emit(fromWire(event, this.user))
    })
  }

  /** What is due now, whatever happened. */
  private pump(now: number): Effect[] {
    if (this.phase !== 'up') return []
    const effects: Effect[] = this.logs.due(now).map((fetch) => ({ do: 'fetch', fetch }))
    if (this.syncAt === null && !this.syncing && this.logs.unplaced) this.syncAt = now
    if (this.syncAt !== null && this.syncAt <= now && !this.syncing) {
      this.syncAt = null
      this.syncing = true
      this.logs.syncAsked()
      effects.push({ do: 'sync', cursor: this.cursor })
    }
    const acked = this.acks.due(now)
    if (acked !== null) effects.push(write({ type: 'ack', n: acked }))
    if (this.watchAt !== null && this.watchAt <= now) {
      this.watchAt = now + WATCH_RENEW_S
      effects.push(this.watchFrame())
    }
    effects.push(...this.dueReads(now))
    for (const { id, conversation, body } of this.outbox.due(now)) {
      effects.push(write({ type: 'send', id, conversation, body: wireBody(body) }))
    }
    return effects
  }

  private dueReads(now: number): Effect[] {
    const marks = this.reads.due(now)
    return marks.map(([conversation, seq]) => write({ type: 'read', conversation, seq }))
  }

  private watchFrame(): Effect {
    return write({ type: 'watch', conversations: this.presence.watched })
  }

  private afterClose(code: number, reason: string): Effect[] {
    const newToken = code === policy.TOKEN_EXPIRED || code === policy.UNAUTHENTICATED
    if (code === policy.UNAUTHENTICATED && !this.tokenDoubtful) {
      this.tokenDoubtful = true
    } else if (!policy.mayReconnect(code)) {
      return this.stop(policy.finalError(code))
    }
    const delayS = this.reconnectAfterS ?? this.backoff.next(policy.leastFailures(code))
    this.reconnectAfterS = null
    return [connection('waiting', delayS, reason), { do: 'wait', delayS, newToken, reason }]
  }
}

function write(frame: ClientFrame): Effect {
  return { do: 'write', frame }
}

function emit(event: (Effect & { do: 'emit' })['event']): Effect {
  return { do: 'emit', event }
}

function connection(
  state: 'connecting' | 'connected' | 'waiting' | 'closed',
  retryInS = 0,
  reason = '',
): Effect {
  return emit({ event: 'connection', state, retry_in_s: retryInS, reason })
}
