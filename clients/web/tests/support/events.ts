import type { Told } from '@/sdk'
import { settingsOf } from '@/sdk/core/events'
import type { Conversation, Message, WireEvent } from '@/sdk/types'

export const ME = '00000000-0000-7000-8000-00000000000a'
export const BOB = '00000000-0000-7000-8000-00000000000b'

/** A message of a log in which every event is one. */
export function wire(conversation: string, seq: number, fields: Partial<WireEvent> = {}): WireEvent {
  return {
    conversation,
    seq,
    kind: 'message',
    sender: BOB,
    time: new Date(Date.UTC(2026, 0, 5) + seq * 1000).toISOString(),
    number: seq,
    body: { text: `m${seq}` },
    client_msg_id: '',
    ...fields,
  }
}

export function message(conversation: string, seq: number, fields: Partial<Message> = {}): Message {
  const { sender, time, number, client_msg_id } = wire(conversation, seq)
  const text = `m${seq}`
  const common = { conversation, seq, sender, time, number, client_msg_id, text, mine: false }
  const present = { reply_to: null, version: 1, edited_at: null, recalled: false, pinned: false, reactions: [] }
  const beside = { attachments: [], thread: null, replies: 0, last_reply: null, mentions: [], mention_all: false, forwarded: null }
  return { event: 'message', ...common, ...present, ...beside, as_of: seq, ...fields }
}

export function conversation(id: string, fields: Partial<Conversation> = {}): Conversation {
  return {
    id,
    kind: 'group',
    name: id,
    head_seq: 0,
    number: 0,
    first_seq: 1,
    role: 'member',
    delivered_seq: 0,
    read_seq: 0,
    unread: 0,
    member_count: 2,
    created_at: '2026-01-01T00:00:00Z',
    peer: null,
    state: 'member',
    mentions: 0,
    settings: settingsOf({}),
    topic: '',
    description: '',
    announcement: false,
    ...fields,
  }
}

/** Nothing is told, but what is given. */
export function told(change: Partial<Told> = {}): Told {
  return {
    records: [], forgotten: [], emptied: [], events: [], queued: [], unqueued: [], people: [],
    amended: [], errands: [], undone: [], faults: [], news: [],
    ...change,
  }
}
