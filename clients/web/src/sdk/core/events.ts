// From events as they are on the wire to those that programs are told.
import type { Attachment, Forwarded, LogEvent, MemberSettings, Message, WireEvent } from '../types'

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function seqOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null
}

/** What stands beside a message's text. */
function companions(body: Record<string, unknown>) {
  const files = Array.isArray(body['attachments']) ? body['attachments'] : []
  const { forwarded } = body
  return {
    attachments: files.filter((one): one is Attachment => typeof one?.id === 'string'),
    thread: seqOf(body['thread']),
    replies: 0,
    last_reply: null,
    mentions: texts(body['mentions']),
    mention_all: body['mention_all'] === true,
    forwarded: typeof forwarded === 'object' ? (forwarded as Forwarded | null) : null,
  }
}

/** A user's settings of a conversation, as far as they are told. */
export function settingsOf(told: Record<string, unknown>): MemberSettings {
  const { muted_until: muted, notify, pinned } = told
  return {
    version: Number(told['version'] ?? 0),
    muted_until: typeof muted === 'string' ? muted : null,
    notify: notify === 'mentions' || notify === 'none' ? notify : 'all',
    pinned: typeof pinned === 'number' ? pinned : null,
    archived: told['archived'] === true,
    hidden: told['hidden'] === true,
    marked_unread: told['marked_unread'] === true,
  }
}

/** The typed event; one with an unknown kind becomes `other`. */
export function fromWire(wire: WireEvent, me: string): LogEvent {
  const { conversation, seq, sender, time, number, body } = wire
  const logged = { conversation, seq, sender, time, number, mine: me !== '' && sender === me }
  switch (wire.kind) {
    case 'message':
      return {
        event: 'message',
        ...logged,
        text: text(body['text']),
        client_msg_id: wire.client_msg_id,
        ...companions(body),
        reply_to: seqOf(body['reply_to']),
        version: 1,
        edited_at: null,
        recalled: body['recalled'] === true,
        pinned: false,
        reactions: [],
        as_of: seq,
      }
    case 'message_edited':
      return {
        event: 'message_edited',
        ...logged,
        target: seqOf(body['seq']) ?? 0,
        version: seqOf(body['version']) ?? 2,
        text: typeof body['text'] === 'string' ? body['text'] : null,
        mentions: texts(body['mentions']),
        mention_all: body['mention_all'] === true,
      }
    case 'message_recalled':
    case 'message_pinned':
    case 'message_unpinned':
      return { event: wire.kind, ...logged, target: seqOf(body['seq']) ?? 0 }
    case 'reaction_added':
    case 'reaction_removed':
      return {
        event: wire.kind,
        ...logged,
        target: seqOf(body['seq']) ?? 0,
        emoji: text(body['emoji']),
      }
    case 'conversation_created':
      return {
        event: 'conversation_created',
        ...logged,
        kind: text(body['kind']),
        name: text(body['name']),
        members: texts(body['members']),
      }
    case 'conversation_renamed':
      return { event: 'conversation_renamed', ...logged, name: text(body['name']) }
    case 'members_added':
      return { event: 'members_added', ...logged, users: texts(body['users']) }
    case 'member_removed':
    case 'member_left':
      return { event: wire.kind, ...logged, user: text(body['user']) }
    case 'role_changed':
      return { event: 'role_changed', ...logged, user: text(body['user']), role: text(body['role']) }
    case 'conversation_added':
      return {
        event: 'conversation_added',
        ...logged,
        added: text(body['conversation']),
        by: text(body['by']),
      }
    case 'conversation_removed':
      return {
        event: 'conversation_removed',
        ...logged,
        removed: text(body['conversation']),
        by: text(body['by']),
      }
    case 'conversation_settings':
      return {
        event: 'conversation_settings',
        ...logged,
        about: text(body['conversation']),
        settings: settingsOf(body),
      }
    default:
      return { event: 'other', ...logged, kind: wire.kind, body }
  }
}

/** Whether an event ends this user's membership. */
export function endsMembership(event: WireEvent, me: string): boolean {
  const ends = event.kind === 'member_removed' || event.kind === 'member_left'
  return ends && event.body['user'] === me
}

/** Whether an event is a message. */
export function isMessage(event: LogEvent): event is Message {
  return event.event === 'message'
}
