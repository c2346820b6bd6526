// What this device knows of each conversation, and how events change it. Pure.
import { amended, isChange } from './core/transcript'
import type { Attachment, Conversation, LogEvent, Message } from './types'

/** A conversation, as far as the cached log tells. */
export interface Record {
  id: string
  conversation: Conversation
  /** The last event taken; events from `low` + 1 to here are in the cache. */
  position: number
  head: number
  low: number
  /** The newest event worth a preview. */
  last: LogEvent | null
  /** How far the user has read: the seq, and how many messages there were up to it. What the
   * server knows of it is conversation.read_seq. */
  readSeq: number
  readNumber: number
}

/** A message of this device that is not in the log yet. */
export interface Queued {
  id: string
  conversation: string
  text: string
  /** The seq of the message that it answers. */
  reply_to: number | null
  /** The seq of the message that its thread begins with. */
  thread: number | null
  attachments: readonly Attachment[]
  time: string
  /** The error code of a final refusal, or empty. */
  failed: string
  /** The seq it got, while its event is not there yet. */
  sent: number
  /** Lower ones were written earlier; given by the tab that leads. */
  order: number
}

/** Messages unread. */
export function unreadOf(record: Record): number {
  return Math.max(0, record.conversation.number - record.readNumber)
}

/** A record after a sync has shown its conversation. */
export function afterSync(known: Record | undefined, conversation: Conversation): Record {
  const readNumber = conversation.number - conversation.unread
  if (known === undefined) {
    return {
      id: conversation.id,
      conversation,
      position: 0,
      head: conversation.head_seq,
      low: 0,
      last: null,
      readSeq: conversation.read_seq,
      readNumber,
    }
  }
  const number = Math.max(conversation.number, known.conversation.number)
  // Marks made here may still be on their way to the server.
  const ahead = known.readSeq > conversation.read_seq
  return {
    ...known,
    conversation: { ...conversation, number },
    readSeq: ahead ? known.readSeq : conversation.read_seq,
    readNumber: ahead ? Math.max(known.readNumber, readNumber) : readNumber,
  }
}

/** A record whose log begins anew at `position`. */
export function placedAt(record: Record, position: number): Record {
  const head = Math.max(position, record.conversation.head_seq)
  return { ...record, position, low: position, last: null, head }
}

/** A record after the next event of its log; null when the user is no longer a member. */
export function afterEvent(record: Record, event: LogEvent, me: string): Record | null {
  const conversation = { ...record.conversation }
  conversation.head_seq = Math.max(conversation.head_seq, event.seq)
  conversation.number = Math.max(conversation.number, event.number)
  const next: Record = {
    ...record,
    conversation,
    position: event.seq,
    head: Math.max(record.head, event.seq),
    last: previewOf(record.last, event),
  }
  switch (event.event) {
    case 'message':
      if (mentions(event, me)) conversation.mentions += 1
      if (!event.mine) break
      // Own sends count as read, for the server too.
      conversation.read_seq = Math.max(conversation.read_seq, event.seq)
      return readUpTo(next, event.seq, event.number)
    case 'conversation_renamed':
      conversation.name = event.name
      break
    case 'members_added':
      conversation.member_count += event.users.length
      break
    case 'member_removed':
    case 'member_left':
      if (event.user === me) return null
      conversation.member_count = Math.max(0, conversation.member_count - 1)
      break
    case 'role_changed':
      if (event.user === me && isRole(event.role)) conversation.role = event.role
      break
  }
  return next
}

function mentions(message: Message, me: string): boolean {
  return !message.mine && (message.mention_all || message.mentions.includes(me))
}

/** What is worth a preview after an event. */
function previewOf(last: LogEvent | null, event: LogEvent): LogEvent | null {
  if (event.event === 'message' && event.thread !== null) return last
  if (isChange(event)) return last?.event === 'message' ? amended(last, event) : last
  return event.event === 'other' ? last : event
}

/** A record read up to `seq`, where `number` messages existed. Never goes back. */
export function readUpTo(record: Record, seq: number, number: number): Record {
  if (seq <= record.readSeq) return record
  const all = number >= record.conversation.number
  return {
    ...record,
    conversation: all ? { ...record.conversation, mentions: 0 } : record.conversation,
    readSeq: seq,
    readNumber: Math.max(record.readNumber, number),
  }
}

function isRole(role: string): role is Conversation['role'] {
  return role === 'owner' || role === 'admin' || role === 'member'
}
