// Messages that wait for their `sent`: the same id on every try, oldest first. Pure.
import type { Attachment, Refusal } from '../types'

const IN_FLIGHT_MAX = 32 // unanswered sends of a connection; the gateway refuses above 64
const ANSWER_TIMEOUT_S = 20 // the gateway answers within about 8 s; later the answer is lost
const RETRY_CODES = new Set(['unavailable', 'rate_limited'])
const RETRY_BASE_S = 0.25
const RETRY_CAP_S = 8

export interface Body {
  text: string
  reply_to?: number
  thread?: number
  /** Files that are there already, as the event will tell them; only their ids are sent. */
  attachments?: readonly Attachment[]
}

/** What is written of a body. */
export function wireBody({ attachments, ...body }: Body): object {
  return attachments === undefined ? body : { ...body, attachments: attachments.map(({ id }) => id) }
}

/** A message on its way. `tries` counts how often it was written to a socket. */
export interface Pending {
  id: string
  conversation: string
  body: Body
  notBefore: number
  /** On the present connection. */
  writtenAt: number | null
  tries: number
  refusals: number
}

/** Keeps messages in order of their first `add`; who adds bounds their number. `inOrder`: a message
 * is written when all earlier ones of its conversation are answered, so that no refusal and no lost
 * line can change their order; costs a round trip per message. */
export class Outbox {
  private readonly pending = new Map<string, Pending>()
  private inFlight = 0
  private pausedUntil = 0

  constructor(
    private readonly rng: () => number,
    private readonly inOrder = false,
  ) {}

  /** Whether this message still waits. */
  has(id: string): boolean {
    return this.pending.has(id)
  }

  /** A new message to send. */
  add(id: string, conversation: string, body: Body): void {
    if (this.pending.has(id)) return
    this.pending.set(id, {
      id,
      conversation,
      body,
      notBefore: 0,
      writtenAt: null,
      tries: 0,
      refusals: 0,
    })
  }

  /** Answered, or nobody waits for it any more. */
  drop(id: string): Pending | null {
    const pending = this.pending.get(id)
    if (pending === undefined) return null
    this.pending.delete(id)
    if (pending.writtenAt !== null) this.inFlight -= 1
    return pending
  }

  /** What to write now, at most the window. */
  due(now: number): Pending[] {
    const sends: Pending[] = []
    if (now < this.pausedUntil) return sends
    for (const pending of this.eligible()) {
      if (pending.writtenAt !== null) {
        if (now - pending.writtenAt < ANSWER_TIMEOUT_S) continue
        this.inFlight -= 1
        pending.writtenAt = null
      }
      if (this.inFlight >= IN_FLIGHT_MAX) break
      if (pending.notBefore > now) continue
      pending.writtenAt = now
      pending.tries += 1
      this.inFlight += 1
      sends.push(pending)
    }
    return sends
  }

  /** A refusal: the message if that is final, null if it will be tried again. */
  refused(id: string, refusal: Refusal & { retry_after_ms: number }, now: number): Pending | null {
    const pending = this.pending.get(id)
    if (pending === undefined) return null
    if (!RETRY_CODES.has(refusal.code)) return this.drop(id)
    if (pending.writtenAt !== null) {
      this.inFlight -= 1
      pending.writtenAt = null
    }
    const bound = Math.min(RETRY_CAP_S, RETRY_BASE_S * 2 ** Math.min(pending.refusals, 16))
    pending.refusals += 1
    pending.notBefore = now + refusal.retry_after_ms / 1000 + this.rng() * bound
    if (refusal.code === 'rate_limited') {
      // All would be refused: hold the others back too.
      this.pausedUntil = Math.max(this.pausedUntil, now + refusal.retry_after_ms / 1000)
    }
    return null
  }

  /** The answers of this connection will not come: everything is due again. */
  disconnected(): void {
    for (const pending of this.pending.values()) pending.writtenAt = null
    this.inFlight = 0
  }

  /** When `due` will have something new to say; null: not by the passing of time. */
  nextAt(): number | null {
    let next: number | null = null
    for (const pending of this.eligible()) {
      if (pending.writtenAt === null && this.inFlight >= IN_FLIGHT_MAX) continue
      const at = pending.writtenAt === null ? pending.notBefore : pending.writtenAt + ANSWER_TIMEOUT_S
      if (next === null || at < next) next = at
    }
    return next === null ? null : Math.max(next, this.pausedUntil)
  }

  private *eligible(): Generator<Pending> {
    const begun = new Set<string>()
    for (const pending of this.pending.values()) {
      if (this.inOrder && begun.has(pending.conversation)) continue
      begun.add(pending.conversation)
      yield pending
    }
  }
}
