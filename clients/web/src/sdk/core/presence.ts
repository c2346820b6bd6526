// Who is typing and who is online, as far as this connection was told. Pure and bounded.
import type { Presence, Typing } from '../types'
import type { PresenceFrame, TypingFrame } from './frames'

const TYPING_FORGET_S = 6
const TYPING_REPEAT_S = 4
const TYPISTS_MAX = 500
const WATCH_MAX = 200
export const WATCH_RENEW_S = 60 // the server forgets after 90 s

/** Others' typing with its expiry, and the rate of our own. */
export class TypingBoard {
  private readonly others = new Map<string, { conversation: string; user: string; at: number }>()
  private readonly mine = new Map<string, number>()

  /** Someone types or has stopped; what is news. */
  received(frame: TypingFrame, now: number): Typing[] {
    const { conversation, user } = frame
    if (!frame.active) return this.end(conversation, user)
    const key = keyOf(conversation, user)
    const known = this.others.has(key)
    if (!known && this.others.size >= TYPISTS_MAX) return []
    this.others.set(key, { conversation, user, at: now + TYPING_FORGET_S })
    return known ? [] : [{ event: 'typing', conversation, user, active: true }]
  }

  /** A message of `user` came: they no longer type. */
  spoke(conversation: string, user: string): Typing[] {
    return this.end(conversation, user)
  }

  /** Those who were not heard of again in time. */
  expired(now: number): Typing[] {
    const gone = [...this.others.values()].filter((one) => one.at <= now)
    return gone.flatMap((one) => this.end(one.conversation, one.user))
  }

  /** Whether to write a frame for our own typing. */
  own(conversation: string, active: boolean, now: number): boolean {
    if (!active) return this.mine.delete(conversation)
    const last = this.mine.get(conversation)
    if (last !== undefined && now - last < TYPING_REPEAT_S) return false
    if (this.mine.size >= TYPISTS_MAX) this.mine.clear()
    this.mine.set(conversation, now)
    return true
  }

  /** When the next one expires. */
  nextAt(): number | null {
    let next: number | null = null
    for (const { at } of this.others.values()) if (next === null || at < next) next = at
    return next
  }

  private end(conversation: string, user: string): Typing[] {
    if (!this.others.delete(keyOf(conversation, user))) return []
    return [{ event: 'typing', conversation, user, active: false }]
  }
}

/** The watched conversations and who is online in them. */
export class PresenceBoard {
  watched: string[] = []
  private readonly online = new Map<string, Set<string>>()

  /** Replace the list; its first 200 count. */
  watch(conversations: readonly string[]): void {
    this.watched = [...new Set(conversations)].slice(0, WATCH_MAX)
    const kept = new Set(this.watched)
    for (const name of [...this.online.keys()]) if (!kept.has(name)) this.online.delete(name)
  }

  /** What has changed. */
  received(frame: PresenceFrame): Presence[] {
    const name = frame.conversation
    if (!this.watched.includes(name)) return []
    const online = this.online.get(name) ?? new Set<string>()
    this.online.set(name, online)
    const told = new Map(frame.users.map((one) => [one.user, one]))
    const changes: Presence[] = []
    if (frame.full) {
      for (const user of [...online].sort()) {
        if (told.has(user)) continue
        online.delete(user)
        changes.push(change(name, user, false))
      }
    }
    for (const one of told.values()) {
      if (one.state !== 'offline' && !online.has(one.user)) {
        online.add(one.user)
        changes.push(change(name, one.user, true))
      } else if (one.state === 'offline') {
        online.delete(one.user)
        changes.push(change(name, one.user, false, one.last_seen))
      }
    }
    return changes
  }

  /** Who is online as far as is known. */
  known(): Presence[] {
    return [...this.online].flatMap(([name, users]) =>
      [...users].map((user) => change(name, user, true)),
    )
  }

  /** The connection is gone: nobody is known to be online. */
  unknown(): Presence[] {
    const changes: Presence[] = []
    for (const [name, users] of this.online) {
      for (const user of users) changes.push(change(name, user, false))
    }
    this.online.clear()
    return changes
  }
}

function change(
  conversation: string,
  user: string,
  online: boolean,
  lastSeen: string | null = null,
): Presence {
  return { event: 'presence', conversation, user, online, last_seen: lastSeen }
}

function keyOf(conversation: string, user: string): string {
  return `${conversation} ${user}`
}
