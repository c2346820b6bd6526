// From events as they are on the wire to those that programs are told.
import type { LogEvent, Message, WireEvent } from '../types'

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function seqOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null
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
